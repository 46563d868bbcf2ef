"""What the five simulated services have in common: an account with magnets in it."""

import base64
import dataclasses
import hashlib
from typing import Any

from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.site import Site

FIRST_ADDED = 1_767_225_600  # 2026-01-01
"""When the first magnet was added; each later one a minute after the one before."""


def code(*parts: object, length: int = 13) -> str:
    """A code as these services make them ([A-Z2-7]), the same for the same parts."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode()).digest()
    return base64.b32encode(digest).decode()[:length]


class SimulatedStore(Site):
    """One service with one account.

    `odd` names real but surprising shapes that it then shows; each service's module says which
    it knows. `premium` False makes it an expired account.
    """

    def __init__(self, host: FileHost, port: int = 0) -> None:
        super().__init__(port)
        self.host = host
        self.odd: set[str] = set()
        self.premium = True
        self._magnets: dict[str, SimMagnet] = {}
        self._added = 0

    @property
    def url(self) -> str:
        """What an owner writes as `url` in the configuration."""
        return self.origin

    @property
    def settings(self) -> dict[str, Any]:
        """The account's keys in the configuration."""
        raise NotImplementedError

    @property
    def library(self) -> list[tuple[str, SimMagnet]]:
        """Ids and magnets, newest first."""
        with self.lock:
            pairs = list(self._magnets.items())
        return sorted(reversed(pairs), key=lambda pair: -(pair[1].added or 0))

    def add(self, magnet: SimMagnet) -> str:
        """Put a magnet into the account; its id."""
        with self.lock:
            self._added += 1
            added = FIRST_ADDED + 60 * self._added if magnet.added is None else magnet.added
            magnet_id = self.new_id(self._added, magnet)
            self._magnets[magnet_id] = dataclasses.replace(magnet, added=added)
        return magnet_id

    def remove(self, magnet_id: str) -> None:
        """Take a magnet out of the account."""
        with self.lock:
            del self._magnets[magnet_id]

    def change(self, magnet_id: str, **fields: Any) -> None:
        """Another name, status, files … for a magnet."""
        with self.lock:
            self._magnets[magnet_id] = dataclasses.replace(self._magnets[magnet_id], **fields)

    def fail(
        self, error: int | str, path: str = "", times: int | None = 1, after: int = 0, **details: Any
    ) -> None:
        """Have the service answer with its own error of this code."""
        self.faults.add(Fault("fail", path, times, after, code=error, **details))

    def downloads(self, magnet_id: str) -> list[tuple[str, SimFile]]:
        """What should be readable: paths inside the magnet, and files."""
        magnet = self._magnets[magnet_id]
        if magnet.status != "ready":
            return []
        return [(file.path, file) for file in self.readable(magnet) if not file.dead]

    def readable(self, magnet: SimMagnet) -> list[SimFile]:
        """The files of a ready magnet that have a link."""
        return list(magnet.files)

    def new_id(self, number: int, magnet: SimMagnet) -> str:
        """The id of the `number`th magnet."""
        raise NotImplementedError
