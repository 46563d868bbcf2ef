"""What a refresh changes, what it must not, and what a restart remembers."""

import logging

import pytest
from sqlalchemy import Engine

from davstore.catalog import Catalog, Records
from davstore.errors import Gone, StoreUnavailable
from davstore.model import File, Folder, Magnet, Status, Unreadable
from tests.catalog.scripted import (
    ScriptedStore,
    film,
    leaf,
    magnet,
    many,
    names,
    reopened,
    snapshot,
)
from tests.clock import Clock


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


def test_a_new_word_for_ready_changes_nothing(
    catalog: Catalog, store: ScriptedStore, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel"))
    catalog.refresh("rd")
    store.put(magnet("a", "Sintel", Status.UNKNOWN), film("Sintel"))
    catalog.refresh("rd")
    clock.time += 600
    catalog.refresh("rd")
    assert names(catalog) == ["Sintel"]


def test_a_magnet_that_had_files_and_now_has_none_keeps_them(
    catalog: Catalog, store: ScriptedStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(magnet("a", "Sintel"), film("Sintel"))
    catalog.refresh("rd")
    store.put(magnet("a", "Sintel", fingerprint="2"))
    catalog.refresh("rd")
    assert leaf(catalog, "Sintel", "Sintel.mkv").size == 1000
    assert "keeping those that were known" in caplog.text


def test_the_newest_are_asked_first(catalog: Catalog, store: ScriptedStore) -> None:
    for number in (2, 3, 1):
        row = Magnet(f"m{number}", f"M {number}", Status.READY, "1", added=float(number))
        store.put(row, film(f"f{number}"))
    catalog.refresh("rd")
    assert store.files_asked == ["m3", "m2", "m1"]


def test_an_unchanged_account_keeps_its_very_folders(
    catalog: Catalog, store: ScriptedStore
) -> None:
    many(store, 3)
    catalog.refresh("rd")
    before = snapshot(catalog).magnets
    catalog.refresh("rd")
    assert snapshot(catalog).magnets is before
    store.put(magnet("m00", "Caminandes 00", fingerprint="2"), film("other"))
    catalog.refresh("rd")
    after = snapshot(catalog).magnets
    assert after.entries["Caminandes 01"] is before.entries["Caminandes 01"]
    assert after.entries["Caminandes 00"] is not before.entries["Caminandes 00"]


def test_an_old_snapshot_finds_a_changed_magnets_new_files_and_none_of_a_gone_one(
    catalog: Catalog, store: ScriptedStore
) -> None:
    many(store, 3)
    catalog.refresh("rd")
    old = snapshot(catalog)
    store.put(magnet("m00", "Caminandes 00", fingerprint="2"), film("other"))
    store.rows = [row for row in store.rows if row.id != "m01"]
    catalog.refresh("rd")
    changed, gone = old.magnets.entries["Caminandes 00"], old.magnets.entries["Caminandes 01"]
    assert isinstance(changed, Folder)
    assert isinstance(gone, Folder)
    assert list(changed.entries) == ["other.mkv"]
    assert list(gone.entries) == []


def test_what_a_full_disk_refused_is_written_when_it_has_room_again(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    catalog.refresh("rd")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE magnets RENAME TO elsewhere")
    many(store, 3)
    catalog.refresh("rd")
    assert leaf(catalog, "Caminandes 00", "c0.mkv").size == 1000
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO magnets")
    catalog.refresh("rd")
    again = reopened(store, engine, clock)
    assert leaf(again, "Caminandes 00", "c0.mkv").size == 1000
    assert len(store.files_asked) == 3
