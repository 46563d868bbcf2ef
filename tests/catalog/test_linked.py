"""Links that are deleted by several processes at once: one removal, and one row of the audit."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import Engine

from davstore.catalog import Linked, NotThere
from davstore.catalog.changes.audit import removals
from davstore.errors import StoreUnavailable
from davstore.model import RECENT, File, Leaf, Saved
from tests.catalog.scripted import ScriptedStore
from tests.clock import Clock


@dataclass
class Desk(ScriptedStore):
    """Keeps links; whoever has one forgotten waits until `meeting` says that all are there."""

    kept: dict[str, Saved] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    meeting: threading.Barrier | None = None
    fails: bool = False

    def links(self) -> tuple[Saved, ...]:
        return tuple(self.kept.values())

    def take(self, links: Sequence[str], password: str = "") -> None:
        raise NotImplementedError

    def forget(self, saved: Saved) -> None:
        if self.meeting is not None:
            self.meeting.wait(10)
        if self.fails:
            raise StoreUnavailable(self.name, "does not answer")
        self.forgotten.append(saved.id)
        self.kept.pop(saved.id, None)


@pytest.fixture
def desk() -> Desk:
    names = ("a.iso", "b.iso")
    return Desk(kept={name: Saved(name, File(name, f"ref {name}", 10), 5.0) for name in names})


@pytest.fixture
def process(desk: Desk, engine: Engine, clock: Clock) -> "Process":
    return Process(desk, engine, clock)


@dataclass
class Process:
    """Makes what each process has of its own over the state that they share."""

    desk: Desk
    engine: Engine
    clock: Clock

    def __call__(self) -> Linked:
        return Linked({self.desk.name: self.desk}, {self.desk.name: "there"}, self.engine,
                      now=self.clock)  # fmt: skip

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [(row.name, row.outcome) for row in removals(self.engine)]


def shown(linked: Linked, desk: Desk) -> dict[str, Leaf]:
    folder = linked.known(desk.name)
    assert folder is not None
    return {name: leaf for name, leaf in folder.entries.items() if isinstance(leaf, Leaf)}


def test_the_second_of_two_finds_that_nothing_is_left(process: Process, desk: Desk) -> None:
    process().refresh(desk.name)
    first, second = process(), process()
    leaf = shown(first, desk)["a.iso"]
    first.forget(desk.name, leaf, "anna")
    with pytest.raises(NotThere):
        second.forget(desk.name, leaf, "ben")
    assert process.rows == [("a.iso", "removed")]
    assert desk.forgotten == ["a.iso"]
    for each in (first, second, process()):
        assert list(shown(each, desk)) == ["b.iso"]


def test_two_at_the_same_moment_are_one_removal(process: Process, desk: Desk) -> None:
    process().refresh(desk.name)
    desk.meeting = threading.Barrier(2)
    both = [process(), process()]
    leaf = shown(both[0], desk)["a.iso"]
    threads = [
        threading.Thread(target=each.forget, args=(desk.name, leaf, "anna")) for each in both
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert process.rows == [("a.iso", "removed")]
    for each in (*both, process()):
        assert list(shown(each, desk)) == ["b.iso"]


def test_what_another_process_has_removed_does_not_come_back(process: Process, desk: Desk) -> None:
    process().refresh(desk.name)
    first, second = process(), process()
    leaves = shown(second, desk)
    first.forget(desk.name, leaves["a.iso"], "anna")
    second.forget(desk.name, leaves["b.iso"], "ben")
    for each in (second, process()):
        assert shown(each, desk) == {}
    assert process.rows == [("a.iso", "removed"), ("b.iso", "removed")]


def test_what_another_process_has_hidden_stays_hidden(process: Process, desk: Desk) -> None:
    desk.kept = {name: replace(each, kind=RECENT) for name, each in desk.kept.items()}
    process().refresh(desk.name)
    first, second = process(), process()
    first.forget(desk.name, shown(first, desk)["a.iso"], "anna")
    second.refresh(desk.name)
    for each in (second, process()):
        assert list(shown(each, desk)) == ["b.iso"]


def test_what_the_service_keeps_stays_and_is_one_row_when_it_goes(
    process: Process, desk: Desk
) -> None:
    linked = process()
    linked.refresh(desk.name)
    leaf = shown(linked, desk)["a.iso"]
    desk.fails = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            linked.forget(desk.name, leaf, "anna")
    assert process.rows == [("a.iso", "does not answer")]
    assert set(shown(linked, desk)) == {"a.iso", "b.iso"}
    desk.fails = False
    linked.forget(desk.name, leaf, "anna")
    assert process.rows == [("a.iso", "removed")]
