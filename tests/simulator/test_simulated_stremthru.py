import base64
from typing import Any
from urllib.parse import quote

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.simulator.stremthru import StremThru
from tests.serving import wait_until
from tests.simulator.asking import BUNNY, SINTEL, Asking, host


@pytest.fixture(params=["torz", "magnets"])
def account(request: pytest.FixtureRequest, sim: Simulator) -> StremThru:
    found: StremThru = getattr(sim, request.param)
    return found


def client(account: StremThru) -> Asking:
    if account.api == "torz":
        login = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
        return Asking(account, account.url, **{"X-StremThru-Authorization": f"Basic {login}"})
    return Asking(account, account.url, **{
        "X-StremThru-Store-Name": account.store_name,
        "X-StremThru-Store-Authorization": f"Bearer {account.store_token}",
    })  # fmt: skip


def listed(account: StremThru, **query: Any) -> Any:
    return client(account).get(f"/v0/store/{account.api}", **query).json()["data"]


def got(account: StremThru, magnet_id: str) -> Any:
    escaped = quote(magnet_id, safe="")
    return client(account).get(f"/v0/store/{account.api}/{escaped}").json()["data"]


def generate(account: StremThru, link: object) -> requests.Response:
    middle = "torz/" if account.api == "torz" else ""
    return client(account)("POST", f"/v0/store/{middle}link/generate", json={"link": link})


def test_health_needs_no_login(sim: Simulator) -> None:
    answer = Asking(sim.torz, sim.torz.url).get("/v0/health")
    assert answer.json() == {"data": {"status": "ok"}}


def test_user_has_a_subscription(account: StremThru) -> None:
    user = client(account).get("/v0/store/user").json()["data"]
    assert user["subscription_status"] == "premium"


def test_wrong_proxy_credentials_are_as_good_as_none(sim: Simulator) -> None:
    wrong = {"X-StremThru-Authorization": "Basic eDp5"}
    answer = Asking(sim.torz, sim.torz.url, **wrong).get("/v0/store/torz")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "missing store")


