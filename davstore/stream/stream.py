"""One reader's way through one file: kept edges, windows that grow, reading ahead."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from davstore.errors import DavstoreError, anew
from davstore.model import Leaf
from davstore.stream.copies import Copies
from davstore.stream.delivery import Deliveries
from davstore.stream.edges import BLOCK, Edges
from davstore.stream.memory import Memory
from davstore.stream.piece import Piece, fill
from davstore.stream.pieces import Pieces
from davstore.stream.pool import Pool
from davstore.stream.relay import BUFFER, Flow, Sink
from davstore.stream.source import Upstream

MIB = 1024 * 1024
EXACT = 2 * MIB
"""A closed request up to this size is passed on as it is."""
FIRST_WINDOW, LAST_WINDOW = MIB, 64 * MIB
PROVEN = 8 * MIB
"""Who has taken so much reads on; before that it may be a probe, whose system takes what nobody
will read."""
SECOND_THOUGHTS = 0.1
"""Seconds in which who was served from disk so far may leave before upstream is asked for more: a
second probe has seen all that it will, and is only slow to say so."""
FEW_SECONDS = 8.0
"""No window is larger than what the reader took in so many seconds."""
STARVED = 0.6
"""A reader who waited for so much of the time is held up by the upstream."""
FAST = 100 * MIB
"""Bytes a second; beyond that, further connections gain nothing."""
SMALLEST_PIECE, LARGEST_PIECE = MIB // 2, 4 * MIB


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all streams share; `floor` is (bytes, seconds) of the slowest upstream borne."""

    edges: Edges
    pieces: Pieces
    memory: Memory
    floor: tuple[int, float]


