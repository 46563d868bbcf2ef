"""What the page on which things are added needs of whoever has them added, as values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from davstore.dashboard.scene import Queued
from davstore.model import Magnet

KINDS: Final[Mapping[str, str]] = {"": "Everything", "movies": "Films", "tv": "Shows"}
"""What can be looked for: the words of the store's search, and what people call them."""

Sees: TypeAlias = Callable[[str], bool]
"""Whether an account exists for somebody."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A magnet that was found: `cached` are the accounts that would have it ready at once, `held`
    those that have it already.
    """

    hash: str
    name: str
    link: str = field(repr=False)
    size: int | None
    seeders: int | None
    cached: Sequence[str]
    held: Sequence[str]


@dataclass(frozen=True, slots=True)
class Shelved:
    """Something found that stands in an account already, at `path`."""

    account: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has brought, and why some accounts said nothing."""

    offers: Sequence[Offer] = ()
    shelved: Sequence[Shelved] = ()
    problems: Sequence[str] = ()


class Intake(Protocol):
    """Who is asked by the page. Only what somebody `sees` exists for them."""

    def accounts(self, sees: Sees) -> Sequence[str]:
        """The accounts that can be added to."""

    def searching(self, sees: Sees) -> Sequence[str]:
        """The accounts that are asked by a search."""

    def find(self, words: str, sees: Sees, kind: str = "") -> Found:
        """What they find of one of `KINDS`; raises `DavstoreError` where that makes no sense."""

    def queue(self, sees: Sees) -> Sequence[Queued]:
        """What is on its way into the accounts; raises `DavstoreError`."""

    def coming(self, sees: Sees) -> Sequence[tuple[str, Magnet]]:
        """What the services are at work on, by account."""
