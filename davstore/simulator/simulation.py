"""The five services and the file host, put together."""

import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from davstore.simulator import library, media
from davstore.simulator.alldebrid import AllDebrid
from davstore.simulator.filehost import FileHost
from davstore.simulator.plank import Plank
from davstore.simulator.realdebrid import RealDebrid
from davstore.simulator.site import Site
from davstore.simulator.store import SimulatedStore
from davstore.simulator.stremthru import StremThru


class Simulator:
    """Real HTTP servers on localhost, each with an empty account; a context manager.

    `torz` and `magnets` are two StremThru instances.
    """

    def __init__(self) -> None:
        self.host = FileHost()
        self.realdebrid = RealDebrid(self.host)
        self.alldebrid = AllDebrid(self.host)
        self.torz = StremThru(self.host, "torz", "realdebrid")
        self.magnets = StremThru(self.host, "magnets", "torbox")
        self.plank = Plank(self.host)

    @classmethod
    def demo(cls, folder: Path) -> Self:
        """The demo's library; its videos are made in `folder`, or found there.

        It has grown over some weeks. What is added to it takes two minutes to come in.
        """
        simulator = cls()
        now = time.time()
        for number, store in enumerate(simulator.stores):
            store.lasts = 120.0
            store.added_at = partial(_one_a_fortnight, now - (88 - 3 * number) * 86400.0)
        library.fill(simulator, media.videos(folder))
        for store in simulator.stores:
            store.added_at = lambda _: time.time()
        return simulator

    @property
    def stores(self) -> tuple[SimulatedStore, ...]:
        """The five services."""
        return (self.realdebrid, self.alldebrid, self.torz, self.magnets, self.plank)

    @property
    def sites(self) -> tuple[Site, ...]:
        """All six servers."""
        return (self.host, *self.stores)

    def start(self) -> Self:
        """Listen; where it does already, nothing happens."""
        for site in self.sites:
            site.start()
        return self

    def stop(self) -> None:
        """End all servers and their connections; may be called twice."""
        for site in self.sites:
            site.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _one_a_fortnight(first: float, number: int) -> float:
    return first + number * 14 * 86400.0
