"""The store's promise kept with a dict: for tests, and the example to copy."""

import time
from collections.abc import Callable, Mapping, Sequence

from davstore.errors import Gone
from davstore.model import Account, File, Link, Magnet, Status, Wanted
from davstore.stores.base import FileLists, Listing

LIFE = 12 * 3600.0


class Memory:
    """An account whose magnets are put there, each with its files and their URLs."""

    add_pause = 0.0

    def __init__(self, name: str, *, now: Callable[[], float] = time.time) -> None:
        self.name = name
        self._magnets: dict[str, tuple[Magnet, dict[File, str]]] = {}
        self._now = now
        self._added = 0

    def put(self, magnet: Magnet, files: Mapping[File, str]) -> None:
        """Put a magnet there, or another in place of the one with its id."""
        self._magnets[magnet.id] = (magnet, dict(files))

    def forget(self, id_: str) -> None:
        """Take a magnet out of the account."""
        self._magnets.pop(id_, None)

    def magnets(self) -> Listing:
        """All of them."""
        return iter([magnet for magnet, _ in self._magnets.values()])

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """The files as they were given."""
        for magnet in magnets:
            if magnet.id in self._magnets:
                yield magnet, tuple(self._magnets[magnet.id][1])
            else:
                yield magnet, Gone(self.name, "no longer in the account")

    def link(self, file: File) -> Link:
        """The URL as it was given."""
        for _, files in self._magnets.values():
            if file in files:
                return Link(files[file], self._now() + LIFE, size=file.size)
        raise Gone(self.name, "no longer in the account")

    def add(self, wanted: Wanted) -> str:
        """A magnet without files, that waits; each time another one."""
        self._added += 1
        id_ = f"added {self._added}"
        self.put(Magnet(id_, wanted.name, Status.QUEUED, "", wanted.hash, added=self._now()), {})
        return id_

    def remove(self, magnet: Magnet) -> None:
        """Take it out, if it is there."""
        self.forget(magnet.id)

    def account(self) -> Account:
        """The owner of everything."""
        return Account(self.name, "memory")

    def close(self) -> None:
        """Nothing to let go of."""