class Stream:
    """Bytes `start` to `end` (inclusive; None: the end) of a file that `copies` are of.

    Lives on the streams' loop. `error` is the kind of error that ended it, if one did; `closed` is
    called then.
    """

    def __init__(
        self,
        copies: Copies,
        start: int,
        end: int | None,
        around: Surroundings,
        *,
        is_whole: bool = False,
    ) -> None:
        self._copies = copies
        self.flow = Flow(start, *around.floor, copies.is_wanted)
        self._start = start
        self._until = end + 1 if end is not None else self.leaf.size
        self._around = around
        self._lanes = 1
        self._window = FIRST_WINDOW
        self._rate = 0.0
        self._begun: tuple[Upstream, int | None] | None = None
        self._block: memoryview | None = None
        self._sink: Sink | None = None
        self.is_closed = False
        self._is_exact = end is not None and end - start < EXACT
        self._is_known = not (self._is_exact or is_whole)  # may be a probe's, all on disk so far
        self.error: type[DavstoreError] | None = None
        self.closed: Callable[[Stream], None] = lambda _: None

    @property
    def leaf(self) -> Leaf:
        """The file as it stands in the account that it is read from."""
        return self._copies.current.leaf

    @property
    def _deliveries(self) -> Deliveries:
        return self._copies.current.deliveries

    @property
    def _pool(self) -> Pool:
        return self._copies.current.pool

    @property
    def at(self) -> int:
        """The next byte to be delivered."""
        return self.flow.at

    @property
    def total(self) -> int | None:
        """The file's size in bytes, None where nobody knows."""
        return self._deliveries.total

    @property
    def host(self) -> str:
        """Which host is read from, "" while none is."""
        return self._deliveries.host

    @property
    def resumed(self) -> int:
        """How often another connection had to go on."""
        return self._deliveries.resumed

    async def begin(self) -> None:
        """Have the first bytes at hand, from whichever account gives them.

        Raises `DavstoreError` as clients are to be told, of the first of the accounts.
        """
        first: DavstoreError | None = None
        while True:
            try:
                await self._begin_here()
            except DavstoreError as error:
                first = first or anew(error)
                if not self._copies.next():
                    self.error = type(first)
                    raise anew(first) from None
            else:
                return

    async def send(self, sink: Sink) -> None:
        """Everything to `sink`.

        Raises `DavstoreError` where the upstreams fail for good, `OSError` where the sink does.
        """
        self._sink = sink
        while True:
            try:
                await self._send(sink)
            except DavstoreError as error:
                self._copies.failed(error)
                if not self._copies.next() and not self._copies.cling():
                    self.error = type(error)
                    raise
                self._lanes, self._window = 1, FIRST_WINDOW
            else:
                return

    def close(self) -> None:
        """Let go of what was begun and not sent."""
        self.is_closed = True
        begun, self._begun = self._begun, None
        if begun is not None:
            begun[0].close()
        self.closed(self)

    async def _begin_here(self) -> None:
        self._copies.check()
        try:
            await self._begin()
        except DavstoreError as error:
            raise self._copies.failed(error) from None

    async def _begin(self) -> None:
        if await self._edge() is not None:
            return
        until = None if self._until is None else self._window_end()
        trouble = self._deliveries.trouble()
        self._is_known = False
        self._begun = await self._deliveries.opened(self.flow.at, until, trouble), until
        if self._until is None:
            self._until = self._deliveries.total

    async def _send(self, sink: Sink) -> None:
        if self._until is None:
            begun, self._begun = self._begun, None
            assert begun is not None
            await self._deliveries.to_the_end(begun[0], self.flow, sink)
            return
        while self.flow.at < self._until:
            if self._begun is None and (piece := await self._edge()) is not None:
                await self._send_edge(piece, sink)
            elif self._lanes > 1 and self._begun is None:
                await self._send_ahead(sink)
            else:
                await self._send_window(sink)

    async def _look_up(self, seconds: float = 0.0) -> None:
        """Before more is sent: is anybody still reading? Who is not leaves within `seconds`."""
        if self._sink is not None and self.flow.at - self._start < PROVEN:
            await self._sink.caught_up(seconds)

    async def _look_up_before_asking(self) -> None:
        is_known, self._is_known = self._is_known, False
        await self._look_up(SECOND_THOUGHTS if is_known else 0.0)

    # Kept edges

    async def _edge(self) -> Piece | memoryview | None:
        """The bytes at hand where they are of a part worth keeping: from disk or on their way."""
        size, at = self.total, self.flow.at
        if size is None or self._until is None or at >= self._until:
            return None
        extent = self._around.edges.extent(self.leaf, size, at)
        if extent is None:
            return None
        if self._block is not None:
            return self._block
        piece = self._around.pieces.following(self.leaf, size, at)
        if piece is None:
            block = await self._around.edges.block(self.leaf, size, at)
            if block is not None:
                self._block = memoryview(block)[at % BLOCK :]
                return self._block
            self._is_known = False
            end = extent[1]
            if self._is_exact:
                end = min(end, -(-self._until // BLOCK) * BLOCK)
            piece = self._around.pieces.fetched(
                self.leaf, size, at // BLOCK * BLOCK, end, self._deliveries
            )
        with self._around.pieces.followed(piece):
            await piece.beyond(at)
        return piece

    async def _send_edge(self, found: Piece | memoryview, sink: Sink) -> None:
        assert self._until is not None
        if isinstance(found, Piece):
            with self._around.pieces.followed(found):
                await self._send_piece(found, sink)
        else:
            self._block = None
            data = found[: self._until - self.flow.at]
            await sink.send(data)
            self.flow.at += len(data)
        if self.flow.at < self._until:
            await self._look_up()

    async def _send_piece(self, piece: Piece, sink: Sink) -> None:
        assert self._until is not None
        stop = min(self._until, piece.end)
        while self.flow.at < stop:
            data = (await piece.beyond(self.flow.at))[: min(BUFFER, stop - self.flow.at)]
            await sink.send(data)
            self.flow.at += len(data)

    # Windows

    def _window_end(self) -> int:
        """Where the next request upstream ends (exclusive)."""
        assert self._until is not None
        if self._is_exact:
            return self._until
        size = self._window
        if self._pool.is_crowded(self._deliveries.host):
            size = min(size, self._around.memory.crowded_window)
        end = min(self._until, self.flow.at + size)
        return min(end, self._tail()) if self.flow.at < self._tail() else end

    def _tail(self) -> int:
        """Where a kept end of the file begins."""
        size = self.total
        extent = None if size is None else self._around.edges.extent(self.leaf, size, size - 1)
        return extent[0] if extent is not None else 2**62

    async def _send_window(self, sink: Sink) -> None:
        loop = asyncio.get_running_loop()
        began, from_, starved = loop.time(), self.flow.at, self.flow.starved
        begun, self._begun = self._begun, None
        if begun is None:
            await self._look_up_before_asking()
        upstream, until = begun or (None, None)
        until = until or self._window_end()
        await self._deliveries.deliver(self.flow, until, sink, begun=upstream)
        seconds = max(loop.time() - began, 1e-6)
        self._rate = self.flow.rate = (until - from_) / seconds
        few = int(self._rate * FEW_SECONDS)
        self._window = max(FIRST_WINDOW, min(self._window * 2, LAST_WINDOW, few))
        is_held_up = (self.flow.starved - starved) / seconds > STARVED
        has_room = self._pool.has_plenty(self._deliveries.host)
        if is_held_up and has_room and self._rate < FAST and until - from_ >= FIRST_WINDOW:
            self._lanes = min(2, self._allowed_lanes())

    # Reading ahead

    async def _send_ahead(self, sink: Sink) -> None:
        """Several pieces at once, handed on in order, until one connection is enough again."""
        assert self._until is not None
        await self._look_up_before_asking()
        stop = min(self._until, self._tail()) if self.flow.at < self._tail() else self._until
        ahead = _Ahead(self, self.flow.at, stop)
        try:
            while self.flow.at < stop and self._lanes > 1:
                piece = ahead.next(self._lanes, self._piece_size())
                if piece is None:
                    self._lanes = 1
                    break
                await self._send_timed(piece, sink)
                ahead.done()
            await self._send_rest(ahead, sink)
        finally:
            ahead.close()
        self._window = FIRST_WINDOW

    async def _send_rest(self, ahead: "_Ahead", sink: Sink) -> None:
        while (piece := ahead.first) is not None:
            await self._send_piece(piece, sink)
            ahead.done()

    async def _send_timed(self, piece: Piece, sink: Sink) -> None:
        """A piece that is whole in time needs no more lanes, a late one does."""
        loop = asyncio.get_running_loop()
        began, from_, was_whole = loop.time(), self.flow.at, piece.is_complete
        await self._send_piece(piece, sink)
        self._rate = (self.flow.at - from_) / max(loop.time() - began, 1e-6)
        pool, host = self._pool, self._deliveries.host
        if not pool.has_plenty(host) and pool.used(host) > self._lanes:
            self._lanes -= 1
        elif not was_whole:
            self._lanes = min(self._lanes + 1, self._allowed_lanes())

    def _allowed_lanes(self) -> int:
        most = self._copies.current.lanes
        return min(most, self._deliveries.most_connections or most)

    def _piece_size(self) -> int:
        wanted = int(self._rate * FEW_SECONDS / 2 / max(2, self._lanes))
        return max(SMALLEST_PIECE, min(LARGEST_PIECE, wanted)) // BLOCK * BLOCK

    def fetch(self, piece: Piece, *, urgent: bool) -> "asyncio.Task[None]":
        """Begin to fill `piece`."""
        return asyncio.create_task(fill(piece, self._deliveries, self._around.floor, urgent=urgent))

    @property
    def memory(self) -> Memory:
        """What all streams share."""
        return self._around.memory


class _Ahead:
    """The pieces on their way, in order."""

    def __init__(self, stream: Stream, start: int, stop: int) -> None:
        self._stream = stream
        self._at, self._stop = start, stop
        self._pieces: deque[tuple[Piece, asyncio.Task[None]]] = deque()

    @property
    def first(self) -> Piece | None:
        """The next to be sent, of those begun."""
        return self._pieces[0][0] if self._pieces else None

    def next(self, lanes: int, size: int) -> Piece | None:
        """The next to be sent, with up to `lanes` begun; None where there is no memory for any."""
        while len(self._pieces) < lanes and self._at < self._stop:
            end = min(self._stop, self._at + size)
            if not self._stream.memory.take(end - self._at):
                break
            piece = Piece(self._at, end)
            task = self._stream.fetch(piece, urgent=not self._pieces)
            self._pieces.append((piece, task))
            self._at = end
        return self.first

    def done(self) -> None:
        """The first was sent."""
        piece, _ = self._pieces.popleft()
        self._stream.memory.give(piece.end - piece.start)

    def close(self) -> None:
        """Nobody wants the rest."""
        while self._pieces:
            piece, task = self._pieces.popleft()
            task.cancel()
            self._stream.memory.give(piece.end - piece.start)
