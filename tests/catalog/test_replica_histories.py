"""The same random histories with three replicas over one database, which are killed, cut off and
overtaken: after each step one refreshes, and all show what the rules say.
"""

import shutil
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from davstore.catalog import Catalog
from davstore.catalog.database.leases import SECONDS
from tests.catalog.histories import OFTEN, PATIENT, Histories, Telling, shown
from tests.catalog.process import Process
from tests.postgres import Cluster

COUNT = 3
REPLICAS = st.integers(0, COUNT - 1)


class KilledError(BaseException):
    """Ends a process at any point, as kill -9 does."""


@dataclass
class Replica:
    """One of them; `believed` is what the rules have it remember of what has gone lately."""

    process: Process
    believed: list[tuple[float, int]] = field(default_factory=list)
    cut: ExitStack | None = None
    shows: frozenset[str] = frozenset()

    @property
    def catalog(self) -> Catalog:
        return self.process.catalog

    @property
    def folders(self) -> frozenset[str]:
        """What it lists without its database; files that it has not read yet are not there."""
        snapshot = self.catalog.snapshot("rd")
        return frozenset() if snapshot is None else frozenset(snapshot.magnets.entries)

    def mend(self) -> None:
        if self.cut is not None:
            self.cut.close()
        self.cut = None

    def close(self) -> None:
        self.mend()
        self.process.close()


