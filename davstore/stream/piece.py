"""A part of a file on its way into memory, which readers follow while it grows."""

import asyncio
import socket

from davstore.errors import DavstoreError, StreamBroken, anew
from davstore.stream.delivery import Deliveries
from davstore.stream.relay import Flow
from davstore.stream.wire import Bytes


class Piece:
    """Bytes `start` to `end` (exclusive). It is itself the sink that is filled."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.data = memoryview(bytearray(end - start))
        self.filled = 0
        self.error: DavstoreError | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there."""
        return self.filled == len(self.data)

    @property
    def plain(self) -> socket.socket | None:
        """Memory is no socket."""
        return None

    def offer(self, data: Bytes) -> int:
        """Take all of `data`."""
        count = len(data)
        self.data[self.filled : self.filled + count] = data
        self.filled += count
        self._wake()
        return count

    async def send(self, data: Bytes) -> None:
        """Take all of `data`."""
        self.offer(data)

    async def writable(self, seconds: float | None = None) -> None:
        """There is always room."""

    async def caught_up(self, seconds: float = 0.0) -> None:
        """It takes all at once."""

    def failed(self, error: DavstoreError) -> None:
        """Nothing more will come."""
        self.error = anew(error)
        self._wake()

    async def beyond(self, at: int) -> memoryview:
        """The bytes from `at` on that are there, at least one.

        Raises the error for which no more will come.
        """
        while self.start + self.filled <= at:
            if self.error is not None:
                raise anew(self.error)
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        return self.data[at - self.start : self.filled]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


async def fill(
    piece: Piece, deliveries: Deliveries, floor: tuple[int, float], *, urgent: bool = True
) -> None:
    """Have all of `piece` delivered, or its readers told why not."""
    try:
        await deliveries.deliver(Flow(piece.start, *floor), piece.end, piece, urgent=urgent)
    except DavstoreError as error:
        piece.failed(error)
    except BaseException:
        piece.failed(StreamBroken("reading was given up"))
        raise
