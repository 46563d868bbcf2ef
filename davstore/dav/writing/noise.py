"""What desktops write beside everything they touch. It is kept for who wrote it, and goes nowhere.

Each user has a small store of their own on disk, in which what was used longest ago gives way.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from wsgidav.dav_error import HTTP_INSUFFICIENT_STORAGE, DAVError

from davstore.dav.keeping.keeping import Keep, Keeping
from davstore.dav.reading.download import Download
from davstore.dav.reading.local import of_bytes
from davstore.dav.reading.resources import LeafResource
from davstore.errors import StateError
from davstore.model import File, Leaf
from davstore.wsgi import Environ, StartResponse

log = logging.getLogger(__name__)

FOLDER = "noise"
ROOM = 8 * 1024 * 1024
"""Bytes a user."""
LARGEST = 1024 * 1024
REALM = "/.noise/"
"""What stands before the reference URLs of noise: no share can have this name."""

HINTS = frozenset({".metadata_never_index", ".ql_disablethumbnails"})
"""Where one of these stands at a volume's root, macOS reads no file of it to index it or to draw
pictures of what is in it.
"""


@dataclass(frozen=True, slots=True)
class Note:
    """One file of noise."""

    data: bytes
    modified: float


class Noise:
    """The notes of all users, which `keep` keeps."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._stores: dict[str, Keeping] = {}
        self._lock = threading.Lock()

    def get(self, user: str, path: str) -> Note | None:
        """What this user has written there."""
        found = self._store(user).get(path)
        return None if found is None else Note(*found)

    def put(self, user: str, path: str, data: bytes) -> None:
        """Keep it, while there is room; raises `DAVError` where there is none at all."""
        try:
            self._store(user).set(path, (data, time.time()))
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - any database or file trouble
            log.warning("a note could not be kept: %s", type(error).__name__)
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "There is no room.") from None

    def remove(self, user: str, path: str) -> None:
        """Forget it."""
        self._store(user).delete(path)

    def close(self) -> None:
        """Let go of them."""
        for store in self._stores.values():
            store.close()

    def _store(self, user: str) -> Keeping:
        with self._lock:
            if user not in self._stores:
                name = hashlib.blake2b(user.encode(), digest_size=16).hexdigest()
                self._stores[user] = self._keep(f"{FOLDER}/{name}", ROOM)
            return self._stores[user]


class NoiseResource(LeafResource):
    """A note as WsgiDAV's resource: what its own PUT, DELETE, LOCK and UNLOCK work on."""

    def __init__(self, path: str, environ: Environ, noise: Noise, user: str, note: Note) -> None:
        super().__init__(path, environ, _leaf(path, note))
        self._noise = noise
        self._user = user
        self._data = note.data

    def download(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to GET and HEAD."""
        return Download(of_bytes(self._data), offers=False)(environ, start_response, self.entry)

    def get_ref_url(self) -> str:
        return quote(f"{REALM}{quote(self._user, safe='')}{self.path}")

    def begin_write(self, *, content_type: str | None = None) -> "_Writing":
        return _Writing(self)

    def keep(self, data: bytes) -> None:
        """Write it anew."""
        self._noise.put(self._user, self.path, data)
        self._data, self.entry = data, _leaf(self.path, Note(data, time.time()))

    def set_last_modified(self, dest_path: str, time_stamp: Any, *, dry_run: bool) -> bool:
        return True  # no desktop looks for it

    def delete(self) -> None:
        self._noise.remove(self._user, self.path)
        self.remove_all_locks(recursive=True)


class _Writing:
    def __init__(self, resource: NoiseResource) -> None:
        self._resource = resource
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > LARGEST:
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "That is too much for a note.")

    def close(self) -> None:
        self._resource.keep(bytes(self._data))


def _leaf(path: str, note: Note) -> Leaf:
    name = path.rpartition("/")[2]
    identity = hashlib.blake2b(note.data, digest_size=16).hexdigest()
    return Leaf(name, "", File(name, ""), identity, len(note.data), note.modified)


def noise_path(ref_url: str) -> str | None:
    """The path of a note by its reference URL, None for that of anything else."""
    if not ref_url.startswith(REALM):
        return None
    _user, _, path = ref_url.removeprefix(REALM).partition("/")
    return "/" + unquote(path)
