"""diskcache's cache with a few connections for all threads.

Its own has a connection for each thread that ever came, open for good, each with two descriptors, a
page cache and a part of the file mapped into memory: of 32 threads and half a dozen caches that
are hundreds of descriptors and tens of megabytes, which come in the course of hours.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import diskcache

Timeout = diskcache.Timeout

CONNECTIONS: Final = 4
"""So many threads at once; others wait for their turn, which takes a millisecond."""
_OF_CONNECTIONS: Final = ("cache_size", "mmap_size", "synchronous")
"""SQLite's settings that a file does not keep."""
_LIGHT: Final = {"sqlite_mmap_size": 0, "sqlite_cache_size": 256}
"""Pages of 4 KiB; small things are kept, large ones stand in files beside."""


class Pooled(diskcache.Cache):
    """The same for keys and values: `get`, `set`, `delete`, `transact`, and looking through it."""

    def __init__(self, folder: Path, timeout: float = 60.0, **settings: Any) -> None:
        self._slots: threading.Semaphore | None = None  # while diskcache makes its tables
        self._idle: deque[sqlite3.Connection] = deque()
        self._is_closed = False
        super().__init__(str(folder), timeout=timeout, **{**_LIGHT, **settings})
        super().close()
        self._slots = threading.Semaphore(CONNECTIONS)

    def get(self, key: Any, default: Any = None) -> Any:
        """What was set last."""
        with self._connected():
            return super().get(key, default)

    def set(self, key: Any, value: Any, expire: float | None = None) -> bool:
        """Keep it, for so many seconds where that is said. Raises `Timeout`."""
        with self._connected():
            return bool(super().set(key, value, expire))

    def delete(self, key: Any) -> bool:
        """Whether it was there. Raises `Timeout`."""
        with self._connected():
            return bool(super().delete(key))

    def items(self) -> list[tuple[Any, Any]]:
        """All of them."""
        missing = object()
        with self._connected():
            found = [(key, self.get(key, missing)) for key in self]
        return [(key, value) for key, value in found if value is not missing]

    @contextmanager
    def transact(self, *, retry: bool = False) -> Iterator[None]:
        """All that this thread does within is done at once, and by nobody else meanwhile."""
        with self._connected(), super().transact(retry=retry):
            yield

    def close(self) -> None:
        """Let go of it; what is under way ends as ever."""
        if self._slots is None:
            super().close()
            return
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def __iter__(self) -> Iterator[Any]:
        with self._connected():
            return iter(list(super().__iter__()))

    def __len__(self) -> int:
        with self._connected():
            return int(super().__len__())

    def __contains__(self, key: Any) -> bool:
        with self._connected():
            return bool(super().__contains__(key))

    @property
    def _con(self) -> sqlite3.Connection:
        """That of this thread; diskcache asks for it with every statement."""
        connection: sqlite3.Connection = super()._con if self._slots is None else self._local.con
        return connection

    @contextmanager
    def _connected(self) -> Iterator[None]:
        if getattr(self._local, "con", None) is not None:
            yield
            return
        assert self._slots is not None
        with self._slots:
            self._local.con = self._next()
            try:
                yield
            finally:
                self._put_back(self._local.con)
                del self._local.con

    def _next(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        connection = sqlite3.connect(
            Path(self.directory) / diskcache.core.DBNAME, timeout=self.timeout,
            isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        try:
            known = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
            for name in _OF_CONNECTIONS:
                connection.execute(f"PRAGMA {name} = {known[f'sqlite_{name}']}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction or self._is_closed:  # it failed at its end
            connection.close()
        else:
            self._idle.append(connection)
