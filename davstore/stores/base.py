"""What every store promises.

A store answers four questions about one account. It keeps no cache, no thread and no state but
its credentials, and raises only `StoreError`s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from davstore.errors import Gone, Refused, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import Account, File, Link, Magnet, Unreadable
from davstore.setting_types import TokenGiven

Listing: TypeAlias = Iterator[Magnet | Unreadable]
FileLists: TypeAlias = Iterator[tuple[Magnet, tuple[File, ...] | StoreError]]


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


class TokenSettings(TokenGiven, Settings):
    """Settings of a store that is asked with one token, given in place or in a file."""
