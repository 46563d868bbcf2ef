"""What the five simulated services have in common: an account with magnets in it."""

import base64
import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, TypeAlias

from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.site import Site

View: TypeAlias = Callable[..., Any]

FIRST_ADDED = 1_767_225_600  # 2026-01-01
"""When the first magnet was added; each later one a minute after the one before."""


def secret(what: str) -> str:
    """A token or password that is easily recognised where it must not stand."""
    return f"SIMULATED-{what}-0123"


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
        self._codes: dict[str, tuple[str, int]] = {}
        self._uncoded: set[str] = set()

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
        pairs.reverse()
        pairs.sort(key=lambda pair: -(pair[1].added or 0))
        return pairs

    def add(self, magnet: SimMagnet) -> str:
        """Put a magnet into the account; its id."""
        with self.lock:
            self._added += 1
            added = FIRST_ADDED + 60 * self._added if magnet.added is None else magnet.added
            magnet_id = self.new_id(self._added, magnet)
            known = dataclasses.replace(magnet, added=added, hash=magnet.infohash)
            self._magnets[magnet_id] = known
            self._uncoded.add(magnet_id)
        return magnet_id

    def remove(self, magnet_id: str) -> None:
        """Take a magnet out of the account."""
        with self.lock:
            del self._magnets[magnet_id]

    def change(self, magnet_id: str, **fields: Any) -> None:
        """Another name, status, files … for a magnet."""
        with self.lock:
            self._magnets[magnet_id] = dataclasses.replace(self._magnets[magnet_id], **fields)
            self._uncoded.add(magnet_id)

    def fail(
        self,
        error: int | str,
        path: str = "",
        times: int | None = 1,
        after: int = 0,
        **details: Any,
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

    def link_code(self, magnet_id: str, number: int) -> str:
        """What stands in the service's own link to file `number` of a magnet."""
        return code("file", magnet_id, number)

    def link_to(self, file: SimFile) -> str:
        """A URL under which the file's bytes can be read: a new one, where the host makes it."""
        return file.url or self.host.link(file.content, file.name)

    def linked(self, wanted: str) -> tuple[str, SimMagnet, int] | None:
        """The magnet, with its id, and the number of the file to which a link's code leads."""
        with self.lock:
            for magnet_id in self._uncoded & self._magnets.keys():
                for number in range(len(self._magnets[magnet_id].files)):
                    self._codes[self.link_code(magnet_id, number)] = (magnet_id, number)
            self._uncoded.clear()
            magnet_id, number = self._codes.get(wanted, ("", 0))
            magnet = self._magnets.get(magnet_id)
        return (magnet_id, magnet, number) if magnet and number < len(magnet.files) else None

    def new_id(self, number: int, magnet: SimMagnet) -> str:
        """The id of the `number`th magnet."""
        raise NotImplementedError
