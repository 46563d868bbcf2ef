"""One client's connection, from request to request, on the streams' event loop.

A worker is given a request with its whole head, and gives back the answer to be sent: silence,
slowness and long streams cost no thread. What is asked again and is at hand, be it a range, a
listing or a file's head, is answered without a worker at all (`repeats`).
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

from davstore import logs
from davstore.dav.http.transfer import Transfer
from davstore.errors import DavstoreError
from davstore.server.framing import PIECE, body_follows, claimant, head_text, is_plain, pieces
from davstore.server.repeats import Repeated, Repeats, plain_length
from davstore.server.slots import Slots
from davstore.server.workers import PAUSE_TIMEOUT, SMALL_BODY, Connection, Workers
from davstore.stream import Stream, Streams, Wire
from davstore.tally import REQUESTS, Tally
from davstore.transport import AnySocket, TlsSocket

log = logging.getLogger(__name__)

HEAD_SECONDS = 30.0
"""From the first byte of a request to the end of its head, and as many for a small body."""
HANDSHAKE_SECONDS = 15.0
"""For all of TLS's greetings."""
LINGER_SECONDS = 10.0
"""For which a client that was told enough may go on sending before it is hung up on."""
IDLE_SECONDS = 120.0
LONGEST_HEAD = 128 * 1024
RECEIVED = 8192
WATCH_AFTER = 0.2
"""Seconds after which a client that waits is watched for leaving."""
UPLOAD_SECONDS = 30.0
"""For which a request whose body is still on its way may wait for its turn."""
RETRY_AFTER = "30"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all clients share; `uploads` are the places for slow bodies."""

    workers: Workers
    streams: Streams
    repeats: Repeats
    uploads: Slots
    tally: Tally


class Conversation:
    """A connection on `sock`. Between two requests it `is_idle`; the request that comes next, or
    is being answered, is the last one where it `is_closing`.
    """

    def __init__(self, sock: AnySocket, shared: Shared) -> None:
        self._sock = sock
        self._shared = shared
        self._wire = Wire(sock)
        self._connection = Connection(shared.workers, sock)
        self._read = b""
        self.is_idle = True
        self.is_closing = False

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    async def run(self) -> None:
        """Answer requests until one side has had enough."""
        try:
            if self._wire.plain is None:
                await self._greeted()
            while (head := await self._head()) is not None:
                self.is_idle = False
                stays = await self._answered(head)
                await self._wire.flushed(PAUSE_TIMEOUT)
                self.is_idle = True
                if not stays or self.is_closing:
                    await self._wire.farewell(LINGER_SECONDS)
                    return
        except (OSError, TimeoutError):
            return

    async def _greeted(self) -> None:
        try:
            await asyncio.wait_for(self._wire.greeted(), HANDSHAKE_SECONDS)
        except ssl.SSLError as error:
            log.debug("a TLS handshake failed: %s", error.reason)
            if error.reason == "HTTP_REQUEST" and isinstance(self._sock, TlsSocket):
                self._wire = Wire(self._sock.below)
                await self._say("400 This port speaks https")
            raise

    async def _head(self) -> bytes | None:
        """The next request up to its empty line, more being left in `_read`; None at the end."""
        began: float | None = None
        loop = asyncio.get_running_loop()
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            if len(self._read) > LONGEST_HEAD:
                await self._say("431 Request Header Fields Too Large")
                return None
            if began is None and self._read.strip():
                began = loop.time()
            left = IDLE_SECONDS if began is None else began + HEAD_SECONDS - loop.time()
            try:
                if not await self._receive(left):
                    return None
            except TimeoutError:
                if began is not None:
                    await self._say("408 Request Timeout")
                return None
        head = self._read[: end + 4]
        self._read = self._read[end + 4 :]
        return head

    async def _receive(self, seconds: float) -> bool:
        """Have more in `_read`; whether it came. `TimeoutError` after so many `seconds`."""
        view = memoryview(bytearray(RECEIVED))
        count = await self._wire.receive_some(view, max(seconds, 0.0))
        self._read += view[:count]
        return count > 0

    async def _answered(self, head: bytes) -> bool:
        """Whether the connection stays open after the answer."""
        if not is_plain(head):
            await self._say("400 Bad Request")
            return False
        if not await self._small_body(head):
            return False
        name = logs.new_request()
        logs.begin_request(name)
        address = self._connection.remote_addr
        repeats = self._shared.repeats
        if not self.is_closing and (known := repeats.answer(address, head, self._read)):
            self._read = self._read[known.length :]
            return await self._repeat(known)
        self._connection.request, self._connection.is_closing = name, self.is_closing
        stays = await self._in_turn(head)
        unsent = self._connection.unsent()
        if unsent:
            await self._wire.send(unsent, PAUSE_TIMEOUT)
        connection = self._connection
        transfer, connection.transfer = connection.transfer, None
        again, connection.again = connection.again, None
        repeats.learn(address, head, again, is_last=connection.is_last or not stays)
        if transfer is None or not stays:
            return stays
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in connection.headers]
        text = head_text(connection.status.decode("latin-1"), headers, is_last=connection.is_last)
        return await self._deliver(transfer, text, is_last=connection.is_last)

    async def _small_body(self, head: bytes) -> bool:
        """Have all of a small body in `_read`, so that no worker waits for it; whether it came."""
        due = plain_length(head, SMALL_BODY)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + HEAD_SECONDS
        while len(self._read) < due:
            try:
                if not await self._receive(deadline - loop.time()):
                    return False
            except TimeoutError:
                await self._say("408 Request Timeout")
                return False
        return True

    async def _repeat(self, known: Repeated) -> bool:
        """Answer without a worker; whether the connection stays open."""
        answer, is_last = known.answer, known.is_last
        head = head_text(answer.status, answer.headers, is_last=is_last)
        if isinstance(answer, Transfer):
            return await self._deliver(answer, head, is_last=is_last)
        for piece in pieces(head, *answer.parts):
            await self._wire.send(piece, PAUSE_TIMEOUT)
            if self._read or len(piece) >= PIECE:
                await asyncio.sleep(0)  # others have their turn
        return not is_last

    async def _in_turn(self, head: bytes) -> bool:
        """Have a worker answer: slow uploads, and one person's, never have more than a part."""
        if not body_follows(head, len(self._read)):
            return await self._work(head)
        person = claimant(head) or self._connection.remote_addr
        uploads = self._shared.uploads
        if not await uploads.acquire(person, UPLOAD_SECONDS):
            log.info("an upload was sent away: as many as one person may have are under way")
            await self._say("503 Service Unavailable", ("Retry-After", RETRY_AFTER))
            return False
        try:
            return await self._work(head)
        finally:
            uploads.release(person)

    async def _work(self, head: bytes) -> bool:
        """Have a worker answer; whether the connection is to stay open."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def released(stays: bool) -> None:  # noqa: FBT001 - cheroot knows two ways to let go
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, done, stays)

        connection = self._connection
        connection.released = released
        connection.feed(head + self._read)
        self._read = b""
        self._shared.workers.process_conn(connection)
        try:
            stays = await asyncio.shield(done)
        except asyncio.CancelledError:
            # A worker still has the socket: closing it is what ends that.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            raise
        self._read = connection.left_over()
        return stays

    async def _deliver(self, transfer: Transfer, head: bytes, *, is_last: bool) -> bool:
        """Send a file's bytes; whether the connection is fit for another request."""
        began = time.monotonic()
        # Not by a name here: a task that is cancelled holds the frames that it was cancelled in.
        watch = asyncio.get_running_loop().call_later(
            WATCH_AFTER, self._watch, asyncio.current_task()
        )
        stream: Stream | None = None
        try:
            asked = transfer.leaf, transfer.start, transfer.end, transfer.reader
            stream = await self._shared.streams.begun(*asked, is_whole=transfer.is_whole)
            self._shared.tally.count(REQUESTS, "GET", transfer.status[:3])
            self._wire.offer_more(head)
            await stream.send(self._wire)
        except DavstoreError as error:
            if stream is not None:
                log.warning("stream cut: %s", error)
                raise ConnectionAbortedError from None
            refusal = transfer.refuse(error)
            self._shared.tally.count(REQUESTS, "GET", refusal.status[:3])
            headers = [*refusal.headers, ("X-Request-Id", logs.request())]
            text = head_text(refusal.status, headers, is_last=is_last)
            await self._wire.send(text + b"".join(refusal.parts))
        finally:
            watch.cancel()
            self._wire.ignore_readable()
            if stream is not None:
                stream.close()
                log.debug(
                    "%s: bytes %d to %d of %d-%d in %.0f ms", transfer.leaf.account, transfer.start,
                    stream.flow.at, transfer.start, transfer.end,
                    1000 * (time.monotonic() - began),
                )  # fmt: skip
        return not is_last

    def _watch(self, task: "asyncio.Task[Any] | None") -> None:
        """From now on, end `task` as soon as the client has left."""

        def look() -> None:
            if task is not None and self._wire.has_ended():
                task.cancel()
            else:  # the next request is there already; whether it is the last does not show
                self._wire.ignore_readable()

        self._wire.on_readable(look)

    async def _say(self, status: str, *headers: tuple[str, str]) -> None:
        """A refusal, and the end."""
        text = head_text(status, [("Content-Length", "0"), *headers], is_last=True)
        with contextlib.suppress(OSError):
            await self._wire.send(text)
            await self._wire.farewell(LINGER_SECONDS)


def _settle(future: "asyncio.Future[bool]", value: bool) -> None:  # noqa: FBT001 - a callback
    if not future.done():
        future.set_result(value)
