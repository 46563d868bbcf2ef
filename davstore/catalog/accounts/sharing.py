"""One of several processes that share the catalog: refreshes what it has the lease of, follows
the rest, and takes over from those that die.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.accounts.records import Records
from davstore.catalog.accounts.schedule import Schedule
from davstore.catalog.changes.edits import Edits
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import reason
from davstore.catalog.database.leases import REFRESH, Held, Leases
from davstore.catalog.database.members import TASK, Member, disagreements, in_order, member
from davstore.errors import StateError

if TYPE_CHECKING:
    from davstore.catalog.database.listening import Listener

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what the others have written."""
SAFETY_EVERY: Final = 10.0
"""The same where they tell of it."""
GATHERED: Final = 0.05
"""Seconds for which what they tell is gathered, and looked at once."""
RENEW_EVERY: Final = 2.0
"""Seconds between two renewals of the leases; a third of what they are good for."""
ASK_EVERY: Final = 5.0
"""Seconds between two wishes, of clients of this process, that others refresh an account."""

_EVERYTHING: Final = ""
_UNSEEN: Final = Held(theirs=frozenset({("", "")}))
"""While nobody knows who holds what: some of that may be free the next time."""

Follow = Callable[[Collection[str]], object]


class Sharing:
    """Looks between `start` and `stop`: when others tell of something, and every second where they
    cannot. On another thread, since following much may take its time, it renews the leases.
    """

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        records: Records,
        learned: dict[str, int],
        edits: Edits,
        leases: Leases,
    ) -> None:
        self._own: Member | None = None
        self._apart: list[str] = []
        self._foreign: set[str] = set()
        self._schedules = schedules
        self._records = records
        self._learned = learned
        self._edits = edits
        self._leases = leases
        self._leased: frozenset[str] = frozenset()
        self._ours: frozenset[str] = frozenset()
        self._held = Held()
        self._seen: dict[str, int] = {}
        self._told: set[str] = set()
        self._unfollowed: Collection[str] = ()
        self._follow: Follow = _nobody
        self._lock = threading.Lock()
        self._ask_after: dict[str, float] = {}
        self._complained: set[str] = set()
        self._rests_until: dict[str, float] = {}
        self._woken = threading.Event()
        self._freed = threading.Event()
        self._stopping = threading.Event()
        self._listener: Listener | None = None
        self._threads: list[threading.Thread] = []

    def holds(self, account: str) -> bool:
        """Whether this process is the one that refreshes `account`."""
        if self._leases.may_have_lapsed or self._rests(account):
            return False
        return account in self._ours and account in self._leased

    @property
    def hears(self) -> bool:
        """Whether this process is told what others change, at this time."""
        return self._listener is not None and self._listener.hears

    @property
    def members(self) -> list[Member]:
        """All davstores that are known to share the database now; none where it is a file."""
        found = (member(task) for account, task in self._held.ours | self._held.theirs
                 if not account)  # fmt: skip
        return in_order(each for each in found if each is not None)

    @property
    def apart(self) -> list[str]:
        """What they do not agree in, each with its cure."""
        if self._own is None:
            return []
        return list(disagreements(self._own, self.members, self._leases.ahead))

    def stand_by(self, schedule: Schedule) -> None:
        """Wait until `schedule` is woken; have the others refresh where that was a reader."""
        keeper = schedule.keeper
        if not schedule.wait(60.0) or self._stopping.is_set() or self.holds(keeper.account):
            return
        if keeper.snapshot is not None and not keeper.fails:
            self._try(self._wish, keeper.account)

    def pass_on(self, account: str, seconds: float) -> None:
        """Another machine may refresh `account`: its service cannot be reached from here, and is
        not tried again for so long, unless somebody wants it to be.

        Processes of one machine reach what the others do.
        """
        if self._leases.spans_machines:
            self._rests_until[account] = self._leases.steady() + seconds
            self._try(self._leases.give, account, REFRESH)

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

    def start(self, follow: Follow, own: Member | None = None) -> None:
        """Do all that until stopped; `follow` is called with the names of what has changed. Others
        know this process as `own`.
        """
        self._follow, self._own = follow, own
        self.guard()
        self.renew()
        self._listener = self._records.listener(self._tell)
        for name, work in (("leases", self._keep_renewing), ("sharing", self._keep_looking)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        if self._listener is not None:
            self._listener.start()

    def stop(self) -> None:
        """Look no more, and leave the accounts to the others."""
        self._stopping.set()
        self._freed.set()
        self._woken.set()
        if self._listener is not None:
            self._listener.stop()
        for thread in self._threads:
            thread.join(LOOK_EVERY)
        self._leased = frozenset()
        self._try(self._leases.give_all)

    def _keep_renewing(self) -> None:
        while not self._stopping.is_set():
            self._freed.wait(RENEW_EVERY)
            self._freed.clear()
            if not self._stopping.is_set() and not self._try(self._renew):
                self._held = _UNSEEN

    def _keep_looking(self) -> None:
        names: Collection[str] | None = None
        looked = 0.0
        while not self._stopping.is_set():
            if names is None:
                looked = time.monotonic()
            if self._try(self._look, names):
                names = self._awaited(looked)
            else:
                names = None
                self._stopping.wait(LOOK_EVERY)

    def _awaited(self, looked: float) -> Collection[str] | None:
        """What is told next; None where all is due, which was `looked` at then."""
        until = looked + (SAFETY_EVERY if self.hears else LOOK_EVERY)
        if self._woken.wait(max(0.0, until - time.monotonic())):
            self._stopping.wait(GATHERED)
        self._woken.clear()
        with self._lock:
            told, self._told = self._told, set()
        return None if _EVERYTHING in told or time.monotonic() >= until else told

    def _tell(self, names: Collection[str]) -> None:
        """These have changed; where there are none, anything may have."""
        if revisions.LEASES in names:
            self._freed.set()
            return
        with self._lock:
            self._told.update(names or (_EVERYTHING,))
        self._woken.set()

    def _try(self, work: Callable[..., object], *of: object) -> bool:
        """Whether it is done. A disk that fails leaves everything as it is; that is said once."""
        name = getattr(work, "__name__", "")
        try:
            work(*of)
        except (SQLAlchemyError, StateError) as error:
            said = reason(error)
            if not self._complained:
                log.warning("what other processes do cannot be seen: %s", said)
            self._complained.add(name)
            return False
        except Exception:
            log.exception("what other processes do was not seen")
            return False
        self._complained.discard(name)
        return True

    def _renew(self) -> None:
        before, self._held = self._held, self._leases.renew()
        self._introduce()
        kept = {account for account, task in self._held.ours if task == REFRESH}
        free = {
            name for name in self._schedules
            if name not in kept and not self._rests(name) and self._leases.take(name, REFRESH)
        }  # fmt: skip
        for name in self._leased - kept - free:
            log.info("%s: refreshed by another process from now on", name)
        if self._leased != kept | free:
            self._leased = frozenset(kept | free)
            self._tell(())
        for name in free & self._ours:  # nobody had it meanwhile, and nobody refreshed it
            self._schedules[name].wake()
        if before.theirs - self._held.theirs:
            self._follow((revisions.LEASES,))

    def _follow_account(self, schedule: Schedule, written: int, latest: Mapping[str, int]) -> None:
        """One that is configured otherwise than where it is refreshed stays as it is."""
        name = schedule.account
        try:
            schedule.keeper.follow((written, latest.get(revisions.of_magnets(name), written)))
        except StateError as error:
            if name not in self._foreign:
                log.error("%s", error)  # noqa: TRY400 - no fault of ours
            self._foreign.add(name)
        else:
            self._foreign.discard(name)

    def _introduce(self) -> None:
        """Say who we are, and once what others have otherwise."""
        if self._own is not None and ("", self._own.task) not in self._held.ours:
            self._leases.sweep(TASK)
            self._leases.take("", self._own.task)
        apart = self.apart
        for each in apart:
            if each not in self._apart:
                log.warning("%s", each)
        self._apart = apart

    def _look(self, names: Collection[str] | None = None) -> None:
        """At what these are the names of, or at everything."""
        if names is not None:
            accounts = (n for n in self._schedules if revisions.of_account(n) in names)
            names = {*names, *map(revisions.of_magnets, accounts)}
        latest = self._records.revisions(names)
        self._begin_anew_after(latest)
        changed = {name for name, value in latest.items() if value != self._seen.get(name)}
        if revisions.SIZES in changed:
            self._learned.update(self._records.sizes(self._seen.get(revisions.SIZES, -1)))
        if revisions.EDITS in changed:
            self._edits.follow()
        for name, schedule in self._schedules.items():
            written = latest.get(revisions.of_account(name), schedule.keeper.revision)
            if not self.holds(name) and written != schedule.keeper.revision:
                self._follow_account(schedule, written, latest)
        if names is None:
            self._take_over()
        if revisions.ASKED in changed:
            self._rests_until.clear()
            for name in self._records.asked(self._ours):
                self._schedules[name].wake()
        self._seen.update(latest)
        self._unfollowed = changed.union(self._unfollowed)
        if self._unfollowed:
            self._follow(self._unfollowed)
        self._unfollowed = ()

    def _begin_anew_after(self, latest: Mapping[str, int]) -> None:
        """Read all again where the database has another past: the one before may not have told it
        everything. What we refresh ourselves is found outdated when it is written next.
        """
        found = latest.get(revisions.PAST)
        if not found:
            return
        known = self._seen.setdefault(revisions.PAST, found)
        if found == known:
            return
        log.info("another database has taken the place of the one before; reading all anew")
        self._edits.follow(anew=True)
        for schedule in self._schedules.values():
            schedule.keeper.revision = -1
            schedule.wake()
        self._seen = {revisions.PAST: known}

    def _take_over(self) -> None:
        """What is leased is ours once all that others have written of it is known."""
        new = self._leased - self._ours
        if new:
            self._records.asked(new)
        for name in new:
            log.info("%s: refreshed by this process from now on", name)
            self._schedules[name].wake()
        self._ours = self._leased & (self._ours | new)

    def _ask(self) -> None:
        if not self._records.is_asked():
            self._records.ask(self._schedules, self._leases.now())


def _nobody(_changed: Collection[str]) -> None:
    """Nobody else follows."""
