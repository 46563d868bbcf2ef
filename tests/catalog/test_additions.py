"""Random drops, retries, faults and kills: each hash is added once or refused with words."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from davstore.catalog import Engine, open_database
from davstore.catalog.adding.adding import AFTER_REFUSAL, Adder
from davstore.catalog.adding.additions import RETRIED_WITHIN, SHOWN_FOR, Additions, State
from davstore.config import Database
from davstore.errors import (
    AccountProblem,
    Full,
    Gone,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Account, File, Link, Magnet, Status, Wanted
from davstore.stores.base import FileLists, Listing
from davstore.wanted import of_hash
from tests.clock import Clock
from tests.postgres import Cluster

PAUSE = 20.0
HASHES = [letter * 40 for letter in "abcdef"]
BEFORE = [
    StoreUnavailable("rd", "down"), RateLimited("rd", "slow down", retry_after=33.0),
    QuotaExhausted("rd", "full"), AccountProblem("rd", "unpaid"),
]  # fmt: skip


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Service:
    """Adds whatever it is asked to, also twice; `before` and `after` that it may fail."""

    clock: Clock
    name: str = "rd"
    add_pause: float = PAUSE
    held: list[Magnet] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    before: BaseException | None = None
    after: BaseException | None = None
    listing: StoreError | None = None
    choosing: StoreError | None = None
    chosen: set[str] = field(default_factory=set)
    knows_files: bool = True

    def add(self, wanted: Wanted) -> str:
        self.asked.append(self.clock())
        before, self.before = self.before, None
        if before is not None:
            raise before
        id_ = f"id{len(self.held)}"
        self.held.append(Magnet(id_, wanted.name, Status.QUEUED, "", wanted.hash))
        after, self.after = self.after, None
        if after is not None:
            raise after
        return id_

    def choose(self, id_: str) -> bool:
        choosing, self.choosing = self.choosing, None
        if choosing is not None:
            raise choosing
        if self.knows_files:
            self.chosen.add(id_)
        return self.knows_files

    def magnets(self) -> Listing:
        if self.listing is not None:
            raise self.listing
        return iter(list(self.held))

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        raise NotImplementedError

    def link(self, file: File) -> Link:
        raise NotImplementedError

    def account(self) -> Account:
        raise NotImplementedError

    def close(self) -> None:
        pass


@dataclass
class Bench:
    """An adder over a database in a folder; `restart` is what a kill leaves."""

    folder: Path
    database: Database | None = None
    clock: Clock = field(default_factory=Clock)
    refreshed: int = 0
    engine: Engine | None = None

    def __post_init__(self) -> None:
        self.service = Service(self.clock)
        self.restart()

    def restart(self) -> None:
        self.close()
        self.engine = open_database(self.folder, self.clock, database=self.database)
        self.additions = Additions(self.engine, self.clock)
        self.adder = Adder(
            self.service, self.additions, known=lambda _: False, refresh=self.refresh
        )

    def close(self) -> None:
        if self.engine is not None:
            self.engine.dispose()

    def refresh(self) -> None:
        self.refreshed += 1

    def drop(self, *hashes: str, name: str = "a.magnet") -> None:
        wanted = [of_hash(each, f"Film {each[0]}") for each in hashes]
        self.additions.put("rd", name, " ".join(hashes).encode(), wanted)

    def turn(self) -> float:
        try:
            return self.adder.turn()
        except Killed:
            self.restart()
            return 0.0

    def run(self, seconds: float = 4000.0) -> None:
        """Until nothing is left to do within that time."""
        end = self.clock.time + seconds
        while self.clock.time < end:
            self.clock.time += min(self.turn(), max(0.01, end - self.clock.time))

    def states(self) -> dict[str, State]:
        return {each.hash: each.state for each in self.additions.waiting("rd")}


@pytest.fixture
def bench(tmp_path: Path, database: Database | None) -> Iterator[Bench]:
    bench = Bench(tmp_path, database)
    yield bench
    bench.close()


def test_what_is_dropped_is_added_and_its_files_chosen(bench: Bench) -> None:
    bench.drop(*HASHES[:2])
    bench.run(100)
    assert [magnet.hash for magnet in bench.service.held] == HASHES[:2]
    assert bench.service.chosen == {"id0", "id1"}
    assert set(bench.states().values()) == {State.ADDED}
    assert bench.refreshed == 4


def test_adds_keep_the_services_pace_over_restarts(bench: Bench) -> None:
    bench.drop(*HASHES)
    while len(bench.service.asked) < len(HASHES):
        bench.clock.time += bench.turn()
        bench.restart()
    gaps = [b - a for a, b in pairwise(bench.service.asked)]
    assert gaps == [PAUSE] * 5


def test_one_that_may_have_been_added_is_looked_for_first(bench: Bench) -> None:
    bench.drop(HASHES[0])
    bench.service.after = StoreUnavailable("rd", "reset")
    bench.turn()
    bench.service.listing = StoreUnavailable("rd", "down")
    bench.run(100)
    assert len(bench.service.held) == 1
    assert bench.states() == {HASHES[0]: State.WAITING}
    bench.service.listing = None
    bench.run()
    assert len(bench.service.held) == 1
    assert bench.states() == {HASHES[0]: State.ADDED}


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_while_adding_adds_once(bench: Bench, where: str) -> None:
    bench.drop(HASHES[0])
    setattr(bench.service, where, Killed())
    bench.run()
    assert len(bench.service.held) == 1
    assert bench.states() == {HASHES[0]: State.ADDED}


def test_a_refusal_is_remembered_with_its_words_and_slows_the_next(bench: Bench) -> None:
    bench.drop(*HASHES[:2])
    bench.service.before = Refused("rd", "refused as infringing")
    bench.run(1000)
    refused, added = bench.additions.waiting("rd")
    assert (refused.state, refused.reason) == (State.REFUSED, "refused as infringing")
    assert added.state is State.ADDED
    assert bench.service.asked[1] - bench.service.asked[0] == AFTER_REFUSAL


def test_a_client_that_retries_does_not_ask_anew_but_a_person_does(bench: Bench) -> None:
    bench.drop(HASHES[0])
    bench.service.before = Refused("rd", "refused as infringing")
    bench.run(RETRIED_WITHIN / 2)
    bench.drop(HASHES[0])
    assert bench.states() == {HASHES[0]: State.REFUSED}
    bench.clock.time += RETRIED_WITHIN
    bench.drop(HASHES[0])
    bench.run(100)
    assert bench.states() == {HASHES[0]: State.ADDED}


def test_one_that_was_added_and_removed_at_the_service_can_be_added_again(bench: Bench) -> None:
    bench.drop(HASHES[0])
    bench.run(RETRIED_WITHIN * 2)
    bench.drop(HASHES[0])
    bench.run(100)
    assert len(bench.service.held) == 1, "it was still there"
    bench.service.held.clear()
    bench.clock.time += RETRIED_WITHIN * 2
    bench.drop(HASHES[0])
    bench.run(100)
    assert len(bench.service.held) == 1


def test_answers_without_sense_end_in_a_refusal(bench: Bench) -> None:
    bench.drop(HASHES[0])
    began = bench.clock.time
    while State.WAITING in bench.states().values():
        bench.service.before = UnexpectedReply("rd", "unexpected reply: HTML")
        bench.clock.time += bench.turn()
    assert bench.states() == {HASHES[0]: State.REFUSED}
    assert bench.clock.time - began > 1000


def test_files_are_chosen_as_soon_as_they_are_known(bench: Bench) -> None:
    bench.service.knows_files = False
    bench.drop(HASHES[0])
    bench.run(1000)
    assert bench.states() == {HASHES[0]: State.CHOOSING}
    bench.restart()
    bench.service.knows_files = True
    bench.service.choosing = Gone("rd", "unknown")
    bench.service.choosing = StoreUnavailable("rd", "down")
    bench.run(100)
    assert bench.service.chosen == {"id0"}


def test_who_takes_a_file_away_takes_it_out_of_the_queue(bench: Bench) -> None:
    bench.drop(*HASHES[:2], name="a.txt")
    bench.drop(HASHES[1], name="b.txt")
    bench.additions.remove("rd", "a.txt")
    assert list(bench.states()) == [HASHES[1]]
    bench.run(100)
    bench.additions.remove("rd", "b.txt")
    assert bench.states() == {HASHES[1]: State.ADDED}


def test_files_stand_there_for_a_while(bench: Bench) -> None:
    bench.drop(HASHES[0], name="a.txt")
    bench.drop(HASHES[1], name="b.txt.part")
    assert bench.additions.content("rd", "a.txt") == HASHES[0].encode()
    bench.clock.time += SHOWN_FOR + 1
    bench.additions.sweep("rd", lambda name: name.endswith(".part"))
    assert [drop.name for drop in bench.additions.drops("rd")] == ["b.txt.part"]


def test_there_is_room_for_so_many_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davstore.catalog.adding.additions.MOST_WAITING", 1)
    bench.drop(HASHES[0])
    with pytest.raises(Full):
        bench.drop(HASHES[1], name="b.txt")
    with pytest.raises(Full):
        bench.additions.enqueue("rd", [of_hash(HASHES[1], "b")], "anna")
    assert list(bench.states()) == [HASHES[0]]
    assert len(bench.additions.drops("rd")) == 1


FAULTS = st.sampled_from([*BEFORE, Killed(), Refused("rd", "infringing"), None, None])


class Histories(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = ExitStack()
        self.bench = Bench(self.folder, self.place())
        self.wanted: set[str] = set()

    def place(self) -> Database | None:
        """Where the state is: in its folder."""
        return None

    @rule(
        hashes=st.lists(st.sampled_from(HASHES), min_size=1, max_size=3), name=st.sampled_from("ab")
    )
    def drop(self, hashes: list[str], name: str) -> None:
        self.bench.drop(*hashes, name=name)
        self.wanted |= set(hashes)

    @rule(before=FAULTS, after=st.sampled_from([Killed(), StoreUnavailable("rd", "x"), None, None]))
    def turn(self, before: BaseException | None, after: BaseException | None) -> None:
        self.bench.service.before, self.bench.service.after = before, after
        self.bench.clock.time += self.bench.turn()
        self.bench.service.before = self.bench.service.after = None

    @rule(down=st.booleans(), slow=st.booleans())
    def weather(self, down: bool, slow: bool) -> None:
        self.bench.service.listing = StoreUnavailable("rd", "down") if down else None
        self.bench.service.knows_files = not slow

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        self.bench.clock.time += seconds
        self.bench.additions.sweep("rd", lambda _: False)

    @rule()
    def restart(self) -> None:
        self.bench.restart()

    @invariant()
    def nothing_is_added_twice(self) -> None:
        counted = Counter(magnet.hash for magnet in self.bench.service.held)
        assert all(count == 1 for count in counted.values())

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = {each.hash: each for each in self.bench.additions.waiting("rd")}
        assert rows.keys() == self.wanted
        held = {magnet.hash for magnet in self.bench.service.held}
        assert all(row.hash in held for row in rows.values() if row.state is State.ADDED)
        assert all(row.reason for row in rows.values() if row.state is State.REFUSED)

    @invariant()
    def the_pace_is_kept(self) -> None:
        asked = self.bench.service.asked
        assert all(b - a >= PAUSE for a, b in pairwise(asked))

    def teardown(self) -> None:
        self.bench.service.listing = None
        self.bench.service.knows_files = True
        self.bench.run(20_000)
        assert set(self.bench.states().values()) <= {State.ADDED, State.REFUSED}
        chosen = [m.hash for m in self.bench.service.held if m.id in self.bench.service.chosen]
        added = [hash_ for hash_, state in self.bench.states().items() if state is State.ADDED]
        assert sorted(added) == sorted(chosen)
        self.bench.close()
        self.opened.close()
        shutil.rmtree(self.folder)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


class HistoriesOnServer(Histories):
    """The same in a PostgreSQL."""

    cluster: ClassVar[Cluster]

    def place(self) -> Database | None:
        return self.opened.enter_context(self.cluster.database())


@pytest.fixture(scope="module")
def cluster(postgres: Cluster) -> None:
    HistoriesOnServer.cluster = postgres


TestHistoriesOnServer = pytest.mark.usefixtures("cluster")(HistoriesOnServer.TestCase)
TestHistoriesOnServer.settings = settings(TestHistories.settings, max_examples=5)
