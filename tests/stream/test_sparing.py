"""What an account and a host are spared: calls, connections, bytes nobody reads."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from davstore.errors import DavstoreError, Gone, StoreUnavailable, StreamBroken
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Streams, Upstream
from davstore.stream.wire import Wire
from davstore.transport import Reach
from tests.serving import wait_until
from tests.stream.conftest import SIZE, Clock, HostedStore, leaf, opened, read

BIG = 10**10


def refused(streams: Streams, **more: Any) -> DavstoreError:
    with pytest.raises(DavstoreError) as caught:
        streams.open(leaf(**more), 0, 99)
    return caught.value


def test_a_dead_file_costs_three_links_in_a_minute_however_many_hammer_it(
    streams: Streams, host: FileHost, store: HostedStore, clock: Clock
) -> None:
    host.faults.add(Fault("status", status=404, times=None))
    with ThreadPoolExecutor(20) as pool:
        for _ in range(60):
            list(pool.map(lambda _: refused(streams), range(20)))
            clock.advance(0.9)
    assert 1 <= store.generated <= 3


def test_a_dead_file_is_told_as_come_again_and_then_as_broken(
    streams: Streams, host: FileHost, clock: Clock
) -> None:
    host.faults.add(Fault("status", status=404, times=None))
    told = []
    for _ in range(30):
        told.append(type(refused(streams)))
        clock.advance(5)
    assert told[:12] == [StoreUnavailable] * 12
    assert told[14:] == [StreamBroken] * 16


def test_a_file_that_comes_back_is_served_again(
    streams: Streams, host: FileHost, content: Content, clock: Clock
) -> None:
    host.faults.add(Fault("status", status=404, times=None))
    refused(streams)
    host.faults.clear()
    clock.advance(61)
    assert read(streams, 0, 99) == content.read(0, 100)


def test_a_dead_pack_costs_a_few_calls(streams: Streams, store: HostedStore) -> None:
    store.failure = Gone("rd", "removed")
    for number in range(50):
        refused(streams, identity=f"{number}")
    assert store.generated == 0
    store.failure = None
    assert isinstance(refused(streams, identity="60"), StoreUnavailable)
    assert store.generated == 0


@pytest.mark.parametrize("connections", [3])
def test_no_more_connections_than_allowed_are_open_at_once(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(*(Fault("slow", seconds=0.01) for _ in range(40)))
    most = []

    def one(number: int) -> bool:
        got = read(streams, number * 20_000, number * 20_000 + 9_999)
        most.append(host.open_connections)
        return got == content.read(number * 20_000, 10_000)

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(one, range(40)))
    assert max(most) <= 3
    assert host.open_connections <= 3


def test_two_accounts_share_what_one_host_allows(
    store: HostedStore, host: FileHost, content: Content, clock: Clock, tmp_path: Path
) -> None:
    """Hosts count connections by address, whoever's links they are."""
    host.faults.add(*(Fault("slow", seconds=0.01) for _ in range(40)))
    reach = Reach(host.url).link
    accounts = {"rd": Upstream(reach, 2, lanes=1), "second": Upstream(reach, 3, lanes=1)}
    streams = opened(store, accounts, {}, clock, {"edge_store": 0}, tmp_path)
    most = []

    def one(number: int) -> bool:
        account = ("rd", "second")[number % 2]
        got = read(streams, number * 20_000, number * 20_000 + 9_999, leaf(account=account))
        most.append(streams.pools[account].used("127.0.0.1"))
        return got == content.read(number * 20_000, 10_000)

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(one, range(40)))
    assert max(most) == 3
    wait_until(lambda: host.open_connections <= 3)
    streams.close()
    assert not any(pool._hosts for pool in streams.pools.values())


