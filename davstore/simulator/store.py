"""What the five simulated services have in common: an account with magnets in it."""

import base64
import dataclasses
import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from davstore.simulator.adding import Asked, Growth
from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.site import Site

View: TypeAlias = Callable[..., Any]

FIRST_ADDED = 1_767_225_600  # 2026-01-01
"""When the first magnet was added; each later one a minute after the one before, where `added_at`
says nothing else.
"""


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

    def __init__(self, host: FileHost) -> None:
        super().__init__()
        self.host = host
        self.odd: set[str] = set()
        self.premium = True
        self._magnets: dict[str, SimMagnet] = {}
        self._added = 0
        self.added_at: Callable[[int], float] = lambda number: FIRST_ADDED + 60.0 * number
        self._codes: dict[str, tuple[str, int]] = {}
        self._uncoded: set[str] = set()
        self.clock: Callable[[], float] = time.time
        self.lasts = 0.0
        self.offers: dict[str, SimMagnet] = {}
        self.refuses: dict[str, int | str] = {}
        self.taken: list[str] = []
        self._growing: dict[str, Growth] = {}
        self.app.before_request(self._grow)

    def now(self) -> float:
        """What time it is, by whichever clock is set now."""
        return self.clock()

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
            added = self.added_at(self._added) if magnet.added is None else magnet.added
            magnet_id = self.new_id(self._added, magnet)
            known = dataclasses.replace(magnet, added=added, hash=magnet.infohash)
            self._magnets[magnet_id] = known
            self._uncoded.add(magnet_id)
        return magnet_id

    def take(self, asked: Asked) -> str:
        """Let a client add a magnet; its id. It begins to come in at once."""
        with self.lock:
            self.taken.append(asked.hash)
            known = self.offers.get(asked.hash) or asked.magnet()
            magnet_id = self.add(dataclasses.replace(known, hash=asked.hash))
            self._begin(magnet_id)
        return magnet_id

    def held(self, infohash: str) -> tuple[str, SimMagnet] | None:
        """The magnet of this hash, with its id, if it is in the account."""
        return next((pair for pair in self.library if pair[1].infohash == infohash), None)

    @property
    def active(self) -> int:
        """How many magnets are on their way."""
        return sum(magnet.status not in {"ready", "failed"} for _, magnet in self.library)

    def _begin(self, magnet_id: str) -> None:
        self._growing[magnet_id] = Growth(self.clock(), self.lasts)
        self._grow()

    def _grow(self) -> None:
        """Bring what comes in to where it is by now."""
        now = self.clock()
        with self.lock:
            for magnet_id, growth in list(self._growing.items()):
                if magnet_id in self._magnets:
                    self.change(magnet_id, **_state(growth.applied(self._magnets[magnet_id], now)))
                if growth.done(now):
                    del self._growing[magnet_id]

    def remove(self, magnet_id: str) -> None:
        """Take a magnet out of the account."""
        with self.lock:
            self._growing.pop(magnet_id, None)
            del self._magnets[magnet_id]

    def change(self, magnet_id: str, **fields: Any) -> None:
        """Another name, status, files … for a magnet."""
        with self.lock:
            self._magnets[magnet_id] = dataclasses.replace(self._magnets[magnet_id], **fields)
            self._uncoded.add(magnet_id)

    def fail(self, error: int | str, path: str = "", times: int | None = 1, **details: Any) -> None:
        """Have the service answer with its own error of this code."""
        self.faults.add(Fault("fail", path, times, code=error, **details))

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


def _state(magnet: SimMagnet) -> dict[str, Any]:
    return {name: getattr(magnet, name) for name in ("status", "progress", "vendor_status")}
