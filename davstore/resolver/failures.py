"""What could not be served, and for how long to leave it alone.

A file that fails is tried again, ever more seldom, for about a minute, in which clients are told
to come again; after that it counts as dead for a while and is refused at once. Where several
files of one magnet fail, the others are not even tried, but for one now and then.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from cachetools import LRUCache

from davstore import errors
from davstore.errors import DavstoreError, StoreError, StoreUnavailable, StreamBroken, anew
from davstore.model import Leaf

K = TypeVar("K")

PATIENCE = 60.0
"""Seconds for which clients are told to come again, from a file's first failure on."""
FIRST_PAUSE, GROWTH = 2.0, 3.0
DEAD_FOR, LONGEST_DEAD = 600.0, 3600.0
FEW = 3
"""So many files of a magnet fail: the others probably do."""
TRIAL = 60.0
"""Seconds between two tries in such a magnet."""
CAPACITY = 10_000

# Of the account as a whole; seconds where the service does not say how long.
_ACCOUNT: dict[type[DavstoreError], float] = {
    errors.NotAuthorized: 60.0,
    errors.AccountProblem: 60.0,
    errors.QuotaExhausted: 300.0,
    errors.RateLimited: 10.0,
}
# Not worth a second try soon; seconds at first, doubling.
_FINAL: dict[type[DavstoreError], float] = {errors.Gone: 60.0, errors.Refused: LONGEST_DEAD}


@dataclass(slots=True)
class _Failing:
    since: float
    error: DavstoreError
    until: float = 0.0
    tries: int = 0
    dead_for: float = 0.0


@dataclass(slots=True)
class _Pack:
    files: set[str] = field(default_factory=set)
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is held against something: since when, until when (unix seconds), and why."""

    since: float
    until: float
    reason: str


class Failures:
    """Remembered for all readers; `now` is unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._accounts: dict[str, _Failing] = {}
        self._files: LRUCache[tuple[str, str], _Failing] = LRUCache(CAPACITY)
        self._packs: LRUCache[tuple[str, str], _Pack] = LRUCache(CAPACITY)

    def check(self, leaf: Leaf) -> None:
        """Raises what was remembered, while `leaf` is to be left alone."""
        now = self._now()
        with self._lock:
            for failing in (self._accounts.get(leaf.account), self._files.get(_file(leaf))):
                if failing is not None and now < failing.until:
                    raise _again(failing, leaf, now)
            if _file(leaf) not in self._files:
                self._check_pack(leaf, now)

    def _check_pack(self, leaf: Leaf, now: float) -> None:
        pack = self._packs.get(_pack(leaf))
        if pack is None or len(pack.files) < FEW:
            return
        if now < pack.until:
            reason = f"{len(pack.files)} other files of its magnet cannot be read either"
            raise StoreUnavailable(leaf.account, reason, retry_after=pack.until - now)
        pack.until = now + TRIAL

    def accounts(self) -> dict[str, Trouble]:
        """The accounts that are to be left alone as a whole, and why."""
        with self._lock:
            return _troubles(self._accounts, self._now())

    def files(self) -> dict[tuple[str, str], Trouble]:
        """The same for files, by account and identity."""
        with self._lock:
            return _troubles(self._files, self._now())

    def failed(self, leaf: Leaf, error: DavstoreError) -> DavstoreError:
        """Remember that `leaf` could not be served, and what clients are to be told of it."""
        now = self._now()
        if isinstance(error, errors.Busy):
            return error
        with self._lock:
            for kind, pause in _ACCOUNT.items():
                if isinstance(error, kind) and isinstance(error, StoreError):
                    until = now + (error.retry_after or pause)
                    self._accounts[leaf.account] = _Failing(now, anew(error), until)
                    return error
            failing = self._files.setdefault(_file(leaf), _Failing(now, anew(error)))
            failing.error = anew(error)
            failing.until = now + self._pause(failing, error, now)
            pack = self._packs.setdefault(_pack(leaf), _Pack())
            pack.files.add(leaf.identity)
            pack.until = now + TRIAL
            return _again(failing, leaf, now)

    def _pause(self, failing: _Failing, error: DavstoreError, now: float) -> float:
        for kind, pause in _FINAL.items():
            if isinstance(error, kind):
                return _longer(failing, pause)
        left = failing.since + PATIENCE - now
        failing.tries += 1
        if left > 0:
            asked = getattr(error, "retry_after", None) or 0.0
            return min(left, max(asked, FIRST_PAUSE * GROWTH ** (failing.tries - 1)))
        if not isinstance(error, StreamBroken):
            failing.error = StreamBroken(f"{leaf_reason(error)}; given up for some minutes")
        return _longer(failing, DEAD_FOR)

    def served(self, leaf: Leaf) -> None:
        """`leaf` has delivered: forget what was held against it, its magnet and its account."""
        if not (self._files or self._accounts):
            return
        with self._lock:
            self._accounts.pop(leaf.account, None)
            self._files.pop(_file(leaf), None)
            self._packs.pop(_pack(leaf), None)


def _troubles(failing: Mapping[K, _Failing], now: float) -> dict[K, Trouble]:
    return {
        key: Trouble(each.since, each.until, leaf_reason(each.error))
        for key, each in failing.items() if now < each.until
    }  # fmt: skip


def _longer(failing: _Failing, first: float) -> float:
    """Twice as long as the last time."""
    failing.dead_for = min(max(first, failing.dead_for * 2), LONGEST_DEAD)
    return failing.dead_for


def leaf_reason(error: DavstoreError) -> str:
    """What went wrong, without the account."""
    return error.reason if isinstance(error, StoreError) else str(error)


def _again(failing: _Failing, leaf: Leaf, now: float) -> DavstoreError:
    """The error anew: an exception that is raised twice grows."""
    error, wait = failing.error, failing.until - now
    if isinstance(error, StoreError):
        return type(error)(leaf.account, error.reason, retry_after=wait)
    if failing.since + PATIENCE > now:
        return StoreUnavailable(leaf.account, str(error), retry_after=wait)
    return type(error)(str(error))


def _file(leaf: Leaf) -> tuple[str, str]:
    return leaf.account, leaf.identity


def _pack(leaf: Leaf) -> tuple[str, str]:
    return leaf.account, leaf.magnet
