"""Waiting on sockets without blocking."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from davstore.stream import Wire
from davstore.stream.loop import Clock


class Moved:
    """A clock that is moved on by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def loop(clock: Moved) -> Iterator[asyncio.AbstractEventLoop]:
    loop = Clock(clock)
    yield loop
    loop.close()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def received(wire: Wire, seconds: float | None = None) -> bytes:
    view = memoryview(bytearray(100))
    return bytes(view[: await wire.receive_some(view, seconds)])


def test_one_wait_after_another_is_met(loop: asyncio.AbstractEventLoop) -> None:
    async def work() -> list[bytes]:
        ours, theirs = socket.socketpair()
        wire, said = Wire(ours), []
        for word in (b"one", b"two", b"three"):
            waiting = asyncio.ensure_future(received(wire))
            await turns()
            theirs.send(word)
            said.append(await waiting)
        wire.close()
        theirs.close()
        return said

    assert loop.run_until_complete(work()) == [b"one", b"two", b"three"]


def test_what_nobody_waits_for_does_not_keep_the_loop_awake(
    loop: asyncio.AbstractEventLoop,
) -> None:
    async def work() -> bytes:
        ours, theirs = socket.socketpair()
        wire = Wire(ours)
        waiting = asyncio.ensure_future(received(wire))
        await turns()
        theirs.send(b"first")
        await waiting
        theirs.send(b"unread")
        await turns()
        assert not wire._incoming.is_looked_at
        said = await received(wire)
        wire.close()
        theirs.close()
        return said

    assert loop.run_until_complete(work()) == b"unread"


def test_a_descriptor_that_is_used_again_is_waited_for(loop: asyncio.AbstractEventLoop) -> None:
    async def work() -> bytes:
        ours, theirs = socket.socketpair()
        number, wire = ours.fileno(), Wire(ours)
        hearing = asyncio.ensure_future(wire.readable())
        await turns()
        theirs.send(b"first")
        await hearing
        wire.close()
        others = socket.socketpair()
        assert number in {each.fileno() for each in others}
        again, far = others if others[0].fileno() == number else others[::-1]
        wire = Wire(again)
        waiting = asyncio.ensure_future(received(wire))
        await turns()
        far.send(b"second")
        said: bytes = await waiting
        wire.close()
        for each in (theirs, far):
            each.close()
        return said

    assert loop.run_until_complete(work()) == b"second"


@pytest.mark.parametrize("earlier", [None, 1.0, 100.0])
def test_each_wait_has_its_own_time(
    loop: asyncio.AbstractEventLoop, clock: Moved, earlier: float | None
) -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        wire = Wire(ours)
        waiting = asyncio.ensure_future(received(wire, earlier))
        await turns()
        theirs.send(b"first")
        await waiting
        waiting = asyncio.ensure_future(received(wire, 10.0))
        await turns()
        clock.at = 9.0
        await turns()
        assert not waiting.done()
        clock.at = 10.5
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 100)
        wire.close()
        theirs.close()

    loop.run_until_complete(work())


def test_a_watcher_hears_and_goes(loop: asyncio.AbstractEventLoop) -> None:
    async def work() -> list[str]:
        ours, theirs = socket.socketpair()
        wire, heard = Wire(ours), []
        wire.on_readable(lambda: heard.append("something"))
        theirs.send(b"x")
        await turns()
        wire.ignore_readable()
        count = len(heard)
        await turns()
        assert len(heard) == count
        assert await received(wire) == b"x"
        wire.close()
        theirs.close()
        return heard[:1]

    assert loop.run_until_complete(work()) == ["something"]


def test_who_left_is_not_sent_more(loop: asyncio.AbstractEventLoop) -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        wire = Wire(ours)
        await wire.caught_up()
        theirs.close()
        with pytest.raises(ConnectionResetError):
            await wire.caught_up()
        wire.close()

    loop.run_until_complete(work())
