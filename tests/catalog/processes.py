"""Processes that share a catalog, within this one: their steps are taken by hand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from davstore.catalog import Catalog, Leases, Links, Records, open_database
from davstore.catalog.sharing import Sharing
from davstore.config import Database
from davstore.stores.base import Store
from tests.catalog.scripted import SOURCE


class Process:
    """What one process, or machine, has of the catalog."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        clock: Callable[[], float],
        database: Database | None,
        source: Mapping[str, str] = SOURCE,
    ) -> None:
        self.engine = open_database(folder, clock, database=database, is_shared=True)
        self.records = Records(self.engine)
        self.leases = Leases(self.engine, clock, clock)
        self.links = Links(self.engine)
        self.catalog = Catalog.opened(
            {"rd": store}, source, self.records, interval=60, leases=self.leases, now=clock
        )
        assert self.catalog._sharing is not None
        self.sharing: Sharing = self.catalog._sharing
        self.sharing.guard()

    @property
    def holds(self) -> bool:
        return self.sharing.holds("rd")

    def look(self) -> None:
        self.sharing.renew()
        self.sharing.look()

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def begun(
    count: int,
    folder: Path,
    store: Store,
    clock: Callable[[], float],
    database: Database | None,
) -> Iterator[list[Process]]:
    """So many; the first has the lease."""
    open_database(folder, clock, database=database).dispose()
    found = [Process(folder, store, clock, database) for _ in range(count)]
    for one in found:
        one.look()
    yield found
    for one in found:
        one.close()
