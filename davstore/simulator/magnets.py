"""What a simulated account holds: magnets and their files, as values."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from davstore.simulator.content import Content

Status: TypeAlias = Literal["ready", "queued", "downloading", "processing", "failed"]


@dataclass(frozen=True)
class SimFile:
    """One file; `path` is `/`-separated and relative to the magnet, without a root folder.

    `selected` matters at Real-Debrid and StremThru: others are known there but have no link.
    `dead` files are listed as usual, but no link can be generated for them.
    `season`, `episode` and `title` place it in a show at Plank; `transmuxed` is what Plank
    sends instead of a file that browsers cannot play. `url` is where links to it lead, for
    bytes that a server of your own sends (it must be the same content: sizes are told from it);
    without one the simulator's file host makes them. Plank streams itself, and ignores it.
    """

    path: str
    content: Content
    selected: bool = True
    dead: bool = False
    season: int | None = None
    episode: int | None = None
    title: str = ""
    transmuxed: Content | None = None
    url: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.size


@dataclass(frozen=True)
class SimMagnet:
    """One added thing.

    `hash` is derived from the name where it is not given, `added` (unix seconds) from the
    order of adding. `vendor_status` overrides the service's own word or number for `status`.
    `folder` says whether AllDebrid wraps the files in a folder named like the magnet; None:
    where there are several. `kind`, `title` and `year` are for Plank.
    """

    name: str
    files: Sequence[SimFile] = field(default_factory=tuple)
    hash: str = ""
    status: Status = "ready"
    progress: float | None = None
    added: float | None = None
    vendor_status: str | int | None = None
    folder: bool | None = None
    kind: Literal["movie", "show"] = "movie"
    title: str = ""
    year: int | None = None

    @property
    def infohash(self) -> str:
        """40 hex digits."""
        return self.hash or hashlib.sha1(self.name.encode(), usedforsecurity=False).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def percent(self) -> float:
        """0 to 100; guessed from the status where not given."""
        if self.progress is not None:
            return self.progress
        return {"ready": 100, "processing": 100, "downloading": 42.17}.get(self.status, 0)

    @property
    def selected(self) -> list[SimFile]:
        """The files that the service was asked to keep."""
        return [file for file in self.files if file.selected]
