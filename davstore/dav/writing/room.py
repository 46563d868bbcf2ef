"""How much of a folder's limit is taken."""

import logging
import math
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError

from davstore.pooled import Pooled

log = logging.getLogger(__name__)

PARTIAL = ".davstore-partial"
"""The folder within a share in which things are until they are complete."""
BELIEVED = 10.0
"""Seconds for which a measurement is believed: others may write into the folder too."""
FORGOTTEN = 3600.0
"""Seconds for which what was on its way counts after the process that took it last spoke of any:
one that was killed will never bring it.
"""
LEAST = 4096
"""Bytes that everything takes at least, so that its number is bounded as well."""


@dataclass(frozen=True, slots=True)
class _Account:
    """What was there when it was `measured`, with what has changed since; and what is on its way
    to it: bytes, and when that was last said, by process.

    On disk these are plain values: another release may have no class of this name.
    """

    there: int = 0
    measured: float = -math.inf
    coming: Mapping[str, tuple[int, float]] = field(default_factory=dict)


class Room:
    """The bytes below `root`, at most `limit`, for all processes that keep account in the same
    folder `together`. What is on its way counts as if it were there.

    Every method may raise 507.
    """

    def __init__(
        self,
        root: Path,
        limit: int,
        together: Pooled,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._limit = limit
        self._together = together
        self._now = now
        self._key = ("taken", str(root))
        self._me = uuid.uuid4().hex

    @property
    def used(self) -> int:
        """Bytes taken."""
        with self._alone():
            return self._used(self._account())

    @property
    def left(self) -> int:
        """Bytes that may still be written, as the limit has it."""
        return max(0, self._limit - self.used)

    def take(self, count: int) -> None:
        """Keep `count` bytes free for what is coming."""
        with self._alone():
            account = self._account()
            if self._used(account) + count > self._limit:
                raise DAVError(HTTP_INSUFFICIENT_STORAGE, "This share is full.")
            self._write(account, count)

    def settle(self, count: int, change: int = 0) -> None:
        """Of `count` bytes that were kept free, `change` more are there now than before."""
        with self._alone():
            account = self._account()
            there = max(0, account.there + change)
            self._write(replace(account, there=there), -count)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._together.transact(retry=True):
                yield
        except (sqlite3.Error, OSError) as error:
            log.warning("a share's account cannot be kept: %s", type(error).__name__)
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "The state folder has no room.") from None

    def _account(self) -> _Account:
        account = _Account(*self._together.get(self._key, ()))
        now = self._now()
        if not 0 <= now - account.measured < BELIEVED:
            there = taken(self._root) - taken(self._root / PARTIAL)
            account = replace(account, there=there, measured=now)
            self._keep(account)
        return account

    def _used(self, account: _Account) -> int:
        now = self._now()
        coming = (count for count, said in account.coming.values() if 0 <= now - said < FORGOTTEN)
        return account.there + sum(coming)

    def _write(self, account: _Account, more: int) -> None:
        """Write it, with so much more on its way from this process."""
        now, coming = self._now(), dict(account.coming)
        mine = coming.pop(self._me, (0, now))[0] + more
        if mine > 0:
            coming[self._me] = mine, now
        left = {key: (n, said) for key, (n, said) in coming.items() if 0 <= now - said < FORGOTTEN}
        self._keep(replace(account, coming=left))

    def _keep(self, account: _Account) -> None:
        plain = (account.there, account.measured, dict(account.coming))
        self._together.set(self._key, plain)


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
