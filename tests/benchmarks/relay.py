"""A TCP relay that makes a loopback origin look far away, and each connection to it slow.

    python -m tests.benchmarks.relay PORT TARGET_PORT --round-trip 0.03 --rate 10000000

Bytes leave when they are due, in a queue for each direction: half a round trip after they came,
and, towards the client, no faster than `rate` a second and connection; without a rate some 400 MB/s
fit. What connecting costs is added to the client's first bytes, since a local connect costs
nothing. TCP's slow start is not imitated: a real distance is somewhat worse for whoever opens many
connections. (nginx's own `limit_rate` would not do: it is per request, and gives away the first
second, so that whoever asks for small windows would not be limited at all.)
"""

import argparse
import asyncio
from collections import deque

PIECE = 32 * 1024
AHEAD = 6 * 1024 * 1024
"""Bytes that may be on the way where there is no rate: Linux's largest receive window."""
EARLY = 0.0005


class Way:
    """One direction of a connection: bytes wait here until they are due."""

    def __init__(self, delay: float, rate: float, earliest: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay, self._rate = delay, rate
        self._limit = int(rate * delay) + 4 * PIECE if rate else AHEAD
        self._free = earliest
        self._queue: deque[tuple[float, bytes]] = deque()
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        self.source: asyncio.Transport | None = None
        self.target: asyncio.Transport | None = None

    def put(self, data: bytes) -> None:
        """Send `data` on when it is due; nothing means that there is no more."""
        size = PIECE if self._rate else max(1, len(data))
        for at in range(0, max(1, len(data)), size):
            piece = data[at : at + size]
            self._free = max(self._free, self._loop.time())
            if self._rate:
                self._free += len(piece) / self._rate
            self._queue.append((self._free + self._delay, piece))
        self._waiting += len(data)
        self._steer()
        self._arm()

    def block(self, *, full: bool) -> None:
        """The target takes no more for now, or again."""
        self._full = full
        self._steer()
        self._arm()

    def _steer(self) -> None:
        """Take more from the source only while there is room for it."""
        if self.source is None or self.source.is_closing():
            return
        if self._full or self._waiting > self._limit:
            self.source.pause_reading()
        else:
            self.source.resume_reading()

    def _arm(self) -> None:
        if self._timer is None and self._queue and self.target is not None and not self._full:
            self._timer = self._loop.call_at(self._queue[0][0], self._send)

    def _send(self) -> None:
        self._timer = None
        now = self._loop.time() + EARLY
        while self._queue and self._queue[0][0] <= now and not self._full:
            piece = self._queue.popleft()[1]
            self._waiting -= len(piece)
            if self.target is None or self.target.is_closing():
                continue
            if piece:
                self.target.write(piece)
            elif self.target.can_write_eof():
                self.target.write_eof()
        self._steer()
        self._arm()


class End(asyncio.Protocol):
    """One side's socket: what comes goes into `away`, what is due on `home` is written to it."""

    def __init__(self, away: Way, home: Way) -> None:
        self.away, self.home = away, home
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = self.away.source = self.home.target = transport
        self.home.block(full=False)

    def data_received(self, data: bytes) -> None:
        self.away.put(data)

    def eof_received(self) -> bool:
        self.ended = True
        self.away.put(b"")
        if self.other is not None and self.other.ended:
            # Both have said all: what is on the way still arrives, then the sockets go.
            asyncio.get_running_loop().call_later(1, self.close)
        return True

    def pause_writing(self) -> None:
        self.home.block(full=True)

    def resume_writing(self) -> None:
        self.home.block(full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            asyncio.get_running_loop().call_later(0.02, self.other.close)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


async def serve(port: int, target: int, round_trip: float, rate: float) -> None:
    """Relay what connects to `port` until cancelled."""
    loop = asyncio.get_running_loop()
    dials: set[asyncio.Task[None]] = set()

    def accepted() -> End:
        up = Way(round_trip / 2, 0, loop.time() + round_trip)
        down = Way(round_trip / 2, rate, 0)
        near, far = End(up, down), End(down, up)
        near.other, far.other = far, near
        dial = loop.create_task(_dial(near, far, target))
        dials.add(dial)
        dial.add_done_callback(dials.discard)
        return near

    server = await loop.create_server(accepted, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def _dial(near: End, far: End, target: int) -> None:
    try:
        await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", target)
    except OSError:
        near.close()


def main() -> None:
    """Relay until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second and connection")
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.target, chosen.round_trip, chosen.rate))


if __name__ == "__main__":
    main()
