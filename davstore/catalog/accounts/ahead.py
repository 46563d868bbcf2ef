"""The files of the magnets that come next where somebody goes through an account folder by folder.

They are read together: each question takes a database on another machine its time.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final

from davstore.catalog.arranged.shown import owner
from davstore.model import File, Folder, Snapshot

AT_ONCE: Final = 32
"""So many magnets are read together."""
MOST_FILES: Final = 1000
"""They have at most so many files as a rule: what has more is read by itself."""
NEAR: Final = 3
"""So few places after the last one is next: some are in memory already."""

Read = Callable[[Collection[str]], Mapping[str, tuple[File, ...]]]


class Ahead:
    """The files of one account's magnets. `read` gives those of some, by id; the `snapshot`'s
    are what people go through, `count` says how many files a magnet has.
    """

    def __init__(
        self, read: Read, snapshot: Callable[[], Snapshot | None], count: Callable[[str], int]
    ) -> None:
        self._read = read
        self._snapshot = snapshot
        self._count = count
        self._lock = threading.Lock()
        self._coming: dict[str, tuple[File, ...]] = {}
        self._last = ""
        self._number = 0
        self._ordered: Folder | None = None
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    def files(self, id_: str) -> tuple[File, ...]:
        """Those of one magnet, none where it is not there. Raises what `read` does."""
        with self._lock:
            number, found = self._number, self._coming.pop(id_, None)
            wanted = [id_] if found is not None else self._wanted(id_)
            self._last = id_
        if found is not None:
            return found
        read = dict(self._read(wanted))
        asked = read.pop(id_, ())
        with self._lock:
            if number == self._number and len(wanted) > 1:
                self._coming = {each: read.get(each, ()) for each in wanted[1:]}
        return asked

    def forget(self) -> None:
        """What was read may be other than it was; called before anybody can be told so."""
        with self._lock:
            self._number += 1
            self._coming = {}

    def _wanted(self, id_: str) -> list[str]:
        """It, and those after it where it is itself the next of the last one."""
        snapshot = self._snapshot()
        if snapshot is None:
            return [id_]
        folder = snapshot.magnets
        if folder is not self._ordered:
            self._ordered = folder
            self._ids = [owner(each)[1] for each in folder.entries.values()
                         if isinstance(each, Folder)]  # fmt: skip
            self._places = {each: at for at, each in enumerate(self._ids)}
        at, last = self._places.get(id_), self._places.get(self._last)
        if at is None or last is None or not 0 < at - last <= NEAR:
            return [id_]
        wanted, left = [id_], MOST_FILES - self._count(id_)
        for each in self._ids[at + 1 : at + AT_ONCE]:
            left -= self._count(each)
            if left < 0:
                break
            wanted.append(each)
        return wanted
