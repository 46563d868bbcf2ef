"""Sockets that never block, awaited on an asyncio loop; plain or TLS.

asyncio's own socket calls cost a task switch where the socket would not have waited, and its
transports copy; streams move gigabytes through here.
"""

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import Callable
from typing import TypeAlias

from davstore.transport import AnySocket, TlsSocket

NEARLY_ALL = 64 * 1024
LOOKS, BETWEEN_LOOKS = 5, 0.005
_TCP_INFO = getattr(socket, "TCP_INFO", 11)
_PEERS_WINDOW = 228  # tcpi_snd_wnd in Linux's struct tcp_info, from 5.4 on
_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)  # the number is Linux's
_MORE = getattr(socket, "MSG_MORE", 0)

Bytes: TypeAlias = bytes | bytearray | memoryview


class Wire:
    """A connected socket; one task receives, one sends.

    Every method but `close` may raise `OSError`, which is how the other side's trouble shows.
    """

    def __init__(self, sock: AnySocket) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._incoming = _Incoming(self._fd)
        self._widest = 0
        sock.settimeout(0)

    @property
    def plain(self) -> socket.socket | None:
        """The socket itself where its bytes are the body's."""
        return None if isinstance(self._sock, TlsSocket) else self._sock

    def receive(self, view: memoryview) -> int | None:
        """How many bytes were received into `view`: 0 at the end, None while there are none."""
        try:
            return self._sock.recv_into(view)
        except (BlockingIOError, InterruptedError):
            return None

    def offer(self, data: Bytes) -> int:
        """How many bytes of `data` were taken at once."""
        try:
            return self._sock.send(data)  # type: ignore[arg-type] # any buffer will do
        except (BlockingIOError, InterruptedError):
            return 0

    def offer_more(self, data: bytes) -> None:
        """A few bytes that go out together with what is sent next. The socket has room for them."""
        if isinstance(self._sock, TlsSocket):
            self._sock.send(data)
        else:
            self._sock.send(data, _MORE)

    async def send(self, data: Bytes, seconds: float | None = None) -> None:
        """Send all of `data`; `TimeoutError` after `seconds` in which nothing was taken."""
        rest = memoryview(data)
        while rest:
            taken = self.offer(rest)
            rest = rest[taken:]
            if not taken:
                await self.writable(seconds)

    async def receive_some(self, view: memoryview, seconds: float | None = None) -> int:
        """As `receive`, waiting for it; `TimeoutError` after `seconds` of silence."""
        while True:
            count = self.receive(view)
            if count is not None:
                return count
            await self.readable(seconds)

    async def readable(self, seconds: float | None = None) -> None:
        """Wait for something to receive; `TimeoutError` after `seconds`."""
        await self._incoming.wait(seconds)

    async def writable(self, seconds: float | None = None) -> None:
        """Wait for room; `TimeoutError` after `seconds`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._fd, _settle, future)
        timer = None if seconds is None else loop.call_later(seconds, _expire, future)
        try:
            await future
        finally:
            loop.remove_writer(self._fd)
            if timer is not None:
                timer.cancel()
            del future  # it holds its error, which holds this frame

    def wake_at(self, count: int) -> None:
        """Count as readable only with so many bytes (or the end) there: saves waking up for few."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

    async def greeted(self) -> None:
        """Wait for the TLS handshake, where there is one."""
        if not isinstance(self._sock, TlsSocket):
            return
        while True:
            try:
                self._sock.do_handshake()
            except BlockingIOError:
                await self.readable()
            else:
                return

    async def flushed(self, seconds: float | None = None) -> None:
        """Wait until the system has all that was sent; `TimeoutError` after `seconds` of none
        being taken.
        """
        if isinstance(self._sock, TlsSocket):
            while self._sock.flush():
                await self.writable(seconds)

    async def caught_up(self, seconds: float = 0.0) -> None:
        """Wait until the other side has taken nearly all that was sent, and for a moment to see
        its program read that: a probe which has seen enough is about to leave. Then `seconds` more.
        """
        await self.flushed()
        with contextlib.suppress(OSError):  # not on this platform
            self._sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, NEARLY_ALL)
        try:
            await self.writable()
        finally:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, -1)
        for _ in range(LOOKS):
            if self._unread() <= NEARLY_ALL:
                break
            await asyncio.sleep(BETWEEN_LOOKS)
        if seconds:
            await asyncio.sleep(seconds)
        if self.has_ended():
            raise ConnectionResetError("has left")

    def _unread(self) -> int:
        """About how many bytes lie with the other side's system for its program to read: by so
        much its window has shrunk (RFC 9293 section 3.8.6). 0 where our system does not tell.
        """
        with contextlib.suppress(OSError, struct.error):
            told = self._sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 256)
            window: int = struct.unpack_from("=I", told, _PEERS_WINDOW)[0]
            self._widest = max(self._widest, window)
            return self._widest - window
        return 0

    def on_readable(self, callback: Callable[[], object]) -> None:
        """Call back, once or more, when there is something to receive or the end has come."""
        self._incoming.watch(callback)

    def ignore_readable(self) -> None:
        """Take `on_readable` back."""
        self._incoming.unwatch()

    def has_ended(self) -> bool:
        """Whether the other side has closed, with nothing left to receive before that."""
        try:
            if isinstance(self._sock, TlsSocket):
                return self._sock.has_ended()
            return self._sock.recv(1, socket.MSG_PEEK) == b""
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    async def farewell(self, seconds: float) -> None:
        """Close so that the other side gets the last words, whatever it is still sending itself:
        that is received and thrown away, until it ends or for `seconds`.
        """
        with contextlib.suppress(OSError):
            if isinstance(self._sock, TlsSocket):
                self._sock.say_goodbye()
            self._sock.shutdown(socket.SHUT_WR)
            loop = asyncio.get_running_loop()
            deadline = loop.time() + seconds
            view = memoryview(bytearray(16 * 1024))
            while (left := deadline - loop.time()) > 0 and await self.receive_some(view, left):
                pass
        self.close()

    def close(self) -> None:
        """Close at once; may be called twice."""
        self._incoming.leave()
        with contextlib.suppress(OSError):
            self._sock.close()


