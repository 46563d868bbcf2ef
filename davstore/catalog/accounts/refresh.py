"""Keeps all accounts fresh, each on its own thread and schedule.

A failing account keeps its last good listing and never disturbs another.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.accounts.keeper import Keeper, Measure
from davstore.catalog.accounts.pace import Intervals
from davstore.catalog.accounts.records import Records
from davstore.catalog.accounts.schedule import Schedule
from davstore.catalog.accounts.sharing import Follow, Sharing
from davstore.catalog.changes.edits import Edits
from davstore.catalog.database.dialects import reading, reason
from davstore.catalog.database.leases import Leases
from davstore.catalog.database.members import Member
from davstore.catalog.folders.trees import Shelf
from davstore.collector import loading
from davstore.errors import StateError, StoreError
from davstore.model import Snapshot
from davstore.stores.base import Store

log = logging.getLogger(__name__)

REMOVAL_SHARE = 0.1


class Catalog:
    """The snapshots of all accounts, kept fresh in the background between start and stop."""

    def __init__(
        self,
        keepers: Mapping[str, Keeper],
        learned: dict[str, int],
        records: Records,
        edits: Edits,
        *,
        intervals: Intervals,
        leases: Leases | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._schedules = {name: Schedule(keeper, intervals) for name, keeper in keepers.items()}
        self.edits = edits
        self._keepers = keepers
        self._learned = learned
        self._records = records
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sharing = (
            None if leases is None else Sharing(self._schedules, records, learned, edits, leases)
        )

    @classmethod
    def opened(
        cls,
        stores: Mapping[str, Store],
        sources: Mapping[str, str],
        records: Records,
        *,
        interval: float,
        quick: float | None = None,
        slow: float | None = None,
        removal_share: float = REMOVAL_SHARE,
        leases: Leases | None = None,
        playlists: Collection[str] = (),
        now: Callable[[], float] = time.time,
    ) -> "Catalog":
        """All accounts as the disk remembers them. `sources` name each one's service and URL.

        `interval` is the seconds between two refreshes of an account, `quick` those while
        something is downloading, `slow` those while nothing moves and nobody reads.
        `leases` say who refreshes what where several processes share the disk; `playlists` in
        which accounts each video has one beside it.
        Raises `StateError` where the disk cannot be read.
        """
        shelf = Shelf(playlists=playlists)
        edits = Edits(records.edits)
        with reading(), loading():
            learned = records.sizes()
            keepers = {
                name: Keeper(store, sources[name], records, learned, shelf=shelf, edits=edits,
                             removal_share=removal_share, now=now)
                for name, store in stores.items()
            }  # fmt: skip
        intervals = Intervals(interval, quick or interval, slow or interval)
        return cls(keepers, learned, records, edits, intervals=intervals, leases=leases, now=now)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts' names in configured order."""
        return tuple(self._keepers)

    @property
    def follows(self) -> bool:
        """Whether it takes over what other processes change by itself."""
        return self._sharing is not None

    @property
    def members(self) -> list[Member]:
        """The davstores that share its database now, this one too; none where it is a file."""
        return [] if self._sharing is None else self._sharing.members

    @property
    def apart(self) -> list[str]:
        """What these do not agree in, but should; each with its cure."""
        return [] if self._sharing is None else self._sharing.apart

    @property
    def learned(self) -> Mapping[str, int]:
        """The sizes, by identity, of files whose stores do not know them; it grows."""
        return self._learned

    def keeper(self, account: str) -> Keeper:
        """Who keeps `account`."""
        return self._keepers[account]

    def snapshot(self, account: str) -> Snapshot | None:
        """What `account` held when last asked; None while nothing is known of it yet.

        Whoever asks for what has grown old lets it be refreshed, but does not wait for that.
        """
        self._schedules[account].read()
        return self._keepers[account].snapshot

    def has(self, account: str, hash_: str) -> bool:
        """Whether `account` is known to hold a magnet of this hash, in whatever state."""
        return bool(self._keepers[account].holding.of_hash(hash_))

    def known(self, account: str) -> Snapshot | None:
        """As `snapshot`, without that anything is refreshed for it."""
        return self._keepers[account].snapshot

    def read(self) -> None:
        """Somebody reads of all accounts: what has grown old is refreshed."""
        for schedule in self._schedules.values():
            schedule.read()

    def check_disk(self) -> None:
        """Raises `StateError` where what is written cannot be read.

        A database that machines share is not looked at: what is in memory is served without it,
        and no other machine would have it either.
        """
        if self._records.spans_machines:
            return
        try:
            self._records.revisions()
        except SQLAlchemyError as error:
            raise StateError(f"the catalog cannot be read: {reason(error)}") from None

    def refresh(self, account: str) -> None:
        """Ask the store of `account` now, for everything. Raises `StoreError`."""
        keeper = self._keepers[account]
        try:
            keeper.look()
            keeper.fill()
        except StoreError as error:
            keeper.note(error)
            raise

    def hurry(self, accounts: Iterable[str] = ()) -> None:
        """Have these accounts (none: all of them) refreshed at once in the background."""
        for name in set(accounts) & self._schedules.keys() or self._schedules.keys():
            self._schedules[name].wake()

    def hurry_asked(self) -> None:
        """The same for the accounts that another process asked for by way of the disk."""
        if self._sharing is not None:
            self._sharing.ask()
            return
        try:
            asked = self._records.asked()
        except SQLAlchemyError:
            asked = set()
        self.hurry(asked)

    def decide(self, account: str, *, believe: bool) -> None:
        """Let go of the magnets of `account` that are held back, or keep them for good.

        Raises `StateError`.
        """
        self._keepers[account].decide(believe=believe)
        self.ask([account])

    def keep_to(self, interval: float, quick: float, slow: float) -> None:
        """Wait so many seconds between two refreshes from now on, as in `opened`."""
        for schedule in self._schedules.values():
            schedule.keep_to(Intervals(interval, quick, slow))

    def ask(self, accounts: Iterable[str]) -> None:
        """Have these refreshed soon by whichever process does that. Raises `StateError`."""
        try:
            self._records.ask(accounts, self._now())
        except SQLAlchemyError as error:
            raise StateError(f"it cannot be written: {type(error).__name__}") from None
        self.hurry_asked()

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

    def start(
        self, measure: Measure, follow: Follow = lambda _: None, own: Member | None = None
    ) -> None:
        """Keep every account fresh; `measure` looks a file up to learn its size.

        Where several processes share the disk, `follow` is called with the names of what others
        have changed (`revisions`); where these are on several machines, they know this one as
        `own`.
        """
        if self._sharing is not None:
            self._sharing.start(follow, own)
        for name, schedule in self._schedules.items():
            thread = threading.Thread(
                target=self._keep_fresh, args=(schedule, measure), name=f"refresh-{name}",
                daemon=True,
            )  # fmt: skip
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop refreshing; a call under way is not waited for longer than `timeout` seconds."""
        self._stopping.set()
        self.hurry()
        for thread in self._threads:
            thread.join(timeout / max(1, len(self._threads)))
        if self._sharing is not None:
            self._sharing.stop()

    def _keep_fresh(self, schedule: Schedule, measure: Measure) -> None:
        while not self._stopping.is_set():
            if self._sharing is not None and not self._sharing.holds(schedule.account):
                self._sharing.stand_by(schedule)
                continue
            pause = self.turn(schedule.account, measure)
            if not self._stopping.is_set():
                schedule.wait(pause)

    def turn(self, account: str, measure: Measure) -> float:
        """Look at an account once, as is done in the background; how long to wait then."""
        schedule = self._schedules[account]
        pause = schedule.turn(measure, lambda: self._must_stop(account))
        if self._sharing is not None and schedule.is_cut_off:
            self._sharing.pass_on(account, pause)
        return pause

    def _must_stop(self, account: str) -> bool:
        """Whether the refreshing of `account` is to end: for good, or others have taken over."""
        if self._stopping.is_set():
            return True
        return self._sharing is not None and not self._sharing.holds(account)
