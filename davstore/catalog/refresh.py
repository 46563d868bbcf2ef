"""Asks the stores what there is, each account on its own thread and schedule.

A failing account keeps its last good listing and never disturbs another.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.holding import Changes, Holding
from davstore.catalog.records import Records
from davstore.errors import AccountProblem, DavstoreError, NotAuthorized, StoreError
from davstore.model import Leaf, Snapshot
from davstore.stores.base import Store

log = logging.getLogger(__name__)

PUBLISH_EVERY = 2.0
"""Seconds between snapshots while the files of many magnets come in."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0
"""Seconds before a failed refresh is tried again; doubling."""
OWNERS_PAUSE = 600.0
"""Seconds before asking again where the owner must act first."""

Measure = Callable[[Leaf], int | None]


class Patience:
    """How long to leave alone what failed: doubling, by key."""

    def __init__(self, first: float, longest: float, now: Callable[[], float]) -> None:
        self._first, self._longest, self._now = first, longest, now
        self._until: dict[str, tuple[float, float]] = {}

    def spent(self, key: str) -> bool:
        """Whether `key` may be tried again."""
        return self._until.get(key, (0.0, 0.0))[0] <= self._now()

    def failed(self, key: str) -> None:
        """Leave `key` alone for twice as long as the last time."""
        pause = min(self._until.get(key, (0.0, self._first / 2))[1] * 2, self._longest)
        self._until[key] = (self._now() + pause, pause)


class Keeper:
    """Keeps one account's holding fresh and its latest snapshot at hand."""

    def __init__(
        self,
        store: Store,
        source: str,
        records: Records,
        learned: Mapping[str, int],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.account = store.name
        self.snapshot: Snapshot | None = None
        self._store = store
        self._source = source
        self._records = records
        self._now = now
        self._patience = Patience(60.0, 3600.0, now)
        self._published = 0.0
        taken = records.taken(self.account, source)
        held = records.held(self.account) if taken is not None else {}
        self._holding = Holding(self.account, held, learned)
        if taken is not None:
            self.snapshot = self._holding.snapshot(taken)

    def refresh(self) -> None:
        """One pass: what exists, then the files of what is new. Raises `StoreError`."""
        changes = self._holding.absorb(list(self._store.magnets()), self._now())
        self._report(changes)
        self._save(lambda: self._records.keep(self.account, changes.changed, with_files=False))
        self._save(lambda: self._records.drop(self.account, changes.gone))
        wanting = [m for m in changes.wanting if self._patience.spent(m.id + m.fingerprint)]
        if self.snapshot is not None or not wanting:
            self._publish()
        for magnet, files in self._store.files(wanting) if wanting else ():
            if isinstance(files, StoreError):
                self._patience.failed(magnet.id + magnet.fingerprint)
                log.warning("%s: files of %r: %s", self.account, magnet.name, files.reason)
                continue
            held = self._holding.settle(magnet, files)
            self._save(partial(self._records.keep, self.account, [held], with_files=True))
            if self._now() - self._published >= PUBLISH_EVERY:
                self._publish()
        self._publish()
        self._save(lambda: self._records.confirm(self.account, self._source, self._now()))

    def measure(self, measure: Measure) -> None:
        """Learn the sizes that the store does not know, each once, by looking at the file."""
        for leaf in self._holding.unmeasured():
            if not self._patience.spent(leaf.identity):
                continue
            self._patience.failed(leaf.identity)
            try:
                measure(leaf)
            except DavstoreError as error:
                log.info("%s: size of %r: %s", self.account, leaf.name, error)
        self.relearn()

    def relearn(self) -> None:
        """Publish sizes learned since."""
        self._holding.relearn()
        if self.snapshot is not None:
            self._publish()

    def _publish(self) -> None:
        self._published = self._now()
        self.snapshot = self._holding.snapshot(self._published)

    def _report(self, changes: Changes) -> None:
        for row in changes.unreadable:
            log.warning("%s: magnet %s passed over: %s", self.account, row.id or "?", row.reason)
        if changes.wanting or changes.gone:
            log.info("%s: %d magnets new or changed, %d gone",
                     self.account, len(changes.wanting), len(changes.gone))  # fmt: skip

    def _save(self, write: Callable[[], None]) -> None:
        """A disk that is full or locked must not stop us from serving what is in memory."""
        try:
            write()
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or type(error).__name__
            log.warning("%s: the catalog cannot be written: %s", self.account, reason)


class Catalog:
    """The snapshots of all accounts, kept fresh in the background between start and stop.

    `interval` is the seconds between two refreshes of an account.
    """

    def __init__(
        self,
        keepers: Mapping[str, Keeper],
        learned: dict[str, int],
        records: Records,
        *,
        interval: float,
    ) -> None:
        self._keepers = keepers
        self._learned = learned
        self._records = records
        self._interval = interval
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @classmethod
    def opened(
        cls,
        stores: Mapping[str, Store],
        sources: Mapping[str, str],
        records: Records,
        *,
        interval: float,
        now: Callable[[], float] = time.time,
    ) -> "Catalog":
        """All accounts as the disk remembers them. `sources` name each one's service and URL."""
        learned = records.sizes()
        keepers = {
            name: Keeper(store, sources[name], records, learned, now=now)
            for name, store in stores.items()
        }
        return cls(keepers, learned, records, interval=interval)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts' names in configured order."""
        return tuple(self._keepers)

    def snapshot(self, account: str) -> Snapshot | None:
        """What `account` held when last asked; None while nothing is known of it yet."""
        return self._keepers[account].snapshot

    def refresh(self, account: str) -> None:
        """Ask the store of `account` now. Raises `StoreError`."""
        self._keepers[account].refresh()

    def learn(self, identity: str, size: int) -> None:
        """Remember the size of a file that its store does not know."""
        if self._learned.get(identity) == size:
            return
        self._learned[identity] = size
        try:
            self._records.learn(identity, size)
        except SQLAlchemyError as error:
            log.warning("a learned size cannot be written: %s", type(error).__name__)

    def relearn(self) -> None:
        """Show the sizes learned since the last refresh."""
        for keeper in self._keepers.values():
            keeper.relearn()

    def start(self, measure: Measure) -> None:
        """Keep every account fresh; `measure` looks a file up to learn its size."""
        for name, keeper in self._keepers.items():
            thread = threading.Thread(
                target=self._keep_fresh, args=(keeper, measure), name=f"refresh-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop refreshing; a call under way is not waited for longer than `timeout` seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout / max(1, len(self._threads)))

    def _keep_fresh(self, keeper: Keeper, measure: Measure) -> None:
        pause, said = FIRST_PAUSE, ""
        while not self._stopping.is_set():
            try:
                keeper.refresh()
                keeper.measure(measure)
            except StoreError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("%s; keeping what is known, trying again", error)
                wait, pause = self._waits(error, pause)
            except Exception:
                log.exception("%s: refresh failed; keeping what is known", keeper.account)
                wait, pause = pause, min(pause * 2, LONGEST_PAUSE)
            else:
                said = _recovered(keeper.account, said)
                wait, pause = self._interval, FIRST_PAUSE
            self._stopping.wait(wait)

    def _waits(self, error: StoreError, pause: float) -> tuple[float, float]:
        """How long to wait after this failure, and after the next one if there is one."""
        if isinstance(error, NotAuthorized | AccountProblem):
            return OWNERS_PAUSE, pause
        wait = max(pause, error.retry_after or 0.0)
        return wait, min(pause * 2, max(LONGEST_PAUSE, self._interval))


def _recovered(account: str, said: str) -> str:
    if said:
        log.info("%s: answers again", account)
    return ""
