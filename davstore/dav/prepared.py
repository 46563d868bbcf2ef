"""Folders cut into blocks of prepared rows, which outlive the changes of their neighbours.

A new snapshot holds a new folder, but the entries that did not change are the same objects; so
are their blocks then. Where a block ends depends on its entries alone and not on how many stand
before it: one that is added or removed changes one block.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from davstore.dav.multistatus import Row, row
from davstore.model import Entry, Folder

AVERAGE, LONGEST = 128, 1024
"""Entries in a block."""
ROW_SIZE = 1024
"""Bytes an entry with its row, about; an upper estimate, so that a store of rows is bounded."""

_serials = itertools.count()


class Block:
    """Consecutive entries of a folder; `serial` is never given twice."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries  # held, so that no other object gets the id of one of them
        self.serial = next(_serials)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The entries prepared, when first needed."""
        return tuple(map(row, self.entries))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A folder's entries in blocks."""

    folder: Folder
    blocks: dict[tuple[int, ...], Block] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return ROW_SIZE * sum(map(len, self.blocks))


def prepared(folder: Folder, before: Prepared | None = None) -> Prepared:
    """`folder` in blocks; those that `before` has already are taken from there."""
    if before is not None and before.folder is folder:
        return before
    known = {} if before is None else before.blocks
    blocks = {}
    for entries in _cut(folder.entries.values()):
        ids = tuple(map(id, entries))
        blocks[ids] = known.get(ids) or Block(entries)
    return Prepared(folder, blocks)


def _cut(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    block: list[Entry] = []
    for entry in entries:
        block.append(entry)
        if hash(entry.name) % AVERAGE == 0 or len(block) == LONGEST:
            yield tuple(block)
            block = []
    if block:
        yield tuple(block)
