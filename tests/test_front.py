"""Clients' connections: what each costs while it is silent, slow, rude, or gone."""

import contextlib
import gc
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from davstore.server import conversation
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.stream import Stream
from tests.conftest import Certified
from tests.serving import Serving, serving, wait_until

SIZE = 64 * 1024 * 1024
PATH = "/alldebrid/magnets/debian/debian.iso"
CONTENT = Content.random("debian", SIZE)


@pytest.fixture(params=["http", "https"])
def served(
    request: pytest.FixtureRequest, sim: Simulator, tmp_path: Path, certified: Certified
) -> Iterator[Serving]:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", CONTENT)]))
    server = certified.settings if request.param == "https" else {}
    with serving(sim, tmp_path, accounts=("alldebrid",), server=server) as running:
        running.session.verify = str(certified.authority)
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        yield running


def connected(served: Serving, sent: bytes = b"") -> socket.socket:
    place = urlsplit(served.url)
    client = socket.create_connection((place.hostname, place.port), 20)
    if place.scheme == "https":
        trusting = ssl.create_default_context(cafile=str(served.session.verify))
        client = trusting.wrap_socket(client, server_hostname=place.hostname)
    client.sendall(sent)
    return client


def get(range_: str = "", path: str = PATH, *, version: str = "1.1", more: str = "") -> bytes:
    asked = f"Range: bytes={range_}\r\n" if range_ else ""
    return f"GET {path} HTTP/{version}\r\nHost: x\r\n{asked}{more}\r\n".encode()


