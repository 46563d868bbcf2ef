"""Connections to hosts: none is left open that nobody uses, and none waits for ever."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from davstore.errors import StreamBroken, StreamTimeout
from davstore.stream import Streams, Wire
from davstore.stream.http1 import Channel
from davstore.stream.loop import Clock
from davstore.stream.pool import KEPT_FOR, Origin, Pool
from davstore.transport import Dialer, Line, Reach
from tests.serving import wait_until
from tests.stream.conftest import Clock as Moved
from tests.stream.conftest import HostedStore, leaf, read

ORIGIN = ("http", "127.0.0.1", 80)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


class Still:
    """A clock that is moved on by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock_() -> Still:
    return Still()


@pytest.fixture
def loop(clock_: Still) -> Iterator[asyncio.AbstractEventLoop]:
    loop = Clock(clock_)
    yield loop
    if not loop.is_closed():
        loop.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_idle_connections_are_closed_though_nobody_reads_any_more(
    streams: Streams, clock: Moved
) -> None:
    read(streams, 0, 99)
    wait_until(lambda: streams.pools["rd"].open == 1)
    clock.advance(KEPT_FOR + 1)
    wait_until(lambda: streams.pools["rd"].open == 0)


def test_a_pool_that_was_closed_keeps_nothing(
    loop: asyncio.AbstractEventLoop, threads: ThreadPoolExecutor
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        origin: Origin = ("http", "127.0.0.1", listening.getsockname()[1])
        dialer = Dialer(Reach("http://127.0.0.1").link)
        pool = Pool("rd", dialer, threads, {}, limit=2)

        async def work() -> None:
            channel = await pool.channel(origin, urgent=True)
            pool.close()
            pool.keep(channel)

        loop.run_until_complete(work())
        peer, _ = listening.accept()
        with peer:
            assert peer.recv(1) == b""
    assert pool.open == 0


class Slow(Dialer):
    """Dials no sooner than it may."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(Reach("http://127.0.0.1").link)
        self._sock = sock
        self.begun, self.may = threading.Event(), threading.Event()

    def dial(self, scheme: str, host: str, port: int, timeout: float) -> Line:
        self.begun.set()
        self.may.wait(10)
        return Line(self._sock)


def test_a_connection_that_comes_after_the_end_is_closed(loop: asyncio.AbstractEventLoop) -> None:
    ours, theirs = socket.socketpair()
    dialer = Slow(ours)
    with ThreadPoolExecutor(1) as threads:
        pool = Pool("rd", dialer, threads, {}, limit=2)

        async def work() -> None:
            task = asyncio.ensure_future(pool.channel(ORIGIN, urgent=True))
            await turns()
            dialer.begun.wait(10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        loop.run_until_complete(work())
        loop.close()
        dialer.may.set()
    assert ours.fileno() == -1
    theirs.close()


Told = Callable[[socket.socket, Still], None]


def drips(theirs: socket.socket, clock: Still) -> None:
    theirs.send(b"H")
    clock.at += 4


def hints(theirs: socket.socket, _: Still) -> None:
    theirs.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200)


@pytest.mark.parametrize(
    ("told", "error", "said"),
    [(drips, StreamTimeout, "does not answer"), (hints, StreamBroken, "head without end")],
)
def test_a_head_that_never_ends_is_given_up(
    loop: asyncio.AbstractEventLoop, clock_: Still, told: Told, error: type[Exception], said: str
) -> None:
    ours, theirs = socket.socketpair()

    async def work() -> None:
        channel = Channel(Wire(ours), ORIGIN)
        asking = asyncio.ensure_future(channel.get("/", {}, 10.0))
        for _ in range(20):
            await turns()
            if not asking.done():
                told(theirs, clock_)
        with pytest.raises(error, match=said):
            await asyncio.wait_for(asking, 1)
        channel.close()

    with theirs:
        loop.run_until_complete(work())


def test_interim_answers_are_passed_over(loop: asyncio.AbstractEventLoop) -> None:
    ours, theirs = socket.socketpair()

    async def work() -> bytes:
        channel = Channel(Wire(ours), ORIGIN)
        theirs.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + ANSWER)
        answer = await channel.get("/", {}, 10.0)
        said = answer.at_hand(100)
        channel.close()
        return said

    with theirs:
        assert loop.run_until_complete(work()) == b"abc"


def test_a_reader_who_leaves_does_not_take_the_link_from_others(
    streams: Streams, store: HostedStore
) -> None:
    may, link = threading.Event(), store.link

    def late(file: object) -> object:
        may.wait(10)
        return link(file)  # type: ignore[arg-type]

    async def begun(name: str) -> None:
        (await streams.begun(leaf(identity=name), 0, 99)).close()

    store.link = late  # type: ignore[assignment, method-assign]
    others = [streams.loop.submit(begun(name)) for name in [*map(str, range(20)), "wanted"]]
    leaving = streams.loop.submit(begun("wanted"))
    streams.loop.call(turns())
    leaving.cancel()
    streams.loop.call(turns())
    may.set()
    for each in others:
        each.result(10)
