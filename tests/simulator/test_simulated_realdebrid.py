from dataclasses import replace
from typing import Any

import pytest

from davstore.simulator import Fault, SimFile, SimMagnet, Simulator
from tests.simulator.asking import BUNNY, SINTEL, Asking, host, real_debrid


def info(sim: Simulator, magnet: SimMagnet = BUNNY) -> dict[str, Any]:
    torrent = sim.realdebrid.add(magnet)
    found: dict[str, Any] = real_debrid(sim).get(f"/torrents/info/{torrent}").json()
    return found


def test_a_wrong_token_is_error_8(sim: Simulator) -> None:
    answer = Asking(sim.realdebrid, sim.realdebrid.url, Authorization="Bearer x").get("/user")
    assert (answer.status_code, answer.json()) == (401, {"error": "bad_token", "error_code": 8})


def test_time_needs_no_token_and_is_plain_text(sim: Simulator) -> None:
    answer = Asking(sim.realdebrid, sim.realdebrid.url).get("/time")
    assert (answer.status_code, len(answer.text)) == (200, 19)


def test_user_says_until_when_it_is_paid(sim: Simulator) -> None:
    user = real_debrid(sim).get("/user").json()
    assert (user["type"], user["expiration"][-1]) == ("premium", "Z")


def test_an_empty_account_is_204_without_a_count(sim: Simulator) -> None:
    answer = real_debrid(sim).get("/torrents")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "X-Total-Count" not in answer.headers


def test_pages_are_newest_first_and_end_with_204(sim: Simulator) -> None:
    ids = [sim.realdebrid.add(SimMagnet(f"debian-{n}.iso")) for n in range(5)]
    rd = real_debrid(sim)
    pages = [rd.get("/torrents", page=page, limit=2) for page in (1, 2, 3, 4)]
    assert [page.status_code for page in pages] == [200, 200, 200, 204]
    assert [row["id"] for page in pages[:3] for row in page.json()] == ids[::-1]
    assert pages[0].headers["X-Total-Count"] == "5"


