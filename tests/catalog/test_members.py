"""Which davstores share a database, and what is told of where they do not agree."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from davstore.catalog import Catalog, Records, open_database
from davstore.catalog.database.leases import SECONDS
from davstore.catalog.database.members import TASK, Member, disagreements, machines, member, members
from davstore.catalog.database.tables import leases
from davstore.config import Database
from davstore.errors import StateError
from tests.catalog.process import Process, begun
from tests.catalog.scripted import SOURCE, ScriptedStore, film, magnet, names
from tests.clock import Clock

ONE = Member("nas1:8080", 0, "1.0", {"accounts": "aa", "users": "bb"})
TWO = replace(ONE, name="nas2:8080")
OTHER = replace(TWO, settings={"accounts": "aa", "users": "cc"})
of_several_machines = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
DIFFER = "nas1:8080 and nas2:8080 differ in their users"


def test_one_is_read_as_it_was_written() -> None:
    assert member(ONE.task) == ONE
    for strange in ("refresh", TASK, f"{TASK}[]", TASK + '{"name": "nas"}', f"{TASK}7"):
        assert member(strange) is None


def test_what_is_not_agreed_in_is_said_with_its_cure() -> None:
    assert list(disagreements(ONE, [ONE, TWO], 0.0)) == []
    assert list(disagreements(ONE, [ONE, TWO], 4.0)) == []
    (said,) = disagreements(ONE, [ONE, OTHER, replace(OTHER, process=1)], 0.0)
    assert said.startswith(DIFFER)
    newer = replace(TWO, settings={**TWO.settings, "weather": "dd"})
    assert list(disagreements(ONE, [ONE, newer], 0.0)) == []
    (said,) = disagreements(ONE, [ONE], -61.0)
    assert "the clock of nas1:8080 is 61 s behind the database's" in said


def introduced(one: Process, who: Member) -> None:
    one.sharing._own = who
    one.look()
    one.look()


def test_each_knows_of_all_that_run(
    tmp_path: Path, store: ScriptedStore, clock: Clock, database: Database | None,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with begun(2, tmp_path, store, clock, database) as (first, second):
        introduced(first, ONE)
        introduced(second, OTHER)
        first.look()
        for one in (first, second):
            assert one.catalog.members == [ONE, OTHER]
            assert len(one.catalog.apart) == 1
        first.look()
        assert [each.message.count(DIFFER) for each in caplog.records
                if each.levelno >= logging.WARNING].count(1) == 1  # fmt: skip
        clock.time += SECONDS + 1
        first.look()
        first.look()
        assert first.catalog.members == [ONE], "the other has died"
        assert first.catalog.apart == []


def test_those_that_run_no_more_leave_nothing(
    tmp_path: Path, store: ScriptedStore, clock: Clock, database: Database | None
) -> None:
    with begun(2, tmp_path, store, clock, database) as (first, second):
        introduced(second, OTHER)
        clock.time += SECONDS + 1
        introduced(first, ONE)
        rows = sa.select(leases.c.task).where(leases.c.task.startswith(TASK))
        with first.engine.connect() as connection:
            assert connection.execute(rows).scalars().all() == [ONE.task]


def test_commands_see_who_runs(
    tmp_path: Path, store: ScriptedStore, clock: Clock, database: Database | None
) -> None:
    with begun(1, tmp_path, store, time.time, database) as (one,):
        introduced(one, ONE)
        found, ahead = members(one.engine, lambda: time.time() + 100)
        assert machines(found) == (["nas1:8080"] if database else [])
        assert ahead == (pytest.approx(100, abs=5) if database else 0)


@pytest.fixture
def elsewhere(
    tmp_path: Path, store: ScriptedStore, clock: Clock, database: Database | None
) -> Callable[[], Catalog]:
    """Opens a catalog with the same account at another address."""

    def opened() -> Catalog:
        records = Records(open_database(tmp_path, clock, database=database))
        try:
            moved = {"rd": "realdebrid https://other.example"}
            return Catalog.opened({"rd": store}, moved, records, interval=60, now=clock)
        finally:
            records.close()

    return opened


@of_several_machines
def test_an_account_that_another_machine_keeps_elsewhere_is_not_forgotten(
    tmp_path: Path, store: ScriptedStore, database: Database | None,
    elsewhere: Callable[[], Catalog],
) -> None:  # fmt: skip
    """What people have changed would be gone too."""
    with begun(1, tmp_path, store, time.time, database) as (one,):
        store.put(magnet("a", "Sintel"), film("sintel"))
        one.catalog.refresh("rd")
        with pytest.raises(StateError, match=r"accounts\.rd: another davstore"):
            elsewhere()
        assert set(one.records.held("rd")) == {"a"}
        one.sharing.stop()
        assert elsewhere().snapshot("rd") is None
        assert not one.records.held("rd")


@of_several_machines
def test_who_follows_is_not_led_to_forget(
    tmp_path: Path, store: ScriptedStore, database: Database | None,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """One that was cut off for long comes back, and another keeps the account elsewhere by then."""
    clock = time.time
    with begun(1, tmp_path, store, clock, database) as (first,):
        store.put(magnet("a", "Sintel"), film("sintel"))
        first.catalog.refresh("rd")
        first.sharing.stop()
        first.sharing._try(first.leases.give_all)
        monkeypatch.setitem(SOURCE, "rd", "realdebrid https://other.example")
        second = Process(tmp_path, store, clock, database)
        second.look()
        store.rows = [magnet("b", "Charge")]
        store.put(magnet("b", "Charge"), film("charge"))
        second.catalog.refresh("rd")
        for _ in range(2):
            first.sharing._try(first.sharing._look)
        assert names(first.catalog) == ["Sintel"]
        assert set(second.records.held("rd")) == {"b"}
        assert [r.message for r in caplog.records if r.levelno == logging.ERROR] != []
        assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
        second.close()
