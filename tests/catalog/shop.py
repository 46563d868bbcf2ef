"""A store from which magnets can be removed, and a davstore process over it, for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from davstore.catalog import (
    Additions,
    Catalog,
    Editor,
    Giving,
    Leases,
    Records,
    Remover,
    open_database,
    owner,
)
from davstore.config import Database
from davstore.errors import StoreError
from davstore.model import Account, File, Folder, Link, Magnet, Status
from davstore.stores.base import FileLists, Listing

SOURCE = "realdebrid https://api.example"
AFTER = 3600.0
FILES = ("film.mkv", "Subs/de.srt")


@dataclass
class Shop:
    """The store; `breaks` is what happens at a removal, before it is done or behind it."""

    name: str = "rd"
    here: dict[str, Magnet] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    breaks: Callable[[], None] | None = None
    breaks_before: bool = True
    watch: Callable[[str], None] = lambda _: None

    def add(self, id_: str, now: float, hash_: str = "") -> None:
        name = f"Film {hash_ or id_}"
        self.here[id_] = Magnet(id_, name, Status.READY, "1", hash_ or id_ * 3, 10, added=now)

    def magnets(self) -> Listing:
        return iter(list(self.here.values()))

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        for magnet in magnets:
            yield magnet, tuple(File(path, f"{magnet.id} {path}", 5) for path in FILES)

    def remove(self, magnet: Magnet) -> None:
        if self.breaks is not None and self.breaks_before:
            self.breaks()
        self.watch(magnet.id)
        if self.here.pop(magnet.id, None) is not None:
            self.removed.append(magnet.id)
        if self.breaks is not None:
            self.breaks()

    def link(self, file: File) -> Link:
        raise NotImplementedError

    def account(self) -> Account:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Process:
    """One davstore process over the shop, whose steps are taken by hand, and over `other`, the
    account "ad", where there is one.
    """

    def __init__(
        self,
        shop: Shop,
        state: Path,
        now: Callable[[], float],
        source: str = SOURCE,
        other: Shop | None = None,
        database: Database | None = None,
    ) -> None:
        stores = {"rd": shop} if other is None else {"rd": shop, "ad": other}
        self.engine = open_database(state, now, database=database)
        records = Records(self.engine)
        leases = Leases(self.engine, now)
        self.catalog = Catalog.opened(
            stores, dict.fromkeys(stores, source), records, interval=60, removal_share=0, now=now
        )
        self.additions = Additions(self.engine, now)
        self.editor = Editor(self.catalog, records.edits, now=now)
        self.remover = Remover(
            self.catalog, stores, {"rd": AFTER}, self.editor, records.edits,
            Giving(self.catalog, self.additions), leases=leases, now=now,
        )  # fmt: skip

    def refresh(self) -> None:
        self.catalog.refresh("rd")

    def folder(self, name: str) -> dict[str, Folder]:
        """What stands in one of the account's folders, by the magnets' ids."""
        magnets, trash = self.folders()
        return trash if name == "trash" else magnets

    def folders(self) -> tuple[dict[str, Folder], dict[str, Folder]]:
        """The same of its magnets and of its trash, both of one moment."""
        self.catalog.edits.follow()
        self.catalog.keeper("rd").follow()
        snapshot = self.catalog.snapshot("rd")
        assert snapshot is not None
        return _by_id(snapshot.magnets), _by_id(snapshot.trash)

    def delete(self, id_: str, path: str = "", who: str = "anna") -> None:
        parts = tuple(path.split("/")) if path else ()
        self.editor.delete("rd", id_, parts, who, in_trash=False)

    def purge(self, id_: str, path: str = "", who: str = "anna") -> None:
        parts = tuple(path.split("/")) if path else ()
        self.editor.delete("rd", id_, parts, who, in_trash=True)

    def close(self) -> None:
        self.engine.dispose()


def _by_id(folder: Folder) -> dict[str, Folder]:
    return {owner(each)[1]: each for each in folder.entries.values() if isinstance(each, Folder)}


def failing(error: StoreError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
