"""The accounts without a server: stores, the catalog over the state folder, and views."""

import time
from collections.abc import Callable

from davstore.catalog import (
    Arranged,
    Catalog,
    Leases,
    Links,
    Overviews,
    PlaceRecords,
    Records,
    Turns,
    open_database,
)
from davstore.config import AccountSettings, Settings
from davstore.stores import STORES
from davstore.stores.base import Store
from davstore.stream import Upstream
from davstore.tally import Tally
from davstore.transport import Reach, Together


def open_stores(
    settings: Settings, processes: int = 1, tally: Tally | None = None
) -> dict[str, Store]:
    """A store for each configured account; so many processes keep its limits together. What it
    asks is counted in `tally`.
    """
    together = Together(settings.server.state, processes) if processes > 1 else None
    return {
        name: STORES[account.store].open(name, account, together=together, tally=tally)
        for name, account in settings.accounts.items()
    }


def upstream(account: AccountSettings, processes: int = 1) -> Upstream:
    """How the file hosts of a configured account may be used by one of so many processes.

    Each has its even part of the connections, and one at least.
    """
    connections = account.connections or STORES[account.store].connections
    connections = max(1, connections // processes)
    return Upstream(Reach(str(account.url)).link, connections, account.read_ahead)


class Library:
    """The accounts without a server: stores and the catalog over the state folder.

    So many `processes` use it together. Raises `StateError` where the folder cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        processes: int = 1,
        tally: Tally | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        is_shared = processes > 1
        self._engine = open_database(settings.server.state, now, is_shared=is_shared)
        self.stores = open_stores(settings, processes, tally)
        leases = Leases(self._engine, now) if is_shared else None
        self.turns = Turns(leases) if leases else None
        self.records = Records(self._engine)
        self.overviews = Overviews(self._engine)
        self.links = Links(self._engine)
        self.links.sweep(now())
        sources = {name: f"{a.store} {a.url}" for name, a in settings.accounts.items()}
        self.catalog = Catalog.opened(
            self.stores,
            sources,
            self.records,
            interval=settings.server.refresh,
            quick=settings.server.refresh_quick,
            slow=settings.server.refresh_slow,
            removal_share=settings.server.removal_share,
            leases=leases,
            now=now,
        )
        self.arranged = Arranged(
            settings.views, self.catalog.accounts, self.catalog.snapshot,
            PlaceRecords(self._engine), now=now,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the stores' connections and the catalog's file."""
        self.arranged.close()
        for store in self.stores.values():
            store.close()
        self.records.close()
