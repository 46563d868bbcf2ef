"""What the pages and the metrics show, as values; the server fills them in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from davstore.logs import Remark
from davstore.model import Account, Magnet, Reading
from davstore.tally import Counted

BUCKET = 10
"""Seconds that one point of a history stands for."""
BUCKETS = 360


@dataclass(frozen=True, slots=True)
class Point:
    """What happened in `BUCKET` seconds."""

    bytes: float = 0
    calls: float = 0


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the server. `history` is by the number of the bucket (unix time / `BUCKET`),
    `connections` in use are by account, `held` says of accounts why they are left alone.
    """

    number: str
    pid: int
    started: float
    counted: Counted = field(default_factory=dict)
    readings: Sequence[Reading] = ()
    clients: int = 0
    connections: Mapping[str, int] = field(default_factory=dict)
    history: Mapping[int, Point] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[Remark] = ()


@dataclass(frozen=True, slots=True)
class AccountScene:
    """One account; moments are unix seconds, 0 for never.

    `who` is what its service says of it, `problem` why it says nothing. `doubted` magnets have
    been missing since `doubted_since`, of which `names` are some; `kept` ones stay in any case.
    `limit` is how many connections it may use.
    """

    name: str
    store: str
    magnets: int = 0
    shown: int = 0
    files: int = 0
    bytes: int = 0
    waiting: int = 0
    taken: float = 0.0
    skipped: int = 0
    error: str = ""
    failed: float = 0.0
    who: Account | None = None
    problem: str = ""
    doubted: int = 0
    doubted_since: float = 0.0
    kept: int = 0
    names: Sequence[str] = ()
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """One removal at a service that `who` has asked for, and `why`; it `ended` at 0 while the
    service has not agreed, and `outcome` says what keeps it. One that `is_kept` was not done.
    """

    account: str
    name: str
    size: int | None
    who: str
    why: str
    ended: float
    outcome: str
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Trashed:
    """A magnet in an account's trash: `who` deleted it and `why`, and when it `leaves` for good
    (0: not by itself). It is had back by its `id`.
    """

    account: str
    id: str
    name: str
    size: int | None
    who: str
    why: str
    deleted: float
    leaves: float


@dataclass(frozen=True, slots=True)
class Queued:
    """A magnet on its way into an account, as its `person` has asked; `said` is how far it is, and
    `reason` what keeps it. It `can_go` while no service has it; `failed` where it never will.
    """

    account: str
    hash: str
    name: str
    said: str
    reason: str
    asked: float
    person: str
    can_go: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything, at one moment. `growth` is (day since 1970, magnets, bytes) that came, `leaving`
    how many magnets are to be removed now by account, `removed` the last ones, the newest first.

    `at` names the davstore whose processes these are, among the `replicas` that share a database;
    `apart` says in what those should agree and do not.
    """

    now: float
    version: str
    accounts: Sequence[AccountScene]
    processes: Sequence[Process]
    under_way: Sequence[tuple[str, Magnet]] = ()
    growth: Sequence[tuple[int, int, int]] = ()
    restart: Sequence[str] = ()
    level: str = "info"
    queue: Sequence[Queued] = ()
    trash: Sequence[Trashed] = ()
    leaving: Mapping[str, int] = field(default_factory=dict)
    removed: Sequence[Removed] = ()
    at: str = ""
    replicas: Sequence[str] = ()
    apart: Sequence[str] = ()
