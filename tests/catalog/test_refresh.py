"""What a refresh changes, what it must not, and what a restart remembers."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from davstore.catalog import Catalog, Records, open_database
from davstore.errors import Gone, StoreError, StoreUnavailable
from davstore.model import Account, File, Folder, Leaf, Link, Magnet, Snapshot, Status, Unreadable
from davstore.stores.base import FileLists, Listing

SOURCE = {"rd": "realdebrid https://api.example"}


class Clock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


class ScriptedStore:
    """A store that lists what it is told and counts what it is asked."""

    name = "rd"

    def __init__(self) -> None:
        self.rows: list[Magnet | Unreadable] = []
        self.trees: dict[str, tuple[File, ...] | StoreError] = {}
        self.breaks_off_after: int | None = None
        self.files_asked: list[str] = []

    def put(self, magnet: Magnet, *files: File) -> None:
        self.rows = [row for row in self.rows if row.id != magnet.id]
        self.rows.append(magnet)
        self.trees[magnet.id] = files

    def magnets(self) -> Listing:
        for count, row in enumerate(self.rows):
            if count == self.breaks_off_after:
                raise StoreUnavailable("rd", "broke off")
            yield row
        if self.breaks_off_after is not None and self.breaks_off_after >= len(self.rows):
            raise StoreUnavailable("rd", "broke off")

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        for magnet in magnets:
            self.files_asked.append(magnet.id)
            yield magnet, self.trees[magnet.id]

    def link(self, file: File) -> Link:
        raise AssertionError("a refresh needs no link")

    def account(self) -> Account:
        return Account("anna")

    def close(self) -> None:
        pass


def magnet(id_: str, name: str, status: Status = Status.READY, fingerprint: str = "1") -> Magnet:
    return Magnet(id_, name, status, fingerprint, hash=id_ * 8, added=1_600_000_000.0)


def film(name: str) -> File:
    return File(f"{name}.mkv", f"ref-{name}", 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def engine(tmp_path: Path, clock: Clock) -> Iterator[Engine]:
    engine = open_database(tmp_path, clock)
    yield engine
    engine.dispose()


@pytest.fixture
def catalog(store: ScriptedStore, engine: Engine, clock: Clock) -> Catalog:
    return reopened(store, engine, clock)


def reopened(store: ScriptedStore, engine: Engine, clock: Clock) -> Catalog:
    return Catalog.opened({"rd": store}, SOURCE, Records(engine), interval=60, now=clock)


def names(catalog: Catalog) -> list[str]:
    return list(snapshot(catalog).magnets.entries)


def snapshot(catalog: Catalog) -> Snapshot:
    found = catalog.snapshot("rd")
    assert found is not None
    return found


def leaf(catalog: Catalog, folder: str, name: str) -> Leaf:
    parent = snapshot(catalog).magnets.entries[folder]
    assert isinstance(parent, Folder)
    found = parent.entries[name]
    assert isinstance(found, Leaf)
    return found


def test_nothing_is_known_before_the_first_answer(catalog: Catalog) -> None:
    assert catalog.snapshot("rd") is None


def test_ready_magnets_become_folders_and_others_do_not(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    store.put(magnet("b", "Spring", Status.DOWNLOADING), film("Spring"))
    store.put(magnet("c", "Charge", Status.FAILED), film("Charge"))
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel"]


def test_a_magnet_without_a_readable_file_is_no_empty_folder(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"))
    catalog.refresh("rd")
    assert names(catalog) == []


def test_files_are_asked_once_and_again_when_the_fingerprint_changes(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel"))
    catalog.refresh("rd")
    catalog.refresh("rd")
    assert store.files_asked == ["a"]
    store.put(magnet("a", "Sintel", fingerprint="2"), film("Sintel"), film("Extra"))
    catalog.refresh("rd")
    assert store.files_asked == ["a", "a"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_half_a_listing_changes_nothing(catalog: Catalog, store: ScriptedStore, after: int) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    store.put(magnet("b", "Spring"), film("Spring 2019"))
    catalog.refresh("rd")
    store.breaks_off_after = after
    with pytest.raises(StoreUnavailable):
        catalog.refresh("rd")
    assert names(catalog) == ["Sintel", "Spring"]


def test_a_magnet_that_is_cleanly_gone_goes(catalog: Catalog, store: ScriptedStore) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    store.put(magnet("b", "Spring"), film("Spring 2019"))
    catalog.refresh("rd")
    del store.rows[0]
    catalog.refresh("rd")
    assert names(catalog) == ["Spring"]


def test_an_unreadable_row_keeps_its_magnet_as_it_was(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    catalog.refresh("rd")
    store.rows = [Unreadable("a", "status: missing")]
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel"]


def test_a_row_without_an_id_lets_nothing_be_taken_for_gone(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    store.put(magnet("b", "Spring"), film("Spring 2019"))
    catalog.refresh("rd")
    store.rows = [store.rows[1], Unreadable(None, "id: missing")]
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel", "Spring"]


def test_one_magnet_whose_files_fail_costs_the_others_nothing_and_waits_for_its_turn(
    catalog: Catalog, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    store.put(magnet("b", "Spring"), film("Spring 2019"))
    store.trees["a"] = Gone("rd", "no longer in the account")
    with caplog.at_level(logging.WARNING):
        catalog.refresh("rd")
    assert names(catalog) == ["Spring"]
    assert "Sintel" in caplog.text
    catalog.refresh("rd")
    assert store.files_asked.count("a") == 1
    store.trees["a"] = (film("Sintel 2010"),)
    clock.time += 61
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel", "Spring"]


def test_a_restart_serves_the_last_tree_before_any_store_has_answered(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    catalog.refresh("rd")
    before = leaf(catalog, "Sintel", "Sintel 2010.mkv")
    store.breaks_off_after = 0
    again = reopened(store, engine, clock)
    assert leaf(again, "Sintel", "Sintel 2010.mkv") == before
    assert store.files_asked == ["a"]


def test_an_account_that_moved_to_another_service_begins_anew(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    catalog.refresh("rd")
    moved = {"rd": "alldebrid https://other.example"}
    again = Catalog.opened({"rd": store}, moved, Records(engine), interval=60, now=clock)
    assert again.snapshot("rd") is None


def test_namesakes_get_distinct_names_that_stay_theirs(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel"), film("one"))
    catalog.refresh("rd")
    store.put(magnet("b", "SINTEL"), film("two"))
    catalog.refresh("rd")
    assert names(catalog) == ["SINTEL (bbbbbb)", "Sintel"]
    del store.rows[0]
    catalog.refresh("rd")
    assert names(catalog) == ["SINTEL (bbbbbb)"]
    again = reopened(store, engine, clock)
    again.refresh("rd")
    assert names(again) == ["SINTEL (bbbbbb)"]


def test_a_name_once_given_survives_a_renaming_upstream(
    catalog: Catalog, store: ScriptedStore
) -> None:
    store.put(magnet("a", "Sintel"), film("one"))
    catalog.refresh("rd")
    store.put(magnet("a", "one.mkv", fingerprint="2"), film("one"))
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel"]


def test_a_magnet_without_a_date_keeps_the_moment_it_was_first_seen(
    catalog: Catalog, store: ScriptedStore, clock: Clock
) -> None:
    undated = Magnet("a", "Sintel", Status.READY, "1")
    store.put(undated, film("one"))
    catalog.refresh("rd")
    seen = snapshot(catalog).magnets.entries["Sintel"].modified
    assert seen == clock.time
    clock.time += 3600
    store.put(Magnet("a", "Sintel", Status.READY, "2"), film("one"))
    catalog.refresh("rd")
    assert snapshot(catalog).magnets.entries["Sintel"].modified == seen


def test_a_learned_size_is_shown_and_survives_a_restart(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel"), File("Sintel 2010.mkv", "ref", None))
    catalog.refresh("rd")
    unknown = leaf(catalog, "Sintel", "Sintel 2010.mkv")
    assert unknown.size is None
    catalog.learn(unknown.identity, 4711)
    catalog.relearn()
    assert leaf(catalog, "Sintel", "Sintel 2010.mkv").size == 4711
    assert leaf(reopened(store, engine, clock), "Sintel", "Sintel 2010.mkv").size == 4711


def test_a_disk_that_cannot_be_written_keeps_the_tree_in_memory(
    catalog: Catalog, store: ScriptedStore, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE magnets")
    store.put(magnet("a", "Sintel"), film("Sintel 2010"))
    with caplog.at_level(logging.WARNING):
        catalog.refresh("rd")
    assert names(catalog) == ["Sintel"]
    assert "cannot be written" in caplog.text
