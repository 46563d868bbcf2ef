"""Whatever a service answers, in whatever shape: a store says it in a `StoreError`, or copes."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davstore.errors import StoreError
from davstore.model import File, Magnet, Position, Query, Saved, Status, Wanted
from davstore.stores import STORES
from davstore.stores.base import (
    Adding,
    Changing,
    Checking,
    Choosing,
    Means,
    Searching,
    Seeing,
    Store,
)
from davstore.stores.desk import (
    Hosting,
    Limited,
    Linking,
    Metered,
    Opening,
    Restarting,
    Timed,
    Transcoding,
    Tunable,
    Unlocking,
    Vouching,
)
from davstore.stores.login import Confirming
from davstore.stores.plank.playing import Continuing, Finding, Playing
from davstore.stores.shapes import LARGEST, LATEST
from tests.stores.conftest import unpace
from tests.transport.answering import Answer, Answering, answering

KEYS = (
    "id", "filename", "hash", "bytes", "status", "progress", "added", "links", "files", "path",
    "selected", "download", "filesize", "host", "error", "error_code", "data", "magnets", "n", "s",
    "l", "e", "size", "statusCode", "uploadDate", "completionDate", "link", "delayed", "code",
    "message", "user", "username", "isPremium", "premiumUntil", "fullsync", "counter", "items",
    "total_items", "name", "index", "added_at", "video_hash", "email", "subscription_status",
    "token", "profiles", "media", "title", "url", "session", "type", "premium", "expiration",
    "infos", "streams", "quality", "hosts", "quota", "filePath", "seasonNumber", "episodes",
    "host", "generated", "date", "nb", "limit", "duration", "details", "position", "ip", "exposed",
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
LINK = "https://example.com/a.mkv"
WANTED = Wanted("a" * 40, "name", f"magnet:?xt=urn:btih:{'a' * 40}")
Question = tuple[type[Any], Callable[[Any], object]]
QUESTIONS: tuple[Question, ...] = (
    (Store, lambda store: list(itertools.islice(store.magnets(), 50))),
    (Store, lambda store: list(store.files([MAGNET]))),
    (Store, lambda store: store.link(FILE)),
    (Store, lambda store: store.account()),
    (Changing, lambda store: store.changes("", {"id": MAGNET})),
    (Adding, lambda store: store.add(WANTED)),
    (Choosing, lambda store: store.choose("id")),
    (Checking, lambda store: store.check(["a" * 40])),
    (Searching, lambda store: store.search(Query("sintel"))),
    (Seeing, lambda store: store.seen()),
    (Linking, lambda store: store.links()),
    (Linking, lambda store: store.take([LINK])),
    (Linking, lambda store: store.forget(Saved("id", FILE))),
    (Transcoding, lambda store: store.media(FILE)),
    (Transcoding, lambda store: store.transcoded(FILE)),
    (Unlocking, lambda store: store.unlock(LINK)),
    (Unlocking, lambda store: store.look_up([LINK])),
    (Opening, lambda store: store.inside(b"container")),
    (Limited, lambda store: store.limits()),
    (Metered, lambda store: store.usage()),
    (Timed, lambda store: store.skew()),
    (Hosting, lambda store: store.hosts()),
    (Tunable, lambda store: store.choices()),
    (Restarting, lambda store: store.restart([MAGNET])),
    (Vouching, lambda store: store.balance()),
    (Confirming, lambda store: store.held()),
    (Continuing, lambda store: store.begun()),
    (Finding, lambda store: store.find("sintel")),
    (Playing, lambda store: store.position(FILE)),
    (Playing, lambda store: store.move(FILE, Position(1.0))),
)


@pytest.fixture(scope="module")
def service() -> Iterator[Answering]:
    """It may be asked as often as one likes, or most of the time would be waited for turns."""
    with answering() as found, pytest.MonkeyPatch.context() as patched:
        unpace(patched)
        yield found


def opened(name: str, service: Answering) -> Store:
    keys = {"store": name, **LOGINS[name], "url": service.url}
    kind = STORES[keys["store"]]
    return kind.open(name, kind.settings.model_validate(keys), Means(sleep=lambda _seconds: None))


def asked(name: str, service: Answering, body: bytes, status: int = 200) -> None:
    """Ask `name` everything that its stores promise to answer, whatever the service answers."""
    service.will(Answer(b"" if status == 204 else body, status))
    service.requests.clear()
    store = opened(name, service)
    for promise, question in QUESTIONS:
        if isinstance(store, promise):
            with contextlib.suppress(StoreError):
                question(store)
    kept = []
    with contextlib.suppress(StoreError):
        for row in itertools.islice(store.magnets(), 50):
            if isinstance(row, Magnet):
                assert 0 <= (row.added or 0) <= LATEST  # a calendar knows it
                kept.append(row.size)
    with contextlib.suppress(StoreError):
        for _, files in store.files([MAGNET]):
            for file in files if isinstance(files, tuple) else ():
                kept += [file.size, file.index, file.season, file.episode]
    assert all(0 <= (number or 0) <= LARGEST for number in kept)  # a database keeps it
    store.close()


@pytest.mark.parametrize("name", LOGINS)
@given(body=ANSWERS, status=st.sampled_from([200, 200, 200, 200, 201, 204, 400, 403, 404]))
@settings(max_examples=30)
def test_any_answer_is_a_store_error_at_worst(
    service: Answering, name: str, body: bytes, status: int
) -> None:
    asked(name, service, body, status)


MANY = "9" * 5000
"""More digits than Python reads as a number."""


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("realdebrid", {"error": "x", "error_code": "--5"}),
        ("realdebrid", {"error": "x", "error_code": MANY}),
        ("realdebrid", [{"id": "x", "status": "downloaded", "added": 1e17}]),
        ("realdebrid", [{"id": "x", "status": "downloaded", "bytes": 1e300}]),
        ("realdebrid", {"id": "x", "download": "http://[x", "link": "http://[x"}),
        ("realdebrid", [{"id": "x", "link": "http://[x"}]),
        ("realdebrid", {"2026-01-01": {"host": {"example.com": MANY}}}),
        ("realdebrid", {"files": [{"id": 2**70, "path": "/a", "selected": 1}],
                        "links": ["https://real-debrid.com/d/A"]}),
        ("alldebrid", {"data": {"link": "http://[x"}}),
        ("alldebrid", {"data": {"id": "x", "streams": [{"id": "1", "quality": "1080\u00b2"}]}}),
        ("alldebrid", {"data": {"user": {"username": "x",
                                         "limitedHostersQuotas": {"example.com": MANY}}}}),
        ("torz", {"data": {"link": "http://[x"}}),
        ("torz", {"data": {"link": "//[x"}}),
        ("torz", {"data": {"files": [{"link": "x", "index": 2**70}]}}),
        ("plank", [{"id": "id", "type": "movie", "status": "complete", "filePath": "./."}]),
        ("plank", [{"id": "id", "type": "movie", "status": "complete", "addedAt": 1e17}]),
    ],
)  # fmt: skip
def test_nonsense_is_a_store_error_at_worst(service: Answering, name: str, answer: Any) -> None:
    asked(name, service, json.dumps(answer).encode())


def test_an_error_of_a_search_that_has_no_number(service: Answering) -> None:
    asked("torz", service, f'<error code="{MANY}" description="x"/>'.encode())
