"""Bytes are right or there are none: every way in which a file host can misbehave."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from davstore.errors import (
    DavstoreError,
    LinkDead,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    StreamBroken,
    StreamTimeout,
)
from davstore.model import Account, File, Leaf, Link, Magnet, Unreadable
from davstore.resolver import Resolver
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stores.base import FileLists
from davstore.stream import Upstream
from davstore.stream import upstream as module
from davstore.transport import Reach
from tests.serving import wait_until

SIZE = 1_000_003
FILE = File("Sintel.mkv", "ref", SIZE)


class HostedStore:
    """Each link is a new URL of the same content."""

    name = "rd"

    def __init__(self, host: FileHost, content: Content, **link: Any) -> None:
        self.host = host
        self.content = content
        self.generated = 0
        self.more: Mapping[str, Any] = link

    def magnets(self) -> Iterator[Magnet | Unreadable]:
        return iter(())

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        return iter(())

    def link(self, file: File) -> Link:
        self.generated += 1
        return Link(self.host.link(self.content, "Sintel.mkv"), 4e9, **self.more)

    def account(self) -> Account:
        return Account("anna")

    def close(self) -> None:
        pass


class NoShelf:
    def get(self, account: str, ref: str) -> Link | None:
        return None

    def put(self, account: str, ref: str, link: Link) -> None:
        pass

    def drop(self, account: str, ref: str) -> None:
        pass


@pytest.fixture
def host() -> Iterator[FileHost]:
    host = FileHost()
    host.start()
    yield host
    host.stop()


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", SIZE)


@pytest.fixture
def store(host: FileHost, content: Content) -> HostedStore:
    return HostedStore(host, content)


@pytest.fixture
def learned() -> dict[str, int]:
    return {}


@pytest.fixture
def upstream(store: HostedStore, host: FileHost, learned: dict[str, int]) -> Iterator[Upstream]:
    resolver = Resolver({"rd": store}, NoShelf())
    opened = Upstream(resolver, {"rd": Reach(host.url).link}, learned.__setitem__)
    yield opened
    opened.close()


def leaf(size: int | None = SIZE, name: str = "Sintel.mkv") -> Leaf:
    return Leaf(name, "rd", File(name, "ref", size), "identity", size, 1.7e9)


def read(upstream: Upstream, start: int, end: int | None, of: Leaf | None = None) -> bytes:
    with upstream.open(of or leaf(), start, end) as body:
        return b"".join(body)


def test_any_range_equals_the_content(upstream: Upstream, content: Content) -> None:
    dice = random.Random(7)
    for _ in range(50):
        start = dice.randrange(SIZE)
        end = dice.randrange(start, SIZE)
        assert read(upstream, start, end) == content.read(start, end - start + 1)


def test_the_range_asked_of_the_host_is_the_clients(upstream: Upstream, host: FileHost) -> None:
    read(upstream, 1000, 1999)
    assert host.calls[-1].range == "bytes=1000-1999"
    assert host.calls[-1].headers["Accept-Encoding"] == "identity"


def test_connections_are_used_again(upstream: Upstream, host: FileHost) -> None:
    for _ in range(5):
        read(upstream, 0, 999)
    assert host.open_connections == 1


def test_an_open_end_reads_to_the_end(upstream: Upstream, content: Content) -> None:
    assert read(upstream, SIZE - 10, None) == content.read(SIZE - 10, 10)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 500, 502, 503])
def test_a_link_that_is_refused_is_replaced_once(
    upstream: Upstream, host: FileHost, store: HostedStore, content: Content, status: int
) -> None:
    host.faults.add(Fault("status", status=status))
    assert read(upstream, 5, 99) == content.read(5, 95)
    assert store.generated == 2


def test_an_expired_link_is_replaced_while_the_file_is_read_on(
    upstream: Upstream, host: FileHost, content: Content, store: HostedStore
) -> None:
    assert read(upstream, 0, 99) == content.read(0, 100)
    host.expire_all()
    assert read(upstream, 100, 199) == content.read(100, 100)
    assert store.generated == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html_200"},
        {"kind": "wrong_type"},
        {"kind": "ignore_range"},
        {"kind": "wrong_range"},
        {"kind": "wrong_total"},
        {"kind": "no_length"},
        {"kind": "placeholder"},
        {"kind": "reset"},
        {"kind": "status", "status": 500},
    ],
    ids=lambda fault: fault["kind"],
)
def test_what_is_not_the_file_is_never_passed_on(
    upstream: Upstream, host: FileHost, store: HostedStore, fault: dict[str, Any]
) -> None:
    host.faults.add(Fault(times=None, **fault))
    with pytest.raises(StreamBroken):
        upstream.open(leaf(), 1000, 1999)
    assert store.generated == 2


def test_a_whole_file_without_a_range_is_right_from_its_first_byte(
    upstream: Upstream, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("ignore_range", times=None))
    assert read(upstream, 0, SIZE - 1) == content.read(0, SIZE)


def test_a_whole_file_is_cut_where_less_was_asked(
    upstream: Upstream, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("ignore_range", times=None))
    assert read(upstream, 0, 499) == content.read(0, 500)
    assert read(upstream, 0, 499) == content.read(0, 500)


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_transfer_that_ends_early_is_an_error_after_only_right_bytes(
    upstream: Upstream, host: FileHost, content: Content, kind: str
) -> None:
    host.faults.add(Fault(kind, at_bytes=300_000))
    got = bytearray()
    with upstream.open(leaf(), 0, SIZE - 1) as body, pytest.raises(StreamBroken):
        for block in body:
            got += block
    assert bytes(got) == content.read(0, len(got))
    assert len(got) < SIZE


def test_a_body_shorter_than_its_range_is_an_error(upstream: Upstream, host: FileHost) -> None:
    host.faults.add(Fault("short_length", by=10))
    with upstream.open(leaf(), 0, SIZE - 1) as body, pytest.raises(StreamBroken):
        list(body)


def test_a_host_that_is_silent_is_a_timeout(
    upstream: Upstream, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT", 0.2)
    host.faults.add(Fault("hang"))
    with pytest.raises(StreamTimeout):
        upstream.open(leaf(), 0, 99)


def test_a_host_that_falls_silent_is_a_timeout(
    upstream: Upstream, host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT", 0.2)
    host.faults.add(Fault("stall", at_bytes=300_000))
    with upstream.open(leaf(), 0, SIZE - 1) as body, pytest.raises(StreamTimeout):
        list(body)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 429}, RateLimited),
        ({"status": 503, "error": "bytes_limit_reached"}, QuotaExhausted),
        ({"status": 202}, StoreUnavailable),
    ],
)
def test_what_a_new_link_cannot_mend_generates_none(
    upstream: Upstream,
    host: FileHost,
    store: HostedStore,
    fault: dict[str, Any],
    expected: type[DavstoreError],
) -> None:
    host.faults.add(Fault("status", times=None, **fault))
    with pytest.raises(expected):
        upstream.open(leaf(), 0, 99)
    assert store.generated == 1


def test_a_redirect_within_the_hosts_is_followed(
    upstream: Upstream, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("redirect"))
    assert read(upstream, 10, 19) == content.read(10, 10)


def test_more_than_five_redirects_are_not_followed(upstream: Upstream, host: FileHost) -> None:
    host.faults.add(Fault("redirect", times=None))
    with pytest.raises(StreamBroken):
        upstream.open(leaf(), 0, 99)
    assert len(host.calls) == 2 * 6


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_only_http_is_followed(upstream: Upstream, host: FileHost, to: str) -> None:
    host.faults.add(Fault("redirect", times=None, to=to))
    with pytest.raises(StreamBroken):
        upstream.open(leaf(), 0, 99)


def test_a_public_accounts_link_into_a_private_network_is_not_followed(
    store: HostedStore, host: FileHost
) -> None:
    resolver = Resolver({"rd": store}, NoShelf())
    public = Upstream(resolver, {"rd": lambda host, address: False}, lambda *_: None)
    with pytest.raises(StreamBroken, match="private address"):
        public.open(leaf(), 0, 99)
    assert not host.calls
    public.close()


def test_a_notice_behind_a_redirect_is_not_the_file(
    upstream: Upstream, host: FileHost, store: HostedStore
) -> None:
    store.more = {"decoy": "/static/"}
    host.faults.add(Fault("placeholder", times=None))
    with pytest.raises(StoreUnavailable):
        upstream.open(leaf(None), 0, None)


def test_an_unknown_size_is_learned_from_the_host(
    upstream: Upstream, learned: dict[str, int]
) -> None:
    assert upstream.measure(leaf(None)) == SIZE
    assert learned == {"identity": SIZE}


def test_a_file_that_changed_its_learned_size_is_learned_anew_and_not_served(
    upstream: Upstream, learned: dict[str, int]
) -> None:
    changed = Leaf("Sintel.mkv", "rd", File("Sintel.mkv", "ref", None), "identity", 5, 1.7e9)
    with pytest.raises(StreamBroken):
        upstream.open(changed, 0, 4)
    assert learned == {"identity": SIZE}


def test_a_client_that_leaves_frees_the_connection(upstream: Upstream, host: FileHost) -> None:
    body = upstream.open(leaf(), 0, SIZE - 1)
    next(iter(body))
    body.close()
    wait_until(lambda: host.open_connections == 0)


def test_no_error_names_more_than_the_host(upstream: Upstream, host: FileHost) -> None:
    host.faults.add(Fault("status", times=None, status=500))
    with pytest.raises(StreamBroken) as caught:
        upstream.open(leaf(), 0, 99)
    assert "/d/" not in str(caught.value)
    assert not isinstance(caught.value, LinkDead)
