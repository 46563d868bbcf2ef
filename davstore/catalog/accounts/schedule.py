"""When one account is looked at next, and what its failures have to say."""

import logging
import threading
from collections.abc import Callable

from davstore.catalog.accounts.keeper import Keeper, Measure
from davstore.catalog.accounts.pace import Intervals
from davstore.errors import AccountProblem, NotAuthorized, StoreError, StoreUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 900.0
"""Seconds before a failed refresh is tried again; doubling."""
OWNERS_PAUSE = 600.0
"""Seconds before asking again where the owner must act first."""


class Schedule:
    """The time-table of one account. `is_cut_off` while its service cannot be reached."""

    def __init__(self, keeper: Keeper, intervals: Intervals) -> None:
        self.keeper = keeper
        self._intervals = intervals
        self._woken = threading.Event()
        self._pause = FIRST_PAUSE
        self._said = ""
        self._looking = False
        self.is_cut_off = False

    @property
    def account(self) -> str:
        """Whose schedule it is."""
        return self.keeper.account

    def keep_to(self, intervals: Intervals) -> None:
        """From the next look on."""
        self._intervals = intervals

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def read(self) -> None:
        """Somebody reads: what is older than usual is looked at, unless it fails anyway."""
        if self._looking or self._said:
            return
        if self.keeper.age > self._intervals.usual:
            self._woken.set()

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until woken; whether it was that."""
        woken = self._woken.wait(seconds)
        self._woken.clear()
        return woken

    def turn(self, measure: Measure, stopping: Callable[[], bool]) -> float:
        """One look, and a portion of the files; how long to wait then."""
        self._looking, self.is_cut_off = True, False
        self._woken.clear()  # whoever wanted a look gets it now
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
            self.is_cut_off = type(error) is StoreUnavailable
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
        return self._intervals.next(unfinished=keeper.holding.unfinished, still=keeper.still)

    def _after(self, error: StoreError) -> float:
        if isinstance(error, NotAuthorized | AccountProblem):
            return OWNERS_PAUSE
        return max(self._doubled(), error.retry_after or 0.0)

    def _doubled(self) -> float:
        pause = self._pause
        self._pause = min(pause * 2, max(LONGEST_PAUSE, self._intervals.usual))
        return pause
