"""The accounts without a server: stores, the catalog over the state folder, and views."""

import time
from collections.abc import Callable

from davstore.catalog import Arranged, Catalog, Links, PlaceRecords, Records, open_database
from davstore.config import AccountSettings, Settings
from davstore.stores import STORES
from davstore.stores.base import Store
from davstore.stream import Upstream
from davstore.transport import Reach


def open_stores(settings: Settings) -> dict[str, Store]:
    """A store for each configured account."""
    return {
        name: STORES[account.store].open(name, account)
        for name, account in settings.accounts.items()
    }


def upstream(account: AccountSettings) -> Upstream:
    """How the file hosts of a configured account may be used."""
    connections = account.connections or STORES[account.store].connections
    return Upstream(Reach(str(account.url)).link, connections, account.read_ahead)


class Library:
    """The accounts without a server: stores and the catalog over the state folder.

    Raises `StateError` where the folder cannot be used.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self._engine = open_database(settings.server.state, now)
        self.stores = open_stores(settings)
        self.records = Records(self._engine)
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
