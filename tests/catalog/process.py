"""What one of several davstores has of a catalog that they share."""

from collections.abc import Callable
from pathlib import Path

from davstore.catalog import Catalog, Engine, Leases, Links, Records, open_database
from davstore.catalog.sharing import Sharing
from davstore.config import Database
from davstore.stores.base import Store
from tests.catalog.scripted import SOURCE, Clock, ScriptedStore


class Process:
    """One of them; its steps are taken by hand. `prepare` is done to its engine first."""

    def __init__(
        self,
        folder: Path,
        store: ScriptedStore,
        clock: Clock,
        database: Database | None,
        *,
        prepare: Callable[[Engine], object] = lambda _: None,
        accounts: int = 1,
    ) -> None:
        self.engine = open_database(folder, clock, database=database, is_shared=True)
        prepare(self.engine)
        self.records = Records(self.engine)
        self.leases = Leases(self.engine, clock)
        self.links = Links(self.engine)
        stores: dict[str, Store] = {"rd": store}
        stores |= {f"rd{number}": Named(f"rd{number}") for number in range(1, accounts)}
        self.catalog = Catalog.opened(
            stores, dict.fromkeys(stores, SOURCE["rd"]), self.records,
            interval=60, leases=self.leases, now=clock,
        )  # fmt: skip
        assert self.catalog._sharing is not None
        self.sharing: Sharing = self.catalog._sharing
        self.followed: set[str] = set()

    @property
    def holds(self) -> bool:
        return self.sharing.holds("rd")

    def look(self) -> None:
        self.sharing.renew()
        self.sharing.look()


class Named(ScriptedStore):
    """One of another name, and empty."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
