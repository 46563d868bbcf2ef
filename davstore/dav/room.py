"""How much of a folder's limit is taken."""

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError

PARTIAL = ".davstore-partial"
"""The folder within a share in which things are until they are complete."""
BELIEVED = 10.0
"""Seconds for which a measurement is believed: others may write into the folder too."""
LEAST = 4096
"""Bytes that everything takes at least, so that its number is bounded as well."""


class Room:
    """The bytes below `root`, at most `limit`. What is on its way counts as if it were there."""

    def __init__(self, root: Path, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._limit = limit
        self._now = now
        self._measured = -math.inf
        self._there = 0
        self._coming = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes taken."""
        with self._lock:
            return self._used()

    @property
    def left(self) -> int:
        """Bytes that may still be written, as the limit has it."""
        return max(0, self._limit - self.used)

    def take(self, count: int) -> None:
        """Keep `count` bytes free for what is coming; raises 507 where they are too many."""
        with self._lock:
            if self._used() + count > self._limit:
                raise DAVError(HTTP_INSUFFICIENT_STORAGE, "This share is full.")
            self._coming += count

    def settle(self, count: int, change: int = 0) -> None:
        """Of `count` bytes that were kept free, `change` more are there now than before."""
        with self._lock:
            self._coming -= count
            self._there = max(0, self._there + change)

    def _used(self) -> int:
        now = self._now()
        if now - self._measured >= BELIEVED:
            incomplete = self._root / PARTIAL
            self._there = taken(self._root) - taken(incomplete)
            self._measured = now
        return self._there + self._coming


def taken(path: Path) -> int:
    """What `path` and all below it take; links are not followed."""
    try:
        found = path.lstat()
    except OSError:
        return 0
    total = max(LEAST, found.st_size)
    if path.is_symlink() or not path.is_dir():
        return total
    try:
        with os.scandir(path) as entries:
            return total + sum(taken(Path(entry.path)) for entry in entries)
    except OSError:
        return total
