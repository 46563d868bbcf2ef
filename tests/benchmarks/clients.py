"""What reads from the servers: plain sockets, and the same few lines for each of them.

Always in a process of its own, so that a measurement has a core to itself as far as there is one:
`ask("download", urls=[...])` runs `python -m tests.benchmarks.clients download {...}` and returns
the JSON that it prints. Answers are judged only as far as that costs nothing: status, length.
"""

import json
import random
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from tests.benchmarks.processes import Unfit

BLOCK = 256 * 1024
PATIENCE = 30.0
UNANSWERED = 5.0
"""Seconds after which a listing counts as not answered."""

# What rclone 1.75 asks of a folder.
_PROPFIND = (
    '<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:displayname/>'
    "<d:getlastmodified/><d:getcontentlength/><d:resourcetype/></d:prop></d:propfind>"
)


def ask(job: str, *, patience: float = 120, **parameters: Any) -> dict[str, Any]:
    """Run a job in a process of its own; its answer. Raises `Unfit` where it cannot be done."""
    command = [sys.executable, "-m", __name__, job, json.dumps(parameters)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        raise Unfit(f"no end after {patience:.0f} s") from None
    if done.returncode != 0:
        raise Unfit((done.stderr.strip().splitlines() or ["the client failed"])[-1][-300:])
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Wrong(Exception):
    """A server's answer that is not what was asked for."""


@dataclass
class Reading:
    """One connection on which requests are answered one after the other."""

    host: str
    port: int
    sock: socket.socket = field(init=False, repr=False)
    left: int = 0
    head: bytes = b""
    status: int = 0
    closes: bool = False

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Connect, or connect again."""
        self.sock = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closes = False

    def send(self, request: bytes) -> None:
        """Ask; the answer before must have been read to its end."""
        self.left, self.head = -1, b""
        self.sock.sendall(request)

    def take(self, buffer: bytearray) -> int:
        """Read once; how many of the body's bytes came. Raises `Wrong` where it ends early."""
        if self.left < 0:
            return self._begin()
        count = self.sock.recv_into(buffer, min(len(buffer), self.left))
        if count == 0:
            raise Wrong(f"the body ended {self.left} bytes early")
        self.left -= count
        return count

    def _begin(self) -> int:
        piece = self.sock.recv(16 * 1024)
        if not piece:
            raise Wrong("the connection ended before the answer")
        self.head += piece
        head, end, body = self.head.partition(b"\r\n\r\n")
        if not end:
            return 0
        lines = head.lower().split(b"\r\n")
        self.status = int(lines[0].split()[1])
        if self.status not in {200, 206, 207}:
            raise Wrong(f"status {self.status}")
        fields = dict(line.split(b":", 1) for line in lines[1:])
        if b"content-length" not in fields:
            raise Wrong("an answer without a length")
        self.left = int(fields[b"content-length"]) - len(body)
        self.closes = b"close" in fields.get(b"connection", b"")
        return len(body)


def request(url: str, *, start: int | None = None, end: int | None = None) -> bytes:
    """A GET as a player writes it; without `start` of the whole."""
    last = "" if end is None else end
    ranged = "" if start is None else f"Range: bytes={start}-{last}\r\n"
    parts = urlsplit(url)
    return (
        f"GET {quote(parts.path, safe='/%')} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"User-Agent: davstore-benchmark\r\n{ranged}\r\n"
    ).encode()


def reading(url: str) -> Reading:
    """A new connection to where `url` is."""
    parts = urlsplit(url)
    return Reading(parts.hostname or "", parts.port or 80)


def download(urls: Sequence[str], seconds: float) -> dict[str, Any]:
    """All `urls` at once, each whole, for at most so long: bytes, seconds, and how many ended."""
    began = time.perf_counter()
    buffer, total, whole = bytearray(BLOCK), 0, 0
    with selectors.DefaultSelector() as selector:
        for url in urls:
            stream = reading(url)
            stream.send(request(url))
            selector.register(stream.sock, selectors.EVENT_READ, stream)
        while selector.get_map() and time.perf_counter() - began < seconds:
            for key, _ in selector.select(PATIENCE) or _stalled():
                total += key.data.take(buffer)
                if key.data.left == 0:
                    whole += 1
                    selector.unregister(key.fileobj)
    return {"bytes": total, "seconds": time.perf_counter() - began, "whole": whole}


def ranges(
    url: str, size: int, length: int, connections: int, seconds: float, seed: int
) -> dict[str, Any]:
    """Closed ranges at random offsets on keep-alive connections: how many, in how long."""
    offsets = random.Random(seed)
    buffer, count, total = bytearray(BLOCK), 0, 0
    began = time.perf_counter()

    def next_range(stream: Reading) -> None:
        start = offsets.randrange(size - length)
        stream.send(request(url, start=start, end=start + length - 1))

    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            stream = reading(url)
            selector.register(stream.sock, selectors.EVENT_READ, stream)
            next_range(stream)
        while time.perf_counter() - began < seconds:
            for key, _ in selector.select(PATIENCE) or _stalled():
                stream = key.data
                total += stream.take(buffer)
                if stream.left == 0:
                    count += 1
                    if stream.status != 206:
                        raise Wrong(f"status {stream.status} for a range")
                    if stream.closes:
                        selector.unregister(stream.sock)
                        stream.open()
                        selector.register(stream.sock, selectors.EVENT_READ, stream)
                    next_range(stream)
    return {"requests": count, "bytes": total, "seconds": time.perf_counter() - began}


def first_bytes(
    url: str, size: int, length: int, count: int, seed: int, seconds: float
) -> dict[str, Any]:
    """Median milliseconds from a request to its body's first byte, at random offsets.

    A closed range of `length` bytes on a kept-alive connection; where `length` is 0, an open
    range on a new connection each, connecting included, as players seek.
    """
    offsets = random.Random(seed)
    buffer = bytearray(BLOCK)
    times: list[float] = []
    until = time.perf_counter() + seconds
    stream = reading(url)
    while len(times) < count and time.perf_counter() < until:
        start = offsets.randrange(size - max(length, 8 * BLOCK))
        began = time.perf_counter()
        if not length or stream.closes:
            stream.sock.close()
            stream.open()
        stream.send(request(url, start=start, end=start + length - 1 if length else None))
        while stream.take(buffer) == 0:
            pass
        times.append(time.perf_counter() - began)
        while length and stream.left:
            stream.take(buffer)
    return {"ms": 1000 * statistics.median(times), "count": len(times)}


def listings(url: str, count: int, pause: float) -> dict[str, Any]:
    """Median milliseconds of PROPFIND Depth 1 on new connections, and how many were answered.

    One that takes over five seconds counts as five.
    """
    times: list[float] = []
    size, answered = 0, 0
    for _ in range(count):
        began = time.perf_counter()
        try:
            size = _listing(url)
            answered += 1
        except (OSError, Wrong) as error:
            if isinstance(error, Wrong):
                time.sleep(max(0, began + UNANSWERED - time.perf_counter()))
        times.append(min(time.perf_counter() - began, UNANSWERED))
        time.sleep(pause)
    return {"ms": 1000 * statistics.median(times), "answered": answered, "bytes": size}


def _listing(url: str) -> int:
    """The bytes of one listing, which is read to its end, also where it is chunked."""
    parts = urlsplit(url)
    head = (
        f"PROPFIND {quote(parts.path, safe='/%')} HTTP/1.1\r\nHost: {parts.netloc}\r\nDepth: 1\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(_PROPFIND)}\r\n"
        "Connection: close\r\n\r\n"
    )
    address = (parts.hostname or "", parts.port or 80)
    until = time.perf_counter() + UNANSWERED
    pieces = []
    with socket.create_connection(address, timeout=UNANSWERED) as sock:
        sock.sendall((head + _PROPFIND).encode())
        while piece := sock.recv(BLOCK):
            pieces.append(piece)
            sock.settimeout(max(0.001, until - time.perf_counter()))
    body = b"".join(pieces)
    if not body.startswith(b"HTTP/1.1 207") or b"multistatus>" not in body[-200:]:
        raise Wrong(f"no whole listing: {body[:12].decode('latin-1')}")
    return len(body)


def _stalled() -> list[Any]:
    raise Wrong(f"nothing came for {PATIENCE:.0f} s")


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "download": download,
    "ranges": ranges,
    "first_bytes": first_bytes,
    "listings": listings,
}


def main(job: str, parameters: str) -> int:
    """Do one job and print its answer; an error's last line says why."""
    try:
        answer = JOBS[job](**json.loads(parameters))
    except (OSError, Wrong) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return 1
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