def test_a_wrong_store_token_is_401(account: StremThru) -> None:
    headers = {"X-StremThru-Store-Name": account.store_name,
               "X-StremThru-Store-Authorization": "Bearer x"}  # fmt: skip
    answer = Asking(account, account.url, **headers).get(f"/v0/store/{account.api}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


def test_an_unknown_store_is_400_in_one_api_and_500_in_the_other(sim: Simulator) -> None:
    headers = {"X-StremThru-Store-Name": "nosuch"}
    asking = Asking(sim.torz, sim.torz.url, **headers)
    assert asking.get("/v0/store/torz").status_code == 400
    assert asking.get("/v0/store/magnets").status_code == 500


def test_the_two_apis_shape_errors_differently(sim: Simulator) -> None:
    asking = client(sim.torz)
    torz = asking.get("/v0/store/torz/nothing").json()["error"]
    magnets = asking.get("/v0/store/magnets/nothing").json()["error"]
    assert torz == {"code": "NOT_FOUND", "message": "unknown_ressource", "errors": []}
    assert magnets["code"] == "NOT_FOUND"
    assert (magnets["type"], magnets["request_id"]) == ("upstream_error", "")


def test_rows_have_no_files_and_the_count_is_0_past_the_end(account: StremThru) -> None:
    for number in range(3):
        account.add(SimMagnet(f"debian-{number}.iso", BUNNY.files))
    first, second, past = (listed(account, limit=2, offset=offset) for offset in (0, 2, 4))
    assert [len(page["items"]) for page in (first, second, past)] == [2, 1, 0]
    assert [page["total_items"] for page in (first, second, past)] == [3, 3, 0]
    assert "files" not in first["items"][0]
    assert first["items"][0]["added_at"] == "2026-01-01T00:03:00Z"


def test_a_limit_over_500_is_clamped_in_one_api_and_400_in_the_other(sim: Simulator) -> None:
    asking = client(sim.torz)
    assert asking.get("/v0/store/torz", limit=501).status_code == 400
    assert asking.get("/v0/store/magnets", limit=501).status_code == 200


def test_ids_must_come_escaped(account: StremThru) -> None:
    magnet_id = account.add(BUNNY)
    assert got(account, magnet_id)["name"] == "Big Buck Bunny (2008)"
    unescaped = client(account).get(f"/v0/store/{account.api}/{magnet_id}")
    assert unescaped.status_code == 404


def test_files_are_those_selected_with_opaque_links(account: StremThru) -> None:
    files = got(account, account.add(BUNNY))["files"]
    assert [file["path"] for file in files] == ["/Big.Buck.Bunny.mkv", "/Subs/English.srt"]
    assert files[0]["link"].startswith(f"stremthru://store/{account.store_name}/")


def test_an_unfinished_magnet_has_no_files(account: StremThru) -> None:
    found = got(account, account.add(SimMagnet("x", BUNNY.files, status="queued")))
    assert (found["status"], found["files"]) == ("queued", [])


def test_each_link_leads_to_its_file(sim: Simulator, account: StremThru) -> None:
    for shown, file in zip(got(account, account.add(BUNNY))["files"], BUNNY.selected, strict=True):
        link = generate(account, shown["link"]).json()["data"]["link"]
        assert host(sim)("GET", link).content == file.content.read(0, file.size)


def test_links_fail_as_documented(account: StremThru) -> None:
    dead = SimMagnet("x", [SimFile("a", Content.of(b"a"), dead=True)])
    assert generate(account, got(account, account.add(dead))["files"][0]["link"]).status_code == 503
    assert generate(account, "").status_code == 400
    gone = base64.b64encode(b"1:nothing").decode()
    assert generate(account, f"stremthru://store/{account.store_name}/{gone}").status_code == 404
    assert client(account)("POST", "/v0/store/link/generate", data="x").status_code == 415


def test_odd_shapes(account: StremThru) -> None:
    magnet_id = account.add(BUNNY)
    account.odd = {"unknown_sizes", "no_paths"}
    file = got(account, magnet_id)["files"][0]
    assert (file["size"], file["index"], file["path"], file["name"]) == (
        -1, -1, "", "Big.Buck.Bunny.mkv"
    )  # fmt: skip
    account.odd = {"null_files", "wrong_total"}
    assert got(account, magnet_id)["files"] is None
    assert listed(account, offset=1)["total_items"] == 1


def test_errors_can_come_with_status_200(account: StremThru) -> None:
    account.odd.add("error_200")
    answer = client(account).get(f"/v0/store/{account.api}/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "NOT_FOUND")


def test_a_proxied_link_serves_the_file_and_expires_with_401(
    sim: Simulator, account: StremThru
) -> None:
    account.odd.add("proxy")
    shown = got(account, account.add(SINTEL))["files"][0]
    link = generate(account, shown["link"]).json()["data"]["link"]
    assert link.startswith(account.url + "/v0/proxy/")
    assert len(host(sim)("GET", link).content) == SINTEL.size
    wait_until(lambda: sim.host.bytes_sent == SINTEL.size)
    sim.host.expire_all()
    assert host(sim)("GET", link).status_code == 401


def test_too_many_connections_lead_to_a_placeholder(sim: Simulator, account: StremThru) -> None:
    account.odd.add("proxy_limit")
    shown = got(account, account.add(SINTEL))["files"][0]
    answer = host(sim)("GET", generate(account, shown["link"]).json()["data"]["link"])
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("/content_proxy_limit_reached.mp4")
    assert host(sim)("GET", answer.headers["Location"]).headers["Content-Type"] == "video/mp4"


def test_check_knows_what_is_ready(account: StremThru) -> None:
    account.add(SINTEL)
    name = {"torz": "hash", "magnets": "magnet"}[account.api]
    base = f"/v0/store/{account.api}/check"
    (item,) = client(account).get(base, **{name: SINTEL.infohash}).json()["data"]["items"]
    assert (item["status"], item["files"][0]["name"]) == ("cached", "Sintel.mp4")
    assert client(account).get(base).status_code == 400


def test_fail_gives_the_apis_own_error(account: StremThru) -> None:
    account.fail("TOO_MANY_REQUESTS", headers={"Retry-After": "3"})
    answer = client(account).get("/v0/store/user")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert answer.json()["error"]["code"] == "TOO_MANY_REQUESTS"


def test_an_unknown_path_is_a_plain_text_404(account: StremThru) -> None:
    answer = client(account).get("/v0/nothing")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
