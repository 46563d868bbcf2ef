"""One of several processes that share the catalog: refreshes what it has the lease of, follows
the rest, and takes over from those that die.
"""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog import revisions
from davstore.catalog.dialects import reason
from davstore.catalog.edits import Edits
from davstore.catalog.leases import REFRESH, Leases
from davstore.catalog.records import Records
from davstore.catalog.schedule import Schedule
from davstore.errors import StateError

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what the others have written."""
RENEW_EVERY: Final = 2.0
"""Seconds between two renewals of the leases; a third of what they are good for."""
ASK_EVERY: Final = 5.0
"""Seconds between two wishes, of clients of this process, that others refresh an account."""


class Sharing:
    """Looks every second between `start` and `stop`; on another thread, since following much may
    take its time, it renews the leases.
    """

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        records: Records,
        learned: dict[str, int],
        edits: Edits,
        leases: Leases,
    ) -> None:
        self._schedules = schedules
        self._records = records
        self._learned = learned
        self._edits = edits
        self._leases = leases
        self._leased: frozenset[str] = frozenset()
        self._ours: frozenset[str] = frozenset()
        self._seen: dict[str, int] = {}
        self._ask_after: dict[str, float] = {}
        self._complained: set[str] = set()
        self._rests_until: dict[str, float] = {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def holds(self, account: str) -> bool:
        """Whether this process is the one that refreshes `account`."""
        if self._leases.may_have_lapsed or self._rests(account):
            return False
        return account in self._ours and account in self._leased

    def stand_by(self, schedule: Schedule) -> None:
        """Wait until `schedule` is woken; have the others refresh where that was a reader."""
        keeper = schedule.keeper
        if not schedule.wait(60.0) or self._stopping.is_set() or self.holds(keeper.account):
            return
        if keeper.snapshot is not None and not keeper.fails:
            self._try(lambda: self._wish(keeper.account))

    def pass_on(self, account: str, seconds: float) -> None:
        """Another machine may refresh `account`: its service cannot be reached from here, and is
        not tried again for so long, unless somebody wants it to be.

        Processes of one machine reach what the others do.
        """
        if self._leases.spans_machines:
            self._rests_until[account] = self._leases.steady() + seconds
            self._try(lambda: self._leases.give(account, REFRESH))

    def _rests(self, account: str) -> bool:
        return self._leases.steady() < self._rests_until.get(account, -math.inf)

    def _wish(self, account: str) -> None:
        now = self._leases.now()
        if now >= self._ask_after.get(account, 0):
            self._ask_after[account] = now + ASK_EVERY
            self._records.ask([account], now)

    def ask(self) -> None:
        """Have the accounts refreshed that were asked for, or all, whoever refreshes them."""
        self._rests_until.clear()
        self._try(self._ask)

    def renew(self) -> None:
        """Keep our leases, and take those that nobody has."""
        self._try(self._renew)

    def look(self) -> None:
        """Take over, follow: all there is to do now."""
        self._try(self._look)

    def guard(self) -> None:
        """From now on nothing is written of an account whose lease is another's by then."""
        for name, schedule in self._schedules.items():
            schedule.keeper.may_write = partial(self._leases.have, account=name, task=REFRESH)

    def start(self, follow: Callable[[], object]) -> None:
        """Do all that, and call `follow` at each look, until stopped."""

        def look() -> None:
            self.look()
            self._try(follow)

        self.guard()
        self.renew()
        for name, work, pause in (
            ("leases", self.renew, RENEW_EVERY),
            ("sharing", look, LOOK_EVERY),
        ):
            thread = threading.Thread(target=self._run, args=(work, pause), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Look no more, and leave the accounts to the others."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(LOOK_EVERY)
        self._leased = frozenset()
        self._try(self._leases.give_all)

    def _run(self, work: Callable[[], object], pause: float) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except Exception:
                log.exception("what other processes do was not seen")
            self._stopping.wait(pause)

    def _try(self, work: Callable[[], object]) -> None:
        """A disk that fails leaves everything as it is; that is said once."""
        name = getattr(work, "__name__", "")
        try:
            work()
        except (SQLAlchemyError, StateError) as error:
            said = reason(error)
            if not self._complained:
                log.warning("what other processes do cannot be seen: %s", said)
            self._complained.add(name)
            return
        self._complained.discard(name)

    def _renew(self) -> None:
        kept = {account for account, task in self._leases.renew() if task == REFRESH}
        free = {
            name for name in self._schedules
            if name not in kept and not self._rests(name) and self._leases.take(name, REFRESH)
        }  # fmt: skip
        for name in self._leased - kept - free:
            log.info("%s: refreshed by another process from now on", name)
        self._leased = frozenset(kept | free)
        for name in free & self._ours:  # nobody had it meanwhile, and nobody refreshed it
            self._schedules[name].wake()

    def _look(self) -> None:
        latest = self._records.revisions()
        if self._is_new(revisions.SIZES, latest):
            self._learned.update(self._records.sizes(self._seen.get(revisions.SIZES, -1)))
        if self._is_new(revisions.EDITS, latest):
            self._edits.follow()
        for name, schedule in self._schedules.items():
            written = latest.get(revisions.of_account(name), 0)
            if not self.holds(name) and written != schedule.keeper.revision:
                schedule.keeper.follow()
        for name in self._leased - self._ours:
            self._records.asked([name])
            log.info("%s: refreshed by this process from now on", name)
            self._ours |= {name}
            self._schedules[name].wake()
        self._ours &= self._leased
        if self._is_new(revisions.ASKED, latest):
            self._rests_until.clear()
            for name in self._records.asked(self._ours):
                self._schedules[name].wake()
        self._seen = latest

    def _is_new(self, name: str, latest: Mapping[str, int]) -> bool:
        return latest.get(name, 0) != self._seen.get(name, 0)

    def _ask(self) -> None:
        if not self._records.is_asked():
            self._records.ask(self._schedules, self._leases.now())
