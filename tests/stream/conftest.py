"""Streams over the simulator's file host, with links of a store that generates at once."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from davstore.config import StreamSettings
from davstore.errors import DavstoreError
from davstore.model import Account, File, Leaf, Link, Magnet, Unreadable
from davstore.resolver import Failures, Resolver
from davstore.simulator import Content
from davstore.simulator.filehost import FileHost
from davstore.stores.base import FileLists
from davstore.stream import Streams, Upstream
from davstore.transport import Reach

SIZE = 1_000_003


class Clock:
    """Real time that can be moved on; whoever waits on `streams` is woken to see it."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.streams: Streams | None = None

    def __call__(self) -> float:
        return time.monotonic() + self.offset

    def advance(self, seconds: float) -> float:
        """Move on; what is left to do is 0."""
        self.offset += seconds
        assert self.streams is not None
        self.streams.loop.soon(lambda: None)
        return 0.0


class HostedStore:
    """Each link is a new URL of the same content; `link` says what else it is."""

    name = "rd"

    def __init__(self, host: FileHost, content: Content) -> None:
        self.hosts = [host]
        self.content = content
        self.generated = 0
        self.failure: DavstoreError | None = None
        self.more: Mapping[str, Any] = {}

    def magnets(self) -> Iterator[Magnet | Unreadable]:
        return iter(())

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        return iter(())

    def link(self, file: File) -> Link:
        if self.failure is not None:
            raise self.failure
        host = self.hosts[self.generated % len(self.hosts)]
        self.generated += 1
        return Link(host.link(self.content, "Sintel.mkv"), 4e9, **self.more)

    def account(self) -> Account:
        return Account("anna")

    def close(self) -> None:
        pass


class NoShelf:
    def get(self, account: str, ref: str) -> Link | None:
        return None

    def put(self, account: str, ref: str, link: Link) -> None:
        pass

    def drop(self, account: str, ref: str, url: str) -> None:
        pass

    def changed(self) -> list[tuple[str, str, str]]:
        return []


def leaf(size: int | None = SIZE, name: str = "Sintel.mkv", **more: Any) -> Leaf:
    identity, account = more.pop("identity", "identity"), more.pop("account", "rd")
    return Leaf(name, account, File(name, identity, size), identity, size, 1.7e9, "magnet", **more)


def read(streams: Streams, start: int, end: int | None, of: Leaf | None = None) -> bytes:
    with streams.open(of or leaf(), start, end) as body:
        return b"".join(body)


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
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Of the streams; kept edges only where a test is about them."""
    return {"edge_store": 0}


@pytest.fixture
def connections() -> int:
    return 8


@pytest.fixture
def streams(
    store: HostedStore,
    host: FileHost,
    learned: dict[str, int],
    clock: Clock,
    settings: dict[str, Any],
    connections: int,
    tmp_path: Path,
) -> Iterator[Streams]:
    streams = opened(store, only(host.url, connections), learned, clock, settings, tmp_path)
    yield streams
    streams.close()


def only(url: str, connections: int = 8) -> Mapping[str, Upstream]:
    """One account that may reach `url`."""
    return {"rd": Upstream(Reach(url).link, connections, lanes=4)}


def opened(
    store: HostedStore,
    accounts: Mapping[str, Upstream],
    learned: dict[str, int],
    clock: Clock,
    settings: dict[str, Any],
    folder: Path,
    stores: Mapping[str, HostedStore] | None = None,
) -> Streams:
    clock.streams = Streams(
        Resolver({**dict.fromkeys(accounts, store), **(stores or {})}, NoShelf(), now=clock),
        Failures(clock),
        accounts,
        learned.__setitem__,
        folder / "edges",
        StreamSettings(**settings),
        now=clock,
        jitter=lambda: 0.0,
    )
    return clock.streams
