"""Bytes are right or there are none: every way in which a file host can misbehave at the start."""

import random
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from davstore.dav.reading.refusals import refusal
from davstore.errors import (
    DavstoreError,
    LinkDead,
    Preparing,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
)
from davstore.model import Link
from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Streams
from davstore.stream.delivery import WHILE_IT_BUFFERS
from tests.stream.conftest import SIZE, Clock, HostedStore, leaf, only, opened, read


def test_any_range_equals_the_content(streams: Streams, content: Content) -> None:
    dice = random.Random(7)
    for _ in range(50):
        start = dice.randrange(SIZE)
        end = dice.randrange(start, SIZE)
        assert read(streams, start, end) == content.read(start, end - start + 1)


def test_the_range_asked_of_the_host_is_the_clients(streams: Streams, host: FileHost) -> None:
    read(streams, 1000, 1999)
    assert host.calls[-1].range == "bytes=1000-1999"
    assert host.calls[-1].headers["Accept-Encoding"] == "identity"


def test_connections_are_used_again(streams: Streams, host: FileHost) -> None:
    for _ in range(5):
        read(streams, 0, 999)
    assert host.open_connections == 1


def test_an_open_end_reads_to_the_end(streams: Streams, content: Content) -> None:
    assert read(streams, SIZE - 10, None) == content.read(SIZE - 10, 10)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_link_that_is_refused_is_replaced_once(
    streams: Streams, host: FileHost, store: HostedStore, content: Content, status: int
) -> None:
    host.faults.add(Fault("status", status=status))
    assert read(streams, 5, 99) == content.read(5, 95)
    assert store.generated == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_host_that_fails_once_is_asked_again_with_the_same_link(
    streams: Streams, host: FileHost, store: HostedStore, content: Content, status: int
) -> None:
    host.faults.add(Fault("status", status=status))
    assert read(streams, 5, 99) == content.read(5, 95)
    assert store.generated == 1


def test_an_expired_link_is_replaced_while_the_file_is_read_on(
    streams: Streams, host: FileHost, content: Content, store: HostedStore
) -> None:
    assert read(streams, 0, 99) == content.read(0, 100)
    host.expire_all()
    assert read(streams, 100, 199) == content.read(100, 100)
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
    streams: Streams, host: FileHost, store: HostedStore, fault: dict[str, Any]
) -> None:
    host.faults.add(Fault(times=None, **fault))
    with pytest.raises(StoreUnavailable):
        streams.open(leaf(), 1000, 1999)
    assert store.generated == 2


def test_a_whole_file_without_a_range_is_right_from_its_first_byte(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("ignore_range", times=None))
    assert read(streams, 0, SIZE - 1) == content.read(0, SIZE)


def test_a_whole_file_is_cut_where_less_was_asked(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("ignore_range", times=None))
    assert read(streams, 0, 499) == content.read(0, 500)
    assert read(streams, 0, 499) == content.read(0, 500)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 429}, RateLimited),
        ({"status": 503, "error": "bytes_limit_reached"}, QuotaExhausted),
        ({"status": 202}, StoreUnavailable),
    ],
)
def test_what_a_new_link_cannot_mend_generates_none(
    streams: Streams,
    host: FileHost,
    store: HostedStore,
    fault: dict[str, Any],
    expected: type[DavstoreError],
) -> None:
    host.faults.add(Fault("status", times=None, **fault))
    with pytest.raises(expected):
        streams.open(leaf(), 0, 99)
    assert store.generated == 1


def test_what_is_being_buffered_is_waited_for(
    streams: Streams, host: FileHost, store: HostedStore, content: Content
) -> None:
    host.faults.add(Fault("status", status=202, times=WHILE_IT_BUFFERS.tries - 1))
    assert read(streams, 0, 499) == content.read(0, 500)
    assert store.generated == 1


