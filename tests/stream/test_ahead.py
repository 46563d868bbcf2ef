"""Reading ahead over several connections: in order, whole, bounded, and only where it helps."""

import random

import pytest

from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Body, Streams
from tests.serving import wait_until
from tests.stream.conftest import HostedStore, leaf
from tests.stream.test_resuming import mendable

LONG = 30_000_001


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", LONG)


def ahead(streams: Streams, start: int = 0, lanes: int = 4) -> Body:
    """A reader who was found to be held up by the upstream."""
    stream = streams.loop.call(streams.begun(leaf(LONG), start, None))
    stream._lanes = lanes
    stream._rate = 20e6
    return Body(streams.loop, stream)


@pytest.mark.parametrize("start", [0, 7_654_321, LONG - 1])
def test_bytes_read_ahead_are_the_files_in_their_order(
    streams: Streams, host: FileHost, content: Content, start: int
) -> None:
    assert b"".join(ahead(streams, start)) == content.read(start, LONG)


def test_under_faults_too(streams: Streams, host: FileHost, content: Content) -> None:
    host.faults.add(*mendable(random.Random(5), 20))
    assert b"".join(ahead(streams)) == content.read(0, LONG)


def test_several_connections_are_used_and_no_byte_is_fetched_twice(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(*(Fault("slow", seconds=0.02) for _ in range(20)))
    assert b"".join(ahead(streams)) == content.read(0, LONG)
    assert host.bytes_sent == LONG
    assert 2 <= host.open_connections <= 4


@pytest.mark.parametrize("connections", [2])
def test_it_never_takes_the_last_connections_from_people(
    streams: Streams, host: FileHost, content: Content
) -> None:
    body = iter(ahead(streams))
    next(body)
    with streams.open(leaf(LONG), 5, 9) as other:
        assert b"".join(other) == content.read(5, 5)
    b"".join(body)


@pytest.mark.parametrize("settings", [{"edge_store": 0, "read_ahead_memory": 0}])
def test_without_memory_one_connection_does(
    streams: Streams, host: FileHost, content: Content
) -> None:
    assert b"".join(ahead(streams)) == content.read(0, LONG)
    assert host.open_connections == 1


def test_a_reader_that_leaves_ends_what_was_read_ahead(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    body = ahead(streams)
    next(iter(body))
    body.close()
    memory = streams._around.memory
    wait_until(lambda: memory._left == memory._limit)
    wait_until(lambda: streams.pools["rd"].budget.used == 0)
    wait_until(lambda: host.open_transfers == 0)


def test_a_link_may_allow_fewer_connections(
    streams: Streams, host: FileHost, store: HostedStore, content: Content
) -> None:
    store.more = {"connections": 2}
    host.faults.add(*(Fault("slow", seconds=0.02) for _ in range(20)))
    assert b"".join(ahead(streams, lanes=2)) == content.read(0, LONG)
    assert host.open_connections <= 2
