"""Who has a lease, whatever becomes of the clock, of the network and of those who have one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from davstore.catalog import Turns
from davstore.catalog.database.leases import SECONDS
from davstore.config import Database
from davstore.errors import Busy
from tests.catalog.process import Process
from tests.catalog.scripted import ScriptedStore, film, magnet, names
from tests.clock import Clock


def test_who_is_cut_off_does_not_believe_to_refresh_what_another_does(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    first.catalog.refresh("rd")
    with first.cut_off():
        clock.time += SECONDS - 1
        first.look()
        assert first.holds
        clock.time += 1
        second.look()
        assert second.holds
        assert first.holds is (not first.leases.spans_machines), "a file is cut off from nobody"
        store.put(magnet("b", "Charge"), film("charge"))
        second.catalog.refresh("rd")
    first.look()
    assert [one.holds for one in pair] == [False, True]
    assert names(first.catalog) == ["Charge", "Sintel"]


def test_who_comes_back_before_another_came_goes_on_at_once(
    pair: list[Process], clock: Clock
) -> None:
    first, _ = pair
    schedule = first.catalog._schedules["rd"]
    schedule.wait(0)
    with first.cut_off():
        clock.time += 10 * SECONDS
        first.look()
    assert not schedule.wait(0)
    first.look()
    assert first.holds
    assert schedule.wait(0), "it stood still meanwhile"


def test_what_was_asked_before_another_took_over_is_not_written(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    """Not even where the other has written nothing yet."""
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    first.catalog.refresh("rd")
    second.look()

    def meanwhile() -> None:
        store.meanwhile = lambda: None
        clock.time += SECONDS + 1
        second.look()
        assert second.holds

    store.put(magnet("b", "Charge"), film("charge"))
    store.meanwhile = meanwhile
    first.catalog.refresh("rd")
    assert set(second.records.held("rd")) == {"a"}
    assert names(first.catalog) == ["Sintel"]


@pytest.mark.parametrize("seconds", [-3600.0, -SECONDS, SECONDS, 3600.0])
def test_when_time_jumps_one_has_it(pair: list[Process], clock: Clock, seconds: float) -> None:
    """As where a database takes over whose clock is another."""
    clock.time += seconds
    for _ in range(3):
        for one in pair:
            one.look()
        assert [one.holds for one in pair].count(True) == 1
        clock.time += 1


def test_a_dead_ones_lease_is_taken_although_the_clock_was_put_back(
    pair: list[Process], clock: Clock
) -> None:
    clock.time -= 3600
    pair[1].look()
    assert pair[1].holds


@pytest.mark.parametrize("deed", ["take", "give"])
def test_a_turn_that_nobody_wants_is_nobodys(pair: list[Process], clock: Clock, deed: str) -> None:
    """The answer of the database was lost: it is known to nobody who has it."""
    first, second = pair
    turns, others = Turns(first.leases), Turns(second.leases)
    assert turns.take("rd", "ref")
    lost: Callable[[str, str], object] = getattr(turns, deed)
    with first.cut_off():
        if deed == "take" and first.leases.spans_machines:
            with pytest.raises(Busy, match="no new links"):
                lost("rd", "ref")
        else:
            lost("rd", "ref")
    assert not others.take("rd", "ref")
    clock.time += SECONDS - 1
    first.look()
    clock.time += SECONDS - 1
    assert others.take("rd", "ref")


def test_a_turn_that_takes_long_stays_ones_own(pair: list[Process], clock: Clock) -> None:
    first, second = (Turns(one.leases) for one in pair)
    assert first.take("rd", "ref")
    for _ in range(4):
        clock.time += SECONDS - 1
        pair[0].look()
        assert not second.take("rd", "ref")
    first.give("rd", "ref")
    assert second.take("rd", "ref")


def test_who_cannot_reach_the_service_leaves_it_to_another(
    tmp_path: Path, clock: Clock, database: Database | None
) -> None:
    """One machine's network may be cut; processes of one machine all fail alike."""
    stores = ScriptedStore(), ScriptedStore()
    first, second = (Process(tmp_path, store, clock, database) for store in stores)
    first.look()
    stores[0].breaks_off_after = 0
    stores[1].put(magnet("a", "Sintel"), film("sintel"))
    first.catalog.turn("rd", lambda _: None)
    second.look()
    assert second.holds is first.leases.spans_machines
    assert first.holds is not second.holds
    second.catalog.turn("rd", lambda _: None)
    first.look()
    if second.holds:
        assert names(first.catalog) == ["Sintel"]
    for one in (first, second):
        one.close()


def test_where_nobody_reaches_the_service_one_tries_again_when_its_time_has_come_or_it_is_asked(
    pair: list[Process], store: ScriptedStore, clock: Clock
) -> None:
    store.breaks_off_after = 0
    for one in pair:
        one.look()
        if one.holds:
            one.catalog.turn("rd", lambda _: None)
            one.look()
    if pair[0].leases.spans_machines:
        assert not any(one.holds for one in pair)
        pair[1].catalog.hurry_asked()
    for one in pair:
        one.look()
    assert [one.holds for one in pair].count(True) == 1
    for one in pair:
        if one.holds:
            one.catalog.turn("rd", lambda _: None)
    clock.time += 3600
    for one in pair:
        one.look()
    assert [one.holds for one in pair].count(True) == 1
