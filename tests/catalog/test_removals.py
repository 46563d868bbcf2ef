"""What becomes of deleted magnets: how long they can be had back, and what faults do to that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.catalog.changes.audit import Removal, removals
from davstore.catalog.changes.edit_records import NameTaken
from davstore.catalog.editing.editor import LINGER, NotThere
from davstore.config import Database
from davstore.errors import NotAuthorized, StoreUnavailable, UnexpectedReply
from tests.catalog.shop import AFTER, Process, Shop, failing
from tests.clock import Clock


@pytest.fixture
def shop(clock: Clock) -> Shop:
    shop = Shop()
    for id_ in ("a", "b", "c"):
        shop.add(id_, clock.time - 86400)
    return shop


@pytest.fixture
def one(shop: Shop, tmp_path: Path, clock: Clock, database: Database | None) -> Iterator[Process]:
    process = Process(shop, tmp_path, clock, database=database)
    process.refresh()
    yield process
    process.close()


def audit(process: Process) -> list[Removal]:
    return list(removals(process.engine))


def test_what_is_not_had_back_is_removed_after_the_delay(
    one: Process, shop: Shop, clock: Clock
) -> None:
    one.delete("a", who="ben")
    clock.time += AFTER - 1
    one.remover.turn()
    assert shop.removed == []
    assert set(one.folder("trash")) == {"a"}
    clock.time += 2
    one.remover.turn()
    assert shop.removed == ["a"]
    assert not one.folder("trash")
    [row] = audit(one)
    assert (row.who, row.name, row.hash, row.outcome) == ("ben", "Film a", "aaa", "removed")
    assert "not had back" in row.why
    assert row.deleted < row.began <= row.ended


def test_what_is_had_back_is_not_removed(one: Process, shop: Shop, clock: Clock) -> None:
    one.delete("a")
    one.editor.restore("rd", "a", "Film a")
    clock.time += 2 * AFTER
    one.remover.turn()
    assert shop.removed == []
    assert set(one.folder("magnets")) == {"a", "b", "c"}


def test_all_go_although_so_many_could_not_at_once(one: Process, shop: Shop, clock: Clock) -> None:
    for number in range(20):
        shop.add(f"m{number}", clock.time)
    one.refresh()
    for number in range(20):
        one.delete(f"m{number}")
        one.purge(f"m{number}")
    for _ in range(20):
        one.remover.turn()
    one.refresh()
    assert set(one.folder("magnets")) == {"a", "b", "c"}
    assert one.catalog.keeper("rd").holding.magnets.get("m3") is None, (
        "it is known to have gone, not doubted"
    )


def test_removals_are_paced_one_a_turn(one: Process, shop: Shop) -> None:
    for id_ in ("a", "b"):
        one.delete(id_)
        one.purge(id_)
    one.remover.turn()
    assert len(shop.removed) == 1
    one.remover.turn()
    assert len(shop.removed) == 2


def test_a_fault_of_the_service_is_waited_for(one: Process, shop: Shop, clock: Clock) -> None:
    shop.breaks = failing(StoreUnavailable("rd", "maintenance"))
    one.delete("a")
    one.purge("a")
    one.remover.turn()
    one.remover.turn()
    assert audit(one)[0].outcome == "maintenance"
    shop.breaks = None
    clock.time += 11
    one.remover.turn()
    assert shop.removed == ["a"]
    assert [row.outcome for row in audit(one)] == ["removed"]


def test_what_the_service_cannot_do_for_one_keeps_no_other_waiting(
    one: Process, shop: Shop
) -> None:
    shop.breaks = failing(UnexpectedReply("rd", "cannot do this"))
    for id_ in ("a", "b"):
        one.delete(id_)
        one.purge(id_)
    one.remover.turn()
    shop.breaks = None
    one.remover.turn()
    assert len(shop.removed) == 1


def test_a_wrong_token_stops_all(one: Process, shop: Shop, clock: Clock) -> None:
    shop.breaks = failing(NotAuthorized("rd", "the token is wrong"))
    for id_ in ("a", "b"):
        one.delete(id_)
        one.purge(id_)
    one.remover.turn()
    shop.breaks = None
    one.remover.turn()
    assert shop.removed == []
    clock.time += 11
    one.remover.turn()
    assert len(shop.removed) == 1


def test_a_list_older_than_the_removal_does_not_bring_it_back(
    one: Process, shop: Shop, clock: Clock
) -> None:
    one.delete("a")
    one.purge("a")
    magnet = shop.here["a"]
    one.remover.turn()
    shop.here["a"] = magnet
    one.refresh()
    assert "a" not in one.folder("magnets")
    clock.time += 121
    one.refresh()
    one.remover.turn()
    assert "a" in one.folder("magnets"), "the answer was wrong, and the list is right"


def test_what_is_added_again_is_shown_again(one: Process, shop: Shop, clock: Clock) -> None:
    one.delete("a")
    one.purge("a")
    one.remover.turn()
    clock.time += 5
    shop.add("a", clock.time)
    shop.add("d", clock.time, hash_="aaa")
    one.refresh()
    assert {"a", "d"} <= set(one.folder("magnets"))


def test_what_goes_by_itself_leaves_the_trash(one: Process, shop: Shop, clock: Clock) -> None:
    one.delete("a")
    del shop.here["a"]
    one.refresh()
    assert not one.folder("trash")
    shop.add("a", clock.time)
    one.refresh()
    assert "a" in one.folder("magnets")
    assert audit(one) == []


def test_a_restart_forgets_nothing(
    one: Process, shop: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    one.delete("a")
    one.delete("b", "Subs/de.srt")
    one.editor.name("rd", "c", "Another")
    again = Process(shop, tmp_path, clock, database=database)
    assert set(again.folder("trash")) == {"a"}
    assert set(again.folder("magnets")["b"].entries) == {"film.mkv", "Subs"}
    assert again.folder("magnets")["c"].name == "Another"
    clock.time += LINGER + 1
    again.remover.turn()
    assert set(again.folder("magnets")["b"].entries) == {"film.mkv"}
    again.close()


def test_another_process_sees_what_was_changed(
    one: Process, shop: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    other = Process(shop, tmp_path, clock, database=database)
    one.delete("a")
    assert set(other.folder("trash")) == {"a"}
    other.editor.restore("rd", "a", "Film a")
    with pytest.raises(NotThere):
        one.purge("a")
    one.delete("b", "film.mkv")
    other.delete("b", "Subs/de.srt")
    assert "b" in one.folder("trash"), "its last file, whoever deleted the others"
    other.close()


def test_one_process_alone_removes(
    one: Process, shop: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    other = Process(shop, tmp_path, clock, database=database)
    for id_ in ("a", "b"):
        one.delete(id_)
        one.purge(id_)
    one.remover.turn()
    other.remover.turn()
    assert len(shop.removed) == 1
    clock.time += 7  # its lease has run out: it is dead
    other.remover.turn()
    assert len(shop.removed) == 2
    other.close()


def test_a_name_belongs_to_one(one: Process, shop: Shop, clock: Clock) -> None:
    one.editor.name("rd", "a", "Mine")
    with pytest.raises(NameTaken):
        one.editor.name("rd", "b", "MINE")
    with pytest.raises(NameTaken):
        one.editor.name("rd", "b", "Film c")
    one.editor.name("rd", "b", "Film a")
    assert {i: f.name for i, f in one.folder("magnets").items()} == {
        "a": "Mine", "b": "Film a", "c": "Film c",
    }  # fmt: skip
    one.editor.reset("rd", "a", ())
    assert one.folder("magnets")["b"].name == "Film a"
    assert one.folder("magnets")["a"].name == "Film a (aaa)"
    one.editor.reset("rd", "b", ())
    assert one.folder("magnets")["a"].name == "Film a"


def test_an_account_at_another_address_begins_anew(
    one: Process, shop: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    one.delete("a")
    other = Process(shop, tmp_path, clock, "realdebrid https://other", database=database)
    other.refresh()
    assert set(other.folder("magnets")) == {"a", "b", "c"}
    other.close()
