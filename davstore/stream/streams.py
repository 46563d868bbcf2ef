"""All streams: what they share, and the ways in from other threads."""

import asyncio
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from davstore.config import StreamSettings
from davstore.errors import DavstoreError
from davstore.logs import Threads
from davstore.model import Leaf, Reader
from davstore.resolver import Failures, Resolver
from davstore.stream.copies import Copies, Copy
from davstore.stream.delivery import Deliveries
from davstore.stream.edges import Edges, EdgeSettings
from davstore.stream.loop import Loop
from davstore.stream.memory import Memory
from davstore.stream.pieces import Pieces
from davstore.stream.pool import Host, Pool
from davstore.stream.running import Running
from davstore.stream.source import Source
from davstore.stream.stream import Stream, Surroundings
from davstore.stream.wire import Bytes
from davstore.tally import FIRST_BYTE, STARTS, Tally
from davstore.transport import Dialer, MayReach

THREADS = 32
OURSELVES = Reader(client="davstore")
HANDED_OVER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upstream:
    """How the file hosts of one account may be used.

    `may_reach` judges addresses; `connections` is how many at once, `lanes` how many a stream.
    """

    may_reach: MayReach
    connections: int
    lanes: int


class Streams:
    """Opens files of all accounts. `learn` is told the size of a file that its store did not know.

    `told` hears of each stream that is begun. `folder` is where beginnings and ends of files are
    kept. `now` are monotonic seconds, `jitter` numbers from 0 to 1. What streams do is counted in
    `tally`, `running` are those of now.
    """

    def __init__(
        self,
        resolver: Resolver,
        failures: Failures,
        accounts: Mapping[str, Upstream],
        learn: Callable[[str, int], None],
        folder: Path,
        settings: StreamSettings,
        *,
        tally: Tally | None = None,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        told: Callable[[Leaf, Stream], object] = lambda *_: None,
    ) -> None:
        self._tally = tally or Tally()
        self.running = Running(self._tally)
        self._resolver = resolver
        self._failures = failures
        self._accounts = accounts
        self._learn = learn
        self._settings = settings
        self._jitter = jitter
        self._told = told
        self._threads = Threads(THREADS, thread_name_prefix="stream")
        self.loop = Loop(now)
        hosts: dict[str, Host] = {}
        self.pools = {
            name: Pool(
                name, Dialer(a.may_reach), self._threads, hosts, limit=a.connections, now=now
            )
            for name, a in accounts.items()
        }
        self._source = Source(resolver, self.pools, self._threads, first_byte=settings.first_byte)
        floor = (int(settings.floor_bytes), settings.floor_seconds)
        kept = EdgeSettings(settings.edge_store, settings.edge_head, settings.edge_tail)
        edges = Edges(folder, kept, self._threads, self._tally)
        memory = Memory(int(settings.read_ahead_memory))
        self._around = Surroundings(edges, Pieces(edges, floor), memory, floor)

    def stream(self, leaf: Leaf, start: int, end: int | None, *, is_whole: bool = False) -> Stream:
        """Bytes `start` to `end` (inclusive; None: to the end) of `leaf`, not yet begun. Who asked
        for it `is_whole`, without a range, is no probe.

        Where it fails, the same file in other accounts goes on for it if their size is known to
        be the same. To be used on `loop`.
        """
        same = [leaf, *(each for each in leaf.others if each.size == leaf.size is not None)]
        copies = Copies([self._copy(each) for each in same], self._failures)
        return Stream(copies, start, end, self._around, is_whole=is_whole)

    def _copy(self, leaf: Leaf) -> Copy:
        deliveries = Deliveries(
            self._source,
            leaf,
            worked=self._worked,
            learn=self._learn,
            memory=self._around.memory,
            first_byte=self._settings.first_byte,
            jitter=self._jitter,
        )
        lanes = self._accounts[leaf.account].lanes
        return Copy(leaf, deliveries, self.pools[leaf.account], lanes)

    async def begun(
        self,
        leaf: Leaf,
        start: int,
        end: int | None,
        reader: Reader = OURSELVES,
        *,
        is_whole: bool = False,
    ) -> Stream:
        """As `stream`, its first bytes at hand for `reader`.

        Raises `DavstoreError` as clients are to be told.
        """
        stream = self.stream(leaf, start, end, is_whole=is_whole)
        self.running.add(stream, reader, start, end)
        began = time.monotonic()
        try:
            await stream.begin()
        except BaseException:
            stream.close()
            raise
        account = stream.leaf.account
        self._tally.time(FIRST_BYTE, time.monotonic() - began, account)
        self._tally.count(STARTS, account)
        self._told(leaf, stream)
        return stream

    def open(self, leaf: Leaf, start: int, end: int | None) -> "Body":
        """As `begun`, for a thread: the bytes are iterated over."""
        return Body(self.loop, self.loop.call(self.begun(leaf, start, end)))

    def measure(self, leaf: Leaf) -> int | None:
        """The size of `leaf` in bytes as its host tells it, or None where it tells none.

        Raises `DavstoreError`.
        """
        with self.open(leaf, 0, None) as body:
            return body.total

    def close(self) -> None:
        """Cut every stream and let go of all connections; may be called twice."""
        if self.loop.is_closed:
            return
        self.loop.call(self._close_pools())
        self.loop.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._around.edges.close()

    async def _close_pools(self) -> None:
        for pool in self.pools.values():
            pool.close()

    def _worked(self, leaf: Leaf) -> None:
        self._resolver.worked(leaf)
        self._failures.served(leaf)


class Body:
    """Bytes of an opened file for a thread: iterate once, then (or earlier) close.

    `total` is the size of the whole file, None where the host does not tell. Raises
    `DavstoreError` while iterating where the upstream fails for good.
    """

    def __init__(self, loop: Loop, stream: Stream) -> None:
        self.total = stream.total
        self._loop = loop
        self._stream = stream
        self._sending: Future[None] | None = None

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        handover = _Handover(self._loop)
        self._sending = self._loop.submit(self._stream.send(handover))
        self._sending.add_done_callback(lambda _: handover.end())
        yield from handover
        error = self._sending.exception()
        if isinstance(error, DavstoreError):
            raise error
        self._sending.result()

    def close(self) -> None:
        """Let go of the upstream."""
        if self._sending is not None:
            self._sending.cancel()
        self._loop.soon(self._stream.close)


class _Handover:
    """The sink of a stream whose bytes a thread takes."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._blocks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._held = 0
        self._lock = threading.Lock()
        self._room: Future[None] | None = None

    @property
    def plain(self) -> socket.socket | None:
        return None

    def offer(self, data: Bytes) -> int:
        with self._lock:
            count = min(len(data), HANDED_OVER - self._held)
            self._held += count
        if count:
            self._blocks.put(bytes(data[:count]))
        return count

    async def send(self, data: Bytes) -> None:
        rest = memoryview(data)
        while rest:
            taken = self.offer(rest)
            rest = rest[taken:]
            if not taken:
                await self.writable()

    async def writable(self, seconds: float | None = None) -> None:
        with self._lock:
            if self._held < HANDED_OVER:
                return
            room = self._room = Future()
        async with asyncio.timeout(seconds):
            await asyncio.wrap_future(room)

    async def caught_up(self, seconds: float = 0.0) -> None:
        del seconds  # a thread of ours reads all that it wants
        await self.writable()

    def end(self) -> None:
        self._blocks.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while (block := self._blocks.get()) is not None:
            with self._lock:
                self._held -= len(block)
                room, self._room = self._room, None
            if room is not None:
                with suppress(InvalidStateError):  # nobody waits any more
                    room.set_result(None)
            yield block
