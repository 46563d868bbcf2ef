"""Keeps all accounts fresh, each on its own thread and schedule.

A failing account keeps its last good listing and never disturbs another.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.keeper import Keeper, Measure
from davstore.catalog.pace import Intervals
from davstore.catalog.records import Records
from davstore.catalog.trees import Shelf
from davstore.errors import AccountProblem, NotAuthorized, StateError, StoreError
from davstore.model import Snapshot
from davstore.stores.base import Store

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0
"""Seconds before a failed refresh is tried again; doubling."""
OWNERS_PAUSE = 600.0
"""Seconds before asking again where the owner must act first."""
REMOVAL_SHARE = 0.1


class Schedule:
    """When one account is looked at next, and what its failures have to say."""

    def __init__(self, keeper: Keeper, intervals: Intervals) -> None:
        self.keeper = keeper
        self._intervals = intervals
        self._woken = threading.Event()
        self._pause = FIRST_PAUSE
        self._said = ""
        self._looking = False

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def read(self) -> None:
        """Somebody reads: what is older than usual is looked at, unless it fails anyway."""
        if self._looking or self._said:
            return
        if self.keeper.age > self._intervals.usual:
            self._woken.set()

    def wait(self, seconds: float) -> None:
        """Sleep so long, or until woken."""
        self._woken.wait(seconds)
        self._woken.clear()

    def turn(self, measure: Measure, stopping: Callable[[], bool]) -> float:
        """One look, and a portion of the files; how long to wait then."""
        self._looking = True
        try:
            return self._turn(measure, stopping)
        finally:
            self._looking = False

    def _turn(self, measure: Measure, stopping: Callable[[], bool]) -> float:
        keeper = self.keeper
        try:
            keeper.look()
            more = keeper.fill(portion=True, stopping=stopping)
            keeper.measure(measure, stopping)
        except StoreError as error:
            if str(error) != self._said:
                self._said = str(error)
                log.warning("%s; keeping what is known, trying again", error)
            keeper.note(error)
            return self._after(error)
        except Exception:
            log.exception("%s: refresh failed; keeping what is known", keeper.account)
            return self._doubled()
        if self._said:
            log.info("%s: answers again", keeper.account)
        self._said, self._pause = "", FIRST_PAUSE
        if more:
            return 0.0
        return self._intervals.next(unfinished=keeper.unfinished, still=keeper.still)

    def _after(self, error: StoreError) -> float:
        if isinstance(error, NotAuthorized | AccountProblem):
            return OWNERS_PAUSE
        return max(self._doubled(), error.retry_after or 0.0)

    def _doubled(self) -> float:
        pause = self._pause
        self._pause = min(pause * 2, max(LONGEST_PAUSE, self._intervals.usual))
        return pause


class Catalog:
    """The snapshots of all accounts, kept fresh in the background between start and stop."""

    def __init__(
        self,
        keepers: Mapping[str, Keeper],
        learned: dict[str, int],
        records: Records,
        *,
        intervals: Intervals,
    ) -> None:
        self._keepers = keepers
        self._schedules = {name: Schedule(keeper, intervals) for name, keeper in keepers.items()}
        self._learned = learned
        self._records = records
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
        quick: float | None = None,
        slow: float | None = None,
        removal_share: float = REMOVAL_SHARE,
        now: Callable[[], float] = time.time,
    ) -> "Catalog":
        """All accounts as the disk remembers them. `sources` name each one's service and URL.

        `interval` is the seconds between two refreshes of an account, `quick` those while
        something is downloading, `slow` those while nothing moves and nobody reads.
        Raises `StateError` where the disk cannot be read.
        """
        shelf = Shelf()
        try:
            learned = records.sizes()
            keepers = {
                name: Keeper(store, sources[name], records, learned, shelf=shelf,
                             removal_share=removal_share, now=now)
                for name, store in stores.items()
            }  # fmt: skip
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or type(error).__name__
            raise StateError(f"the catalog cannot be read: {reason}; see server.state") from None
        intervals = Intervals(interval, quick or interval, slow or interval)
        return cls(keepers, learned, records, intervals=intervals)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts' names in configured order."""
        return tuple(self._keepers)

    def snapshot(self, account: str) -> Snapshot | None:
        """What `account` held when last asked; None while nothing is known of it yet.

        Whoever asks for what has grown old lets it be refreshed, but does not wait for that.
        """
        self._schedules[account].read()
        return self._keepers[account].snapshot

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
        try:
            asked = self._records.asked()
        except SQLAlchemyError:
            asked = set()
        self.hurry(asked)

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

    def _keep_fresh(self, schedule: Schedule, measure: Measure) -> None:
        while not self._stopping.is_set():
            pause = schedule.turn(measure, self._stopping.is_set)
            if not self._stopping.is_set():
                schedule.wait(pause)
