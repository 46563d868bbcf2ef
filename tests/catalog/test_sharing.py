"""Several catalogs over one database: who refreshes, who follows, what is never overwritten."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from davstore.catalog import Links, Records, Turns, open_database
from davstore.catalog.database.leases import REFRESH, SECONDS
from davstore.catalog.shelves.link_records import SWEEP_EVERY
from davstore.errors import Busy, StateError
from davstore.model import File, Link
from tests.catalog.newer import changed_by_a_newer
from tests.catalog.process import Process
from tests.catalog.scripted import (
    ScriptedStore,
    film,
    leaf,
    magnet,
    many,
    names,
    snapshot,
)
from tests.clock import Clock


def test_one_of_two_refreshes(pair: list[Process]) -> None:
    assert [one.holds for one in pair] == [True, False]


def test_the_other_takes_over_when_the_lease_has_run_out(pair: list[Process], clock: Clock) -> None:
    first, second = pair
    clock.time += SECONDS - 1
    second.look()
    assert not second.holds
    clock.time += 2
    second.look()
    assert second.holds
    first.look()
    assert not first.holds


def test_a_lease_that_is_renewed_stays(pair: list[Process], clock: Clock) -> None:
    for _ in range(5):
        clock.time += SECONDS - 1
        for one in pair:
            one.look()
        assert [one.holds for one in pair] == [True, False]


def test_the_other_takes_over_at_once_when_one_stops(pair: list[Process]) -> None:
    pair[0].sharing.stop()
    pair[1].look()
    assert [one.holds for one in pair] == [False, True]


def test_what_comes_changes_and_goes_is_followed(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    store.put(magnet("b", "Charge"), film("charge"))
    first.catalog.refresh("rd")
    assert second.catalog.snapshot("rd") is None
    second.look()
    assert names(second.catalog) == ["Charge", "Sintel"]
    assert leaf(second.catalog, "Charge", "charge.mkv").size == 1000
    kept = snapshot(second.catalog).magnets.entries["Sintel"]
    store.rows = [row for row in store.rows if row.id != "b"]
    store.put(magnet("c", "Spring"), film("spring"))
    first.catalog.refresh("rd")
    second.look()
    assert names(second.catalog) == ["Sintel", "Spring"]
    assert snapshot(second.catalog).magnets.entries["Sintel"] is kept
    store.put(magnet("c", "Spring", fingerprint="2"), film("spring"), film("more"))
    first.catalog.refresh("rd")
    second.look()
    assert leaf(second.catalog, "Spring", "more.mkv")
    clock.time += 60
    first.catalog.refresh("rd")
    second.look()
    assert snapshot(second.catalog).taken == clock.time


def test_nothing_new_gives_the_same_snapshot(pair: list[Process], store: ScriptedStore) -> None:
    store.put(magnet("a", "Sintel"), film("sintel"))
    pair[0].catalog.refresh("rd")
    pair[1].look()
    before = pair[1].catalog.snapshot("rd")
    pair[1].look()
    assert pair[1].catalog.snapshot("rd") is before


def test_who_takes_over_goes_on_where_the_other_stood(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    first, second = pair
    many(store, 100)
    first.catalog.refresh("rd")
    store.rows = store.rows[:50]
    first.catalog.refresh("rd")
    assert len(names(first.catalog)) == 100  # held back until a second listing agrees
    asked = len(store.files_asked)
    clock.time += 200
    second.look()
    assert second.holds
    second.catalog.refresh("rd")
    assert len(names(second.catalog)) == 50
    assert len(store.files_asked) == asked


def test_names_given_by_another_process_are_not_given_again(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    first, second = pair
    store.put(magnet("a", "Sintel"), film("one"))
    first.catalog.refresh("rd")
    clock.time += SECONDS + 1
    second.look()
    store.put(magnet("b", "Sintel"), film("two"))
    second.catalog.refresh("rd")
    first.look()
    assert names(first.catalog) == names(second.catalog)
    assert len(names(first.catalog)) == 2


def test_one_that_slept_overwrites_nothing(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    """Its lease ran out while it asked: what it learned is older than what is written."""
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    first.catalog.refresh("rd")
    clock.time += SECONDS + 1
    second.look()
    store.put(magnet("b", "Charge"), film("charge"))
    second.catalog.refresh("rd")
    store.put(magnet("c", "Spring"), film("spring"))
    for _ in range(2):
        first.catalog.refresh("rd")
        assert set(second.records.held("rd")) == {"a", "b"}
        assert names(first.catalog) == ["Charge", "Sintel"]
    second.catalog.refresh("rd")
    first.look()
    assert names(first.catalog) == names(second.catalog) == ["Charge", "Sintel", "Spring"]


def test_sizes_learned_by_one_are_shown_by_both(pair: list[Process], store: ScriptedStore) -> None:
    first, second = pair
    store.put(magnet("a", "Sintel"), File("sintel.mkv", "ref"))
    first.catalog.refresh("rd")
    second.look()
    found = leaf(second.catalog, "Sintel", "sintel.mkv")
    assert found.size is None
    second.catalog.learn(found.identity, 4711)
    first.look()
    schedule = first.catalog._schedules["rd"]
    schedule.turn(lambda _: None, lambda: False)  # its next refresh
    second.look()
    for one in pair:
        assert leaf(one.catalog, "Sintel", "sintel.mkv").size == 4711


def test_a_wish_reaches_who_refreshes(pair: list[Process], store: ScriptedStore) -> None:
    first, second = pair
    first.catalog.refresh("rd")
    woken = first.catalog._schedules["rd"]
    woken.wait(0)
    second.catalog.hurry_asked()
    assert first.records.is_asked()
    first.look()
    assert woken.wait(0)
    assert not first.records.is_asked()


def test_who_reads_what_is_old_has_it_refreshed_by_the_other(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    first.catalog.refresh("rd")
    second.look()
    clock.time += 61
    snapshot(second.catalog)
    second.sharing.stand_by(second.catalog._schedules["rd"])
    assert first.records.is_asked()


def test_a_link_is_the_turn_of_one(pair: list[Process], clock: Clock) -> None:
    first, second = (Turns(one.leases) for one in pair)
    assert first.take("rd", "ref")
    assert not second.take("rd", "ref")
    assert second.take("rd", "another")
    first.give("rd", "ref")
    assert second.take("rd", "ref")
    assert ("rd", REFRESH) in pair[0].leases.renew().ours
    clock.time += SECONDS + 1
    assert first.take("rd", "ref")


def test_links_that_change_are_noticed(pair: list[Process], clock: Clock) -> None:
    first, second = (one.links for one in pair)
    first.put("rd", "ref", Link("https://host.example/1", clock.time + 100))
    assert second.changed() == [("rd", "ref", "https://host.example/1")]
    assert second.changed() == []
    first.drop("rd", "ref", "https://host.example/other")
    found = second.get("rd", "ref")
    assert found is not None
    first.drop("rd", "ref", found.url)
    assert second.get("rd", "ref") is None
    assert second.changed() == [("rd", "ref", "")]
    first.put("rd", "ref", Link("https://host.example/2", clock.time + 100))
    assert second.changed() == [("rd", "ref", "https://host.example/2")]


def test_links_that_have_ended_go_and_what_was_dropped_is_noticed_before(
    pair: list[Process], clock: Clock
) -> None:
    first, second = (one.links for one in pair)
    for ref in ("old", "dropped"):
        first.put("rd", ref, Link("https://host.example/1", clock.time + 100))
    second.changed()
    clock.time += SWEEP_EVERY
    first.drop("rd", "dropped", "https://host.example/1")
    first.put("rd", "new", Link("https://host.example/2", clock.time + 100))
    assert {ref for _, ref, _ in second.changed()} == {"dropped", "new"}
    assert first.get("rd", "old") is None
    assert first.get("rd", "new")


def test_a_disk_that_fails_leaves_everything_as_it_is(
    pair: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    with pair[0].engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO away")
    for _ in range(4):
        pair[0].look()
    assert pair[0].holds
    turns = Turns(pair[1].leases)
    if pair[0].leases.spans_machines:
        with pytest.raises(Busy, match="no new links while the database fails"):
            turns.take("rd", "ref")
    else:
        assert turns.take("rd", "ref")
    assert caplog.text.count("cannot be seen") == 1


def test_what_others_have_open_is_not_set_aside(tmp_path: Path, clock: Clock) -> None:
    open_database(tmp_path, clock).dispose()
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.executescript(changed_by_a_newer(99))
    with pytest.raises(StateError, match="newer davstore"):
        open_database(tmp_path, clock, is_shared=True)
    assert [path.name for path in tmp_path.glob("*aside*")] == []


OLD = """
CREATE TABLE magnets (account TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    status TEXT NOT NULL, fingerprint TEXT NOT NULL, hash TEXT NOT NULL, size INTEGER,
    progress FLOAT, added FLOAT NOT NULL, folder TEXT, files_of TEXT,
    file_count INTEGER NOT NULL DEFAULT 0, unsized INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE files (account TEXT NOT NULL, magnet TEXT NOT NULL, position INTEGER NOT NULL,
    path TEXT NOT NULL, ref TEXT NOT NULL, size INTEGER, number INTEGER, mime TEXT NOT NULL,
    video_hash TEXT NOT NULL, PRIMARY KEY (account, magnet, position)) WITHOUT ROWID;
CREATE TABLE sizes (identity TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL);
CREATE TABLE links (account TEXT NOT NULL, ref TEXT NOT NULL, url TEXT NOT NULL,
    expires FLOAT NOT NULL, headers JSON NOT NULL, size INTEGER, connections INTEGER,
    decoy TEXT NOT NULL, PRIMARY KEY (account, ref)) WITHOUT ROWID;
INSERT INTO magnets VALUES ('rd', 'a', 'Sintel', 'ready', '1', 'aaaaaaaa', NULL, NULL,
    1600000000.0, 'Sintel (2010)', '1', 1, 0);
INSERT INTO sizes VALUES ('identity', 4711);
INSERT INTO links VALUES ('rd', 'ref', 'https://host.example/1', 2e9, '{}', NULL, NULL, '');
PRAGMA user_version = 2;
"""


def test_a_catalog_of_the_second_schema_is_brought_up_to_date(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "old").mkdir()
    with sqlite3.connect(tmp_path / "old" / "catalog.db") as connection:
        connection.executescript(OLD)
    engines = [open_database(tmp_path / name, clock) for name in ("old", "new")]
    assert Records(engines[0]).held("rd")["a"].folder == "Sintel (2010)"
    assert Records(engines[0]).sizes() == {"identity": 4711}
    assert Links(engines[0]).get("rd", "ref") == Link("https://host.example/1", 2e9)
    columns = [
        {(table, c["name"], str(c["type"]), c["nullable"])
         for table in sa.inspect(engine).get_table_names()
         for c in sa.inspect(engine).get_columns(table)}
        for engine in engines
    ]  # fmt: skip
    assert columns[0] == columns[1]
    for engine in engines:
        engine.dispose()
