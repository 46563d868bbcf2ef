"""Networks that are cut, hang and lose answers, between one of two replicas and what it needs."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.cables import Cable, cable
from tests.postgres import Cluster
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

LONG = Content.random("long", 40_000_000)
BOUND = 30.0
"""Seconds within which every answer comes, be it a refusal."""


@dataclass(frozen=True)
class Pair:
    """Two replicas over one database: the first refreshes, and has a cable to the database; so
    have both to the service.
    """

    first: Serving
    second: Serving
    to_database: Cable
    to_store: Cable


def refreshes(one: Serving) -> bool:
    sharing = one.server.library.catalog._sharing
    assert sharing is not None
    return sharing.holds("alldebrid")


@pytest.fixture
def pair(
    postgres: Cluster, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pair]:
    monkeypatch.setattr("davstore.catalog.database.postgres.SILENCE", 1.0)
    for name in ("Sintel", "Charge"):
        add(sim, name)
    sim.alldebrid.add(SimMagnet("Long", files=[SimFile("Long.mkv", LONG)]))
    with ExitStack() as stack:
        database = stack.enter_context(postgres.database())
        to_database = stack.enter_context(cable(postgres.port))
        port = urlsplit(sim.alldebrid.url).port
        assert port is not None
        to_store = stack.enter_context(cable(port))
        store = sim.alldebrid.url.replace(f":{port}", f":{to_store.port}")
        url = database.url.get_secret_value().replace(f":{postgres.port}/", f":{to_database.port}/")
        servings = []
        for number, at in enumerate((Database(SecretStr(url)), database)):
            folder = tmp_path / str(number)
            folder.mkdir()
            servings.append(stack.enter_context(serving_over(at, sim, folder, url=store)))
            wait_until(lambda: "Charge" in listed(servings[-1]).text)
        made = Pair(servings[0], servings[1], to_database, to_store)
        assert refreshes(made.first)
        for one in servings:
            wait_until(lambda one=one: read(one, "Sintel", 0).status_code == 206)  # type: ignore[misc]
        made.first.request("PROPFIND", f"{MAGNETS}Charge/", headers=FIRST)
        yield made
        to_database.mend()
        to_store.mend()


def add(sim: Simulator, name: str) -> None:
    sim.alldebrid.add(SimMagnet(name, files=[SimFile(f"{name}.mkv", Content.random(name, SIZE))]))


@pytest.mark.parametrize("trouble", ["cut", "hang"])
def test_who_is_cut_off_from_the_database_serves_what_it_knows_and_another_takes_over(
    pair: Pair, sim: Simulator, trouble: str
) -> None:
    digest = hashlib.sha256()
    with pair.first.get(f"{MAGNETS}Long/Long.mkv", stream=True) as film:
        digest.update(film.raw.read(1_000_000))
        getattr(pair.to_database, trouble)()
        began = monotonic()
        add(sim, "Spring")
        memory_is_served_and_the_rest_comes_later(pair.first)
        assert monotonic() - began < 4 * BOUND
        wait_until(lambda: "Spring" in listed(pair.second).text, 60)
        assert refreshes(pair.second)
        assert not refreshes(pair.first)
        assert "Spring" not in listed(pair.first).text
        while block := film.raw.read(1_000_000):
            digest.update(block)
    assert digest.hexdigest() == LONG.sha256()
    pair.to_database.mend()
    wait_until(lambda: "Spring" in listed(pair.first).text, 60)
    assert [refreshes(pair.first), refreshes(pair.second)] == [False, True]
    all_is_well(pair.first, sim)


def test_connections_that_are_reset_are_made_anew_unnoticed(pair: Pair, sim: Simulator) -> None:
    for number in range(5):
        pair.to_database.reset()
        assert read(pair.first, "Sintel", number).status_code == 206
        name = f"Film{number}"
        add(sim, name)
        wait_until(lambda name=name: name in listed(pair.second).text, 60)  # type: ignore[misc]
        wait_until(lambda name=name: read(pair.first, name, 0).status_code == 206)  # type: ignore[misc]


def test_what_was_written_and_not_heard_of_may_be_repeated(pair: Pair, sim: Simulator) -> None:
    first, second = pair.first, pair.second
    sidecar, folder = f"{MAGNETS}Charge/movie.nfo", f"{MAGNETS}Charge"
    pair.to_database.lose_answer_to(b"INSERT INTO sidecars", then=b"COMMIT")
    assert first.request("PUT", sidecar, data=b"x").status_code == 503
    wait_until(lambda: first.request("PUT", sidecar, data=b"x").status_code in {201, 204}, 60)
    assert [one.get(sidecar).content for one in (first, second)] == [b"x", b"x"]
    pair.to_database.lose_answer_to(b"INSERT INTO edits", then=b"COMMIT")
    assert first.request("DELETE", folder).status_code == 503
    wait_until(lambda: first.request("DELETE", folder).status_code in {204, 404}, 60)
    wait_until(lambda: all("Charge" not in listed(one).text for one in (first, second)), 60)
    assert first.request("DELETE", "/alldebrid/trash/Charge").status_code == 204
    wait_until(lambda: sim.alldebrid.count("magnet/delete") == 1, 60)


@pytest.mark.parametrize("deed", ["INSERT INTO leases", "DELETE FROM leases", "INSERT INTO links"])
def test_a_link_whose_turn_was_not_heard_of_is_had_by_all(
    pair: Pair, sim: Simulator, deed: str
) -> None:
    add(sim, "Spring")
    wait_until(lambda: all("Spring" in listed(one).text for one in (pair.first, pair.second)), 60)
    pair.to_database.lose_answer_to(deed.encode(), then=b"COMMIT")
    read(pair.first, "Spring", 0)
    began = monotonic()
    wait_until(lambda: read(pair.second, "Spring", 0).status_code == 206, 60)
    assert monotonic() - began < BOUND
    wait_until(lambda: read(pair.first, "Spring", 0).status_code == 206, 60)
    assert sim.alldebrid.count("link/unlock") <= 1 + 2, "one each, where one was lost"


def test_who_is_cut_off_from_the_service_shows_what_it_knows(pair: Pair, sim: Simulator) -> None:
    pair.to_store.cut()
    for one in (pair.first, pair.second):
        assert "Charge" in listed(one).text
        assert read(one, "Sintel", 0).status_code == 206, "by the link that both know"
    began = monotonic()
    late = read(pair.first, "Charge", 0)
    assert monotonic() - began < 3 * BOUND
    assert late.status_code == 503
    assert int(late.headers["Retry-After"]) > 0
    add(sim, "Spring")
    pair.to_store.mend()
    wait_until(lambda: read(pair.first, "Charge", 0).status_code == 206, 100)
    wait_until(lambda: all("Spring" in listed(one).text for one in (pair.first, pair.second)), 60)
