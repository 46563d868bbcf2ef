"""How much of a folder's limit is taken."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError

BELIEVED = 10.0
"""Seconds for which a measurement is believed: others may write into the folder too."""
LEAST = 4096
"""Bytes that everything takes at least, so that its number is bounded as well."""


class Room:
    """The bytes below `root`, at most `limit`."""

    def __init__(self, root: Path, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._limit = limit
        self._now = now
        self._measured = -BELIEVED
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes taken."""
        with self._lock:
            now = self._now()
            if now - self._measured >= BELIEVED:
                self._used = taken(self._root)
                self._measured = now
            return self._used

    @property
    def left(self) -> int:
        """Bytes that may still be written, as the limit has it."""
        return max(0, self._limit - self.used)

    def take(self, count: int) -> None:
        """Count `count` bytes more; raises 507 where they are too many."""
        if self.used + count > self._limit:
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "This share is full.")
        with self._lock:
            self._used += count

    def give(self, count: int) -> None:
        """Count `count` bytes less."""
        with self._lock:
            self._used = max(0, self._used - count)


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
