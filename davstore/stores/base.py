"""What every store promises.

A store answers four questions about one account. It keeps no cache, no thread and no state but
its credentials, and raises only `StoreError`s.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from davstore.errors import Gone, Refused, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import Account, File, Found, Link, Magnet, Query, Status, Unreadable, Wanted
from davstore.setting_types import TokenGiven
from davstore.stores.passes import Passes
from davstore.tally import Tally
from davstore.transport import Together

Listing: TypeAlias = Iterator[Magnet | Unreadable]
FileLists: TypeAlias = Iterator[tuple[Magnet, tuple[File, ...] | StoreError]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a store is opened with: a clock (unix seconds) and how to wait, with whom it keeps its
    limits `together`, where its calls are counted, and where what a login has brought is kept.
    """

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    together: Together | None = None
    tally: Tally | None = None
    passes: Passes | None = None

    @property
    def of_transport(self) -> dict[str, Any]:
        """What of it the way to the service needs."""
        return {"together": self.together, "tally": self.tally, "sleep": self.sleep}


USUAL: Final = Means()
"""For a store that has its limits for itself and nobody to tell."""


@runtime_checkable
class Store(Protocol):
    """One account at one service."""

    name: str
    """The configured name of the account; every error carries it."""

    def magnets(self) -> Listing:
        """Everything in the account, newest first where the service says so, lazily paged.

        Must end normally only when the listing is complete; must not repeat an id.
        A row that makes no sense is yielded as `Unreadable` and costs no other row.
        Raises `StoreError` at any point: what was yielded before is then half a listing.
        """

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """Pairs of a magnet and its files, for each of `magnets`, in any order.

        May ask in batches; a caller can stop in between and keep what it has. A magnet whose
        files cannot be had is paired with the `StoreError` that says why. Files that cannot be
        read (unselected, still without a ref) are left out.
        Raises `StoreError` only for what concerns the account as a whole.
        """

    def link(self, file: File) -> Link:
        """A direct URL of `file`, good from now on, and when it expires.

        Slow and limited: callers share one call and remember the answer; the store must not.
        Raises `Gone` or `Refused` when there will never be one, other `StoreError`s otherwise.
        """

    def account(self) -> Account:
        """Who this is, until when it is paid, and its quotas where known.

        Raises `NotAuthorized` for a wrong token, other `StoreError`s otherwise.
        """

    def close(self) -> None:
        """Let go of all connections; may be called twice."""


@dataclass(frozen=True, slots=True)
class News:
    """What an account holds now (`complete`), or only what has changed there.

    `rows` are as of `Store.magnets`. `gone` are the ids that the service said, or certainly
    implied, to be no longer there; of a complete listing it is empty, since what it lacks is gone.
    `marker` is to be handed in the next time: text, opaque to all but the store that wrote it.
    """

    rows: tuple[Magnet | Unreadable, ...]
    marker: str
    complete: bool = False
    gone: frozenset[str] = frozenset()


@runtime_checkable
class Changing(Protocol):
    """A store that can tell what changed for less than a listing costs."""

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        """What changed since the news that brought `marker`; everything where that is "".

        `known` are the magnets by id as they are after all news so far: a service that tells
        only the changed members of a magnet is understood through them, and what must be looked
        at again is chosen by them. A magnet whose going nobody believed yet may still be there.
        Must answer completely where it cannot be sure, and where the marker makes no sense to
        it, and now and then in any case if something could ever escape it.
        May be called again with an old marker: after a failure, or because a disk lost the last.
        Raises `StoreError`s as `magnets` does; then nothing was told, and the marker holds.
        """


@runtime_checkable
class Adding(Protocol):
    """A store that can be given further magnets."""

    add_pause: float
    """Seconds that must lie between two calls of `add`."""

    def add(self, wanted: Wanted) -> str:
        """Have the account hold `wanted`; its id, "" where the service does not say it.

        Asks the service once and must not repeat that: what is there already may be added again.
        Raises `Refused` for what will never be taken. After any other `StoreError` it may be there
        all the same: `present` tells.
        """


@runtime_checkable
class Choosing(Protocol):
    """A store that must be told which files of an added magnet are wanted."""

    def choose(self, id_: str) -> bool:
        """Say it of one magnet; whether that is settled. Not so while its files are unknown.

        May be called again, also when it is settled. Raises `Gone` where it is no longer there,
        other `StoreError`s as all calls do.
        """


