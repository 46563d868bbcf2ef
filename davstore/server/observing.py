"""Puts together what the pages show: the catalog's numbers, the services' word on each account,
and what the processes tell of themselves. What costs something is asked seldom, and only while
somebody looks.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from davstore import __version__, logs
from davstore.catalog import Growth, Overview
from davstore.catalog.database.members import machines
from davstore.config import Settings
from davstore.dashboard.scene import AccountScene, Queued, Removed, Scene, Trashed
from davstore.errors import StateError, StoreError
from davstore.model import Account, Magnet
from davstore.server.agreeing import place
from davstore.server.library import Library, upstream
from davstore.server.watch import Watch
from davstore.stores.base import Store
from davstore.stores.desk import Limited, Notifying, distinct

log = logging.getLogger(__name__)

T = TypeVar("T")

NUMBERS_FOR, GROWTH_FOR = 3.0, 60.0
"""Seconds for which the catalog's numbers are good enough."""
MOST_COMING = 50
WHO_FOR, WHO_AGAIN = 1800.0, 120.0
"""Seconds between two questions who an account is; the same after a failure."""


class _Timed(Generic[T]):
    """An answer that is good for some seconds; the last one while there is none better."""

    def __init__(self, ask: Callable[[], T], seconds: float, otherwise: T) -> None:
        self._ask, self._seconds, self._answer = ask, seconds, otherwise
        self._until = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._answer = self._ask()
                except StateError as error:
                    log.warning("%s", error)
                self._until = time.monotonic() + self._seconds
            return self._answer

    def forget(self) -> None:
        """Something was done: the next answer is a new one."""
        with self._lock:
            self._until = 0.0


@dataclass(frozen=True, slots=True)
class _Numbers:
    overviews: dict[str, Overview]
    under_way: list[tuple[str, Magnet]]
    names: dict[str, list[str]]
    queue: Sequence[Queued] = ()
    trash: Sequence[Trashed] = ()
    leaving: dict[str, int] = field(default_factory=dict)
    removed: Sequence[Removed] = ()


class Owners:
    """Who the accounts are, as their services say; asked in the background."""

    def __init__(self, stores: dict[str, Store], now: Callable[[], float] = time.time) -> None:
        self._stores = stores
        self._now = now
        self._known: dict[str, Account] = {}
        self._problems: dict[str, str] = {}
        self._ask_after: dict[str, float] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="who")

    def who(self, name: str) -> tuple[Account | None, str]:
        """What is known of the account, and why it is nothing new."""
        with self._lock:
            if self._now() >= self._ask_after.get(name, 0.0):
                self._ask_after[name] = self._now() + WHO_FOR
                self._threads.submit(self._ask, name)
            return self._known.get(name), self._problems.get(name, "")

    def dismiss(self, name: str, notice: str) -> None:
        """Have an account's service tell a notice no more. Raises `StoreError`."""
        store = self._stores[name]
        if isinstance(store, Notifying):
            store.dismiss(notice)
        with self._lock:
            if name in self._known:
                left = tuple(each for each in self._known[name].notices if each != notice)
                self._known[name] = replace(self._known[name], notices=left)

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, name: str) -> None:
        try:
            store = self._stores[name]
            self._known[name] = account = store.account()
            if isinstance(store, Limited):
                quotas = distinct(account.quotas + store.limits())
                self._known[name] = replace(account, quotas=quotas)
            self._problems.pop(name, None)
        except StoreError as error:
            self._problems[name] = error.reason
            self._ask_after[name] = self._now() + WHO_AGAIN
        except Exception:
            log.exception("%s: asking who it is failed", name)


class Observer:
    """Gives the scene of this moment: with the `queue` of what is to be added, and the `trash`.
    `restart` names settings that wait for a restart.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        owners: Owners,
        watch: Watch,
        queue: Callable[[], Sequence[Queued]],
        trash: Callable[[], Sequence[Trashed]],
        restart: Callable[[], list[str]] = list,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._catalog = library.catalog
        self._overviews = overviews = library.overviews
        self._owners = owners
        self._watch = watch
        self._queue = queue
        self._trash = trash
        self._restart = restart
        self._now = now
        self._numbers = _Timed(self._ask, NUMBERS_FOR, _Numbers({}, [], {}))
        self._growth = _Timed(overviews.growth, GROWTH_FOR, list[Growth]())

    def __call__(self) -> Scene:
        """Everything, as of now."""
        numbers = self._numbers()
        return Scene(
            self._now(),
            __version__,
            [self._account(name, numbers) for name in self._settings.accounts],
            self._watch.all(),
            numbers.under_way,
            [(each.day, each.magnets, each.bytes) for each in self._growth()],
            self._restart(),
            logs.level(),
            numbers.queue,
            numbers.trash,
            numbers.leaving,
            numbers.removed,
            place(self._settings),
            machines(self._catalog.members),
            self._catalog.apart,
        )

    def forget(self) -> None:
        """Something was done: who looks next is to see it."""
        self._numbers.forget()

    def _ask(self) -> _Numbers:
        found = {each.name: each for each in self._overviews.accounts()}
        names = {
            name: self._overviews.held_back(name) for name, each in found.items() if each.doubted
        }
        coming = [(each.name, magnet) for each in found.values() for magnet in each.coming]
        coming.sort(key=lambda pair: pair[1].added or 0.0, reverse=True)
        removed = [
            Removed(
                each.account,
                each.name,
                each.size,
                each.who,
                each.why,
                each.ended,
                each.outcome,
                each.is_kept,
            )
            for each in self._overviews.removed()
        ]
        return _Numbers(
            found, coming[:MOST_COMING], names, self._queue(), self._trash(),
            {name: due for name, (_, due) in self._overviews.trash().items() if due}, removed,
        )  # fmt: skip

    def _account(self, name: str, numbers: _Numbers) -> AccountScene:
        settings = self._settings.accounts[name]
        who, problem = self._owners.who(name)
        limit = upstream(settings).connections
        known = numbers.overviews.get(name)
        if known is None:
            return AccountScene(name, settings.store, who=who, problem=problem, limit=limit)
        stands = known.standing
        return AccountScene(
            name, settings.store, known.magnets, known.shown, known.files, known.bytes,
            known.waiting, stands.taken, stands.skipped, stands.error, stands.failed, who, problem,
            known.doubted, known.doubted_since, known.kept, numbers.names.get(name, ()), limit,
        )  # fmt: skip