def test_what_buffers_too_long_is_told_to_try_again(streams: Streams, host: FileHost) -> None:
    host.faults.add(Fault("status", status=202, times=None))
    with pytest.raises(Preparing) as caught:
        streams.open(leaf(), 0, 99)
    assert len(host.calls) == WHILE_IT_BUFFERS.tries
    said = refusal(caught.value)
    assert said.status.startswith("503")
    assert int(dict(said.headers)["Retry-After"]) >= 1


def test_a_redirect_within_the_hosts_is_followed(
    streams: Streams, host: FileHost, content: Content
) -> None:
    host.faults.add(Fault("redirect"))
    assert read(streams, 10, 19) == content.read(10, 10)


def test_more_than_five_redirects_are_not_followed(streams: Streams, host: FileHost) -> None:
    host.faults.add(Fault("redirect", times=None))
    with pytest.raises(StoreUnavailable, match="redirects without end"):
        streams.open(leaf(), 0, 99)
    assert len(host.calls) == 2 * 6


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_only_http_is_followed(streams: Streams, host: FileHost, to: str) -> None:
    host.faults.add(Fault("redirect", times=None, to=to))
    with pytest.raises(StoreUnavailable, match="does not lead to a web server"):
        streams.open(leaf(), 0, 99)


class Rude(BaseHTTPRequestHandler):
    """Answers with a head that no library would write."""

    head: ClassVar[dict[str, str]]
    status: ClassVar[int]

    def do_GET(self) -> None:
        self.send_response(self.status)
        for name, value in self.head.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nowhere."""


@pytest.mark.parametrize(
    ("status", "head", "said"),
    [
        (302, {"Location": "http://["}, "no URL"),
        (302, {"Location": "//["}, "no URL"),
        (206, {"Content-Range": f"bytes 0-99/{'9' * 5000}"}, "another range"),
        (206, {"Content-Range": "bytes 0-99/100", "Content-Length": "9" * 5000}, "."),
    ],
)
def test_heads_that_make_no_sense_are_told_as_that(
    store: HostedStore, content: Content, clock: Clock, tmp_path: Path,
    status: int, head: dict[str, str], said: str,
) -> None:  # fmt: skip
    rude = type("Ruder", (Rude,), {"status": status, "head": head})
    with ThreadingHTTPServer(("127.0.0.1", 0), rude) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        store.link = lambda file: Link(f"{url}/x", 4e9)  # type: ignore[method-assign]
        streams = opened(store, only(url), {}, clock, {}, tmp_path)
        with pytest.raises(StoreUnavailable, match=said):
            streams.open(leaf(), 0, 99)
        streams.close()
        server.shutdown()


def test_a_public_accounts_link_into_a_private_network_is_not_followed(
    store: HostedStore, host: FileHost, clock: Clock, tmp_path: Path
) -> None:
    public = opened(store, only("https://198.41.0.4"), {}, clock, {}, tmp_path)
    with pytest.raises(StoreUnavailable, match="private address"):
        public.open(leaf(), 0, 99)
    assert not host.calls
    public.close()


def test_a_notice_behind_a_redirect_is_not_the_file(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    store.more = {"decoy": "/static/"}
    host.faults.add(Fault("placeholder", times=None))
    with pytest.raises(StoreUnavailable):
        streams.open(leaf(None), 0, None)


def test_an_unknown_size_is_learned_from_the_host(
    streams: Streams, learned: dict[str, int]
) -> None:
    assert streams.measure(leaf(None)) == SIZE
    assert learned == {"identity": SIZE}


def test_a_file_that_changed_its_learned_size_is_learned_anew_and_not_served(
    streams: Streams, learned: dict[str, int]
) -> None:
    changed = replace(leaf(None), size=5)
    with pytest.raises(StoreUnavailable):
        streams.open(changed, 0, 4)
    assert learned == {"identity": SIZE}


def test_no_error_names_more_than_the_host(streams: Streams, host: FileHost) -> None:
    host.faults.add(Fault("status", times=None, status=500))
    with pytest.raises(StoreUnavailable) as caught:
        streams.open(leaf(), 0, 99)
    assert "/d/" not in str(caught.value)
    assert not isinstance(caught.value, LinkDead)