class _Incoming:
    """Waits for a descriptor to be readable, and stays registered with the loop in between: who
    waits again soon, as for the next request, finds all as it was. The loop calls once more than
    somebody waits, as it looks before who was woken has read; called in vain again, it is told to
    look no more.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = math.inf
        self._in_vain = 0
        self._is_watched = False

    @property
    def is_looked_at(self) -> bool:
        """Whether the loop looks."""
        return self._loop is not None

    async def wait(self, seconds: float | None) -> None:
        """Return when there is something; `TimeoutError` after `seconds`."""
        loop = asyncio.get_running_loop()
        self._in_vain = 0
        if not self.is_looked_at:
            loop.add_reader(self._fd, self._call)
            self._loop = loop
        self._waiter = loop.create_future()
        if seconds is not None:
            self._deadline = loop.time() + seconds
            if self._timer is None or self._timer.when() > self._deadline:
                self._set_timer(loop)
        try:
            await self._waiter
        finally:
            self._waiter, self._deadline = None, math.inf

    def watch(self, callback: Callable[[], object]) -> None:
        """Call back, once or more; nobody waits until `unwatch`."""
        self.leave()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, callback)
        self._is_watched = True

    def unwatch(self) -> None:
        """Call back no more; may be called twice."""
        if self._is_watched:
            self.leave()

    def leave(self) -> None:
        """Have the loop look no more; may be called twice, and must be before the end."""
        self._is_watched = False
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        elif self._in_vain:
            self.leave()
        else:
            self._in_vain = 1

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._deadline, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Rarely for the wait that it was set for: whoever waits has until its own deadline."""
        self._timer = None
        if self._waiter is None or self._waiter.done() or self._deadline == math.inf:
            return
        if loop.time() >= self._deadline:
            self._waiter.set_exception(TimeoutError())
        else:
            self._set_timer(loop)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
