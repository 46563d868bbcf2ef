"""How long davstore waits between two looks, and who may wake it."""

from typing import Never

import pytest
from sqlalchemy import Engine

from davstore.catalog import Records
from davstore.catalog.accounts.keeper import BATCH, LOOKS, Keeper
from davstore.catalog.accounts.pace import LIVELY, SETTLED, Intervals, Patience
from davstore.catalog.accounts.schedule import FIRST_PAUSE, OWNERS_PAUSE, Schedule
from davstore.catalog.changes.edit_records import EditRecords
from davstore.catalog.changes.edits import Edits
from davstore.catalog.folders.trees import Shelf
from davstore.errors import NotAuthorized, RateLimited, StoreError
from davstore.model import File, Folder, Leaf, Magnet, Status, Unreadable
from tests.catalog.scripted import ScriptedStore, film, magnet, many
from tests.clock import Clock

INTERVALS = Intervals(usual=60, quick=20, slow=300)


def test_something_downloading_makes_it_quick_while_it_moves() -> None:
    assert INTERVALS.next(unfinished=True, still=0) == 20
    assert INTERVALS.next(unfinished=True, still=LIVELY) == 60
    assert INTERVALS.next(unfinished=True, still=SETTLED) == 300


def test_rest_makes_it_slow() -> None:
    assert INTERVALS.next(unfinished=False, still=0) == 60
    assert INTERVALS.next(unfinished=False, still=SETTLED) == 300


def test_quick_is_never_slower_and_slow_never_quicker_than_usual() -> None:
    odd = Intervals(usual=60, quick=90, slow=30)
    assert odd.next(unfinished=True, still=0) == 60
    assert odd.next(unfinished=False, still=SETTLED) == 60


def test_what_failed_is_left_alone_twice_as_long_each_time() -> None:
    clock = Clock()
    patience = Patience(60, 200, clock)
    for pause in (60, 120, 200, 200):
        patience.failed("a")
        clock.time += pause - 1
        assert not patience.spent("a")
        clock.time += 1
        assert patience.spent("a")
    assert patience.spent("b")


@pytest.fixture
def keeper(store: ScriptedStore, engine: Engine, clock: Clock) -> Keeper:
    return Keeper(
        store,
        "source",
        Records(engine),
        {},
        shelf=Shelf(),
        edits=Edits(EditRecords(engine)),
        removal_share=0.1,
        now=clock,
    )


@pytest.fixture
def schedule(keeper: Keeper) -> Schedule:
    return Schedule(keeper, INTERVALS)


def turn(schedule: Schedule) -> float:
    return schedule.turn(unmeasured, lambda: False)


def unmeasured(leaf: Leaf) -> int | None:
    raise AssertionError("all sizes are known")


def woken(schedule: Schedule) -> bool:
    return schedule._woken.is_set()


def test_a_turn_says_how_long_to_wait(
    schedule: Schedule, store: ScriptedStore, clock: Clock
) -> None:
    store.put(magnet("a", "Sintel", Status.DOWNLOADING))
    assert turn(schedule) == 20
    store.put(magnet("a", "Sintel", fingerprint="2"), film("Sintel"))
    clock.time += 20
    assert turn(schedule) == 60
    clock.time += SETTLED
    assert turn(schedule) == 300


class Failing(ScriptedStore):
    error: StoreError

    def magnets(self) -> Never:
        raise self.error


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (NotAuthorized("rd", "wrong token"), [OWNERS_PAUSE, OWNERS_PAUSE]),
        (RateLimited("rd", "wait", retry_after=77.0), [77.0, 77.0]),
        (RateLimited("rd", "wait"), [FIRST_PAUSE, 2 * FIRST_PAUSE]),
    ],
)
def test_a_failure_is_waited_for_and_noted(
    engine: Engine, clock: Clock, error: StoreError, waits: list[float]
) -> None:
    store = Failing()
    store.error = error
    keeper = Keeper(
        store,
        "source",
        Records(engine),
        {},
        shelf=Shelf(),
        edits=Edits(EditRecords(engine)),
        removal_share=0.1,
        now=clock,
    )
    schedule = Schedule(keeper, INTERVALS)
    assert [turn(schedule) for _ in waits] == waits
    standing = Records(engine).standing("rd", "source")
    assert (standing.error, standing.failed) == (error.reason, clock.time)
    clock.time += 1000
    schedule.read()
    assert not woken(schedule), "readers must not make a failing service be asked more often"


def test_a_reader_wakes_only_what_is_old(schedule: Schedule, clock: Clock) -> None:
    turn(schedule)
    clock.time += 60
    schedule.read()
    assert not woken(schedule)
    clock.time += 1
    schedule.read()
    assert woken(schedule)
    schedule.wait(0)
    assert not woken(schedule)


