"""The values that flow through davstore; all frozen.

Sizes are bytes, moments are unix seconds (UTC), hashes are lower-case hex.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Status(StrEnum):
    """How far a magnet is; only READY ones are shown as folders."""

    READY = "ready"
    QUEUED = "queued"
    DOWNLOADING = "downloading"
    PROCESSING = "processing"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of an account; `unit` is a word such as "bytes" or "magnets"."""

    name: str
    left: int | None = None
    limit: int | None = None
    unit: str = "bytes"


@dataclass(frozen=True, slots=True)
class Account:
    """Who a login is, as its store says."""

    user: str
    plan: str = ""
    paid_until: float | None = None
    quotas: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True)
class Magnet:
    """One added thing in an account.

    `id` is the store's. `fingerprint` changes when the magnet's files may have changed.
    `hash` is "" and `size`, `added` are None where the store does not tell.
    """

    id: str
    name: str
    status: Status
    fingerprint: str
    hash: str = ""
    size: int | None = None
    progress: float | None = None
    added: float | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of a listing that made no sense; `id` where at least that could be read."""

    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class File:
    """One file inside a magnet.

    `path` is the store's own, `/`-separated, relative to the magnet, and not yet safe to show.
    `ref` is the store's handle, opaque to all but that store; it may be as good as a password.
    """

    path: str
    ref: str = field(repr=False)
    size: int | None = None
    index: int | None = None
    mime: str = ""
    video_hash: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A direct URL, good until `expires`, with the headers that it needs.

    `size` is what the store says the link will deliver, `connections` how many it allows at once.
    Where a redirect ends at a path that holds `decoy`, the answer is a notice and not the file.
    """

    url: str = field(repr=False)
    expires: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    size: int | None = None
    connections: int | None = None
    decoy: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file as it stands in a folder under a safe name.

    `identity` names the content: it outlives links, restarts and refreshes. `magnet` is the id of
    the magnet that it is of. `size` is None until somebody has learned it. `others` are the same
    file in other accounts, in configured order: a view shows it once, from the first that has it.
    """

    name: str
    account: str
    file: File
    identity: str
    size: int | None
    modified: float
    magnet: str = ""
    others: "tuple[Leaf, ...]" = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a user's name, what their program calls itself, its address; "" if not known."""

    user: str = ""
    client: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One file being read: bytes `start` to `end` (inclusive) of `name`, `at` the next one to be
    sent, `rate` in bytes a second, from `host`, which `resumed` so often.
    """

    reader: Reader
    account: str
    name: str
    start: int
    end: int
    at: int
    began: float
    rate: float
    host: str
    resumed: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A named place for entries, in the order in which they are listed."""

    name: str
    entries: "Mapping[str, Entry]"
    modified: float


Entry: TypeAlias = Folder | Leaf


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of an account: its ready magnets as folders, newest state known.

    `taken` is when the store last confirmed it.
    """

    account: str
    magnets: Folder
    taken: float
