"""Parts worth keeping, on their way: fetched once for all readers, then kept."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from davstore.errors import StreamBroken
from davstore.model import Leaf
from davstore.stream.delivery import Deliveries
from davstore.stream.edges import Edges
from davstore.stream.piece import Piece, fill

LINGER = 0.75
"""Seconds for which a piece goes on when its last reader has left: mostly it is whole by then,
and costs the next reader nothing; a host that hangs holds nothing for longer."""


class Pieces:
    """Of all files. Of a piece that is given up, the blocks that came are kept."""

    def __init__(self, edges: Edges, floor: tuple[int, float]) -> None:
        self._edges = edges
        self._floor = floor
        self._under_way: dict[tuple[str, str, int], list[Piece]] = defaultdict(list)
        self._tasks: dict[Piece, asyncio.Task[None]] = {}
        self._readers: dict[Piece, int] = defaultdict(int)

    def following(self, leaf: Leaf, size: int, at: int) -> Piece | None:
        """The piece under way that byte `at` will be in."""
        pieces = self._under_way.get(_key(leaf, size), ())
        return next((p for p in pieces if p.start <= at < p.end and p.error is None), None)

    def fetched(self, leaf: Leaf, size: int, start: int, end: int, deliveries: Deliveries) -> Piece:
        """A new piece, begun."""
        piece = Piece(start, end)
        self._under_way[_key(leaf, size)].append(piece)
        task = asyncio.create_task(self._fetch(leaf, size, piece, deliveries))
        self._tasks[piece] = task
        task.add_done_callback(lambda _: self._ended(leaf, size, piece))
        return piece

    @contextmanager
    def followed(self, piece: Piece) -> Iterator[None]:
        """While somebody reads `piece`."""
        self._readers[piece] += 1
        try:
            yield
        finally:
            self._readers[piece] -= 1
            if not self._readers[piece]:
                del self._readers[piece]
                if piece in self._tasks:
                    asyncio.get_running_loop().call_later(LINGER, self._give_up, piece)

    def _give_up(self, piece: Piece) -> None:
        if piece in self._tasks and piece not in self._readers and not piece.is_complete:
            piece.failed(StreamBroken("its readers have left"))
            self._tasks[piece].cancel()

    def _ended(self, leaf: Leaf, size: int, piece: Piece) -> None:
        del self._tasks[piece]
        pieces = self._under_way[_key(leaf, size)]
        pieces.remove(piece)
        if not pieces:
            del self._under_way[_key(leaf, size)]

    async def _fetch(self, leaf: Leaf, size: int, piece: Piece, deliveries: Deliveries) -> None:
        try:
            await fill(piece, deliveries, self._floor)
        finally:
            if piece.filled:
                await self._edges.keep(leaf, size, piece.start, bytes(piece.data[: piece.filled]))


def _key(leaf: Leaf, size: int) -> tuple[str, str, int]:
    """With the account: another one's trouble is not this one's."""
    return leaf.account, leaf.identity, size
