"""HTTP/1.1 GETs to file hosts over connections that are kept (RFC 9112).

The head is parsed by httptools; a body of known length is left in the socket for whoever moves
it, any other is decoded here.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import httptools

from davstore.errors import StreamBroken, StreamTimeout
from davstore.stream.wire import Wire
from davstore.transport import plain_reason

HEAD_LIMIT = 64 * 1024
PIECE = 16 * 1024
_END = b"\r\n\r\n"
_LENGTH = re.compile(r"[0-9]{1,18}")


class Channel:
    """A kept connection to one origin; `host` is its name as log lines may show it."""

    def __init__(
        self,
        wire: Wire,
        origin: tuple[str, str, int],
        *,
        is_forwarded: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.wire = wire
        self.origin = origin
        self.is_forwarded = is_forwarded
        self.extra = headers or {}
        self.idle_since = 0.0
        self.uses = 0

    @property
    def host(self) -> str:
        """Whom it leads to."""
        return self.origin[1]

    async def get(self, target: str, headers: Mapping[str, str], seconds: float) -> "Answer":
        """The answer to a GET of `target`, its head read; `seconds` bound the wait for that.

        Raises `StreamBroken`, `StreamTimeout`, or `Stale` where a kept connection had died.
        """
        self.uses += 1
        try:
            await self.wire.send(_request(target, {**headers, **self.extra}))
            return await self._answer(seconds)
        except TimeoutError:
            raise StreamTimeout(f"{self.host} does not answer") from None
        except OSError as error:
            raise self._broken(plain_reason(error)) from None

    async def _answer(self, seconds: float) -> "Answer":
        scratch = memoryview(bytearray(PIECE))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        head, heard = b"", 0
        while True:
            while _END not in head:
                if heard > HEAD_LIMIT:
                    raise StreamBroken(f"{self.host} sends a head without end")
                count = await self.wire.receive_some(scratch, max(deadline - loop.time(), 0.0))
                if count == 0:
                    raise self._broken("closed without an answer", heard=heard > 0)
                head += scratch[:count]
                heard += count
            end = head.index(_END) + len(_END)
            answer, head = Answer(self, head[:end]), head[end:]
            if not 100 <= answer.status < 200:  # else it is an interim one: the true one follows
                answer.feed(head)
                return answer

    def _broken(self, reason: str, *, heard: bool = False) -> StreamBroken:
        kind = Stale if self.uses > 1 and not heard else StreamBroken
        return kind(f"{self.host}: {reason}")

    def close(self) -> None:
        """Hang up."""
        self.wire.close()


class Stale(StreamBroken):
    """A kept connection was closed before it answered: ask again on another."""


class Answer:
    """A response whose head has come.

    `headers` have lower-case names. `left` is how many bytes of the body are still to be
    received, None where only its end will tell.
    """

    def __init__(self, channel: Channel, head: bytes) -> None:
        self.channel = channel
        self.headers: dict[str, str] = {}
        self._parser: Any = httptools.HttpResponseParser(self)
        self._decoded: list[bytes] = []
        self._ready = b""
        self._is_done = False
        try:
            self._parser.feed_data(head)
            self.status: int = self._parser.get_status_code()
        except httptools.HttpParserError:
            raise StreamBroken(f"{channel.host} does not speak HTTP") from None
        self.left = self._length()
        self._raw = self.left is not None
        self.may_be_kept = self._parser.should_keep_alive()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Httptools' callback."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_body(self, data: bytes) -> None:
        """Httptools' callback, for bodies of unknown length."""
        self._decoded.append(data)

    def on_message_complete(self) -> None:
        """Httptools' callback."""
        self._is_done = True

    @property
    def is_complete(self) -> bool:
        """Whether the whole body was received."""
        return self.left == 0 if self._raw else self._is_done and not self._ready

    def at_hand(self, most: int) -> bytes:
        """What was received already, to be delivered before anything else; taken away."""
        view = memoryview(bytearray(min(most, len(self._ready))))
        self._hand_over(view)
        return bytes(view)

    def feed(self, data: bytes) -> None:
        """Body bytes that came with the head."""
        if self._raw:
            assert self.left is not None
            self._ready = data[: self.left]
            self.may_be_kept &= len(data) <= self.left
            return
        self._decode(data)

    def receive(self, view: memoryview) -> int | None:
        """As `Wire.receive`, of the body; 0 also where it ended early. May raise `OSError`."""
        if self._ready:
            return self._hand_over(view)
        if self.is_complete:
            return 0
        if self._raw:
            assert self.left is not None
            count = self.channel.wire.receive(view[: self.left])
            self.left -= count or 0
            return count
        count = self.channel.wire.receive(view)
        if count is None:
            return None
        self._decode(bytes(view[:count])) if count else self._end()
        return self._hand_over(view) if self._ready else 0 if count == 0 or self._is_done else None

    async def first(self, seconds: float) -> None:
        """Wait for the first bytes of the body. Raises `StreamBroken`, `StreamTimeout`."""
        view = memoryview(bytearray(PIECE))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        try:
            while not self._ready and not self.is_complete:
                count = self.receive(view)
                if count is None:
                    await self.channel.wire.readable(max(deadline - loop.time(), 0.0))
                elif count == 0:
                    raise StreamBroken(f"{self.channel.host} sends nothing")
                else:
                    self._put_back(bytes(view[:count]))
        except TimeoutError:
            raise StreamTimeout(f"{self.channel.host} sends nothing") from None
        except OSError as error:
            raise StreamBroken(f"{self.channel.host}: {plain_reason(error)}") from None

    def _put_back(self, data: bytes) -> None:
        self._ready = data + self._ready
        if self.left is not None:
            self.left += len(data)

    def moved(self, count: int) -> None:
        """Somebody has moved `count` bytes out of the socket."""
        assert self.left is not None
        self.left -= count

    def _hand_over(self, view: memoryview) -> int:
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        if self._raw:
            assert self.left is not None
            self.left -= count
        return count

    def _decode(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            raise StreamBroken(f"{self.channel.host} garbles the body") from None
        self._ready = b"".join([self._ready, *self._decoded])
        self._decoded.clear()

    def _end(self) -> None:
        """The connection ended: that is the body's end too, if nothing else was to tell it."""
        if "transfer-encoding" not in self.headers:
            self._is_done = True

    def _length(self) -> int | None:
        if self.status in {204, 304}:
            return 0
        if "transfer-encoding" in self.headers:
            return None
        length = self.headers.get("content-length", "")
        return int(length) if _LENGTH.fullmatch(length) else None


def _request(target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise StreamBroken("the link holds characters that HTTP cannot send")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
