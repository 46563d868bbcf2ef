"""The dashboard over a real server: what it shows of a read, what its buttons do, what it hides."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

FILM = Content.random("sintel", 60_000_000)
PATH = "/alldebrid/magnets/Sintel/Sintel.mkv"
USERS = [
    {"name": "anna", "password": "open-sesame", "rights": ["read", "watch", "manage"]},
    {"name": "watcher", "password": "w", "rights": ["watch"]},
    {"name": "reader", "password": "r"},
    {"name": "anonymous"},
]


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    for number in range(20):
        sim.alldebrid.add(
            SimMagnet(f"Debian {number}", files=[SimFile("d.iso", Content.random("d", 99))])
        )
    with serving(sim, tmp_path, accounts=("alldebrid",), users=USERS) as running:
        running.session.auth = ("anna", "open-sesame")
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        yield running


def text(served: Serving) -> str:
    return " ".join(re.sub("<[^>]+>", " ", served.get("/-/").text).split())


def press(served: Serving, action: str, **fields: str) -> requests.Response:
    token = re.search(r'name="token" value="(\w+)"', served.get("/-/").text)
    assert token
    return served.request("POST", f"/-/do/{action}", data={"token": token[1], **fields})


def test_a_read_is_seen_while_it_lasts_and_counted_after(served: Serving) -> None:
    headers = {"User-Agent": "Kodi/21.1"}
    with served.get(PATH, headers=headers, stream=True) as answer:
        answer.raw.read(1_000_000)
        page = text(served)
        assert "1 stream," in page
        assert "Kodi/21.1 · 127.0.0.1" in page
        assert "Sintel.mkv" in page
        assert "0 Bytes – 60.0 MB" in page
    wait_until(lambda: "Nobody reads anything right now" in text(served))
    served.get(PATH)
    wait_until(lambda: sent(served) >= FILM.size)
    assert sent(served) <= 2 * FILM.size


def test_requests_are_counted_by_what_became_of_them(served: Serving, sim: Simulator) -> None:
    for start in (0, 1000, 2000):  # the second and third are answered without a worker
        assert served.get(PATH, headers={"Range": f"bytes={start}-{start + 9}"}).status_code == 206
    sim.host.faults.add(Fault("status", times=99))
    assert served.get(PATH, headers={"Range": "bytes=30000000-30000009"}).status_code == 503
    said = served.get("/-/metrics").text
    assert 'requests_total{method="GET",process="0",status="206"} 3.0' in said
    assert 'requests_total{method="GET",process="0",status="503"} 1.0' in said
    assert re.search(r'read_errors_total\{account="alldebrid",kind="\w+",process="0"\} 1.0', said)


def sent(served: Serving) -> float:
    said = served.get("/-/metrics").text
    found = re.search(r'sent_bytes_total\{account="alldebrid",process="0"\} (\S+)', said)
    return float(found[1]) if found else 0.0


def test_who_may_see_it_and_who_may_act(served: Serving) -> None:
    served.session.auth = None
    assert served.get("/").status_code == 200  # a guest
    asked = served.get("/-/")
    assert (asked.status_code, "WWW-Authenticate" in asked.headers) == (401, True)
    served.session.auth = ("reader", "r")
    assert served.get("/-/").status_code == 403
    assert served.get("/-/metrics").status_code == 403
    served.session.auth = ("watcher", "w")
    assert served.get("/-/metrics").status_code == 200
    page = served.get("/-/").text
    assert 'method="post"' not in page
    assert served.request("POST", "/-/do/refresh").status_code == 403
    assert served.get("/").status_code == 403
    assert served.request("PROPFIND", "/-/").status_code == 404


def test_what_is_held_back_goes_when_told_so(served: Serving, sim: Simulator) -> None:
    lose_all_but_one(served, sim)
    assert press(served, "accept", account="alldebrid").status_code == 200
    wait_until(lambda: served.get("/alldebrid/magnets/Debian 3/").status_code == 404)
    wait_until(lambda: "Nothing is held back" in text(served))


def test_what_is_held_back_stays_when_told_so(served: Serving, sim: Simulator) -> None:
    lose_all_but_one(served, sim)
    assert press(served, "refuse", account="alldebrid").status_code == 200
    served.refresh("alldebrid")
    assert served.get("/alldebrid/magnets/Debian 3/").status_code == 200
    wait_until(lambda: "20 magnets kept by your word" in text(served))
    assert press(served, "accept", account="alldebrid").status_code == 200
    wait_until(lambda: served.get("/alldebrid/magnets/Debian 3/").status_code == 404)


def lose_all_but_one(served: Serving, sim: Simulator) -> None:
    for id_, magnet in sim.alldebrid.library:
        if magnet.name.startswith("Debian"):
            sim.alldebrid.remove(id_)
    served.refresh("alldebrid")
    wait_until(lambda: "20 magnets of 21 are said to be gone" in text(served))
    assert "Debian 3" in text(served)


def test_who_an_account_is_is_asked_only_while_somebody_looks(
    served: Serving, sim: Simulator
) -> None:
    def asked() -> int:
        return sum(call.path.endswith("/user") for call in tuple(sim.alldebrid.calls))

    before = asked()
    wait_until(lambda: "premium" in text(served))
    for _ in range(5):
        text(served)
    assert asked() == before + 1


def test_a_notice_of_the_service_is_dismissed_from_the_page(
    served: Serving, sim: Simulator
) -> None:
    wait_until(lambda: "alldebrid says: FREEDAYS_USED_QUOTA Dismiss" in text(served))
    done = press(served, "dismiss", account="alldebrid", notice="FREEDAYS_USED_QUOTA")
    assert (done.status_code, sim.alldebrid.desk.notices) == (200, [])
    assert "FREEDAYS_USED_QUOTA" not in text(served)
    sim.alldebrid.fail("AUTH_USER_BANNED", "notification")
    refused = press(served, "dismiss", account="alldebrid", notice="OTHER")
    assert (refused.status_code, "banned" in refused.text) == (409, True)


def test_no_secret_stands_on_the_pages(served: Serving, sim: Simulator) -> None:
    served.get(PATH, headers={"Range": "bytes=30000000-30000099"})
    wait_until(lambda: "premium" in text(served))
    told = served.get("/-/").text + served.get("/-/metrics").text
    told += served.get("/-/", params={"path": PATH}).text
    for secret in (sim.alldebrid.token, "open-sesame", "/dl/", "argon2"):
        assert secret not in told


def test_the_level_of_the_log_is_changed_from_the_page(served: Serving) -> None:
    assert press(served, "level", level="debug").status_code == 200
    assert "debug is logged and above" in text(served)
    assert press(served, "level", level="info").status_code == 200
    assert press(served, "level", level="loud").status_code == 409


def test_a_server_without_a_file_says_that_it_cannot_read_it_again(served: Serving) -> None:
    refused = press(served, "reload")
    assert refused.status_code == 409
    assert "restart it" in refused.text
