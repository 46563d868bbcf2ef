"""Parts worth keeping, on their way: fetched once for all readers, to the end, then kept."""

import asyncio
from collections import defaultdict

from davstore.errors import DavstoreError, StreamBroken
from davstore.model import Leaf
from davstore.stream.delivery import Deliveries
from davstore.stream.edges import Edges
from davstore.stream.piece import Piece
from davstore.stream.relay import Flow


class Pieces:
    """Of all files. What was begun is finished though its reader leaves: it is small."""

    def __init__(self, edges: Edges, floor: tuple[int, float]) -> None:
        self._edges = edges
        self._floor = floor
        self._under_way: dict[tuple[str, int], list[Piece]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()

    def following(self, leaf: Leaf, size: int, at: int) -> Piece | None:
        """The piece under way that byte `at` will be in."""
        pieces = self._under_way.get((leaf.identity, size), ())
        return next((p for p in pieces if p.start <= at < p.end and p.error is None), None)

    def fetched(self, leaf: Leaf, size: int, start: int, end: int, deliveries: Deliveries) -> Piece:
        """A new piece, begun."""
        piece = Piece(start, end)
        self._under_way[leaf.identity, size].append(piece)
        task = asyncio.create_task(self._fetch(leaf, size, piece, deliveries))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return piece

    async def _fetch(self, leaf: Leaf, size: int, piece: Piece, deliveries: Deliveries) -> None:
        try:
            await deliveries.deliver(Flow(piece.start, *self._floor), piece.end, piece)
            await self._edges.keep(leaf, size, piece.start, bytes(piece.data))
        except DavstoreError as error:
            piece.failed(error)
        except BaseException:
            piece.failed(StreamBroken("reading was given up"))
            raise
        finally:
            pieces = self._under_way[leaf.identity, size]
            pieces.remove(piece)
            if not pieces:
                del self._under_way[leaf.identity, size]
