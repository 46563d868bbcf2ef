from typing import Any

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.simulator.asking import BUNNY, SINTEL, Asking, alldebrid, host


def ask(sim: Simulator, path: str, **form: Any) -> dict[str, Any]:
    answer = alldebrid(sim).post(path, **form)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def data(sim: Simulator, path: str, **form: Any) -> Any:
    body = ask(sim, path, **form)
    assert body["status"] == "success"
    return body["data"]


def error(sim: Simulator, path: str, **form: Any) -> str:
    body = ask(sim, path, **form)
    assert body["status"] == "error"
    code: str = body["error"]["code"]
    return code


def links(sim: Simulator, magnet: SimMagnet = SINTEL) -> list[str]:
    tree = data(sim, "/v4/magnet/files", **{"id[]": sim.alldebrid.add(magnet)})
    found: list[str] = []

    def walk(nodes: list[dict[str, Any]]) -> None:
        for node in nodes:
            if "e" in node:
                walk(node["e"])
            else:
                found.append(node["l"])

    walk(tree["magnets"][0]["files"])
    return found


def test_errors_come_with_status_200(sim: Simulator) -> None:
    for token, expected in [("", "AUTH_MISSING_APIKEY"), ("Bearer x", "AUTH_BAD_APIKEY")]:
        answer = Asking(sim.alldebrid, sim.alldebrid.url, Authorization=token).get("/v4/user")
        assert (answer.status_code, answer.json()["error"]["code"]) == (200, expected)


def test_ping_needs_no_key(sim: Simulator) -> None:
    answer = Asking(sim.alldebrid, sim.alldebrid.url).get("/v4.1/ping")
    assert answer.json() == {"status": "success", "data": {"ping": "pong"}}


@pytest.mark.parametrize("prefix", ["/v4", "/v4.1"])
def test_both_prefixes_take_get_and_post(sim: Simulator, prefix: str) -> None:
    client = alldebrid(sim)
    for answer in (client.get(f"{prefix}/user"), client.post(f"{prefix}/user")):
        assert answer.json()["data"]["user"]["isPremium"] is True


def test_an_endpoint_that_is_not_there_has_an_error_of_its_own(sim: Simulator) -> None:
    assert alldebrid(sim).get("/v4/nothing").json()["error"]["code"] == "404"


def test_status_lists_numbers_and_words(sim: Simulator) -> None:
    sim.alldebrid.add(BUNNY)
    sim.alldebrid.add(SimMagnet("x", BUNNY.files, status="downloading", progress=50))
    downloading, ready = data(sim, "/v4.1/magnet/status")["magnets"]
    assert (ready["statusCode"], ready["status"], "downloaded" in ready) == (4, "Ready", False)
    assert downloading["downloaded"] * 2 == downloading["size"]
    assert isinstance(ready["id"], int)


def test_status_can_be_filtered(sim: Simulator) -> None:
    sim.alldebrid.add(SINTEL)
    failed = sim.alldebrid.add(SimMagnet("x", status="failed"))
    found = data(sim, "/v4.1/magnet/status", status="error")["magnets"]
    assert [str(row["id"]) for row in found] == [failed]


def test_status_of_one_holds_its_files(sim: Simulator) -> None:
    magnet = sim.alldebrid.add(SINTEL)
    (one,) = data(sim, "/v4.1/magnet/status", id=magnet)["magnets"]
    assert one["files"][0]["n"] == "Sintel.mp4"


def test_the_old_status_is_discontinued(sim: Simulator) -> None:
    assert error(sim, "/v4/magnet/status") == "DISCONTINUED"


def test_many_files_stand_in_a_folder_named_like_the_magnet(sim: Simulator) -> None:
    magnet = sim.alldebrid.add(BUNNY)
    (found,) = data(sim, "/v4/magnet/files", **{"id[]": [magnet]})["magnets"]
    (top,) = found["files"]
    assert (found["id"], top["n"]) == (magnet, "Big Buck Bunny (2008)")
    assert [node["n"] for node in top["e"]] == ["Big.Buck.Bunny.mkv", "Subs", "sample.mkv"]
    assert top["e"][1]["e"][0]["s"] == 4000


def test_a_bad_id_spoils_only_its_own_entry(sim: Simulator) -> None:
    magnet = sim.alldebrid.add(SINTEL)
    found = data(sim, "/v4/magnet/files", **{"id[]": [magnet, "9"]})["magnets"]
    assert found[0]["files"][0]["n"] == "Sintel.mp4"
    assert found[1]["error"]["code"] == "MAGNET_INVALID_ID"


