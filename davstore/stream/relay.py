"""Moves an upstream's bytes to a client by the shortest way that both ends allow.

Where both are plain sockets and nobody wants to see the bytes, the kernel moves them (splice);
else they pass through one buffer that is used again. Either way a client that takes its time
holds no more than that, and after a while not even the upstream's connection.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from davstore.errors import StreamBroken, StreamTimeout
from davstore.stream.http1 import Answer
from davstore.stream.wire import Bytes, Wire
from davstore.transport import plain_reason

BUFFER = 256 * 1024
PIPE = 1024 * 1024
PAUSE = 10.0
"""Seconds without a byte taken after which a client counts as paused."""
LARGE = 256 * 1024
FAST = 32 * 1024 * 1024
"""Bytes a second from which on waiting for large pieces delays nothing that anybody notices."""
LOOK_UP = 0.25
"""Seconds after which such a client makes room for others who wait for a connection."""
_KEPT = 16
_CAN_SPLICE = hasattr(os, "splice")
_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, which fcntl names from Python 3.10 on, on Linux


class Sink(Protocol):
    """Who takes the bytes; a `Wire` to a client is one. Raises `OSError` when it is gone."""

    @property
    def plain(self) -> socket.socket | None:
        """The socket that they may be spliced into."""

    def offer(self, data: Bytes) -> int:
        """How many bytes are taken at once."""

    async def send(self, data: Bytes) -> None:
        """Take all, however long it lasts."""

    async def writable(self, seconds: float | None = None) -> None:
        """Wait for room; `TimeoutError` after `seconds`."""

    async def caught_up(self, seconds: float = 0.0) -> None:
        """Wait until it has asked for nearly all that was sent, and `seconds` more."""


class _Wakes:
    """Has a fast upstream wake us for large pieces only, until its last one."""

    def __init__(self, wire: Wire, flow: "Flow", until: int) -> None:
        self._wire, self._flow, self._until = wire, flow, until
        self._is_set = flow.rate > FAST

    def __enter__(self) -> "_Wakes":
        if self._is_set:
            self._wire.wake_at(LARGE)
        return self

    def look(self, received: int) -> None:
        """Called before each wait, with the number of bytes that are not delivered yet."""
        if self._is_set and self._until - self._flow.at - received < 2 * LARGE:
            self.__exit__()

    def __exit__(self, *_: object) -> None:
        if self._is_set:
            self._is_set = False
            self._wire.wake_at(1)


class Flow:
    """Where a delivery stands.

    `at` is the next byte to be delivered, `rate` what was delivered lately in bytes a second,
    `starved` the seconds that the client has waited for the upstream so far. An upstream that sends
    less than `floor` bytes in `seconds` of such waiting is cut. `is_wanted` tells whether others
    wait for its connection.
    """

    def __init__(
        self, at: int, floor: int, seconds: float, is_wanted: Callable[[], bool] = lambda: False
    ) -> None:
        self.at = at
        self.is_wanted = is_wanted
        self.starved = 0.0
        self.rate = 0.0
        self._floor = floor
        self._seconds = seconds
        self._got, self._waited = 0, 0.0

    def got(self, count: int) -> None:
        """Bytes have come."""
        self._got += count
        if self._got >= self._floor:
            self._got, self._waited = 0, 0.0

    def reopened(self) -> None:
        """Another upstream is to be judged by what it does itself."""
        self._got, self._waited = 0, 0.0

    async def awaits(self, wire: Wire, host: str) -> None:
        """Wait for the upstream. Raises `StreamTimeout`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await wire.readable(self._seconds - self._waited)
        except TimeoutError:
            self._waited = self._seconds
        waited = loop.time() - began
        self.starved += waited
        self._waited += waited
        if self._waited >= self._seconds:
            raise StreamTimeout(f"{host} sends too little")


async def relay(answer: Answer, until: int, sink: Sink, flow: Flow) -> bytes:
    """Deliver the body from `flow.at` to `until` (exclusive); what is returned is yet to be sent.

    Returns early, with the rest undelivered, where the client pauses. Raises `StreamBroken` or
    `StreamTimeout` with everything delivered that had come, `OSError` where the client is gone.
    """
    if answer.left is None:
        return await _copied(answer, until, sink, flow)
    if until - flow.at <= BUFFER:
        return await _gulped(answer, until, sink, flow)
    to = sink.plain
    if to is None or answer.channel.wire.plain is None or not _CAN_SPLICE:
        return await _copied(answer, until, sink, flow)
    ready = answer.at_hand(until - flow.at)
    sent = await _taken(sink, memoryview(ready), flow)
    if sent < len(ready):
        return ready[sent:]
    return await _spliced(answer, until, sink, to, flow)


async def _gulped(answer: Answer, until: int, sink: Sink, flow: Flow) -> bytes:
    """Receive all at the upstream's speed, offering the client what it takes meanwhile."""
    with _buffer() as buffer:
        filled = sent = 0
        due = until - flow.at
        try:
            while filled < due:
                count = _received(answer, buffer[filled:due])
                if count is not None:
                    filled += count
                    flow.got(count)
                    continue
                taken = sink.offer(buffer[sent:filled]) if sent < filled else 0
                sent += taken
                flow.at += taken
                await flow.awaits(answer.channel.wire, answer.channel.host)
        except StreamBroken:
            await sink.send(buffer[sent:filled])
            flow.at += filled - sent
            raise
        taken = sink.offer(buffer[sent:filled])
        flow.at += taken
        return bytes(buffer[sent + taken : filled])


