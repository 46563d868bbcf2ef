"""Random histories by two users, in a process each, and the store at once: nothing is removed that
was not asked for, nothing asked for is lost, and every removal is in the audit.
"""

import contextlib
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from davstore.catalog.changes.audit import removals
from davstore.catalog.changes.edit_records import NameTaken
from davstore.catalog.editing.editor import LINGER, NotThere
from davstore.config import Database
from davstore.errors import Refused, StoreError, StoreUnavailable
from davstore.model import Folder
from tests.catalog.histories import PATIENT
from tests.catalog.shop import AFTER, FILES, Process, Shop, failing
from tests.postgres import Cluster

USERS = ("anna", "ben")
FAULTS = st.sampled_from([StoreUnavailable("rd", "down"), Refused("rd", "no"), None])


class KilledError(BaseException):
    """Ends a process at any point, as kill -9 does."""


def kill() -> NoReturn:
    raise KilledError


@dataclass
class Law:
    """What the users have asked for, in other words than the catalog's: of what is deleted, who
    did so and when it may be removed; of the rest, which files are gone.
    """

    allowed: dict[str, tuple[str, float]] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    hidden: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def forget(self, id_: str) -> None:
        self.allowed.pop(id_, None)
        self.final.discard(id_)
        self.hidden.pop(id_, None)
        self.names.pop(id_, None)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = Path(tempfile.mkdtemp(prefix="davstore-removals-"))
        self.opened = contextlib.ExitStack()
        self.database = self.place()
        self.time = 1_700_000_000.0
        self.law = Law()
        self.shop = Shop(watch=self.asked)
        self.expected: list[tuple[str, str]] = []
        self.numbers = 0
        self.processes = {user: self.open() for user in USERS}

    def place(self) -> Database | None:
        """Where the state is: in its folder."""
        return None

    def now(self) -> float:
        return self.time

    def open(self) -> Process:
        return Process(self.shop, self.state, self.now, database=self.database)

    def asked(self, id_: str) -> None:
        """The store is about to remove a magnet."""
        if id_ not in self.shop.here:
            return  # asked again after a failure
        assert id_ in self.law.allowed, "nobody asked for that"
        who, since = self.law.allowed[id_]
        assert self.time >= since, "too early"
        self.expected.append((id_, who))
        self.law.forget(id_)

    @initialize(count=st.integers(1, 8))
    def begin(self, count: int) -> None:
        for _ in range(count):
            self.numbers += 1
            self.shop.add(f"m{self.numbers}", self.time)
        self.refresh("anna")

    def some(self, at: int) -> str | None:
        ids = sorted(self.shop.here)
        return ids[at % len(ids)] if ids else None

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9))
    def delete(self, user: str, at: int) -> None:
        id_ = self.some(at)
        if id_ is None or self.processes[user].catalog.keeper("rd").holding.plain(id_) is None:
            return
        with contextlib.suppress(NotThere):
            self.processes[user].delete(id_, who=user)
            self.law.allowed.setdefault(id_, (user, self.time + AFTER))

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9), which=st.sampled_from(FILES))
    def delete_file(self, user: str, at: int, which: str) -> None:
        id_ = self.some(at)
        if id_ is None or id_ in self.law.allowed or id_ in self.law.names:
            return
        with contextlib.suppress(NotThere):
            self.processes[user].delete(id_, which, who=user)
            self.law.hidden.setdefault(id_, set()).add(which)
            if self.law.hidden[id_] == set(FILES):
                self.law.allowed[id_] = (user, self.time + AFTER)

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9))
    def restore(self, user: str, at: int) -> None:
        id_ = self.some(at)
        if id_ is None:
            return
        with contextlib.suppress(NotThere, NameTaken):
            self.processes[user].editor.restore("rd", id_, self.law.names.get(id_, f"Film {id_}"))
            assert id_ in self.law.allowed
            assert id_ not in self.law.final
            del self.law.allowed[id_]
            self.law.hidden.pop(id_, None)

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9))
    def purge(self, user: str, at: int) -> None:
        id_ = self.some(at)
        if id_ is None:
            return
        with contextlib.suppress(NotThere):
            self.processes[user].purge(id_, who=user)
            assert id_ in self.law.allowed, "only from the trash"
            self.law.allowed[id_] = (user, self.time)
            self.law.final.add(id_)

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9))
    def delete_for_good(self, user: str, at: int) -> None:
        self.delete(user, at)
        self.purge(user, at)

    @rule(user=st.sampled_from(USERS), at=st.integers(0, 9))
    def rename(self, user: str, at: int) -> None:
        id_ = self.some(at)
        if id_ is None or id_ in self.law.allowed:
            return
        with contextlib.suppress(NotThere):
            self.processes[user].editor.name("rd", id_, f"Called {id_} by {user}")
            self.law.names[id_] = f"Called {id_} by {user}"

    @rule(at=st.integers(0, 9))
    def store_loses(self, at: int) -> None:
        """By itself, which all processes hear of."""
        if id_ := self.some(at):
            self.time += 200  # so that nothing is held back
            del self.shop.here[id_]
            self.refresh("anna")
            self.law.forget(id_)

    @rule(at=st.integers(0, 9), is_same=st.booleans())
    def store_adds(self, at: int, is_same: bool) -> None:
        """A new magnet, or one that was removed, once more: under its id or under another."""
        self.time += 1
        gone = [id_ for id_ in self.shop.removed if id_ not in self.shop.here]
        self.numbers += 1
        id_ = gone[at % len(gone)] if gone and is_same else f"m{self.numbers}"
        self.shop.add(id_, self.time)
        if is_same:
            self.refresh("anna")  # an id alone tells nothing

    @rule(user=st.sampled_from(USERS))
    def refresh(self, user: str) -> None:
        self.processes[user].refresh()

    @rule(user=st.sampled_from(USERS))
    def turn(self, user: str) -> None:
        self.processes[user].remover.turn()

    @rule(user=st.sampled_from(USERS), error=FAULTS, is_before=st.booleans())
    def turn_in_vain(self, user: str, error: StoreError | None, is_before: bool) -> None:
        """The store fails, or the process is killed, before or after the removal is done."""
        self.time += 7  # whoever had the lease has it no longer
        self.shop.breaks = kill if error is None else failing(error)
        self.shop.breaks_before = is_before
        try:
            self.processes[user].remover.turn()
        except KilledError:
            self.processes[user].close()
            self.processes[user] = self.open()
        self.shop.breaks = None

    @rule(seconds=st.sampled_from([1.0, 10.0, LINGER + 1, AFTER + 1]))
    def wait(self, seconds: float) -> None:
        self.time += seconds

    @rule(user=st.sampled_from(USERS))
    def restart(self, user: str) -> None:
        self.processes[user].close()
        self.processes[user] = self.open()

    @invariant()
    def both_show_what_the_law_says(self) -> None:
        for process in self.processes.values():
            magnets, trash = process.folders()
            plain = process.catalog.keeper("rd").holding.plain
            held = {id_ for id_ in self.shop.here if plain(id_) is not None}
            staying = held - self.law.allowed.keys()
            assert staying <= magnets.keys()
            for id_ in staying & magnets.keys():
                assert magnets[id_].name == self.law.names.get(id_, f"Film {id_}")
                assert files(magnets[id_]) == set(FILES) - self.law.hidden.get(id_, set())
            for id_ in magnets.keys() & self.law.allowed.keys():
                assert not files(magnets[id_]), "an emptied folder"
            assert trash.keys() <= self.law.allowed.keys() | (trash.keys() - self.shop.here.keys())
            assert not trash.keys() & self.law.final

    def teardown(self) -> None:
        self.shop.breaks = None
        for _ in range(3 * len(self.shop.here) + 3):
            self.time += 2 * AFTER
            self.refresh("anna")
            self.turn("ben")
        assert not self.law.allowed.keys() & self.shop.here.keys(), "asked for, and lost"
        rows = removals(self.processes["anna"].engine)
        done = Counter((row.magnet, row.who) for row in rows)
        assert not Counter(self.expected) - done, "removed without a trace"
        # Begun, and then lost by the store itself before it could be done.
        lost = Counter((row.magnet, row.who) for row in rows if row.outcome != "removed")
        assert not done - Counter(self.expected) - lost
        assert all(row.ended for row in rows)
        for process in self.processes.values():
            process.close()
        shutil.rmtree(self.state)
        self.opened.close()


def files(folder: Folder) -> set[str]:
    found = set()
    for name, entry in folder.entries.items():
        found |= (
            {f"{name}/{each}" for each in files(entry)} if isinstance(entry, Folder) else {name}
        )
    return found


TestRemovals = PATIENT(Histories.TestCase)
TestRemovals.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class HistoriesOnServer(Histories):
    """The same in a PostgreSQL."""

    cluster: ClassVar[Cluster]

    def place(self) -> Database | None:
        return self.opened.enter_context(self.cluster.database())


@pytest.fixture(scope="module")
def cluster(postgres: Cluster) -> None:
    HistoriesOnServer.cluster = postgres


TestRemovalsOnServer = PATIENT(pytest.mark.usefixtures("cluster")(HistoriesOnServer.TestCase))
TestRemovalsOnServer.settings = settings(TestRemovals.settings, max_examples=8)
