"""Whether it is alive and ready, and what mounts are checked by."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from davstore.errors import NotAuthorized
from davstore.server.readiness import Readiness
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving

FILM = Content.random("sintel", 100_000)


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    with serving(sim, tmp_path, accounts=("alldebrid",), user="anna", password="a") as running:
        yield running


def test_anybody_may_ask_whether_it_is_alive_and_ready(served: Serving) -> None:
    del served.session.headers["Authorization"]
    assert served.get("/-/healthz").text == "ok\n"
    assert (served.get("/-/readyz").status_code, served.get("/-/readyz").text) == (200, "ready\n")
    assert served.request("HEAD", "/-/readyz").status_code == 200
    assert served.get("/").status_code == 401
    assert served.get("/-/other").status_code == 401


def test_it_is_not_ready_while_nothing_is_known(sim: Simulator, tmp_path: Path) -> None:
    wrong = {"alldebrid": {"token": "another"}}
    with serving(sim, tmp_path, accounts=("alldebrid",), changes=wrong, ready=False) as running:
        answer = running.get("/-/readyz")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "no account has been listed yet" in answer.text
        assert "alldebrid" not in answer.text


def test_it_is_not_ready_while_no_account_may_be_read(served: Serving) -> None:
    catalog, failures = served.server.library.catalog, served.server.failures
    folder = next(iter(catalog.known("alldebrid").magnets.entries.values()))  # type: ignore[union-attr]
    leaf = next(iter(folder.entries.values()))  # type: ignore[union-attr]
    failures.failed(leaf, NotAuthorized("alldebrid", "the token is refused"))  # type: ignore[arg-type]
    assert "no account may be read" in served.get("/-/readyz").text
    failures.served(leaf)  # type: ignore[arg-type]
    assert served.get("/-/readyz").status_code == 200


def test_it_is_not_ready_while_the_loop_of_the_streams_hangs(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davstore.server.readiness.LOOP_SECONDS", 0.05)
    server, released = served.server, threading.Event()
    server.streams.loop.soon(released.wait, 10)
    reasons = Readiness(server.library.catalog, server.failures, server.streams)()
    released.set()
    assert "overloaded" in reasons[0]


def test_it_gives_notice_before_it_stops(sim: Simulator, tmp_path: Path) -> None:
    """Meanwhile who comes is served, a stream goes on, and each answer ends its connection."""
    whole = Content.random("long", 30_000_000)
    sim.alldebrid.add(SimMagnet("Charge", files=[SimFile("Charge.mkv", whole)]))
    path = "/alldebrid/magnets/Charge/Charge.mkv"
    notices: list[float] = []

    def meanwhile(seconds: float) -> None:
        if seconds != 7:  # the pace of calls
            return
        notices.append(seconds)
        answer = running.get("/-/readyz")
        assert (answer.status_code, answer.text) == (503, "stopping\n")
        assert running.get("/-/healthz").status_code == 200
        for _ in range(2):  # the second could be a repeated answer
            listed = running.request("PROPFIND", "/", headers={"Depth": "1"})
            part = running.get(path, headers={"Range": "bytes=5-9"})
            assert (listed.status_code, part.content) == (207, whole.read(5, 5))
            assert listed.headers["Connection"] == part.headers["Connection"] == "close"

    with (
        serving(
            sim, tmp_path, accounts=("alldebrid",), server={"notice": 7, "drain": 60},
            sleep=meanwhile,
        ) as running,
        running.get(path, stream=True) as begun,
    ):  # fmt: skip
        first = begun.raw.read(1000)
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        assert first + begun.raw.read() == whole.read(0, whole.size)
        stopping.join(60)
        assert notices == [7]
        with pytest.raises(requests.ConnectionError):
            running.get("/-/healthz")


def test_the_canary_stands_in_the_root_and_can_be_read(served: Serving) -> None:
    listing = served.request("PROPFIND", "/", headers={"Depth": "1"}).text
    assert "/.davstore-canary<" in listing
    whole = served.get("/.davstore-canary")
    assert (whole.status_code, whole.text) == (200, "davstore is mounted here\n")
    part = served.get("/.davstore-canary", headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.text) == (206, "davstore")
    head = served.request("HEAD", "/.davstore-canary")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert served.request("DELETE", "/.davstore-canary").status_code == 403
    assert ".davstore-canary" not in served.get("/").text


def test_reading_the_canary_costs_no_upstream(served: Serving, sim: Simulator) -> None:
    sim.host.stop()
    sim.alldebrid.stop()
    assert served.get("/.davstore-canary").status_code == 200
