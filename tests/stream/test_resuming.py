"""A film that has begun goes on, whatever happens upstream; and never a wrong byte."""

import hashlib
import random
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from davstore.errors import DavstoreError, StoreUnavailable
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Streams
from tests.serving import wait_until
from tests.stream.conftest import Clock, HostedStore, leaf, only, opened, read

LONG = 12_000_007


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", LONG)


def film() -> Any:
    return leaf(LONG)


def whole(streams: Streams) -> bytes:
    return read(streams, 0, LONG - 1, film())


@pytest.mark.parametrize("kind", ["cut", "reset", "short_length"])
@pytest.mark.parametrize("at", [1, 300_000, 999_999])
def test_a_transfer_that_ends_early_goes_on_at_the_very_byte(
    streams: Streams, host: FileHost, content: Content, store: HostedStore, kind: str, at: int
) -> None:
    host.faults.add(Fault(kind, at_bytes=at, by=at))
    assert whole(streams) == content.read(0, LONG)
    assert store.generated == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 404},
        {"kind": "status", "status": 410, "error": "link_expired"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
        {"kind": "html_200"},
        {"kind": "wrong_type"},
        {"kind": "ignore_range"},
        {"kind": "wrong_range"},
        {"kind": "wrong_total"},
        {"kind": "no_length"},
        {"kind": "placeholder"},
        {"kind": "redirect"},
        {"kind": "reset"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_a_next_window_that_is_refused_or_wrong_is_asked_for_again(
    streams: Streams, host: FileHost, content: Content, fault: dict[str, Any]
) -> None:
    host.faults.add(Fault(after=1, times=1, **fault))
    assert whole(streams) == content.read(0, LONG)


def test_a_link_that_expires_in_the_middle_is_replaced(
    streams: Streams, host: FileHost, content: Content, store: HostedStore
) -> None:
    with streams.open(film(), 0, LONG - 1) as body:
        blocks = iter(body)
        got = next(blocks)
        host.expire_all()
        got += b"".join(blocks)
    assert got == content.read(0, LONG)
    assert store.generated == 2


def test_a_host_that_falls_silent_is_left_for_another(
    streams: Streams, host: FileHost, content: Content, store: HostedStore, clock: Clock
) -> None:
    with FileHost() as other:
        store.hosts = [host, other]
        host.faults.add(Fault("stall", at_bytes=500_000, times=None))
        with streams.open(film(), 0, LONG - 1) as body, ThreadPoolExecutor() as pool:
            got = pool.submit(lambda: b"".join(body))
            wait_until(lambda: host.bytes_sent == 500_000)
            wait_until(lambda: clock.advance(5) or other.bytes_sent)
            assert got.result(20) == content.read(0, LONG)
    assert other.bytes_sent == LONG - 500_000


def test_a_host_that_dies_is_avoided_for_some_minutes(
    streams: Streams, host: FileHost, content: Content, store: HostedStore, clock: Clock
) -> None:
    with FileHost() as other:
        store.hosts = [host, other]
        host.faults.add(Fault("status", status=502, times=None))
        assert whole(streams) == content.read(0, LONG)
        place = host.url.split("/")[2]
        assert streams.pools["rd"].avoids(place)
        clock.advance(301)
        assert not streams.pools["rd"].avoids(place)


def test_an_upstream_that_comes_back_is_gone_on_with(
    streams: Streams, host: FileHost, content: Content
) -> None:
    with streams.open(film(), 0, LONG - 1) as body:
        blocks = iter(body)
        got = next(blocks)
        host.stop()
        host.start()
        got += b"".join(blocks)
    assert got == content.read(0, LONG)


def test_a_file_that_changed_its_size_is_cut_and_never_spliced(
    streams: Streams, host: FileHost, content: Content, store: HostedStore
) -> None:
    got = b""
    with streams.open(film(), 0, LONG - 1) as body, pytest.raises(DavstoreError):
        for block in body:
            got += block
            store.content = Content.random("another", LONG + 1)
            host.expire_all()
    assert got == content.read(0, len(got))
    assert len(got) < LONG


@pytest.mark.parametrize("seed", range(6))
def test_chaos_never_shows_in_the_bytes(
    streams: Streams, host: FileHost, content: Content, seed: int
) -> None:
    host.faults.add(*mendable(random.Random(seed), 30))
    assert hashlib.sha256(whole(streams)).hexdigest() == content.sha256()
    assert len(host.calls) > 15


def mendable(dice: random.Random, count: int) -> list[Fault]:
    """What goes wrong with one request after another; after two bad links some bytes come."""
    faults, bad = [Fault("cut", at_bytes=100_000)], 0
    while len(faults) < count:
        fault = any_fault(dice)
        bad += fault.at("at_bytes", 0) < 100_000
        if bad > 2:
            fault, bad = Fault("cut", at_bytes=dice.randrange(100_000, 400_000)), 0
        faults.append(fault)
    return faults


def any_fault(dice: random.Random) -> Fault:
    at = dice.randrange(1, 500_000)
    match dice.choice(["cut", "reset", "short_length", "status", "html_200", "wrong_range"]):
        case "short_length":
            return Fault("short_length", by=at)
        case "status":
            return Fault("status", status=dice.choice([403, 410, 500, 503]))
        case "html_200" | "wrong_range" as kind:
            return Fault(kind)
        case kind:
            return Fault(kind, at_bytes=at)


def test_twenty_readers_seeking_under_faults_get_only_right_bytes(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(*mendable(random.Random(3), 60))

    def seek(seed: int) -> int:
        own, good = random.Random(seed), 0
        for _ in range(15):
            start = own.randrange(LONG)
            end = min(LONG - 1, start + own.randrange(1, 400_000))
            try:
                got = read(streams, start, end, film())
            except StoreUnavailable:
                continue  # too many faults in a row: told so, and not with wrong bytes
            assert got == content.read(start, end - start + 1)
            good += 1
        return good

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(seek, range(20))) > 100


@pytest.fixture
def secure_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileHost]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FileHost(tls=context) as host:
        yield host


@pytest.mark.parametrize("faulty", [False, True])
def test_over_tls_it_is_the_same(
    secure_host: FileHost, content: Content, clock: Clock, tmp_path: Path, faulty: bool
) -> None:
    store = HostedStore(secure_host, content)
    if faulty:
        secure_host.faults.add(
            Fault("cut", at_bytes=700_000), Fault("reset", at_bytes=5), Fault("status", status=410)
        )
    streams = opened(store, only(secure_host.url), {}, clock, {"edge_store": 0}, tmp_path)
    assert whole(streams) == content.read(0, LONG)
    assert read(streams, 5, 70_000, film()) == content.read(5, 69_996)
    streams.close()


def test_a_certificate_of_nobody_we_know_is_refused(
    secure_host: FileHost,
    content: Content,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    store = HostedStore(secure_host, content)
    streams = opened(store, only(secure_host.url), {}, clock, {"edge_store": 0}, tmp_path)
    with pytest.raises(StoreUnavailable, match="certificate is not trusted"):
        streams.open(film(), 0, 99)
    assert not secure_host.calls
    streams.close()
