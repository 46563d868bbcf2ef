"""Reads that failed are over: what they held is let go at once, without the garbage collector,
which looks at what is old so seldom that megabytes wait for it.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest

from davstore.errors import DavstoreError, Gone, StoreUnavailable
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Stream, Streams
from davstore.stream.piece import Piece
from tests.serving import wait_until
from tests.stream.conftest import HostedStore, leaf, read

LONG = 20_000_003
ROUNDS = 4


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", LONG)


@pytest.fixture(params=["edges", "no edges"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {} if request.param == "edges" else {"edge_store": 0}


Left = Callable[[], list[object]]


@pytest.fixture
def left() -> Iterator[Left]:
    """What is there of reads and of the ways that errors came, and was not there before; with
    nobody to collect what is in a circle.
    """
    gc.collect()
    gc.disable()
    before = found()
    known = set(map(id, before))
    yield lambda: [each for each in found() if id(each) not in known]
    gc.enable()


def found() -> list[object]:
    kinds = (Piece, Stream, TracebackType)
    return [each for each in gc.get_objects() if isinstance(each, kinds)]


def fail(streams: Streams, number: int) -> None:
    try:
        read(streams, 0, LONG - 1, leaf(LONG, identity=f"file {number}"))
    except DavstoreError:
        return
    pytest.fail("it was read")


def test_links_that_cannot_be_had(streams: Streams, store: HostedStore, left: Left) -> None:
    for number in range(ROUNDS):
        store.failure = Gone("rd", "no more") if number % 2 else StoreUnavailable("rd", "ill")
        fail(streams, number)
    store.failure = None
    wait_until(lambda: not left())


@pytest.mark.parametrize(
    "fault",
    [
        lambda: Fault("status", status=404),
        lambda: Fault("status", status=503),
        lambda: Fault("html_200"),
        lambda: Fault("cut", at_bytes=0),
    ],
    ids=["404", "503", "page", "cut"],
)
def test_hosts_that_do_not_deliver(
    streams: Streams, host: FileHost, left: Left, fault: Callable[[], Fault]
) -> None:
    for number in range(ROUNDS):
        for _ in range(20):
            host.faults.add(fault())
        fail(streams, number)
    wait_until(lambda: not left())


def test_bodies_that_break_off(streams: Streams, host: FileHost, left: Left) -> None:
    for number in range(ROUNDS):
        for _ in range(20):
            host.faults.add(Fault("cut", at_bytes=300_000))
        with contextlib.suppress(DavstoreError):
            read(streams, 0, LONG - 1, leaf(LONG, identity=f"file {number}"))
        host.faults.clear()
    wait_until(lambda: not left())
