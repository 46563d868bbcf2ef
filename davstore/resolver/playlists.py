"""Playlists of transcoded streams: made when somebody reads one, and good for a while."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cachetools import TLRUCache

from davstore.errors import StoreUnavailable
from davstore.model import Leaf
from davstore.stores.base import Store
from davstore.stores.desk import Transcoding
from davstore.views import PLAYLIST_SIZE

LIFE = 600.0
CAPACITY = 1000
LOCKS = 16


@dataclass
class Text:
    """Bytes that are at hand, as a stream of them; `total` is the size of the whole."""

    data: bytes
    total: int | None

    def __iter__(self) -> Iterator[bytes]:
        yield self.data

    def close(self) -> None:
        """Nothing is held."""


class Playlists:
    """An HLS playlist (RFC 8216) of each video, which leads to where its service transcodes it.

    Asked of the service once in ten minutes at most, however many read it.
    """

    def __init__(
        self, stores: Mapping[str, Store], *, now: Callable[[], float] = time.time
    ) -> None:
        self._stores = stores
        self._made: TLRUCache[tuple[str, str], bytes] = TLRUCache(
            CAPACITY, ttu=lambda _key, _value, moment: moment + LIFE, timer=now
        )
        self._lock = threading.Lock()
        self._asking = tuple(threading.Lock() for _ in range(LOCKS))

    def open(self, leaf: Leaf, start: int, end: int | None) -> Text:
        """Bytes `start` to `end` (inclusive) of the playlist. Raises `StoreError`."""
        key = (leaf.account, leaf.file.ref)
        with self._asking[hash(key) % LOCKS]:
            with self._lock:
                found = self._made.get(key)
            if found is None:
                found = self._new(leaf)
                with self._lock:
                    self._made[key] = found
        return Text(found[start : None if end is None else end + 1], len(found))

    def _new(self, leaf: Leaf) -> bytes:
        store = self._stores[leaf.account]
        if not isinstance(store, Transcoding):
            raise StoreUnavailable(leaf.account, "its service does not transcode")
        url = store.transcoded(leaf.file)
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=8000000\n{url}\n".encode()
        if len(text) > PLAYLIST_SIZE or len(url.splitlines()) != 1:
            raise StoreUnavailable(leaf.account, "the transcoded stream's address makes no sense")
        return text + b"\n" * (PLAYLIST_SIZE - len(text))
