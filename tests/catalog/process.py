"""What one of several davstores has of a catalog that they share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from davstore.catalog import Catalog, Engine, Leases, Links, Records, open_database
from davstore.catalog.accounts.sharing import Sharing
from davstore.config import Database
from davstore.stores.base import Store
from tests.catalog.scripted import SOURCE, ScriptedStore


class Process:
    """One of them; its steps are taken by hand. `prepare` is done to its engine first; `common` is
    the database's time.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        clock: Callable[[], float],
        database: Database | None,
        *,
        prepare: Callable[[Engine], object] = lambda _: None,
        accounts: int = 1,
        common: Callable[[], float] | None = None,
    ) -> None:
        self.engine = open_database(folder, clock, database=database, is_shared=True)
        prepare(self.engine)
        self.records = Records(self.engine)
        self.leases = Leases(self.engine, common or clock, steady=clock)
        self.links = Links(self.engine, clock)
        stores: dict[str, Store] = {"rd": store}
        stores |= {f"rd{number}": Named(f"rd{number}") for number in range(1, accounts)}
        self.catalog = Catalog.opened(
            stores, dict.fromkeys(stores, SOURCE["rd"]), self.records,
            interval=60, leases=self.leases, now=clock,
        )  # fmt: skip
        assert self.catalog._sharing is not None
        self.sharing: Sharing = self.catalog._sharing
        self.sharing.guard()
        self.followed: set[str] = set()

    @property
    def holds(self) -> bool:
        return self.sharing.holds("rd")

    def look(self) -> None:
        self.sharing.renew()
        self.sharing.look()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """From the database: whatever it is asked fails at once."""

        def fail(*_: object) -> None:
            raise OperationalError("", None, Exception("cut off"))

        with self._when("before_cursor_execute", fail):
            yield

    @contextmanager
    def unheard(self, end: BaseException | None = None, *, arrives: bool = True) -> Iterator[None]:
        """The first commit is not heard of again, whether it `arrives` or not; or it is the `end`
        of this process.
        """
        is_first = True

        def commit(connection: sa.Connection) -> None:
            nonlocal is_first
            if not is_first:
                return
            is_first = False
            driver: Any = connection.connection.driver_connection
            driver.commit() if arrives else driver.rollback()
            raise end or OperationalError("", None, Exception("reset"))

        with self._when("commit", commit):
            yield

    @contextmanager
    def _when(self, event: str, what: Callable[..., None]) -> Iterator[None]:
        sa.event.listen(self.engine, event, what)
        try:
            yield
        finally:
            sa.event.remove(self.engine, event, what)


class Named(ScriptedStore):
    """One of another name, and empty."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


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
