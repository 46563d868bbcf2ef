"""Random histories of an account, and what its tree must be after each."""

import math
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from davstore.catalog import Catalog, Records, open_database
from davstore.errors import StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import Account, File, Folder, Leaf, Link, Magnet, Status, Unreadable
from davstore.stores.base import FileLists, Listing, News

SOURCE = {"rd": "realdebrid https://api.example"}
CONFIRM = 180.0
NAMES = st.sampled_from(["Sintel", "SINTEL", "Spring", "Charge", "Café", "a/b", "..", "", "CON"])
STATES = st.sampled_from([Status.READY, Status.READY, Status.DOWNLOADING, Status.FAILED])


@dataclass
class Service:
    """An account whose answers can be spoiled, told as a listing or as what changed."""

    name = "rd"
    magnets_now: dict[str, Magnet] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    breaks_after: int | None = None
    files_break_after: int | None = None
    unreadable: frozenset[str] = frozenset()
    nameless: bool = False
    hidden: frozenset[str] = frozenset()
    meanwhile: Callable[[], object] = lambda: None

    def put(self, magnet: Magnet) -> None:
        self.magnets_now[magnet.id] = magnet
        self.log.append(magnet.id)

    def remove(self, id_: str) -> None:
        del self.magnets_now[id_]
        self.log.append(id_)

    @property
    def rows(self) -> list[Magnet | Unreadable]:
        found: list[Magnet | Unreadable] = [
            Unreadable(id_, "amiss") if id_ in self.unreadable else magnet
            for id_, magnet in self.magnets_now.items() if id_ not in self.hidden
        ]  # fmt: skip
        return [*found, Unreadable(None, "amiss")] if self.nameless else found

    def magnets(self) -> Listing:
        for at, row in enumerate(self.rows):
            if at == self.breaks_after:
                raise UnexpectedReply("rd", "HTML")
            yield row
        self.meanwhile()
        if self.breaks_after is not None:
            raise StoreUnavailable("rd", "broke off")

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        for at, magnet in enumerate(magnets):
            if at == self.files_break_after:
                raise StoreUnavailable("rd", "broke off")
            yield magnet, files_of(magnet)

    def link(self, file: File) -> Link:
        raise NotImplementedError

    def account(self) -> Account:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Telling(Service):
    """The same, which tells what changed to those who kept their marker."""

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        after, touched = str(len(self.log)), set(self.log[int(marker or 0) :])
        gone = (touched - self.magnets_now.keys()) | (touched & self.hidden)
        rows = tuple(self.magnets())  # what happens meanwhile is told the next time
        if not marker:
            return News(rows, after, complete=True)
        return News(tuple(r for r in rows if r.id in touched), after, gone=frozenset(gone))


def files_of(magnet: Magnet) -> tuple[File, ...]:
    count = int(magnet.fingerprint) % 3 + 1
    return tuple(File(f"{at}.mkv", f"{magnet.id} {magnet.fingerprint} {at}", 1)
                 for at in range(count))  # fmt: skip


@dataclass
class Rules:
    """What is known according to the rules, said in other words than the catalog's."""

    known: dict[str, Magnet] = field(default_factory=dict)
    with_files: dict[str, str] = field(default_factory=dict)
    doubted: dict[str, float] = field(default_factory=dict)
    believed: list[tuple[float, int]] = field(default_factory=list)

    def shown(self, magnet: Magnet | None) -> bool:
        return bool(magnet and magnet.status is Status.READY and magnet.id in self.with_files)

    def tell(self, rows: Sequence[Magnet | Unreadable], gone: set[str], now: float, *,
             complete: bool) -> None:  # fmt: skip
        here = {row.id: row for row in rows if isinstance(row, Magnet)}
        unread = {row.id for row in rows if isinstance(row, Unreadable)}
        leaving = {i for i, m in here.items() if self.shown(self.known.get(i)) and
                   m.status is not Status.READY}  # fmt: skip
        leaving |= gone & set(self.known)
        if complete and None not in unread:
            leaving |= {id_ for id_ in self.known if id_ not in here and id_ not in unread}
        for id_ in set(here) - leaving:
            self.doubted.pop(id_, None)
        may_go = self._may_go(leaving, now, complete=complete)
        for id_, magnet in here.items():
            if id_ not in leaving or id_ in may_go:
                self.known[id_] = magnet
        for id_ in may_go - set(here):
            del self.known[id_]
            self.with_files.pop(id_, None)

    def _may_go(self, leaving: set[str], now: float, *, complete: bool) -> set[str]:
        twice = {i for i in leaving & set(self.doubted)
                 if complete and now - self.doubted[i] >= CONFIRM}  # fmt: skip
        new = leaving - set(self.doubted)
        self.believed = [(at, n) for at, n in self.believed if at > now - CONFIRM]
        lately = sum(n for _, n in self.believed)
        if len(new) + lately > max(5, math.floor(0.1 * (len(self.known) + lately) + 1e-9)) and new:
            self.doubted.update(dict.fromkeys(new, now))
            new = set()
        elif new:
            self.believed.append((now, len(new)))
        for id_ in twice:
            del self.doubted[id_]
        return twice | new

    def fill(self) -> None:
        for magnet in self.known.values():
            if magnet.status is Status.READY:
                self.with_files[magnet.id] = magnet.fingerprint

    @property
    def tree(self) -> dict[str, list[str]]:
        return {
            id_: sorted(f.ref for f in files_of(replace(m, fingerprint=self.with_files[id_])))
            for id_, m in self.known.items() if self.shown(m)
        }  # fmt: skip