def test_of_very_many_new_magnets_a_portion_is_asked_between_two_looks(
    keeper: Keeper, schedule: Schedule, store: ScriptedStore
) -> None:
    many(store, 12 * BATCH)
    asked = []
    while turn(schedule) == 0.0:
        asked.append(len(store.files_asked))
        assert keeper.snapshot
        assert len(keeper.snapshot.magnets.entries) == len(store.files_asked)
    assert asked == [150, 300, 450]
    assert len(store.files_asked) == 12 * BATCH
    assert len(asked) < LOOKS


def test_what_is_still_to_come_is_asked_after_a_restart(
    keeper: Keeper, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    many(store, 4 * BATCH)
    keeper.look()
    assert keeper.snapshot is None, "nothing is not everything"
    keeper.fill(stopping=lambda: len(store.files_asked) >= BATCH)
    again = Keeper(
        store,
        "source",
        Records(engine),
        {},
        shelf=Shelf(),
        edits=Edits(EditRecords(engine)),
        removal_share=0.1,
        now=clock,
    )
    assert again.snapshot
    assert len(again.snapshot.magnets.entries) == BATCH
    again.look()
    again.fill()
    assert len(store.files_asked) == 4 * BATCH


def test_progress_is_shown_and_told_while_files_come_in(
    keeper: Keeper, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    many(store, 100)
    shown: list[int] = []

    def slowly() -> bool:
        clock.time += 1
        shown.append(len(keeper.snapshot.magnets.entries) if keeper.snapshot else 0)
        return False

    keeper.look()
    keeper.fill(stopping=slowly)
    assert shown[10] >= 8
    assert "the files of 69 magnets are still to come" in caplog.text
    assert caplog.text.count("still to come") == 3


def test_a_skipped_magnet_is_named_once(
    keeper: Keeper, store: ScriptedStore, caplog: pytest.LogCaptureFixture
) -> None:

    store.put(magnet("a", "Sintel"), film("Sintel"))
    keeper.look()
    store.rows = [Unreadable("a", "status: missing")]
    for _ in range(3):
        keeper.look()
    assert caplog.text.count("'Sintel' passed over: status: missing") == 1
    assert keeper._standing.skipped == 1


def test_an_undated_newcomer_is_still_a_newcomer(keeper: Keeper, store: ScriptedStore) -> None:
    store.put(Magnet("a", "Sintel", Status.READY, "1"), film("Sintel"))
    keeper.look()
    keeper.fill()
    assert keeper.snapshot
    assert list(keeper.snapshot.magnets.entries) == ["Sintel"]


def test_a_size_is_learned_once_and_what_has_none_is_looked_at_seldom(
    store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    learned: dict[str, int] = {}
    keeper = Keeper(
        store,
        "source",
        Records(engine),
        learned,
        shelf=Shelf(),
        edits=Edits(EditRecords(engine)),
        removal_share=0.1,
        now=clock,
    )
    store.put(magnet("a", "Sintel"), File("one.mkv", "r1"), File("two.mkv", "r2"))
    store.put(magnet("b", "Spring"), File("three.mkv", "r3", 1000))
    looked: list[str] = []

    def measure(leaf: Leaf) -> int | None:
        looked.append(leaf.name)
        if leaf.name == "one.mkv":
            learned[leaf.identity] = 4711
        return learned.get(leaf.identity)

    keeper.look()
    keeper.fill()
    for _ in range(5):
        keeper.measure(measure)
        clock.time += 60
    assert looked == ["one.mkv", "two.mkv"]
    assert keeper.snapshot
    before = keeper.snapshot.magnets
    clock.time += 600
    keeper.measure(measure)
    assert looked == ["one.mkv", "two.mkv", "two.mkv"]
    assert keeper.snapshot.magnets is before
    folder = before.entries["Sintel"]
    assert isinstance(folder, Folder)
    sizes = [leaf.size for leaf in folder.entries.values() if isinstance(leaf, Leaf)]
    assert sizes == [4711, None]


def test_a_size_that_reading_taught_is_shown(
    store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    learned: dict[str, int] = {}
    keeper = Keeper(
        store,
        "source",
        Records(engine),
        learned,
        shelf=Shelf(),
        edits=Edits(EditRecords(engine)),
        removal_share=0.1,
        now=clock,
    )
    store.put(magnet("a", "Sintel"), File("one.mkv", "r1"))
    keeper.look()
    keeper.fill()
    keeper.measure(lambda _: None)
    [held] = keeper.holding.unmeasured()
    [leaf] = keeper.holding.unsized(held)
    learned[leaf.identity] = 4711
    keeper.measure(unmeasured)
    assert keeper.snapshot
    folder = keeper.snapshot.magnets.entries["Sintel"]
    assert isinstance(folder, Folder)
    [leaf] = [leaf for leaf in folder.entries.values() if isinstance(leaf, Leaf)]
    assert leaf.size == 4711