def test_an_unchanged_list_is_304(sim: Simulator) -> None:
    sim.realdebrid.add(SINTEL)
    rd = real_debrid(sim)
    tag = rd.get("/torrents").headers["ETag"]
    again = rd("GET", "/torrents", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_torrent_of_one_selected_file_has_the_name_of_that_file(sim: Simulator) -> None:
    found = info(sim, SINTEL)
    assert (found["filename"], found["original_filename"]) == ("Sintel.mp4", "Sintel 2010")


def test_paths_leave_out_the_top_folder_and_links_the_unselected(sim: Simulator) -> None:
    found = info(sim)
    assert [file["path"] for file in found["files"]] == [
        "/Big.Buck.Bunny.mkv", "/Subs/English.srt", "/sample.mkv"
    ]  # fmt: skip
    assert [file["selected"] for file in found["files"]] == [1, 1, 0]
    assert len(found["links"]) == 2
    assert found["bytes"] == found["original_bytes"] - 50_000


def test_added_is_paris_time_with_a_false_z(sim: Simulator) -> None:
    summer = 1_780_000_000  # 2026-05-28T20:26:40Z
    found = info(sim, SimMagnet("x", added=summer))
    assert found["added"] == "2026-05-28T22:26:40.000Z"


def test_an_unfinished_torrent_has_no_links(sim: Simulator) -> None:
    found = info(sim, SimMagnet("x", BUNNY.files, status="downloading", progress=61.85))
    assert (found["status"], found["progress"], found["links"]) == ("downloading", 61.85, [])


@pytest.mark.parametrize(("torrent", "error"), [("AAAAAAAAAAAAA", 7), ("not:an:id", 3)])
def test_unknown_and_malformed_ids_are_404(sim: Simulator, torrent: str, error: int) -> None:
    answer = real_debrid(sim).get(f"/torrents/info/{torrent}")
    assert (answer.status_code, answer.json()["error_code"]) == (404, error)


def test_each_link_leads_to_its_file(sim: Simulator) -> None:
    for link, file in zip(info(sim)["links"], BUNNY.selected, strict=True):
        made = real_debrid(sim).post("/unrestrict/link", link=link).json()
        assert (made["filename"], made["filesize"]) == (file.name, file.size)
        assert host(sim)("GET", made["download"]).content == file.content.read(0, file.size)
    assert len(real_debrid(sim).get("/downloads").json()) == 2


def unrestricted(sim: Simulator, link: str) -> tuple[int, int]:
    answer = real_debrid(sim).post("/unrestrict/link", link=link)
    return answer.status_code, answer.json().get("error_code", 0)


def test_links_fail_as_documented(sim: Simulator) -> None:
    assert unrestricted(sim, "") == (400, 1)
    assert unrestricted(sim, "https://example.com/x") == (503, 16)
    assert unrestricted(sim, "https://real-debrid.com/d/AAAAAAAAAAAAA") == (503, 24)
    dead = info(sim, SimMagnet("x", [SimFile("a", SINTEL.files[0].content, dead=True)]))
    assert unrestricted(sim, dead["links"][0]) == (503, 19)
    sim.realdebrid.premium = False
    assert unrestricted(sim, "https://real-debrid.com/d/AAAAAAAAAAAAA") == (403, 20)


def test_fail_gives_the_services_own_error(sim: Simulator) -> None:
    sim.realdebrid.fail(22, path="/user", remote=0)
    answer = real_debrid(sim).get("/user")
    assert answer.json() == {"error": "ip_not_allowed_203.0.113.7", "error_code": 22, "remote": 0}
    assert "\t" in answer.text
    assert real_debrid(sim).get("/user").status_code == 200


def test_a_rar_is_one_link_for_many_files(sim: Simulator) -> None:
    sim.realdebrid.odd.add("rar")
    links = info(sim)["links"]
    made = real_debrid(sim).post("/unrestrict/link", link=links[0]).json()
    assert (len(links), made["filename"]) == (1, "Big Buck Bunny (2008).rar")
    assert made["filesize"] > BUNNY.selected[0].size


def test_odd_shapes_of_torrents(sim: Simulator) -> None:
    account = sim.realdebrid
    account.odd = {"missing_links", "repeated_top_folder", "no_leading_slash", "string_numbers"}
    found = info(sim)
    assert len(found["links"]) == 1
    assert found["files"][0]["path"] == "Big Buck Bunny (2008)/Big.Buck.Bunny.mkv"
    assert found["files"][0]["bytes"] == "3000000"
    account.odd = {"shuffled_files"}
    assert [file["id"] for file in info(sim)["files"]] == [3, 2, 1]
    account.odd = {"list_is_object"}
    assert isinstance(real_debrid(sim).get("/torrents").json(), dict)


def test_late_links_come_with_the_third_info(sim: Simulator) -> None:
    sim.realdebrid.odd.add("late_links")
    torrent = sim.realdebrid.add(BUNNY)
    rd = real_debrid(sim)
    links = [len(rd.get(f"/torrents/info/{torrent}").json()["links"]) for _ in range(3)]
    assert links == [0, 0, 2]


def test_a_deleted_torrent_is_gone(sim: Simulator) -> None:
    torrent = sim.realdebrid.add(SINTEL)
    assert real_debrid(sim)("DELETE", f"/torrents/delete/{torrent}").status_code == 204
    assert sim.realdebrid.library == []


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [("html", 200, b"<!doctype"), ("empty", 200, b""), ("status", 503, b""),
     ("wrong_type", 200, b'["surprise"]'), ("truncated_json", 200, b'{"id"')],
)  # fmt: skip
def test_faults_spoil_one_answer(sim: Simulator, kind: str, status: int, body: bytes) -> None:
    sim.realdebrid.faults.add(Fault(kind, path="/user"))
    answer = real_debrid(sim).get("/user")
    assert (answer.status_code, answer.content.startswith(body)) == (status, True)
    assert real_debrid(sim).get("/user").json()["username"] == "ada"


def test_calls_are_recorded_and_counted(sim: Simulator) -> None:
    real_debrid(sim).get("/torrents", page=1)
    call = sim.realdebrid.calls[-1]
    assert (call.method, call.path, call.query) == ("GET", "/rest/1.0/torrents", "page=1")
    assert (sim.realdebrid.count("torrents"), sim.realdebrid.count("user")) == (1, 0)


def test_a_file_may_be_served_from_elsewhere(sim: Simulator) -> None:
    url = "https://files.example/sintel"
    found = info(sim, SimMagnet("Sintel", [replace(SINTEL.files[0], url=url)]))
    answers = [real_debrid(sim).post("/unrestrict/link", link=found["links"][0]) for _ in "ab"]
    assert [answer.json()["download"] for answer in answers] == [url, url]
    assert len({answer.json()["id"] for answer in answers}) == 2
