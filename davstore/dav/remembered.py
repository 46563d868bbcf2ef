"""Locks and dead properties on disk, for WsgiDAV's managers. For many threads and processes.

Both are small mappings in a folder of the state folder; each step on them is a transaction.
"""

import contextlib
import threading
from pathlib import Path
from typing import Any, TypeAlias

import diskcache
from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError
from wsgidav.lock_man.lock_manager import LockManager, normalize_lock_root
from wsgidav.lock_man.lock_storage import LockStorageDict

LONGEST_LOCK = 3600
"""Seconds; a client that is still there asks again in time, and one that is not frees the file."""
MOST_LOCKS = 10_000
MOST_PROPERTIES = 100_000
"""Resources with dead properties."""
LARGEST_PROPERTIES = 64 * 1024
"""Bytes of one resource's dead properties."""

Properties: TypeAlias = dict[str, bytes]


class _Alone:
    """A WsgiDAV read-write lock that lets one at a time in, of all processes."""

    def __init__(self, cache: diskcache.Cache) -> None:
        self._cache = cache
        self._lock = threading.RLock()
        self._inside: list[contextlib.ExitStack] = []

    def acquire_read(self) -> None:
        """Wait until nobody else is inside."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock)
            stack.enter_context(self._cache.transact(retry=True))
            self._inside.append(stack.pop_all())

    acquire_write = acquire_read

    def release(self) -> None:
        """Leave."""
        self._inside.pop().close()


class _Index(diskcache.Index):
    """A mapping on disk; what is removed while it is looked through does no harm."""

    def items(self) -> list[tuple[Any, Any]]:
        return [(key, value) for key in list(self) if (value := self.get(key)) is not None]


class _Storage(LockStorageDict):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def open(self) -> None:
        self._dict = _Index(str(self._folder))
        self._lock = _Alone(self._dict.cache)
        for token in [key for key in list(self._dict) if not key.startswith("URL2TOKEN:")]:
            self.get(token)  # which removes it if its time is over

    def close(self) -> None:
        self._dict.cache.close()

    def create(self, path: str, lock: dict[str, Any]) -> Any:
        if len(self._dict) > 2 * MOST_LOCKS:
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "There are too many locks.")
        lock["timeout"] = _bounded(lock["timeout"])
        return super().create(path, lock)

    def refresh(self, token: str, *, timeout: float) -> Any:
        return super().refresh(token, timeout=_bounded(timeout))


def _bounded(timeout: float | None) -> float:
    return LONGEST_LOCK if timeout is None or timeout < 0 else min(timeout, LONGEST_LOCK)


class Locks(LockManager):
    """WsgiDAV's lock manager over a `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_Storage(folder))
        # One lock for both: what was found free stays so until it is taken, and nobody waits
        # for one of two while holding the other.
        self._lock = self.storage._lock  # noqa: SLF001 - WsgiDAV gives no other way to it

    def close(self) -> None:
        """Let go of the folder."""
        self.storage.close()


class DeadProperties:
    """What clients have written about resources, by reference URL; WsgiDAV's property manager
    over a `folder`.
    """

    def __init__(self, folder: Path) -> None:
        self._all = _Index(str(folder))

    def close(self) -> None:
        """Let go of the folder."""
        self._all.cache.close()

    def get_properties(self, url: str, environ: Any = None) -> list[str]:
        """The names, in Clark notation."""
        return list(self._of(url))

    def get_property(self, url: str, name: str, environ: Any = None) -> bytes | None:
        """The property's XML."""
        return self._of(url).get(name)

    def write_property(
        self, url: str, name: str, value: bytes, dry_run: Any = None, environ: Any = None
    ) -> None:
        """Keep a property's XML; raises `DAVError` where there is no room."""
        with self._all.transact():
            known = self._of(url)
            found = {**known, name: value}
            size = sum(len(each) + len(xml) for each, xml in found.items())
            if size > LARGEST_PROPERTIES or (not known and len(self._all) >= MOST_PROPERTIES):
                raise DAVError(HTTP_INSUFFICIENT_STORAGE, "There is no room for more properties.")
            if not dry_run:
                self._all[_key(url)] = found

    def remove_property(
        self, url: str, name: str, dry_run: Any = None, environ: Any = None
    ) -> None:
        """Forget one; that there is none is no error."""
        with self._all.transact():
            found = self._of(url)
            if not dry_run and found.pop(name, None) is not None:
                self._all[_key(url)] = found

    def remove_properties(self, url: str, environ: Any = None) -> None:
        """Forget those of a resource and of all below it."""
        with self._all.transact():
            for key in self._below(url):
                self._all.pop(key, None)

    def copy_properties(self, source: str, target: str, environ: Any = None) -> None:
        """Give the target's tree what the source's has, and nothing else."""
        with self._all.transact():
            self.remove_properties(target)
            for key in self._below(source):
                self._all[_key(target) + key[len(_key(source)) :]] = self._all[key]

    def move_properties(self, source: str, target: str, **_: Any) -> None:
        """The same, and the source's are forgotten."""
        with self._all.transact():
            self.copy_properties(source, target)
            self.remove_properties(source)

    def _of(self, url: str) -> Properties:
        return dict(self._all.get(_key(url)) or {})

    def _below(self, url: str) -> list[str]:
        """The keys of a resource, and of all below it: a folder's URL ends with a slash."""
        own = _key(url)
        if not url.endswith("/"):
            return [own] if own in self._all else []
        return [key for key in list(self._all) if key == own or key.startswith(f"{own}/")]


def _key(url: str) -> str:
    return str(normalize_lock_root(url))
