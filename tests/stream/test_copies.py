"""A file that several accounts have: read from the first that serves it, in the midst too."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from davstore.errors import DavstoreError, Gone, NotAuthorized, StoreUnavailable
from davstore.model import Leaf
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Streams
from tests.stream.conftest import Clock, HostedStore, leaf, only, opened

LONG = 20_000_003
FAILURES = [NotAuthorized("rd", "revoked"), StoreUnavailable("rd", "down"), Gone("rd", "removed")]


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", LONG)


@pytest.fixture
def second_host() -> Iterator[FileHost]:
    with FileHost() as host:
        yield host


@pytest.fixture
def second(second_host: FileHost, content: Content) -> HostedStore:
    return HostedStore(second_host, content)


@pytest.fixture(params=[{"edge_store": 0}, {}], ids=["plain", "with edges"])
def streams(
    request: pytest.FixtureRequest,
    store: HostedStore,
    second: HostedStore,
    host: FileHost,
    clock: Clock,
    tmp_path: Path,
) -> Iterator[Streams]:
    account = only(host.url)["rd"]
    streams = opened(
        store, {"rd": account, "ad": account}, {}, clock, request.param, tmp_path, {"ad": second}
    )
    yield streams
    streams.close()


def film(**other: Any) -> Leaf:
    return leaf(LONG, others=(replace(leaf(LONG), account="ad", magnet="m2", **other),))


def test_the_first_account_is_read_from_while_it_serves(
    streams: Streams, second: HostedStore, content: Content
) -> None:
    with streams.open(film(), 0, None) as body:
        assert b"".join(body) == content.read(0, LONG)
    assert second.generated == 0


@pytest.mark.parametrize("failure", FAILURES)
def test_the_next_one_serves_what_the_first_cannot(
    streams: Streams, store: HostedStore, content: Content, failure: DavstoreError
) -> None:
    store.failure = failure
    with streams.open(film(), 5_000_000, 5_999_999) as body:
        assert b"".join(body) == content.read(5_000_000, 1_000_000)


@pytest.mark.parametrize("at", [100_000, 4_000_000, 12_000_000])
def test_a_film_goes_on_from_another_account(
    streams: Streams, store: HostedStore, host: FileHost, second: HostedStore,
    content: Content, at: int,
) -> None:  # fmt: skip
    with streams.open(film(), 0, None) as body:
        blocks, got = iter(body), b""
        while len(got) < at:
            got += next(blocks)
        store.failure = NotAuthorized("rd", "revoked")
        host.stop()
        assert got + b"".join(blocks) == content.read(0, LONG)
    assert second.generated == 1


def test_a_file_of_another_size_never_stands_in(streams: Streams, store: HostedStore) -> None:
    store.failure = Gone("rd", "removed")
    with pytest.raises(Gone):
        streams.open(film(size=LONG + 1), 0, 99)


def test_where_none_serves_it_the_first_ones_trouble_is_told(
    streams: Streams, store: HostedStore, second: HostedStore
) -> None:
    store.failure = Gone("rd", "removed")
    second.failure = StoreUnavailable("ad", "down")
    with pytest.raises(Gone):
        streams.open(film(), 0, 99)


def test_an_account_known_to_fail_is_not_asked(
    streams: Streams, store: HostedStore, second: HostedStore
) -> None:
    store.failure = NotAuthorized("rd", "revoked")
    streams.open(film(), 9_000_000, 9_000_099).close()
    store.failure = None
    streams.open(film(), 9_000_000, 9_000_099).close()
    assert (store.generated, second.generated) == (0, 1)


def test_an_account_is_clung_to_where_the_others_are_known_to_fail(
    streams: Streams, host: FileHost, second: HostedStore, content: Content
) -> None:
    second.failure = NotAuthorized("ad", "revoked")
    with pytest.raises(NotAuthorized):
        streams.open(replace(film(), account="ad", others=()), 9_000_000, 9_000_099)
    with streams.open(film(), 9_000_000, None) as body:
        blocks = iter(body)
        got = next(blocks)
        host.faults.add(*(Fault("status", status=503) for _ in range(6)))
        assert got + b"".join(blocks) == content.read(9_000_000, LONG - 9_000_000)
