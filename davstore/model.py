"""The values that flow through davstore; all frozen.

Sizes are bytes, moments are unix seconds (UTC), hashes are lower-case hex.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, TypeAlias


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
    """Who a login is, as its store says; `notices` are words that it wants to be told."""

    user: str
    plan: str = ""
    paid_until: float | None = None
    quotas: tuple[Quota, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Used:
    """What was downloaded on one day (YYYY-MM-DD) through one host."""

    day: str
    host: str
    bytes: int


@dataclass(frozen=True, slots=True)
class HostState:
    """A file host, or another site, whose links an account takes; `works` None: not known."""

    name: str
    domains: tuple[str, ...] = ()
    works: bool | None = None
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting of an account at its service, and what it may be set to."""

    name: str
    value: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What a service says of one link: its file, and the direct address where that was asked.

    `problem` says in words why there is none.
    """

    link: str = field(repr=False)
    name: str = ""
    size: int | None = None
    host: str = ""
    url: str = field(default="", repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Vouchers:
    """What a reseller has got, and what is left to buy further ones with."""

    codes: tuple[str, ...] = field(default=(), repr=False)
    balance: float | None = None
    price: float | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What a magnet is, as its store says; nobody needs to guess it from names then."""

    kind: Literal["movie", "show"]
    title: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Magnet:
    """One added thing in an account.

    `id` is the store's. `fingerprint` changes when the magnet's files may have changed.
    `hash` is "" and `size`, `added` are None where the store does not tell. `speed` is that of a
    download, in bytes a second; `trouble` says in words why it failed or
    does not go on. `work` is None where the store does not know.
    """

    id: str
    name: str
    status: Status
    fingerprint: str
    hash: str = ""
    size: int | None = None
    progress: float | None = None
    added: float | None = None
    speed: int | None = None
    trouble: str = ""
    work: Work | None = None


HOSTED: Final = "link "
"""How the `hash` of what is at file hosts begins, so that it is never a magnet's."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A magnet that somebody wants an account to have; or what stands at file hosts, whose `hash`
    is a name of its own.

    A magnet always has a magnet `link`; `torrent` are the bytes of a torrent file, where one was
    given. What is at file hosts has its `link` there, or else none and is a container: then these
    are its bytes. `title`, `year` and `of_show` are what a magnet's name says. Trackers' addresses,
    and links, may be as good as a password.
    """

    hash: str
    name: str
    link: str = field(repr=False)
    torrent: bytes = field(default=b"", repr=False)
    title: str = ""
    year: int | None = None
    of_show: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for; `categories` are Torznab's numbers, none meaning all."""

    words: str
    categories: tuple[int, ...] = ()
    season: int | None = None
    episode: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A magnet that a search has found, in no account yet."""

    hash: str
    name: str
    link: str = field(repr=False)
    size: int | None = None
    seeders: int | None = None


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
    `season` and `episode` are those of a show's video, where the store says it.
    """

    path: str
    ref: str = field(repr=False)
    size: int | None = None
    index: int | None = None
    mime: str = ""
    video_hash: str = ""
    season: int | None = None
    episode: int | None = None


RECENT: Final = "recent"
"""The kind of links that a service remembers by itself, and forgets all at once only."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A link that an account keeps beside its magnets; `kind` is the service's list it is in."""

    id: str
    file: File
    added: float | None = None
    kind: str = "saved"
    host: str = ""


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
    playlist: bool = False


@dataclass(frozen=True, slots=True)
class Text(Leaf):
    """A small file of which all is known: its `content`."""

    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a file playing goes on, and how long all of it lasts, where known; in seconds."""

    seconds: float
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Played(Leaf):
    """A file of which it is known where playing has stopped."""

    position: Position = Position(0.0)


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
    """A named place for entries, in the order in which they are listed.

    `used` is what all below takes in its account, in bytes, where that is known.
    """

    name: str
    entries: "Mapping[str, Entry]"
    modified: float
    used: int | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether the entries are in memory: those that may not be have a word for it."""
        return bool(getattr(self.entries, "is_at_hand", True))


Entry: TypeAlias = Folder | Leaf


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of an account: its ready magnets as folders, newest state known.

    `taken` is when the store last confirmed it. In the `trash` are those that were deleted here,
    `coming` are those that are no folders yet.
    """

    account: str
    magnets: Folder
    taken: float
    trash: Folder = Folder("trash", {}, 0.0)
    coming: tuple[Magnet, ...] = ()


class Was(StrEnum):
    """What became of a folder."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """A folder of the tree that came, went, or has other files than before."""

    path: str
    was: Was
