"""What is counted, and by whom: each room counts here, the top floor reads.

Nobody waits for anybody to count: each thread has its own numbers, added up when they are read.
Labels are few by their nature: accounts, kinds of errors, methods; never names, paths or people.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]
Counted: TypeAlias = Mapping[tuple[str, Labels], float]
"""Numbers by what is counted and its labels; of durations also `name.sum` and `name.le.BOUND`."""

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One thing that is counted; `bounds` (seconds) where it is a duration."""

    name: str
    meaning: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()


REQUESTS = Kind("requests", "Requests answered.", ("method", "status"))
REQUEST_SECONDS = Kind(
    "request_seconds", "Time until a request was answered, without a file's bytes.", ("method",),
    SECONDS,
)  # fmt: skip
BYTES = Kind("sent_bytes", "Bytes of files sent to clients.", ("account",))
STARTS = Kind("stream_starts", "Reads of files that began to deliver.", ("account",))
FIRST_BYTE = Kind(
    "first_byte_seconds", "Time from a read's request to its first byte.", ("account",), SECONDS
)
RESUMES = Kind("stream_resumes", "Streams that went on over another connection.", ("account",))
ERRORS = Kind("read_errors", "Reads that failed, by what went wrong.", ("account", "kind"))
LINKS = Kind(
    "links", "Links asked for: known, joined (somebody else waits), kept (on disk) or generated.",
    ("account", "from"),
)  # fmt: skip
GENERATED = Kind("generate_calls", "Links generated, or not.", ("account", "outcome"))
CALLS = Kind("upstream_calls", "Calls to the services.", ("account", "outcome"))
WAITS = Kind(
    "limiter_wait_seconds", "Time that calls waited for the account's own pace.", ("account",),
    SECONDS,
)  # fmt: skip
EDGES = Kind("edge_lookups", "Blocks of beginnings and ends looked for on disk.", ("found",))
LISTINGS = Kind("listing_lookups", "Long listings looked for in memory.", ("found",))
LOGINS = Kind("logins_refused", "Logins that were refused.")

KINDS = (
    REQUESTS, REQUEST_SECONDS, BYTES, STARTS, FIRST_BYTE, RESUMES, ERRORS, LINKS, GENERATED, CALLS,
    WAITS, EDGES, LISTINGS, LOGINS,
)  # fmt: skip


class Tally:
    """The numbers of one process, from its start on."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._shards: list[tuple[threading.Thread, dict[tuple[str, Labels], float]]] = []
        self._ended: Counted = {}  # what threads have counted that are no more

    def count(self, kind: Kind, *labels: str, by: float = 1) -> None:
        """`by` more of `kind`."""
        numbers = self._numbers()
        key = (kind.name, labels)
        numbers[key] = numbers.get(key, 0) + by

    def time(self, kind: Kind, seconds: float, *labels: str) -> None:
        """One more duration of `kind`."""
        in_all, in_bucket = _keys(kind, bisect_left(kind.bounds, seconds), labels)
        numbers = self._numbers()
        numbers[in_all] = numbers.get(in_all, 0) + seconds
        numbers[in_bucket] = numbers.get(in_bucket, 0) + 1

    def read(self) -> Counted:
        """All numbers as of now."""
        with self._lock:
            return added([self._ended, *(numbers.copy() for _, numbers in self._shards)])

    def _numbers(self) -> dict[tuple[str, Labels], float]:
        numbers: dict[tuple[str, Labels], float] | None = getattr(self._local, "numbers", None)
        if numbers is None:
            numbers = self._local.numbers = {}
            self._begin(numbers)
        return numbers

    def _begin(self, numbers: dict[tuple[str, Labels], float]) -> None:
        with self._lock:
            alive = [(threading.current_thread(), numbers)]
            for thread, each in self._shards:
                if thread.is_alive():
                    alive.append((thread, each))
                else:
                    self._ended = added([self._ended, each])
            self._shards = alive


@lru_cache(1024)
def _keys(kind: Kind, at: int, labels: Labels) -> tuple[tuple[str, Labels], tuple[str, Labels]]:
    """Under which a duration is added up, and counted: as one of those below bound number `at`."""
    bound = str(kind.bounds[at]) if at < len(kind.bounds) else "+Inf"
    return (f"{kind.name}.sum", labels), (f"{kind.name}.le.{bound}", labels)


def added(parts: Iterable[Counted]) -> dict[tuple[str, Labels], float]:
    """The sums of several tallies."""
    total: dict[tuple[str, Labels], float] = {}
    for part in parts:
        for key, number in part.items():
            total[key] = total.get(key, 0) + number
    return total


def total(counted: Counted, kind: Kind, **only: str) -> float:
    """How many of `kind` there were, of those labels alone that `only` names."""
    wanted = [(kind.labels.index(label), value) for label, value in only.items()]
    return sum(
        number for (name, labels), number in counted.items()
        if name == kind.name and all(labels[at] == value for at, value in wanted)
    )  # fmt: skip
