"""A crowd of slow readers: one asyncio process with a socket each.

    python -m tests.benchmarks.readers URL SIZE COUNT

Each asks for an open range at a random offset and reads 128 KiB a second. A line tells when all
have begun, or were refused, or had 30 s; then they go on until the standard input ends, and a
last line tells what became of them.
"""

import asyncio
import json
import random
import resource
import socket
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.benchmarks.clients import request

RATE = 128 * 1024
EVERY = 0.5
ARRIVAL = 0.005
"""Seconds between two readers: a crowd, not a storm of connects."""
BEGINNING = 30.0


@dataclass(slots=True)
class Reader:
    """One of them; `state` is waiting, reading, refused or dropped."""

    state: str = "waiting"
    read: int = 0

    async def run(self, url: str, offset: int) -> None:
        """Read until cancelled."""
        loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RATE // 2)
            sock.setblocking(False)
            try:
                await loop.sock_connect(sock, (parts.hostname, parts.port or 80))
                await loop.sock_sendall(sock, request(url, start=offset))
                await self._begin(sock)
                while True:
                    await self._portion(sock)
            except (OSError, EOFError):
                self.state = "dropped" if self.state == "reading" else "refused"

    async def _begin(self, sock: socket.socket) -> None:
        """Until the body's first byte is there."""
        loop, head = asyncio.get_running_loop(), b""
        while b"\r\n\r\n" not in head or head.endswith(b"\r\n\r\n"):
            piece = await loop.sock_recv(sock, 16 * 1024)
            if not piece:
                raise EOFError
            head += piece
        if not head.startswith(b"HTTP/1.1 206"):
            raise EOFError
        self.state = "reading"

    async def _portion(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        due, left = loop.time() + EVERY, int(RATE * EVERY)
        while left:
            piece = await loop.sock_recv(sock, left)
            if not piece:
                raise EOFError
            left -= len(piece)
            self.read += len(piece)
        await asyncio.sleep(max(0, due - loop.time()))


async def crowd(url: str, size: int, count: int) -> None:
    """Begin, report, go on until told to stop, report."""
    offsets = random.Random(count)
    readers = [Reader() for _ in range(count)]
    tasks = []
    for reader in readers:
        tasks.append(asyncio.create_task(reader.run(url, offsets.randrange(size // 2))))
        await asyncio.sleep(ARRIVAL)
    until = time.monotonic() + BEGINNING
    while any(reader.state == "waiting" for reader in readers) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    began, before = time.monotonic(), sum(reader.read for reader in readers)
    begun = sum(reader.state == "reading" for reader in readers)
    _say({"begun": begun})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    seconds = time.monotonic() - began
    for task in tasks:
        task.cancel()
    read = sum(reader.read for reader in readers) - before
    _say({
        "begun": begun,
        "dropped": sum(reader.state == "dropped" for reader in readers),
        "speed": read / max(1, begun) / seconds / RATE,
    })  # fmt: skip


def _say(what: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
