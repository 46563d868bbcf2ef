"""Whatever a service answers, in whatever shape: a store says it in a `StoreError`, or copes."""

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davstore.errors import StoreError
from davstore.model import File, Magnet, Status
from davstore.stores import STORES
from davstore.stores.base import Store

KEYS = (
    "id", "filename", "hash", "bytes", "status", "progress", "added", "links", "files", "path",
    "selected", "download", "filesize", "host", "error", "error_code", "data", "magnets", "n", "s",
    "l", "e", "size", "statusCode", "uploadDate", "completionDate", "link", "delayed", "code",
    "message", "user", "username", "isPremium", "premiumUntil", "fullsync", "counter", "items",
    "total_items", "name", "index", "added_at", "video_hash", "email", "subscription_status",
    "token", "profiles", "media", "title", "url", "session", "type", "premium", "expiration",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9),
    st.sampled_from(
        ["success", "error", "downloaded", "cached", "complete", "completed", "ready", "2" * 400,
         "a/../b", "\ud800", "https://[", "http://127.0.0.1:1/x", "2024-01-01T00:00:00Z",
         10**400, -1, 4, 2**63]
    ),
)  # fmt: skip
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
        st.fixed_dictionaries({"status": st.just("success"), "data": inner}),
        st.fixed_dictionaries({"data": st.fixed_dictionaries({"items": st.lists(inner)})}),
        st.fixed_dictionaries({"data": st.fixed_dictionaries({"magnets": st.lists(inner)})}),
    ),
    max_leaves=20,
)
ANSWERS = st.one_of(
    SHAPES.map(lambda shape: json.dumps(shape).encode("utf-8", "replace")),
    st.binary(max_size=60),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"NaN", b"1" * 5000, b"\xff\xfe[\0]\0"]),
)
LOGINS: dict[str, dict[str, Any]] = {
    "realdebrid": {"token": "x"},
    "alldebrid": {"token": "x"},
    "torz": {"store": "stremthru", "api": "torz", "store_name": "torbox", "store_token": "x"},
    "magnets": {"store": "stremthru", "api": "magnets", "store_name": "torbox", "store_token": "x"},
    "plank": {"token": "x"},
}
MAGNET = Magnet("id", "name", Status.READY, "print", hash="a" * 40)
FILE = File("a.mkv", "id/1", 10)


class Service(ThreadingHTTPServer):
    """Answers every request with the same `status` and `body`."""

    status, body = 200, b""
    daemon_threads = True


class _Answering(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body at once

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), _Answering) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def opened(name: str, service: Service) -> Store:
    """A new one each time: it has not used up its pace."""
    keys = {"store": name, **LOGINS[name], "url": f"http://127.0.0.1:{service.server_port}"}
    kind = STORES[keys["store"]]
    return kind.open(name, kind.settings.model_validate(keys), sleep=lambda _seconds: None)


@pytest.mark.parametrize("name", LOGINS)
@given(body=ANSWERS, status=st.sampled_from([200, 200, 200, 200, 201, 204, 400, 403, 404]))
@settings(max_examples=50)
def test_any_answer_is_a_store_error_at_worst(
    service: Service, name: str, body: bytes, status: int
) -> None:
    service.body, service.status = b"" if status == 204 else body, status
    store = opened(name, service)
    for question in (
        lambda: list(itertools.islice(store.magnets(), 50)),
        lambda: list(store.files([MAGNET])),
        lambda: store.link(FILE),
        store.account,
    ):
        with contextlib.suppress(StoreError):
            question()
    store.close()
