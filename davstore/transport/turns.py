"""How many calls an account makes: within its service's limits, and with room left for people."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from pyrate_limiter import Limiter, PostgresBucket, Rate, SingleBucketFactory, SQLiteBucket

from davstore.errors import Busy, StateError

log = logging.getLogger(__name__)

T = TypeVar("T")

BACKGROUND_SHARE = 0.75
"""How much of an account's pace background work may take, so that people always find room."""
FILE_NAME = "pace.db"


SWEEP_EVERY: Final = 60.0
"""Seconds between two removals, from a database, of calls that count no more."""
LATER: Final = 5.0
"""Seconds after which a call may be tried again that the database kept from being made."""


class Pool(Protocol):
    """Connections to a PostgreSQL; `StateError` where there are none."""

    closed: bool

    def connection(self) -> AbstractContextManager[Any]:
        """One of psycopg's, in a transaction."""

    def now(self) -> float:
        """The database's time in unix seconds."""


@dataclass(frozen=True, slots=True)
class Together:
    """So many `processes` keep the limits together, by a file in `folder`; or, however many they
    are and wherever, by the database of a `pool`.
    """

    folder: Path
    processes: int
    pool: Pool | None = None


class Turns:
    """Gives each call its turn; none at all are kept waiting where there are no `rates`."""

    def __init__(self, account: str, rates: Sequence[Rate], together: Together | None) -> None:
        self._account = account
        background = _shares(rates, BACKGROUND_SHARE)
        self._everything = _pace(account, account, list(rates), together) if rates else None
        aside = f"{account} background"
        self._background = _pace(account, aside, background, together) if rates else None

    def take(self, *, urgent: bool) -> None:
        """Wait for a turn; `urgent` where a person waits.

        Raises `Busy` where a common database fails: who knows how many others there are.
        """
        if not urgent and self._background is not None:
            self._background.take()
        if self._everything is not None:
            self._everything.take()

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        for pace in (self._everything, self._background):
            if pace is not None:
                pace.close()


def _pace(
    account: str, name: str, rates: list[Rate], together: Together | None
) -> "_Server | _File":
    if together is not None and together.pool is not None:
        return _Server(account, name, rates, together.pool)
    return _File(name, rates, together)


class _Bucket(PostgresBucket):
    """One that does not fall back to another clock: what it then counts would be nobody's."""

    def now(self) -> int:
        """The database's time in milliseconds. Raises `StateError`."""
        return int(self.pool.now() * 1000)


class _Server:
    """One limit, kept in a database; its table is made when it is first needed."""

    def __init__(self, account: str, name: str, rates: list[Rate], pool: Pool) -> None:
        self._account = account
        self._rates = rates
        self._pool = pool
        # Names of accounts are longer, and may have other letters, than those of tables.
        self._table = blake2b(name.encode(), digest_size=12).hexdigest()
        self._bucket: _Bucket | None = None
        self._limiter: Limiter | None = None
        self._swept = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        try:
            self.limiter().try_acquire(self._account[:1])
            self._sweep()
        except StateError as error:
            self._limiter = None  # a database that took another's place may not have the table
            why = f"no calls while the database fails, which counts them ({error})"
            raise Busy(self._account, why, retry_after=LATER) from None

    def limiter(self) -> Limiter:
        """Raises `StateError`."""
        with self._lock:
            if self._limiter is None:
                self._bucket = _Bucket(self._pool, self._table, self._rates)
                # pyrate-limiter's own thread for sweeping ends with the first error.
                self._limiter = Limiter(SingleBucketFactory(self._bucket, schedule_leak=False))
            return self._limiter

    def _sweep(self) -> None:
        now = time.monotonic()
        if self._bucket is not None and now > self._swept + SWEEP_EVERY:
            self._swept = now
            self._bucket.leak(self._bucket.now())

    def close(self) -> None:
        """The connections are not ours."""


class _File:
    """One limit. Where the common file fails, each process keeps to its own part of it."""

    def __init__(self, name: str, rates: list[Rate], together: Together | None) -> None:
        self._name = name
        self._shared = _tried(lambda: _shared(name, rates, together)) if together else None
        processes = together.processes if together else 1
        self._own = Limiter(_shares(rates, 1 / processes))

    def take(self) -> None:
        shared = self._shared
        if shared is None or not _tried(lambda: shared.try_acquire(self._name)):
            self._own.try_acquire(self._name)

    def close(self) -> None:
        for limiter in (self._shared, self._own):
            if limiter is not None:
                limiter.close()


def _shared(name: str, rates: list[Rate], together: Together) -> Limiter:
    path = str(together.folder / FILE_NAME)
    return Limiter(SQLiteBucket.init_from_file(rates, table=name, db_path=path, use_file_lock=True))


def _tried(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except (sqlite3.Error, OSError) as error:
        log.warning("the common pace of calls cannot be kept: %s", type(error).__name__)
        return None


def _shares(rates: Sequence[Rate], share: float) -> list[Rate]:
    """So much of the rates, rounded so that the longer ones still mean something."""
    kept: list[Rate] = []
    for rate in sorted(rates, key=lambda rate: rate.interval):
        limit = max(1, int(rate.limit * share))
        while kept and kept[-1].limit >= limit:
            kept.pop()
        if kept:
            limit = min(limit, kept[-1].limit * rate.interval // kept[-1].interval)
        kept.append(Rate(limit, rate.interval))
    return kept
