"""What was moved to another account is removed at its own only once the other has it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from davstore.catalog import State, moved_to
from davstore.catalog.changes.audit import removals
from davstore.config import Database
from davstore.model import Status
from davstore.wanted import of_hash
from tests.catalog.shop import AFTER, Process, Shop
from tests.clock import Clock

HASH = "a" * 40


@pytest.fixture
def shop(clock: Clock) -> Shop:
    shop = Shop()
    shop.add("a", clock.time - 86400, HASH)
    shop.add("b", clock.time - 86400)
    return shop


@pytest.fixture
def other() -> Shop:
    return Shop("ad")


@pytest.fixture
def one(
    shop: Shop, other: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> Iterator[Process]:
    process = Process(shop, tmp_path, clock, other=other, database=database)
    process.refresh()
    process.catalog.refresh("ad")
    process.additions.put("ad", "a.magnet", b"x", [of_hash(HASH, "Film")], "anna")
    process.editor.delete("rd", "a", (), "anna", in_trash=False, why=moved_to("ad"))
    yield process
    process.close()


def later(one: Process, clock: Clock, seconds: float = AFTER + 1) -> None:
    clock.time += seconds
    one.remover.turn()


def said(one: Process) -> list[str]:
    return [row.outcome for row in removals(one.engine)]


def test_it_stays_in_the_trash_while_the_other_waits_and_goes_once_it_is_there(
    one: Process, shop: Shop, other: Shop, clock: Clock
) -> None:
    later(one, clock)
    later(one, clock)
    assert shop.removed == []
    assert set(one.folder("trash")) == {"a"}
    assert said(one) == ["kept in the trash: ad does not have it yet"], "said once"
    [row] = removals(one.engine)
    assert (row.who, row.why, row.hash) == ("anna", "moved to ad", HASH)
    other.add("n", clock.time, HASH)
    other.here["n"] = replace(other.here["n"], status=Status.DOWNLOADING)
    one.catalog.refresh("ad")
    later(one, clock)
    assert shop.removed == [], "what is not ready may fail"
    other.here["n"] = replace(other.here["n"], status=Status.READY, fingerprint="2")
    one.catalog.refresh("ad")
    later(one, clock)
    assert shop.removed == ["a"]
    assert said(one)[-1] == "removed"


def test_it_stays_where_the_other_refuses_it_and_can_be_had_back(
    one: Process, shop: Shop, clock: Clock
) -> None:
    one.additions.note("ad", HASH, State.REFUSED, reason="infringing content")
    later(one, clock)
    later(one, clock, 100 * AFTER)
    assert shop.removed == []
    assert said(one) == ["kept in the trash: ad has refused it: infringing content"]
    one.editor.restore("rd", "a", "Film")
    assert set(one.folder("magnets")) == {"a", "b"}
    one.delete("a")
    later(one, clock)
    assert shop.removed == ["a"], "deleted by itself it waits for nobody"


def test_who_deletes_it_from_the_trash_does_not_wait_for_the_other(
    one: Process, shop: Shop, clock: Clock
) -> None:
    one.purge("a")
    later(one, clock, 1)
    assert shop.removed == ["a"]


def test_what_the_other_has_in_its_trash_it_does_not_have(
    one: Process, shop: Shop, other: Shop, clock: Clock
) -> None:
    other.add("n", clock.time, HASH)
    one.catalog.refresh("ad")
    one.editor.delete("ad", "n", (), "ben", in_trash=False)
    later(one, clock)
    assert shop.removed == []


def test_it_stays_where_the_other_is_no_account_any_more(
    one: Process, shop: Shop, tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    alone = Process(shop, tmp_path, clock, database=database)
    later(alone, clock)
    assert shop.removed == []
    assert said(alone) == ["kept in the trash: ad is no account any more"]
    alone.close()


def test_others_are_removed_meanwhile(one: Process, shop: Shop, clock: Clock) -> None:
    one.delete("b")
    later(one, clock)
    assert shop.removed == ["b"]
