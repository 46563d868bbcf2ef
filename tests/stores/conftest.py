"""Every store over its simulated service, ready for the contract suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from davstore.simulator import SimMagnet, Simulator
from davstore.stores import STORES
from davstore.stores.base import Store

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


Open = Callable[..., Account]


@pytest.fixture
def open_account(sim: Simulator) -> Iterator[Open]:
    """Opens a store at a simulated service; `changes` override its configured keys."""
    opened: list[Account] = []

    def open_(service_name: str, **changes: Any) -> Account:
        service = getattr(sim, service_name)
        keys = {**service.settings, **changes}
        kind = STORES[keys["store"]]
        naps = Naps()
        store = kind.open(service_name, kind.settings.model_validate(keys), sleep=naps)
        opened.append(Account(store, service, naps))
        return opened[-1]

    yield open_
    for account in opened:
        account.store.close()


@pytest.fixture(params=SERVICES)
def account(request: pytest.FixtureRequest, open_account: Open) -> Account:
    """One account at each kind of service."""
    return open_account(request.param)