def test_each_link_leads_to_its_file(sim: Simulator) -> None:
    for link, file in zip(links(sim, BUNNY), BUNNY.files, strict=True):
        unlocked = data(sim, "/v4/link/unlock", link=link)
        assert (unlocked["filename"], unlocked["filesize"]) == (file.name, file.size)
        assert host(sim)("GET", unlocked["link"]).content == file.content.read(0, file.size)


def test_links_fail_as_documented(sim: Simulator) -> None:
    dead = SimMagnet("x", [SimFile("a", Content.of(b"a"), dead=True)])
    for link, expected in {
        "": "LINK_IS_MISSING",
        "https://example.com/a": "LINK_HOST_NOT_SUPPORTED",
        "https://alldebrid.com/f/unknown": "LINK_NOT_SUPPORTED",
        links(sim, dead)[0]: "LINK_DOWN",
    }.items():
        assert error(sim, "/v4/link/unlock", link=link) == expected


def test_a_delayed_link_comes_after_some_polls(sim: Simulator) -> None:
    sim.alldebrid.odd.add("delayed")
    unlocked = data(sim, "/v4/link/unlock", link=links(sim)[0])
    assert "link" not in unlocked
    polls = [data(sim, "/v4/link/delayed", id=unlocked["delayed"]) for _ in range(3)]
    assert [poll["status"] for poll in polls] == [1, 1, 2]
    assert len(host(sim)("GET", polls[2]["link"]).content) == SINTEL.size
    assert error(sim, "/v4/link/delayed", id=1) == "DELAYED_INVALID_ID"


def test_streams_must_be_chosen_and_the_best_is_the_file(sim: Simulator) -> None:
    sim.alldebrid.odd.add("streams")
    unlocked = data(sim, "/v4/link/unlock", link=links(sim)[0])
    assert unlocked["link"] == ""
    best = next(stream for stream in unlocked["streams"] if stream["quality"] == 1080)
    made = data(sim, "/v4/link/streaming", id=unlocked["id"], stream=best["id"])
    assert len(host(sim)("GET", made["link"]).content) == SINTEL.size
    assert error(sim, "/v4/link/streaming", id="x", stream="1") == "STREAM_INVALID_GEN_ID"


def test_live_mode_tells_what_changed(sim: Simulator) -> None:
    kept, removed = sim.alldebrid.add(SINTEL), sim.alldebrid.add(BUNNY)
    first = data(sim, "/v4.1/magnet/status", session=7, counter=0)
    assert (first["fullsync"], len(first["magnets"])) == (True, 2)
    sim.alldebrid.change(kept, name="Sintel")
    sim.alldebrid.remove(removed)
    second = data(sim, "/v4.1/magnet/status", session=7, counter=first["counter"])
    assert second["magnets"] == [
        {"id": int(kept), "filename": "Sintel"}, {"id": int(removed), "deleted": True}
    ]  # fmt: skip
    third = data(sim, "/v4.1/magnet/status", session=7, counter=second["counter"])
    assert third["magnets"] == []
    assert data(sim, "/v4.1/magnet/status", session=7, counter=1)["fullsync"] is True


@pytest.mark.parametrize(("odd", "kind"), [("magnets_object", "object"), ("magnets_map", "map")])
def test_magnets_are_not_always_a_list(sim: Simulator, odd: str, kind: str) -> None:
    sim.alldebrid.odd.add(odd)
    magnet = sim.alldebrid.add(SINTEL)
    found = data(sim, "/v4.1/magnet/status")["magnets"]
    assert (found if kind == "object" else found[magnet])["filename"] == "Sintel 2010"


def test_other_odd_shapes(sim: Simulator) -> None:
    sim.alldebrid.odd = {"garbage_prefix", "demo"}
    assert alldebrid(sim).get("/v4/user").text.startswith('reconnect{"status": "success"')
    sim.alldebrid.odd = {"e_object", "string_sizes"}
    magnet = sim.alldebrid.add(SimMagnet("Top", [SimFile("only", Content.of(b"1"))], folder=True))
    (found,) = data(sim, "/v4/magnet/files", id=magnet)["magnets"]
    assert found["files"][0]["e"]["s"] == "1"


def test_more_than_twelve_calls_a_second_are_refused(sim: Simulator) -> None:
    client = alldebrid(sim)
    assert {client.get("/v4/ping").status_code for _ in range(40)} == {200, 429}
    assert sim.alldebrid.refused > 0
    sim.alldebrid.strict = False
    assert {client.get("/v4/ping").status_code for _ in range(40)} == {200}


def test_fail_gives_the_services_own_error(sim: Simulator) -> None:
    sim.alldebrid.fail("MAINTENANCE", path="user")
    assert error(sim, "/v4/user") == "MAINTENANCE"
