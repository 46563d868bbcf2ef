"""Locks and dead properties, for WsgiDAV's managers. For many threads and processes.

Both are small mappings that outlive us; each step on them is a transaction.
"""

import contextlib
import threading
from typing import Any, TypeAlias

from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError
from wsgidav.lock_man.lock_manager import LockManager, normalize_lock_root
from wsgidav.lock_man.lock_storage import LockStorageDict

from davstore.dav.keeping.keeping import Index, Keeping

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

    def __init__(self, kept: Keeping) -> None:
        self._kept = kept
        self._lock = threading.RLock()
        self._inside: list[contextlib.ExitStack] = []

    def acquire_read(self) -> None:
        """Wait until nobody else is inside."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock)
            stack.enter_context(self._kept.transact(retry=True))
            self._inside.append(stack.pop_all())

    acquire_write = acquire_read

    def release(self) -> None:
        """Leave."""
        self._inside.pop().close()


class _Storage(LockStorageDict):
    def __init__(self, kept: Keeping) -> None:
        super().__init__()
        self._kept = kept

    def open(self) -> None:
        self._dict = Index(self._kept)
        self._lock = _Alone(self._kept)
        for token in [key for key in list(self._dict) if not key.startswith("URL2TOKEN:")]:
            self.get(token)  # which removes it if its time is over

    def close(self) -> None:
        self._kept.close()

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
    """WsgiDAV's lock manager over what is `kept`."""

    def __init__(self, kept: Keeping) -> None:
        super().__init__(_Storage(kept))
        # One lock for both: what was found free stays so until it is taken, and nobody waits
        # for one of two while holding the other.
        self._lock = self.storage._lock  # noqa: SLF001 - WsgiDAV gives no other way to it

    def close(self) -> None:
        """Let go of it."""
        self.storage.close()


class DeadProperties:
    """What clients have written about resources, by reference URL; WsgiDAV's property manager
    over what is `kept`.
    """

    def __init__(self, kept: Keeping) -> None:
        self._kept = kept
        self._all = Index(kept)

    def close(self) -> None:
        """Let go of it."""
        self._kept.close()

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
        with self._kept.transact(retry=True):
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
        with self._kept.transact(retry=True):
            found = self._of(url)
            if not dry_run and found.pop(name, None) is not None:
                self._all[_key(url)] = found

    def remove_properties(self, url: str, environ: Any = None) -> None:
        """Forget those of a resource and of all below it."""
        with self._kept.transact(retry=True):
            for key in self._below(url):
                self._all.pop(key, None)

    def copy_properties(self, source: str, target: str, environ: Any = None) -> None:
        """Give the target's tree what the source's has, and nothing else."""
        with self._kept.transact(retry=True):
            self.remove_properties(target)
            for key in self._below(source):
                self._all[_key(target) + key[len(_key(source)) :]] = self._all[key]

    def move_properties(self, source: str, target: str, **_: Any) -> None:
        """The same, and the source's are forgotten."""
        with self._kept.transact(retry=True):
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