class ReplicaHistories(Histories):
    cluster: ClassVar[Cluster]

    def __init__(self) -> None:
        self.opened = ExitStack()
        self.database = self.opened.enter_context(self.cluster.database())
        self.replicas: list[Replica] = []
        self.holder: Replica | None = None
        self.ahead = 0.0
        self.first = 0
        super().__init__()

    def open(self) -> None:
        self.replicas = [Replica(self.process()) for _ in range(COUNT)]
        self.settle()

    def process(self) -> Process:
        return Process(
            self.state, self.service, self.now, self.database,
            common=lambda: self.time + self.ahead,
        )  # fmt: skip

    def teardown(self) -> None:
        for one in self.replicas:
            one.close()
        self.opened.close()
        shutil.rmtree(self.state)

    @property
    def connected(self) -> list[Replica]:
        """Whoever is first changes, so that each gets its chance."""
        found = self.replicas[self.first :] + self.replicas[: self.first]
        return [one for one in found if one.cut is None]

    def settle(self) -> None:
        """Let all look until one of them refreshes, which the rules know of."""
        self.first = (self.first + 1) % COUNT
        if not self.look():
            self.time += SECONDS + 1  # a dead one's lease, or one's that is cut off
            assert self.look(), "nobody refreshes"
        for one in self.connected:
            one.process.sharing.look()

    def look(self) -> bool:
        for one in self.connected:
            one.process.look()
            holders = [each for each in self.replicas if each.process.holds]
            assert len(holders) <= 1, "two believe that they refresh"
        found = [one for one in self.connected if one.process.holds]
        for one in found:
            self.refreshes(one)
        return bool(found)

    def refreshes(self, one: Replica) -> None:
        if self.holder is not None:
            self.holder.believed = self.law.believed
        self.law.believed = one.believed
        self.holder = one
        self.catalog = one.catalog

    @invariant()
    def the_tree_is_what_the_rules_say(self) -> None:
        self.settle()
        super().the_tree_is_what_the_rules_say()
        found = shown(self.catalog) or {}
        for one in self.replicas:
            if one.cut is not None:
                assert one.folders == one.shows, "what it knows stays"
            else:
                assert (shown(one.catalog) or {}) == found

    @rule()
    def restart(self) -> None:
        """All of them, with a database that is restarted."""
        for one in self.replicas:
            one.close()
        self.holder = None
        self.law.believed = []
        self.open()

    @rule(at=REPLICAS)
    def kill(self, at: int) -> None:
        self.replaced(self.replicas[at])

    def replaced(self, one: Replica) -> None:
        one.close()
        if one is self.holder:
            self.holder = None
        self.replicas[self.replicas.index(one)] = Replica(self.process())

    @rule(at=REPLICAS)
    def stop(self, at: int) -> None:
        one = self.replicas[at]
        if one.cut is None:
            one.process.sharing.stop()
        self.replaced(one)

    @rule(seconds=st.sampled_from([-3600.0, -10.0, 10.0, 3600.0]))
    def another_database_takes_over(self, seconds: float) -> None:
        """Whose clock is another: until it looks again, one believes in the lease that ran out by
        that, and writes nothing.
        """
        self.ahead += seconds
        for one in self.connected:
            one.process.look()

    @rule(at=REPLICAS, is_asking=st.booleans())
    def cut_off(self, at: int, is_asking: bool) -> None:
        """And, if it is the one, it refreshes for all that, for as long as it may."""
        one = self.replicas[at]
        if one.cut is not None or len(self.connected) == 1:
            return
        one.cut = ExitStack()
        one.cut.enter_context(one.process.cut_off())
        if is_asking and one.process.holds:
            self.asked_in_vain(one)
        self.time += SECONDS + 1
        one.process.look()
        one.shows = one.folders

    def asked_in_vain(self, one: Replica) -> None:
        """It asks, and nothing of that is written; it alone remembers that it has believed it."""
        law, marker = self.law, self.marker
        self.law = deepcopy(law)
        self.told(self.service)
        one.catalog.refresh("rd")
        law.believed, self.law, self.marker = self.law.believed, law, marker

    @rule(at=REPLICAS)
    def mend(self, at: int) -> None:
        self.replicas[at].mend()

    @precondition(lambda self: len(self.connected) > 1)
    @rule(count=st.integers(1, 8))
    def overtaken(self, count: int) -> None:
        """It sleeps while it asks; another refreshes meanwhile, and finds that more has gone."""
        slow = self.holder
        assert slow is not None

        def meanwhile() -> None:
            self.service.meanwhile = lambda: None
            self.time += SECONDS + 1
            assert not slow.process.holds
            others = [one for one in self.connected if one is not slow]
            for one in others:
                one.process.look()
            self.refreshes(next(one for one in others if one.process.holds))
            self.remove(0, count)
            self.refresh()

        law, marker = self.law, self.marker
        self.law = deepcopy(law)
        self.told(self.service)
        law.believed, self.law, self.marker = self.law.believed, law, marker
        self.service.meanwhile = meanwhile
        slow.catalog.refresh("rd")

    @rule(arrives=st.booleans())
    def killed_while_it_writes(self, arrives: bool) -> None:
        one = self.holder
        assert one is not None
        if arrives:
            self.told(self.service)
            self.right = False  # its files have not come
        with one.process.unheard(KilledError(), arrives=arrives), pytest.raises(KilledError):
            one.catalog.refresh("rd")
        self.replaced(one)

    @rule()
    def what_is_written_is_not_heard_of(self) -> None:
        """It believes that nothing was written, and finds out the next time."""
        one = self.holder
        assert one is not None
        self.told(self.service)
        with one.process.unheard():
            one.catalog.refresh("rd")
        one.catalog.refresh("rd")
        self.refresh()


class TellingReplicaHistories(ReplicaHistories):
    kind = Telling


@pytest.fixture(scope="module")
def cluster(postgres: Cluster) -> None:
    ReplicaHistories.cluster = postgres


TestListingReplicas = PATIENT(pytest.mark.usefixtures("cluster")(ReplicaHistories.TestCase))
TestListingReplicas.settings = settings(OFTEN, max_examples=8)
TestChangingReplicas = PATIENT(pytest.mark.usefixtures("cluster")(TellingReplicaHistories.TestCase))
TestChangingReplicas.settings = settings(OFTEN, max_examples=8)
