"""The database is killed, stands still, and comes back: what is in memory is served meanwhile."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.postgres import PASSWORD, Cluster
from tests.serving import Serving, serving, wait_until

MAGNETS = "/alldebrid/magnets/"
FIRST = {"Depth": "1"}
SIZE = 300_000


@pytest.fixture
def served(
    own: Cluster, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serving]:
    monkeypatch.setattr("davstore.catalog.database.postgres.SILENCE", 1.0)
    for name in ("Sintel", "Charge"):
        sim.alldebrid.add(
            SimMagnet(name, files=[SimFile(f"{name}.mkv", Content.random(name, SIZE))])
        )
    with own.database() as database, serving_over(database, sim, tmp_path) as one:
        wait_until(lambda: "Charge" in listed(one).text)
        wait_until(lambda: read(one, "Sintel", 0).status_code == 206)
        one.request("PROPFIND", f"{MAGNETS}Charge/", headers=FIRST)
        yield one
        own.go_on()


def serving_over(
    database: Database, sim: Simulator, folder: Path, **changed: object
) -> AbstractContextManager[Serving]:
    """With its account `changed`."""
    server = {"state_url": database.url.get_secret_value(), "overlay": True, "refresh": 5}
    changes = {"alldebrid": {"delete": True, **changed}}
    return serving(sim, folder, accounts=("alldebrid",), server=server, changes=changes)


def listed(one: Serving, path: str = MAGNETS) -> requests.Response:
    return one.request("PROPFIND", path, headers=FIRST)


def read(one: Serving, name: str, start: int) -> requests.Response:
    path = f"{MAGNETS}{name}/{name}.mkv"
    return one.get(path, headers={"Range": f"bytes={start}-{start + 99}"})


def memory_is_served_and_the_rest_comes_later(one: Serving) -> None:
    assert "Charge" in listed(one).text
    assert "Sintel.mkv" in listed(one, f"{MAGNETS}Sintel/").text
    for start in (0, 100_000):
        again = read(one, "Sintel", start)
        assert again.content == Content.random("Sintel", SIZE).read(start, 100)
    folder = f"{MAGNETS}Charge"
    for method, path, data in (
        ("GET", f"{folder}/Charge.mkv", None), ("PUT", f"{folder}/movie.nfo", b"x"),
        ("PUT", f"{folder}/._x", b"x"), ("DELETE", folder, None),
    ):  # fmt: skip
        answer = one.request(method, path, data=data)
        assert answer.status_code == 503, (method, path)
        assert int(answer.headers["Retry-After"]) > 0
        assert len(answer.text.splitlines()) == 1
    assert one.get("/-/readyz").status_code == 200


def all_is_well(one: Serving, sim: Simulator) -> None:
    before = sim.alldebrid.count("link/unlock")
    wait_until(lambda: read(one, "Charge", 0).status_code == 206, 60)
    assert sim.alldebrid.count("link/unlock") == before + 1
    sidecar = f"{MAGNETS}Charge/movie.nfo"
    wait_until(lambda: one.request("PUT", sidecar, data=b"x").status_code in {201, 204}, 60)
    assert one.get(sidecar).content == b"x"
    sim.alldebrid.add(SimMagnet("Spring", files=[SimFile("Spring.mkv", Content.random("s", SIZE))]))
    wait_until(lambda: "Spring" in listed(one).text, 60)
    assert one.request("DELETE", f"{MAGNETS}Sintel").status_code == 204
    assert "Sintel" not in listed(one).text


def test_a_database_that_was_killed(
    served: Serving, own: Cluster, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        own.kill()
        memory_is_served_and_the_rest_comes_later(served)
        own.start()
        all_is_well(served, sim)
    assert PASSWORD not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_database_that_stands_still(
    served: Serving, own: Cluster, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        own.pause()
        memory_is_served_and_the_rest_comes_later(served)
        own.go_on()
        all_is_well(served, sim)
    assert "Traceback" not in caplog.text
