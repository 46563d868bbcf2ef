"""Beginnings, ends and indexes of files, kept on disk: what probes ask for again and again.

A file is seen as a grid of blocks; which of them are worth keeping follows from its size and,
for the container's index, from its beginning. Keys name what identifies a file, never a link.
"""

import asyncio
import logging
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davstore.model import Leaf
from davstore.pooled import Pooled
from davstore.stream import containers
from davstore.tally import EDGES, Tally

log = logging.getLogger(__name__)

BLOCK = 256 * 1024
LARGEST_INDEX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Sizes in bytes: of the whole store, and of what is kept of each file; 0 keeps none."""

    store: int
    head: int
    tail: int


class Edges:
    """Blocks by file and position. Lives on the streams' loop; the disk is met on `threads`.

    A disk that fails costs upstream bytes, never a read.
    """

    def __init__(
        self, folder: Path, settings: EdgeSettings, threads: Executor, tally: Tally | None = None
    ) -> None:
        self._tally = tally or Tally()
        self._settings = settings
        self._threads = threads
        self._indexes: dict[tuple[str, int], tuple[int, int] | None] = {}
        self._cache: Any = None
        if settings.store:
            self._cache = _opened(folder, settings.store)

    def extent(self, leaf: Leaf, size: int, at: int) -> tuple[int, int] | None:
        """The part around byte `at` that is worth keeping, as start and exclusive end."""
        if self._cache is None:
            return None
        head = min(size, _up(self._settings.head))
        if at < head:
            return (0, head)
        tail = max(head, (size - self._settings.tail) // BLOCK * BLOCK)
        if self._settings.tail and at >= tail:
            return (tail, size)
        index = self._indexes.get((leaf.identity, size))
        if index is not None and index[0] <= at < index[1]:
            return (max(head, index[0] // BLOCK * BLOCK), min(size, _up(index[1])))
        return None

    async def block(self, leaf: Leaf, size: int, at: int) -> bytes | None:
        """The kept block that byte `at` is in."""
        if self._cache is None:
            return None
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self._threads, self._read, leaf, size, at // BLOCK)
        self._tally.count(EDGES, "no" if data is None else "yes")
        if data is not None and at < BLOCK:
            self._look_for_index(leaf, size, data)
        return data

    async def keep(self, leaf: Leaf, size: int, start: int, data: bytes) -> None:
        """Keep the whole blocks of `data`, which begins at byte `start`, a block's beginning."""
        if start == 0:
            self._look_for_index(leaf, size, data)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._write, leaf, size, start, data)

    def close(self) -> None:
        """Let go of the disk."""
        if self._cache is not None:
            self._cache.close()

    def _read(self, leaf: Leaf, size: int, number: int) -> bytes | None:
        key = _key(leaf, size, number)
        due = min(BLOCK, size - number * BLOCK)
        try:
            kept = self._cache.get(key)
            if kept is None:
                return None
            if len(kept) == due + 4 and zlib.crc32(kept[4:]).to_bytes(4) == kept[:4]:
                return bytes(kept[4:])
            self._cache.delete(key)
        except Exception as error:  # noqa: BLE001 - any database or file trouble
            log.warning("kept beginnings and ends cannot be read: %s", type(error).__name__)
        return None

    def _write(self, leaf: Leaf, size: int, start: int, data: bytes) -> None:
        try:
            for number, block in _blocks(size, start, data):
                check = zlib.crc32(block).to_bytes(4)
                self._cache.set(_key(leaf, size, number), check + block)
        except Exception as error:  # noqa: BLE001 - any database or file trouble
            log.warning("beginnings and ends cannot be kept: %s", type(error).__name__)

    def _look_for_index(self, leaf: Leaf, size: int, beginning: bytes) -> None:
        key = (leaf.identity, size)
        if key in self._indexes:
            return
        if len(self._indexes) > 10_000:
            self._indexes.clear()
        found = containers.index(beginning, size)
        if found is not None and found[1] - found[0] > LARGEST_INDEX:
            found = None
        self._indexes[key] = found


def _opened(folder: Path, store: int) -> Any:
    try:
        return Pooled(folder, 5, size_limit=store, eviction_policy="least-recently-used")
    except Exception as error:  # noqa: BLE001 - any database or file trouble
        log.warning("beginnings and ends of files are not kept: %s", type(error).__name__)
        return None


def _blocks(size: int, start: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    for offset in range(0, len(data), BLOCK):
        block = data[offset : offset + BLOCK]
        if len(block) == BLOCK or start + offset + len(block) == size:
            yield (start + offset) // BLOCK, block


def _key(leaf: Leaf, size: int, number: int) -> str:
    return f"{leaf.identity}/{size}/{number}"


def _up(count: int) -> int:
    return -(-count // BLOCK) * BLOCK
