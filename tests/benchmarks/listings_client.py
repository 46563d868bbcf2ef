"""A client that does as little as possible between a request and the last byte of its answer."""

import gzip
import socket
from typing import Self
from urllib.parse import quote

PIECE = 1024 * 1024


class Client:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), 120)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> "Answer":
        """The whole answer."""
        lines = [f"{method} {quote(path)} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._sock.sendall("\r\n".join(lines).encode() + body)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            self._receive(data)
        head = bytes(data[:end]).lower()
        del data[: end + 4]
        if b"transfer-encoding: chunked" in head:
            while not data.endswith(b"0\r\n\r\n"):
                self._receive(data)
        else:
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            while len(data) < length:
                self._receive(data)
        return Answer(head, data)

    def _receive(self, data: bytearray) -> None:
        piece = self._sock.recv(PIECE)
        if not piece:
            raise ConnectionError("the server hung up")
        data += piece


class Answer:
    """An answer as it came; `head` in lower case."""

    def __init__(self, head: bytes, data: bytearray) -> None:
        self.head = head
        self.data = data

    @property
    def status(self) -> int:
        """Such as 207."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def body(self) -> bytes:
        """Without the codings that it came in."""
        data = bytes(self.data)
        if b"transfer-encoding: chunked" in self.head:
            data = _unchunked(data)
        return gzip.decompress(data) if b"content-encoding: gzip" in self.head else data


def _unchunked(data: bytes) -> bytes:
    parts: list[bytes] = []
    place = 0
    while True:
        end = data.index(b"\r\n", place)
        length = int(data[place:end].split(b";")[0], 16)
        if length == 0:
            return b"".join(parts)
        parts.append(data[end + 2 : end + 2 + length])
        place = end + 4 + length
