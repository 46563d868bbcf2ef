"""The streams of this moment: who reads what, how fast, from where. Lives on the streams' loop.

What they send is counted once a second, not chunk by chunk.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from davstore.model import Reader, Reading
from davstore.stream.stream import Stream
from davstore.tally import BYTES, ERRORS, RESUMES, Tally

EVERY = 1.0
"""Seconds between two looks."""
INERTIA = 0.6
"""How much of the rate shown is the rate before."""


@dataclass(slots=True)
class _Entry:
    reader: Reader
    start: int
    end: int | None
    began: float
    counted: int
    resumed: int = 0
    rate: float = 0.0


class Running:
    """Looks at the streams between `add` and `remove`; `now` are unix seconds."""

    def __init__(self, tally: Tally, now: Callable[[], float] = time.time) -> None:
        self._tally = tally
        self._now = now
        self._entries: dict[Stream, _Entry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._looked = 0.0

    def add(self, stream: Stream, reader: Reader, start: int, end: int | None) -> None:
        """`stream` is about to begin."""
        self._entries[stream] = _Entry(reader, start, end, self._now(), start)
        stream.closed = self.remove
        if self._timer is None:
            self._wait()

    def remove(self, stream: Stream) -> None:
        """`stream` has ended; may be called twice."""
        entry = self._entries.pop(stream, None)
        if entry is None:
            return
        self._count(stream, entry)
        if stream.error is not None:
            self._tally.count(ERRORS, stream.leaf.account, stream.error.__name__)

    def readings(self) -> list[Reading]:
        """The streams as they stand; from any thread."""
        return [_reading(stream, entry) for stream, entry in self._entries.copy().items()]

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._looked = loop.time()
        self._timer = loop.call_later(EVERY, self._look)

    def _look(self) -> None:
        self._timer = None
        seconds = max(asyncio.get_running_loop().time() - self._looked, 0.001)
        for stream, entry in self._entries.items():
            fresh = self._count(stream, entry) / seconds
            entry.rate = fresh + INERTIA * (entry.rate - fresh) if entry.rate else fresh
        if self._entries:
            self._wait()

    def _count(self, stream: Stream, entry: _Entry) -> int:
        account, sent = stream.leaf.account, stream.flow.at - entry.counted
        if sent:
            entry.counted = stream.flow.at
            self._tally.count(BYTES, account, by=sent)
        if stream.resumed > entry.resumed:
            self._tally.count(RESUMES, account, by=stream.resumed - entry.resumed)
            entry.resumed = stream.resumed
        return sent


def _reading(stream: Stream, entry: _Entry) -> Reading:
    leaf = stream.leaf
    end = entry.end if entry.end is not None else (leaf.size or 0) - 1
    return Reading(
        entry.reader, leaf.account, leaf.name, entry.start, end, stream.flow.at, entry.began,
        entry.rate, stream.host, entry.resumed,
    )  # fmt: skip
