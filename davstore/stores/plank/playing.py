"""What a store that is a player's library (Plank) promises beyond `base`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from davstore.model import File, Leaf, Position


@dataclass(frozen=True, slots=True)
class Begun:
    """Something that was begun and not ended: the id of its magnet, and the ref of the file, ""
    where only the magnet is known.
    """

    magnet: str
    ref: str = ""


@runtime_checkable
class Continuing(Protocol):
    """A store that knows what is being watched."""

    def begun(self) -> tuple[Begun, ...]:
        """What was begun and not ended, last played first. One call; raises `StoreError`s."""


@runtime_checkable
class Finding(Protocol):
    """A store whose service searches what is in the account."""

    def find(self, words: str) -> tuple[str, ...]:
        """The ids of the magnets that fit, best first. One call; raises `StoreError`s."""


@runtime_checkable
class Playing(Protocol):
    """A store that knows where in a file playing has stopped."""

    track_playback: bool
    """Whether reading a file is to be taken for playing it."""

    def position(self, file: File) -> Position:
        """Where it is to go on. Raises `StoreError`s as all calls do."""

    def move(self, file: File, position: Position) -> None:
        """Have it go on there; may be called again. Raises `StoreError`s."""


def player_of(leaf: Leaf, players: Mapping[str, Playing]) -> tuple[Playing, Leaf] | None:
    """The first of `players`, by account, that has `leaf`, and the file as it stands there."""
    for each in (leaf, *leaf.others):
        if each.account in players:
            return players[each.account], each
    return None
