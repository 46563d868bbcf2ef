"""A store that lists what it is told, and what a catalog shows of it."""

from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from davstore.catalog import Catalog, Records
from davstore.errors import StoreError, StoreUnavailable
from davstore.model import Account, File, Folder, Leaf, Link, Magnet, Snapshot, Status, Unreadable
from davstore.stores.base import FileLists, Listing
from tests.clock import Clock

SOURCE = {"rd": "realdebrid https://api.example"}


class ScriptedStore:
    """A store that lists what it is told and counts what it is asked; `meanwhile` happens while it
    is listed.
    """

    name = "rd"

    def __init__(self) -> None:
        self.rows: list[Magnet | Unreadable] = []
        self.trees: dict[str, tuple[File, ...] | StoreError] = {}
        self.breaks_off_after: int | None = None
        self.files_asked: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def put(self, magnet: Magnet, *files: File) -> None:
        self.rows = [row for row in self.rows if row.id != magnet.id]
        self.rows.append(magnet)
        self.trees[magnet.id] = files

    def magnets(self) -> Listing:
        for count, row in enumerate(self.rows):
            if count == self.breaks_off_after:
                raise StoreUnavailable("rd", "broke off")
            yield row
        self.meanwhile()
        if self.breaks_off_after is not None and self.breaks_off_after >= len(self.rows):
            raise StoreUnavailable("rd", "broke off")

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        for magnet in magnets:
            self.files_asked.append(magnet.id)
            yield magnet, self.trees[magnet.id]

    def link(self, file: File) -> Link:
        raise AssertionError("a refresh needs no link")

    def account(self) -> Account:
        return Account("anna")

    def close(self) -> None:
        pass


def magnet(id_: str, name: str, status: Status = Status.READY, fingerprint: str = "1") -> Magnet:
    return Magnet(id_, name, status, fingerprint, hash=id_ * 8, added=1_600_000_000.0)


def film(name: str) -> File:
    return File(f"{name}.mkv", f"ref-{name}", 1000)


def reopened(store: ScriptedStore, engine: Engine, clock: Clock) -> Catalog:
    return Catalog.opened({"rd": store}, SOURCE, Records(engine), interval=60, now=clock)


def names(catalog: Catalog) -> list[str]:
    return list(snapshot(catalog).magnets.entries)


def snapshot(catalog: Catalog) -> Snapshot:
    found = catalog.snapshot("rd")
    assert found is not None
    return found


def leaf(catalog: Catalog, folder: str, name: str) -> Leaf:
    parent = snapshot(catalog).magnets.entries[folder]
    assert isinstance(parent, Folder)
    found = parent.entries[name]
    assert isinstance(found, Leaf)
    return found


def many(store: ScriptedStore, count: int) -> None:
    for number in range(count):
        store.put(magnet(f"m{number:02}", f"Caminandes {number:02}"), film(f"c{number}"))