async def _copied(answer: Answer, until: int, sink: Sink, flow: Flow) -> bytes:
    with _buffer() as buffer, _Wakes(answer.channel.wire, flow, until) as wakes:
        while flow.at < until and not answer.is_complete:
            filled, size = 0, min(BUFFER, until - flow.at)
            wakes.look(BUFFER)
            while filled < size:
                try:
                    count = _received(answer, buffer[filled:size])
                    if count is None and not filled:
                        await flow.awaits(answer.channel.wire, answer.channel.host)
                        continue
                except StreamBroken:
                    await sink.send(buffer[:filled])
                    flow.at += filled
                    raise
                if not count:
                    break
                filled += count
                flow.got(count)
            sent = await _taken(sink, buffer[:filled], flow)
            if sent < filled:
                return bytes(buffer[sent:filled])
    return b""


async def _taken(sink: Sink, data: memoryview, flow: Flow) -> int:
    """How many bytes of `data` the client took before it paused."""
    sent = 0
    while sent < len(data):
        taken = sink.offer(data[sent:])
        sent += taken
        flow.at += taken
        if not taken and sent < len(data) and await _is_paused(sink, flow):
            break
    return sent


async def _is_paused(sink: Sink, flow: Flow) -> bool:
    """Wait for the client to take more; whether it does not, so that a connection lies idle."""
    for _ in range(int(PAUSE / LOOK_UP)):
        try:
            await sink.writable(LOOK_UP)
        except TimeoutError:
            pass
        else:
            return flow.is_wanted()
        if flow.is_wanted():
            return True
    return True


def _received(answer: Answer, view: memoryview) -> int | None:
    host = answer.channel.host
    try:
        count = answer.receive(view)
    except OSError as error:
        raise StreamBroken(f"{host} broke off ({plain_reason(error)})") from None
    if count == 0 and not answer.is_complete:
        raise StreamBroken(f"{host} ended early")
    return count


async def _spliced(answer: Answer, until: int, sink: Sink, to: socket.socket, flow: Flow) -> bytes:
    source = answer.channel.wire.plain
    assert source is not None
    with _pipe() as pipe, _Wakes(answer.channel.wire, flow, until) as wakes:
        while flow.at < until:
            try:
                count = pipe.fill(source, min(until - flow.at - pipe.held, answer.left or 0))
            except OSError as error:
                await _flush(pipe, sink, flow)
                raise _broke_off(answer, error) from None
            if count == 0 and not pipe.held:
                raise StreamBroken(f"{answer.channel.host} ended early")
            if count:
                answer.moved(count)
                flow.got(count)
            taken = pipe.drain(to)
            flow.at += taken
            wakes.look(pipe.held)
            if not pipe.held:
                if count is None and flow.at < until:
                    await flow.awaits(answer.channel.wire, answer.channel.host)
            elif not taken and await _is_paused(sink, flow):
                return pipe.emptied()
    return b""


def _broke_off(answer: Answer, error: OSError) -> StreamBroken:
    return StreamBroken(f"{answer.channel.host} broke off ({plain_reason(error)})")


async def _flush(pipe: "_Pipe", sink: Sink, flow: Flow) -> None:
    held = pipe.emptied()
    await sink.send(held)
    flow.at += len(held)


class _Pipe:
    """A kernel buffer between two sockets; `held` bytes are in it."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.held = 0
        self._size = 64 * 1024
        with contextlib.suppress(OSError):  # unprivileged users may have only so many large ones
            self._size = fcntl.fcntl(self._in, _SET_PIPE_SIZE, PIPE)

    def fill(self, source: socket.socket, most: int) -> int | None:
        """How many bytes came from `source`: 0 at its end, None while there are none."""
        room = min(most, self._size - self.held)
        if room <= 0:
            return None
        try:
            count = os.splice(source.fileno(), self._in, room, flags=_FLAGS)
        except BlockingIOError:
            return None
        self.held += count
        return count

    def drain(self, to: socket.socket) -> int:
        """How many bytes `to` took."""
        if not self.held:
            return 0
        try:
            count = os.splice(self._out, to.fileno(), self.held, flags=_FLAGS)
        except BlockingIOError:
            return 0
        self.held -= count
        return count

    def emptied(self) -> bytes:
        """What was in it."""
        pieces = []
        while self.held:
            pieces.append(os.read(self._out, self.held))
            self.held -= len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        os.close(self._in)
        os.close(self._out)


_pipes: list[_Pipe] = []
_buffers: list[bytearray] = []


@contextlib.contextmanager
def _pipe() -> Iterator[_Pipe]:
    """A pipe, kept for the next stream if it was left empty."""
    pipe = _pipes.pop() if _pipes else _Pipe()
    try:
        yield pipe
    finally:
        if pipe.held or len(_pipes) >= _KEPT or sys.is_finalizing():
            pipe.close()
        else:
            _pipes.append(pipe)


@contextlib.contextmanager
def _buffer() -> Iterator[memoryview]:
    """A buffer, kept for the next stream."""
    buffer = _buffers.pop() if _buffers else bytearray(BUFFER)
    try:
        yield memoryview(buffer)
    finally:
        if len(_buffers) < _KEPT:
            _buffers.append(buffer)
