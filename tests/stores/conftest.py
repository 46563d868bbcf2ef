"""Every store over its simulated service, ready for the contract suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from davstore.model import File, Magnet, Status
from davstore.simulator import SimMagnet, Simulator
from davstore.stores import STORES, alldebrid, plank, realdebrid, stremthru
from davstore.stores.base import Means, Store
from davstore.stores.memory import Memory

SERVICES = ("realdebrid", "alldebrid", "torz", "magnets", "plank")


@dataclass
class Naps:
    """Stands in for sleep: notes how long it was asked to, and returns at once."""

    taken: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@dataclass
class Account:
    """A store, the simulated service behind it, and the naps that it took."""

    store: Store
    service: Any
    naps: Naps

    def add(self, magnet: SimMagnet) -> str:
        added: str = self.service.add(magnet)
        return added

    def magnets(self) -> list[Magnet]:
        """Those that can be read, as the store lists them now."""
        return [row for row in self.store.magnets() if isinstance(row, Magnet)]

    def names(self) -> list[str]:
        """What they are called, sorted."""
        return sorted(magnet.name for magnet in self.magnets())


Open = Callable[..., Account]


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are not held back to the pace that services ask for."""
    unpace(monkeypatch)


def unpace(patching: pytest.MonkeyPatch) -> None:
    """The same, for as long as `patching` lasts."""
    for module in (alldebrid.api, plank.store, realdebrid.api, stremthru.store):
        patching.setattr(module, "RATES", ())


@pytest.fixture
def open_account(sim: Simulator) -> Iterator[Open]:
    """Opens a store at a simulated service; `changes` override its configured keys."""
    opened: list[Account] = []

    def open_(service_name: str, **changes: Any) -> Account:
        service = getattr(sim, service_name)
        keys = {**service.settings, **changes}
        kind = STORES[keys["store"]]
        naps = Naps()
        store = kind.open(service_name, kind.settings.model_validate(keys), Means(sleep=naps))
        opened.append(Account(store, service, naps))
        return opened[-1]

    yield open_
    for account in opened:
        account.store.close()


class MemoryService:
    """Puts simulated magnets into a `Memory` store, as the services keep theirs."""

    def __init__(self, host: Any) -> None:
        self.store = Memory("memory")
        self.settings: dict[str, str] = {}
        self._host = host
        self._magnets: dict[str, SimMagnet] = {}

    def add(self, magnet: SimMagnet) -> str:
        id_ = f"m{len(self._magnets)}"
        self._put(id_, magnet)
        return id_

    def change(self, id_: str, **changes: Any) -> None:
        self._put(id_, replace(self._magnets[id_], **changes))

    def remove(self, id_: str) -> None:
        self.store.forget(id_)

    def _put(self, id_: str, sim: SimMagnet) -> None:
        self._magnets[id_] = sim
        status = Status(sim.status)
        magnet = Magnet(id_, sim.name, status, sim.status, sim.infohash.lower(), added=sim.added)
        files = {File(f.path, f"{id_}/{f.path}", f.size): f for f in sim.files}
        links = {file: self._host.link(f.content, f.name) for file, f in files.items()}
        self.store.put(magnet, links)


@pytest.fixture(params=SERVICES)
def remote(request: pytest.FixtureRequest, open_account: Open) -> Account:
    """One account at each kind of service."""
    return open_account(request.param)


@pytest.fixture(params=[*SERVICES, "memory"])
def account(request: pytest.FixtureRequest, sim: Simulator, open_account: Open) -> Account:
    """One account of each kind of store."""
    if request.param == "memory":
        service = MemoryService(sim.host)
        return Account(service.store, service, Naps())
    return open_account(request.param)