def present(store: "Store", hash_: str) -> Magnet | None:
    """The magnet of this hash that is in the account now, the best where there are several.

    Asks the store for all it has; raises `StoreError` where that cannot be known for sure.
    """
    found = None
    for row in store.magnets():
        if isinstance(row, Magnet) and row.hash == hash_:
            if row.status is not Status.FAILED:
                return row
            found = row
    return found


@runtime_checkable
class Removing(Protocol):
    """A store at which magnets can be removed."""

    def remove(self, magnet: Magnet) -> None:
        """Remove `magnet` from the account, for good.

        Must end normally only when it is no longer there; that it was not there before is as good.
        May be called again after any failure. Raises `StoreError`s; `UnexpectedReply` where the
        service cannot do this at all.
        """


@runtime_checkable
class Checking(Protocol):
    """A store whose service tells what it has on its disks already, for whoever adds it."""

    def check(self, hashes: Sequence[str]) -> frozenset[str]:
        """Those of `hashes` (any number) that would be ready at once; a hint, no promise.

        Raises `StoreError`s as all calls do.
        """


@runtime_checkable
class Searching(Protocol):
    """A store whose service finds magnets that are in no account yet."""

    def search(self, query: Query) -> tuple[Found, ...]:
        """What the service finds, each hash once, those with most seeders first.

        One call. Raises `StoreError`s; what makes no sense among the results is left out.
        """


def best_first(found: Iterable[Found]) -> tuple[Found, ...]:
    """Each hash once, those with most seeders first."""
    best: dict[str, Found] = {}
    for each in found:
        known = best.get(each.hash)
        if known is None or (each.seeders or 0) > (known.seeders or 0):
            best[each.hash] = each
    return tuple(sorted(best.values(), key=lambda f: (-(f.seeders or 0), f.name, f.hash)))


@dataclass(frozen=True, slots=True)
class Seen:
    """Addresses as others see them: ours, and, where the service only stands between, its own as
    the store behind it sees it; "" where nobody says.
    """

    ours: str
    its: str = ""


@runtime_checkable
class Seeing(Protocol):
    """A store whose service tells from which address it is asked."""

    def seen(self) -> Seen | None:
        """What the service says of it, None where it says nothing to this login.

        One call. Raises `StoreError`s.
        """


FAILURES_IN_A_ROW = 3
"""So many magnets whose files cannot be had now: it is the service then, and not the magnets."""


def one_by_one(
    magnets: Sequence[Magnet], files_of: Callable[[Magnet], tuple[File, ...] | StoreError]
) -> FileLists:
    """`Store.files` where each magnet costs a call of its own; `files_of` may raise `StoreError`.

    A service may fail for ever at one magnet; that must not keep the others' files from us.
    """
    failures = 0
    for magnet in magnets:
        found: tuple[File, ...] | StoreError
        try:
            found = files_of(magnet)
        except (Gone, Refused, UnexpectedReply) as error:
            found = error
        except StoreUnavailable as error:
            failures += 1
            if failures >= FAILURES_IN_A_ROW:
                raise
            found = error
        else:
            failures = 0
        yield magnet, found


@contextmanager
def certain(account: str, otherwise: str) -> Iterator[None]:
    """Around calls that every such service answers: a 404 there is no `Gone` magnet.

    Raises `UnexpectedReply` with the reason `otherwise` in its place.
    """
    try:
        yield
    except Gone:
        raise UnexpectedReply(account, otherwise) from None


class Settings(BaseModel):
    """What the configuration says of one account; each store adds its own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str = Field(description="which service this account is at")
    connections: int | None = Field(
        default=None, ge=1, le=256,
        description="how many connections to its file hosts at once; default by store",
    )  # fmt: skip
    read_ahead: int = Field(
        default=6, ge=1, le=32,
        description="how many of them one stream may use where a host is slow or far",
    )  # fmt: skip
    delete: bool = Field(default=False, description="whether its magnets and files may be deleted")
    delete_after: float = Field(
        default=24 * 3600.0, ge=0, le=366 * 24 * 3600.0,
        description="seconds for which what was deleted can be had back, until it is removed there",
    )  # fmt: skip


class TokenSettings(TokenGiven, Settings):
    """Settings of a store that is asked with one token, given in place or in a file."""

    login: bool = Field(
        default=False, description="use what `davstore login` has brought, instead of `token`"
    )
    cure: ClassVar[str] = (
        "give either token or token_file, or login = true and run `davstore login`"
    )

    @property
    def is_elsewhere(self) -> bool:
        """Whether the token comes from a login."""
        return self.login
