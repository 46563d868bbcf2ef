"""A TCP cable that can be cut, hang, and lose an answer: between davstore and whatever it needs."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

PIECE = 64 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: what is closed is reset, as when a machine has died and its address is another's."""


class Cable:
    """From `port` on loopback to another one there; sound until told otherwise."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._lines: set[_Line] = set()
        self._lost = self._then = b""
        self.port = 0
        self._flowing = asyncio.Event()
        self._server = self._call(self._listen())

    def cut(self) -> None:
        """Connections are reset, and new ones refused, until it is mended."""
        self._call(self._cut())

    def reset(self) -> None:
        """Connections are reset; new ones are welcome."""
        self._call(self._reset())

    def hang(self) -> None:
        """Connections stay, and new ones are accepted, but nothing gets through any more, until it
        is mended.
        """
        self._call(self._flow(on=False))

    def mend(self) -> None:
        """Sound again; what hung goes on."""
        self._call(self._mended())

    def lose_answer_to(self, words: bytes, then: bytes = b"") -> None:
        """The next request with these `words` arrives, and so does what comes after it until one
        has the words `then`; instead of the answer to that, the connection is reset.
        """
        self._lost, self._then = words, then

    def close(self) -> None:
        """For good."""
        self._call(self._cut())
        self._call(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._flowing.set()
        return server

    async def _cut(self) -> None:
        self._server.close()
        await self._reset()

    async def _reset(self) -> None:
        for line in list(self._lines):
            line.reset()

    async def _ended(self) -> None:
        self._flowing.set()
        while self._lines:
            await asyncio.sleep(0.01)

    async def _flow(self, *, on: bool) -> None:
        if on:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _mended(self) -> None:
        if not self._server.is_serving():
            self._server = await self._listen()
        self._flowing.set()

    async def _welcome(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        line = _Line(back)
        self._lines.add(line)
        try:
            await self._flowing.wait()
            far, on = await asyncio.open_connection("127.0.0.1", self._to)
            line.ends.append(on)
            await asyncio.gather(
                self._pump(line, near, on, asks=True), self._pump(line, far, back, asks=False)
            )
        except OSError:
            line.reset()
        finally:
            line.close()
            self._lines.discard(line)

    async def _pump(
        self,
        line: "_Line",
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        asks: bool,
    ) -> None:
        while data := await source.read(PIECE):
            await self._flowing.wait()
            if asks:
                self._listen_to(line, data)
            elif line.loses_answer:
                line.reset()
                return
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

    def _listen_to(self, line: "_Line", data: bytes) -> None:
        if self._lost and self._lost in data:
            line.is_lost, self._lost = True, b""
        if line.is_lost and self._then in data:
            line.loses_answer = True


class _Line:
    """One connection through the cable."""

    def __init__(self, back: asyncio.StreamWriter) -> None:
        self.ends = [back]
        self.is_lost = False
        self.loses_answer = False

    def reset(self) -> None:
        for end in self.ends:
            sock: socket.socket | None = end.get_extra_info("socket")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            end.transport.abort()

    def close(self) -> None:
        for end in self.ends:
            end.close()


@contextlib.contextmanager
def cable(to: int) -> Iterator[Cable]:
    """One that is taken away again."""
    made = Cable(to)
    try:
        yield made
    finally:
        made.close()
