"""Finished work that is kept while there is room, by bytes. For many threads."""

import threading
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from cachetools import LRUCache


class Sized(Protocol):
    """Knows about how many bytes of memory it takes."""

    @property
    def size(self) -> int:
        """Bytes."""


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class SizedCache(Generic[K, V]):
    """The values used last, `most` bytes together."""

    def __init__(self, most: int) -> None:
        self._values: LRUCache[K, V] = LRUCache(most, getsizeof=lambda value: value.size)
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """What was put there, if there was room for it since."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep `value` in place of an older one; one larger than the room is not kept."""
        with self._lock:
            self._values.pop(key, None)
            if value.size <= self._values.maxsize:
                self._values[key] = value