@pytest.mark.parametrize("connections", [2])
def test_readers_who_dawdle_make_room_for_others(streams: Streams, store: HostedStore) -> None:
    """Each holds a window that nobody reads on; the next reader waits for none of them."""
    store.content = Content.random("long", BIG)
    bodies = [streams.open(leaf(BIG), number * 1_000_000, None) for number in range(2)]
    readers = [iter(body) for body in bodies]
    for reader in readers:
        assert next(reader)
    for number in range(6):
        bodies.append(streams.open(leaf(BIG), number * 1_000_000, None))
        readers.append(iter(bodies[-1]))
        block = next(readers[-1])
        assert block == store.content.read(number * 1_000_000, len(block))
    for body in bodies:
        body.close()


def test_a_small_range_is_passed_on_as_it_is(streams: Streams, host: FileHost) -> None:
    read(streams, 1000, 1999)
    assert host.calls[-1].range == "bytes=1000-1999"


def test_a_reader_that_leaves_early_has_cost_little_more_than_it_read(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    store.content = Content.random("long", BIG)
    with streams.open(leaf(BIG), 5_000_000, None) as body:
        next(iter(body))
    wait_until(lambda: host.open_transfers == 0)
    assert host.bytes_sent <= 4 * 1024 * 1024
    assert host.calls[0].range == "bytes=5000000-6048575"


def test_a_socket_that_takes_more_than_its_reader_reads_costs_no_further_windows(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    """Systems take megabytes for programs that have read enough, as probes do."""
    store.content = Content.random("long", BIG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = socket.create_connection(listener.getsockname())
        wire = Wire(listener.accept()[0])
    stream = streams.stream(leaf(BIG), 0, None)
    streams.loop.call(stream.begin())
    sending = streams.loop.submit(stream.send(wire))
    assert len(reader.recv(64 * 1024, socket.MSG_WAITALL)) == 64 * 1024
    wait_until(lambda: host.open_transfers == 0)
    assert [call.range for call in host.calls] == ["bytes=0-1048575"]
    assert len(reader.recv(8 * 1024 * 1024, socket.MSG_WAITALL)) == 8 * 1024 * 1024
    reader.close()
    with pytest.raises(OSError, match=r"reset|pipe"):
        sending.result(10)
    wire.close()


def test_windows_grow_for_who_reads_on(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    store.content = Content.random("long", BIG)
    with streams.open(leaf(BIG), 0, 50_000_000) as body:
        for _ in body:
            pass
    sizes = []
    for call in host.calls:
        start, _, end = (call.range or "").removeprefix("bytes=").partition("-")
        sizes.append(int(end) - int(start) + 1)
    assert sizes[:4] == [1 << 20, 1 << 21, 1 << 22, 1 << 23]
    assert sum(sizes) == 50_000_001


def test_aborted_reads_leave_nothing_behind(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    store.content = Content.random("long", BIG)
    for number in range(100):
        body = streams.open(leaf(BIG), number * 1_000_000, None)
        if number % 2:
            next(iter(body))
        body.close()
    wait_until(lambda: host.open_transfers == 0)
    wait_until(lambda: streams.pools["rd"].budget.used == 0)
    assert host.open_connections <= 8
    assert read(streams, 7, 8, leaf(BIG)) == store.content.read(7, 2)


def test_people_go_before_reading_ahead(streams: Streams) -> None:
    budget = streams.pools["rd"].budget

    async def full() -> list[str]:
        order: list[str] = []

        async def take(name: str, *, urgent: bool) -> None:
            await budget.take(urgent=urgent)
            order.append(name)

        for _ in range(8):
            await budget.take(urgent=True)
        tasks = [asyncio.create_task(take("ahead", urgent=False)) for _ in range(2)]
        tasks += [asyncio.create_task(take(f"person {n}", urgent=True)) for n in range(2)]
        await asyncio.sleep(0)
        for _ in range(4):
            budget.give()
        await asyncio.sleep(0)
        for _ in range(4):
            budget.give()
        await asyncio.gather(*tasks)
        for _ in range(budget.used):
            budget.give()
        return order

    assert streams.loop.call(full()) == ["person 0", "person 1", "ahead", "ahead"]


def test_an_unread_file_costs_nothing(streams: Streams, host: FileHost, store: HostedStore) -> None:
    streams.stream(leaf(SIZE), 0, None)
    assert (store.generated, host.calls) == (0, [])
