"""Folders cut into blocks of prepared rows, which outlive the changes of their neighbours.

A new snapshot holds a new folder, but the entries that did not change are the same objects, or
equal ones: their blocks are taken over. Where a block ends depends on its entries alone and not
on how many stand before it, so that one that is added or removed changes one block.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from davstore.dav.listing.multistatus import Row, row
from davstore.dav.tree.overlay import written
from davstore.model import Entry, Folder, Leaf

AVERAGE, LONGEST = 128, 1024
"""Entries in a block."""
ROW_SIZE = 768
"""Bytes that an entry's row takes at most, about: 520 to 750 were measured."""

_Said: TypeAlias = tuple[object, ...]

_serials = itertools.count()


class Block:
    """Consecutive entries of a folder, prepared. `serial` stands for what their rows say."""

    __slots__ = ("entries", "rows", "said", "serial")

    def __init__(self, entries: Sequence[Entry], same: "Mapping[_Said, Block]") -> None:
        """What one of the `same` blocks says already is taken from there."""
        self.entries = tuple(entries)  # held, so that no other object gets the id of one of them
        self.said = _said(entries)
        known = same.get(self.said)
        self.rows: tuple[Row, ...] = known.rows if known else tuple(map(row, self.entries))
        self.serial: int = known.serial if known else next(_serials)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A folder's entries in blocks, by the ids of these."""

    folder: Folder
    blocks: Mapping[tuple[int, ...], Block] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return ROW_SIZE * sum(map(len, self.blocks))


def prepared(folder: Folder, before: Prepared | None = None) -> Prepared:
    """`folder` in blocks; those that `before` has already are taken from there."""
    if before is not None and before.folder is folder:
        return before
    known = {} if before is None else before.blocks
    cut = {tuple(map(id, entries)): entries for entries in _cut(folder.entries.values())}
    left = {known[ids].said: known[ids] for ids in known.keys() - cut.keys()}
    blocks = {ids: known.get(ids) or Block(entries, left) for ids, entries in cut.items()}
    return Prepared(folder, blocks)


def _said(entries: Iterable[Entry]) -> _Said:
    """All that the rows of `entries` depend on; flat, as one object is quicker than many."""
    said: list[object] = []
    for entry in entries:
        said += (entry.name, entry.modified)
        if isinstance(entry, Leaf):
            said += (entry.size, entry.identity, entry.file.mime, written(entry))
        else:
            said += (entry.used, written(entry))
    return tuple(said)


def _cut(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    block: list[Entry] = []
    for entry in entries:
        block.append(entry)
        if hash(entry.name) % AVERAGE == 0 or len(block) == LONGEST:
            yield block
            block = []
    if block:
        yield block
