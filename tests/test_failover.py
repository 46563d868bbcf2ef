"""The database dies for good, and a real standby of it takes its place.

https://www.postgresql.org/docs/current/warm-standby-failover.html
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.cables import Cable, cable
from tests.postgres import PASSWORD, Cluster, binaries
from tests.serving import Serving, wait_until
from tests.test_database_outage import (
    FIRST,
    MAGNETS,
    SIZE,
    all_is_well,
    listed,
    memory_is_served_and_the_rest_comes_later,
    read,
    serving_over,
)

BOUND = 30.0
"""Seconds within which every answer comes, be it a refusal."""


class Writer:
    """Somebody who writes one sidecar after the other, and knows which were taken."""

    def __init__(self, one: Serving) -> None:
        self._url = f"{one.url.rstrip('/')}{MAGNETS}Charge/"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.taken: list[str] = []
        self.odd: list[int] = []
        self.longest = 0.0

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(2 * BOUND)

    def _write(self) -> None:
        number = 0
        with requests.Session() as asking:
            asking.trust_env = False
            while not self._over.is_set():
                number += 1
                began = monotonic()
                answer = asking.put(f"{self._url}{number}.nfo", data=str(number), timeout=2 * BOUND)
                self.longest = max(self.longest, monotonic() - began)
                if answer.status_code in {201, 204}:
                    self.taken.append(f"{number}.nfo")
                elif answer.status_code != 503 or "Retry-After" not in answer.headers:
                    self.odd.append(answer.status_code)
                self._over.wait(0.02)


def not_shown(served: Serving, names: Sequence[str]) -> list[str]:
    """What was taken, and is not there."""
    shown = listed(served, f"{MAGNETS}Charge/").text
    return [name for name in names if f"/{name}<" not in shown]


@pytest.fixture
def told(own: Cluster) -> Iterator[Cable]:
    """By which the standby is told what is written."""
    with cable(own.port) as made:
        yield made


@pytest.fixture
def standby(own: Cluster, told: Cable) -> Iterator[Cluster]:
    """That of `own`."""
    programs = binaries()
    assert programs is not None
    made = Cluster(programs, own, told)
    yield made
    made.close()


@pytest.fixture
def two(
    own: Cluster, standby: Cluster, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Serving, Serving]]:
    monkeypatch.setattr("davstore.catalog.database.postgres.SILENCE", 1.0)
    for name in ("Sintel", "Charge"):
        sim.alldebrid.add(
            SimMagnet(name, files=[SimFile(f"{name}.mkv", Content.random(name, SIZE))])
        )
    with own.database() as made:
        database = own.at(made.url.get_secret_value().rpartition("/")[2], standby)
        folders = tmp_path / "one", tmp_path / "two"
        for folder in folders:
            folder.mkdir()
        with (
            serving_over(database, sim, folders[0]) as one,
            serving_over(database, sim, folders[1]) as two,
        ):
            for each in (one, two):
                wait_until(lambda each=each: "Charge" in listed(each).text)  # type: ignore[misc]
                wait_until(lambda each=each: read(each, "Sintel", 0).status_code == 206)  # type: ignore[misc]
                each.request("PROPFIND", f"{MAGNETS}Charge/", headers=FIRST)
            yield one, two
            own.kill()  # should it stand still


@pytest.mark.parametrize("end", ["kill", "pause"])
def test_a_standby_takes_the_place_of_a_database_that_died(
    two: tuple[Serving, Serving], own: Cluster, standby: Cluster, sim: Simulator, end: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """One that hangs, as one whose machine is gone: nothing says that it is no more."""
    one, other = two
    own.confirm()
    with caplog.at_level(logging.INFO), Writer(other) as writer:
        wait_until(lambda: len(writer.taken) > 10)
        getattr(own, end)()
        memory_is_served_and_the_rest_comes_later(one)
        before = len(writer.taken)
        standby.promote()
        all_is_well(one, sim)
        wait_until(lambda: len(writer.taken) > before + 10, 60)
        wait_until(lambda: "Spring" in listed(other).text and "Sintel/" not in listed(other).text)
    assert writer.odd == []
    assert writer.longest < BOUND
    wait_until(lambda: not_shown(one, writer.taken) == [])
    assert PASSWORD not in caplog.text
    assert "Traceback" not in caplog.text


def test_what_the_standby_was_not_told_is_gone_for_all(
    two: tuple[Serving, Serving], own: Cluster, standby: Cluster, told: Cable, sim: Simulator
) -> None:
    """Where the database calls written what no standby has: then each forgets it, and shows again
    what the others do.
    """
    one, other = two
    note = f"{MAGNETS}Charge/lost.nfo"
    assert one.request("PUT", f"{MAGNETS}Charge/kept.nfo", data=b"x").status_code == 201
    wait_until(lambda: other.get(f"{MAGNETS}Charge/kept.nfo").content == b"x")
    told.cut()
    assert one.request("PUT", note, data=b"x").status_code == 201
    assert one.request("DELETE", f"{MAGNETS}Sintel").status_code == 204
    sim.alldebrid.add(SimMagnet("Spring", files=[SimFile("Spring.mkv", Content.random("s", SIZE))]))
    for each in two:
        wait_until(lambda each=each: each.get(note).content == b"x")  # type: ignore[misc]
        wait_until(lambda each=each: "Sintel" in listed(each, "/alldebrid/trash/").text)  # type: ignore[misc]
        wait_until(lambda each=each: "Spring" in listed(each).text)  # type: ignore[misc]
    own.kill()
    standby.promote()
    for each in two:
        wait_until(lambda each=each: "Sintel" in listed(each).text, 60)  # type: ignore[misc]
        wait_until(lambda each=each: each.get(note).status_code == 404)  # type: ignore[misc]
        wait_until(lambda each=each: "Spring" in listed(each).text, 60)  # type: ignore[misc]
    assert other.request("DELETE", f"{MAGNETS}Sintel").status_code == 204
    assert other.request("PUT", note, data=b"y").status_code == 201
    for each in two:
        wait_until(lambda each=each: "Sintel" not in listed(each).text)  # type: ignore[misc]
        wait_until(lambda each=each: each.get(note).content == b"y")  # type: ignore[misc]
        assert each.get(f"{MAGNETS}Charge/kept.nfo").content == b"x"
        wait_until(lambda each=each: read(each, "Spring", 0).status_code == 206, 60)  # type: ignore[misc]