def answer(client: socket.socket) -> tuple[bytes, bytes]:
    """The next head and its body, as long as it says."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += client.recv(1)
    length = next(
        int(line.split(b":")[1])
        for line in got.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return got, body


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_ranges_on_one_connection_are_each_right(served: Serving) -> None:
    with connected(served) as client:
        for start in (0, 5_000_000, 17, SIZE - 10, 5_000_000):
            client.sendall(get(f"{start}-{start + 9}"))
            head, body = answer(client)
            assert head.startswith(b"HTTP/1.1 206")
            assert f"bytes {start}-{start + 9}/{SIZE}".encode() in head
            assert body == CONTENT.read(start, 10)


def test_a_repeated_request_is_judged_anew(served: Serving, sim: Simulator) -> None:
    with connected(served) as client:
        client.sendall(get("0-9"))
        assert answer(client)[1] == CONTENT.read(0, 10)
        client.sendall(get(f"{SIZE}-"))
        assert answer(client)[0].startswith(b"HTTP/1.1 416")
        client.sendall(get("10-19", more="If-None-Match: *\r\n"))
        assert client.recv(12) == b"HTTP/1.1 304"
    magnet = sim.alldebrid.magnets[0].id if hasattr(sim.alldebrid, "magnets") else None
    with connected(served) as client:
        client.sendall(get("0-9"))
        answer(client)
        if magnet is not None:
            sim.alldebrid.remove(magnet)
            served.refresh()
            client.sendall(get("0-9"))
            assert answer(client)[0].startswith(b"HTTP/1.1 404")


def test_pipelined_requests_are_answered_in_order(served: Serving) -> None:
    with connected(served, get("0-9") + get("20-29") + get("", "/nothing") + get("5-6")) as client:
        assert answer(client)[1] == CONTENT.read(0, 10)
        assert answer(client)[1] == CONTENT.read(20, 10)
        assert answer(client)[0].startswith(b"HTTP/1.1 404")
        assert answer(client)[1] == CONTENT.read(5, 2)


def test_http_1_0_closes_unless_asked_to_stay(served: Serving) -> None:
    with connected(served, get("0-9", version="1.0")) as client:
        assert answer(client)[1] == CONTENT.read(0, 10)
        assert client.recv(1) == b""
    stay = "Connection: Keep-Alive\r\n"
    with connected(served, get("0-9", version="1.0", more=stay)) as client:
        assert b"keep-alive" in answer(client)[0].lower()
        client.sendall(get("10-19", version="1.0", more=stay))
        assert answer(client)[1] == CONTENT.read(10, 10)


def test_connection_close_is_obeyed(served: Serving) -> None:
    with connected(served, get("0-9", more="Connection: close\r\n")) as client:
        head, body = answer(client)
        assert b"\r\nConnection: close" in head
        assert body == CONTENT.read(0, 10)
        assert client.recv(1) == b""


def test_expect_100_continue_is_answered(served: Serving) -> None:
    body = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
    head = (
        f"PROPFIND / HTTP/1.1\r\nHost: x\r\nDepth: 0\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with connected(served, head) as client:
        assert client.recv(21) == b"HTTP/1.1 100 Continue"
        client.sendall(body)
        got = b""
        while b"207" not in got:
            got += client.recv(100)


def test_silent_dripping_and_idle_clients_hold_no_thread(served: Serving) -> None:
    silent = [connected(served) for _ in range(150)]
    dripping = [connected(served, b"PROPFIND / HT") for _ in range(150)]
    idle = [connected(served, get("0-9")) for _ in range(150)]
    for client in idle:
        answer(client)
    for client in dripping:
        client.sendall(b"T")
    reply = served.request("PROPFIND", "/", headers={"Depth": "1"})
    assert reply.status_code == 207
    for client in (*silent, *dripping, *idle):
        client.close()
    wait_until(lambda: served.server.front.open_connections <= 2)


def test_a_head_that_drips_is_given_up(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.3)
    with connected(served, b"GET / HTTP/1.1\r\n") as client:
        got = b""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                client.sendall(b"x")
                client.settimeout(0.05)
                got += client.recv(1000)
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert b"408" in got or got == b""


def test_a_head_without_end_is_refused(served: Serving) -> None:
    with connected(served, b"GET / HTTP/1.1\r\n") as client:
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.sendall(b"X-Filler: " + b"y" * 10_000 + b"\r\n")
        with contextlib.suppress(OSError):
            assert client.recv(12) in {b"HTTP/1.1 431", b""}
    assert served.request("HEAD", PATH).status_code == 200


def test_a_client_that_leaves_while_it_waits_is_noticed_at_once(
    served: Serving, sim: Simulator
) -> None:
    sim.host.faults.add(Fault("hang", times=None))
    client = connected(served, get("5000000-"))
    wait_until(lambda: sim.host.count("/d/") >= 1)
    began = time.monotonic()
    client.close()
    wait_until(lambda: sim.host.open_connections == 0)
    assert time.monotonic() - began < 2


def test_a_thousand_aborted_reads_leave_nothing_behind(served: Serving, sim: Simulator) -> None:
    def abort(number: int) -> None:
        with connected(served, get(f"{number * 60_000}-")) as client:
            if number % 3:
                client.recv(1000)

    for number in range(100):
        abort(number)
    wait_until(lambda: served.server.front.open_connections <= 1)
    wait_until(lambda: sim.host.open_transfers == 0)
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    for number in range(1000):
        abort(number)
    wait_until(lambda: served.server.front.open_connections <= 1)
    wait_until(lambda: sim.host.open_transfers == 0)
    wait_until(lambda: served.server.streams.pools["alldebrid"].budget.used == 0)
    gc.collect()
    wait_until(lambda: descriptors() <= before + 40)
    wait_until(lambda: threading.active_count() <= threads + 40)
    assert served.get(PATH, headers={"Range": "bytes=7-9"}).content == CONTENT.read(7, 3)


def test_listings_go_on_beside_many_slow_streams(served: Serving) -> None:
    slow = [connected(served, get(f"{number * 100_000}-")) for number in range(200)]
    for client in slow:
        assert client.recv(12) == b"HTTP/1.1 206"
    assert served.request("PROPFIND", "/", headers={"Depth": "1"}).status_code == 207
    for client in slow:
        client.close()


def test_a_running_response_may_end_when_the_server_is_stopped(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", CONTENT)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        client = connected(running, get("0-19999999"))
        client.recv(1000)
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        got = 1000
        while data := client.recv(1 << 20):
            got += len(data)
        stopping.join()
    assert got > 20_000_000


def test_the_last_words_of_a_refused_request_are_heard(served: Serving, sim: Simulator) -> None:
    sim.host.faults.add(Fault("status", status=404, times=None))
    with connected(served, get("5000000-", more="Connection: close\r\n")) as client:
        head, body = answer(client)
    assert head.startswith(b"HTTP/1.1 503")
    assert b"\r\nRetry-After: " in head
    assert body.endswith(b"\n")


def test_streams_that_are_left_in_the_middle_are_let_go_at_once(served: Serving) -> None:
    """Without the garbage collector, which looks seldom at what is old."""

    def streams() -> int:
        return sum(isinstance(each, Stream) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = streams()
        for _ in range(5):
            with connected(served, get()) as client:
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
                wait_until(lambda: streams() > before)
        wait_until(lambda: streams() <= before)
    finally:
        gc.enable()