class Histories(RuleBasedStateMachine):
    kind: type[Service] = Service

    def __init__(self) -> None:
        super().__init__()
        self.state = Path(tempfile.mkdtemp(prefix="davstore-history-"))
        self.time = 1_700_000_000.0
        self.service = self.kind()
        self.law = Rules()
        self.numbers = 0
        self.names: dict[str, str] = {}
        self.right = True
        self.open()

    def open(self) -> None:
        self.engine = open_database(self.state, self.now)
        self.catalog = Catalog.opened({"rd": self.service}, SOURCE, Records(self.engine),
                                      interval=60, now=self.now)  # fmt: skip

    def now(self) -> float:
        return self.time

    def teardown(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.state)

    def some(self, at: int) -> str | None:
        ids = list(self.service.magnets_now)
        return ids[at % len(ids)] if ids else None

    @initialize(count=st.integers(0, 25))
    def begin(self, count: int) -> None:
        for number in range(count):
            self.add(f"Caminandes {number}", Status.READY)
        self.refresh()

    @rule(name=NAMES, status=STATES)
    def add(self, name: str, status: Status) -> None:
        self.numbers += 1
        id_ = f"m{self.numbers}"
        self.service.put(Magnet(id_, name, status, str(self.numbers), id_ * 4, added=1.0))

    @rule(at=st.integers(0, 99), count=st.integers(1, 8))
    def remove(self, at: int, count: int) -> None:
        for _ in range(count):
            if id_ := self.some(at):
                self.service.remove(id_)

    @rule(at=st.integers(0, 99), status=STATES)
    def become(self, at: int, status: Status) -> None:
        if id_ := self.some(at):
            self.numbers += 1
            magnet = self.service.magnets_now[id_]
            self.service.put(replace(magnet, status=status, fingerprint=str(self.numbers)))

    @rule(at=st.integers(0, 99), name=NAMES)
    def rename(self, at: int, name: str) -> None:
        if id_ := self.some(at):
            self.service.put(replace(self.service.magnets_now[id_], name=name))

    @rule(seconds=st.sampled_from([1.0, 60.0, CONFIRM, 7200.0]))
    def wait(self, seconds: float) -> None:
        self.time += seconds

    @rule()
    def refresh(self) -> None:
        self.told(self.service)
        self.catalog.refresh("rd")
        self.law.fill()
        self.right = True

    @rule(after=st.integers(0, 10))
    def refresh_in_vain(self, after: int) -> None:
        self.service.breaks_after = after
        with pytest.raises(StoreError):
            self.catalog.refresh("rd")
        self.service.breaks_after = None

    @rule(after=st.integers(0, 10))
    def refresh_without_all_files(self, after: int) -> None:
        self.told(self.service)
        self.service.files_break_after = after
        try:
            self.catalog.refresh("rd")
            self.law.fill()
        except StoreUnavailable:
            self.right = False  # the files of how many have come is not the rules' business
        self.service.files_break_after = None

    @rule(at=st.integers(0, 99), count=st.integers(1, 25), nameless=st.booleans())
    def refresh_with_bad_rows(self, at: int, count: int, nameless: bool) -> None:
        ids = list(self.service.magnets_now)
        start = at % max(1, len(ids))
        self.service.unreadable = frozenset(ids[start : start + count])
        self.service.nameless = nameless
        self.refresh()
        for id_ in self.service.unreadable:
            self.service.log.append(id_)
        self.service.unreadable, self.service.nameless = frozenset(), False

    @rule(at=st.integers(0, 99), count=st.integers(1, 99))
    def refresh_with_half_the_truth(self, at: int, count: int) -> None:
        ids = list(self.service.magnets_now)
        start = at % max(1, len(ids))
        self.service.hidden = frozenset(ids[start : start + count])
        self.service.log += self.service.hidden
        self.refresh()
        self.service.log += self.service.hidden
        self.service.hidden = frozenset()

    @precondition(lambda self: self.right)
    @rule()
    def restart(self) -> None:
        self.engine.dispose()
        self.open()
        self.law.believed.clear()

    def told(self, service: Service) -> None:
        """Let the rules hear what the catalog is about to be told."""
        due = any(self.time - since >= CONFIRM for since in self.law.doubted.values())
        marker = "" if due else self.marker
        news = (
            service.changes(marker, self.law.known) if isinstance(service, Telling)
            else News(tuple(service.magnets()), "", complete=True)
        )  # fmt: skip
        self.marker = news.marker
        self.law.tell(news.rows, set(news.gone), self.time, complete=news.complete)

    marker = ""

    @invariant()
    def the_tree_is_what_the_rules_say(self) -> None:
        if not self.right:
            return
        found = shown(self.catalog)
        if found is None:
            return
        self.check(found)
        for id_ in [id_ for id_ in self.names if id_ not in self.law.known]:
            del self.names[id_]

    def check(self, found: Mapping[str, tuple[str, list[str]]]) -> None:
        """What is shown has the files that the rules want, and each folder its first name."""
        assert {id_: refs for id_, (_, refs) in found.items()} == self.law.tree
        for id_, (name, _) in found.items():
            assert self.names.setdefault(id_, name) == name


def shown(catalog: Catalog) -> dict[str, tuple[str, list[str]]] | None:
    """The name and the files' refs of each folder, by its magnet's id."""
    snapshot = catalog.snapshot("rd")
    if snapshot is None:
        return None
    found = {}
    for folder in snapshot.magnets.entries.values():
        assert isinstance(folder, Folder)
        refs = sorted(e.file.ref for e in folder.entries.values() if isinstance(e, Leaf))
        found[refs[0].split()[0]] = (folder.name, refs)
    return found


class TellingHistories(Histories):
    kind = Telling


OFTEN = settings(
    max_examples=60, stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
PATIENT = pytest.mark.timeout(900)
"""So many steps take long on a busy machine."""
