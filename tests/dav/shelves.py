"""Folders in memory, and the application over them without a socket."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from werkzeug.test import Client, TestResponse

from davstore.dav import Site, Users
from davstore.model import Entry, File, Folder, Leaf, Snapshot

ADDED = 1_700_000_000
RCLONE = (
    b'<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">'
    b"<d:prop><d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/>"
    b"<oc:checksums/><oc:permissions/></d:prop></d:propfind>"
)


def leaf(name: str, size: int | None = 1000, mime: str = "", added: float = ADDED) -> Leaf:
    identity = f"{abs(hash((name, size))):032x}"
    return Leaf(name, "acc", File(name, "ref", size, mime=mime), identity, size, added)


def folder(name: str, entries: Iterable[Entry] = (), added: float = ADDED) -> Folder:
    return Folder(name, MappingProxyType({entry.name: entry for entry in entries}), added)


class Untouchable(Mapping[str, Entry]):
    """The entries of a folder that may be listed, but not opened."""

    def __getitem__(self, name: str) -> NoReturn:
        raise AssertionError("touched")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("touched")

    def __len__(self) -> int:
        raise AssertionError("touched")


def never_opened(*_: Any) -> NoReturn:
    raise AssertionError("opened")


class Shelf:
    """A server with one account, `acc`; `put` publishes its next snapshot."""

    def __init__(self, *entries: Entry) -> None:
        self.put(*entries)
        snapshot = lambda account: self.snapshot if account == "acc" else None  # noqa: E731
        self.application = Site(["acc", "later"], snapshot, never_opened, Users())
        self.client = Client(self.application)

    def put(self, *entries: Entry) -> None:
        self.snapshot = Snapshot("acc", folder("magnets", entries), ADDED)

    def ask(
        self,
        method: str,
        path: str = "/acc/magnets/",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        return self.client.open(path, method=method, data=body, headers=dict(headers or {}))
