"""How many calls an account makes: within its service's limits, and with room left for people."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pyrate_limiter import Limiter, Rate, SQLiteBucket

log = logging.getLogger(__name__)

T = TypeVar("T")

BACKGROUND_SHARE = 0.75
"""How much of an account's pace background work may take, so that people always find room."""
FILE_NAME = "pace.db"


@dataclass(frozen=True, slots=True)
class Together:
    """So many `processes` keep the limits together, by a file in `folder`."""

    folder: Path
    processes: int


class Turns:
    """Gives each call its turn; none at all are kept waiting where there are no `rates`."""

    def __init__(self, account: str, rates: Sequence[Rate], together: Together | None) -> None:
        self._account = account
        background = _shares(rates, BACKGROUND_SHARE)
        self._everything = _Pace(account, list(rates), together) if rates else None
        self._background = _Pace(f"{account} background", background, together) if rates else None

    def take(self, *, urgent: bool) -> None:
        """Wait for a turn; `urgent` where a person waits."""
        if not urgent and self._background is not None:
            self._background.take()
        if self._everything is not None:
            self._everything.take()

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        for pace in (self._everything, self._background):
            if pace is not None:
                pace.close()


class _Pace:
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
