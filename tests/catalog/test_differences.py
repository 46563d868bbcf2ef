"""Which folders changed between two moments, found without loading the files of any magnet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davstore.catalog import Arranged, PlaceRecords, differences, open_database
from davstore.catalog.accounts.records import Held
from davstore.catalog.folders.trees import Shelf, Tree
from davstore.config import Database
from davstore.config.views import DEFAULT_VIEWS, ViewSettings
from davstore.model import Entry, File, Folder, Magnet, Snapshot, Status

NOW = 1_800_000_000.0


class Account:
    """An account in memory; counts how often the files of a magnet are loaded."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.loads: list[str] = []
        self.shelf = Shelf()
        self.kept = Folder("magnets", {}, NOW)

    def add(self, name: str, *paths: str, fp: str = "1") -> None:
        magnet = Magnet(name, name, Status.READY, fp, added=NOW)
        held = Held(magnet, name, fp, len(paths))

        def load(id_: str) -> tuple[File, ...]:
            self.loads.append(id_)
            return tuple(File(path, path, 900_000_000) for path in paths)

        assert held.folder
        tree = Tree(self.shelf, "rd", magnet, held.folder, load, {})
        self.entries[name] = Folder(name, tree, NOW)

    def snapshot(self, _name: str = "") -> Snapshot:
        if self.kept.entries != self.entries:
            self.kept = Folder("magnets", dict(self.entries), NOW)
        return Snapshot("rd", self.kept, NOW)


@pytest.fixture
def account() -> Account:
    account = Account()
    account.add("Sintel.2010.1080p", "Sintel.mkv")
    account.add("Caminandes S01 1080p", "Caminandes S01E01.mkv", "Caminandes S01E02.mkv")
    return account


def told(before: dict[str, Folder], after: dict[str, Folder]) -> list[tuple[str, str]]:
    return [(change.was.value, change.path) for change in differences(before, after)]


def magnets(account: Account) -> dict[str, Folder]:
    return {"/rd/magnets": account.snapshot().magnets}


def test_added_changed_and_removed_magnets_are_told_and_no_files_loaded(account: Account) -> None:
    before = magnets(account)
    account.add("Spring (2019)", "Spring.mkv")
    account.add("Caminandes S01 1080p", "Caminandes S01E01.mkv", fp="2")
    del account.entries["Sintel.2010.1080p"]
    assert told(before, magnets(account)) == [
        ("changed", "/rd/magnets/Caminandes S01 1080p"),
        ("removed", "/rd/magnets/Sintel.2010.1080p"),
        ("added", "/rd/magnets/Spring (2019)"),
    ]
    assert account.loads == []


def test_what_is_the_same_is_not_told(account: Account) -> None:
    assert told(magnets(account), magnets(account)) == []


def test_a_new_account_is_told_as_one(account: Account) -> None:
    assert told({}, magnets(account)) == [("added", "/rd/magnets")]


def in_views(arranged: Arranged) -> dict[str, Folder]:
    return {f"/{folder.name}": folder for folder in arranged.complete() or ()}


@pytest.fixture
def arranged(
    account: Account, tmp_path: Path, database: Database | None
) -> Iterator[Callable[[dict[str, ViewSettings]], Arranged]]:
    engine = open_database(tmp_path, lambda: NOW, database=database)
    records = PlaceRecords(engine)
    yield lambda views: Arranged(views, ["rd"], account.snapshot, records, now=lambda: NOW)
    engine.dispose()


def test_changes_in_views_are_told_by_the_folders_they_are_in(
    account: Account, arranged: Callable[[dict[str, ViewSettings]], Arranged]
) -> None:
    views = arranged(dict(DEFAULT_VIEWS))
    before = in_views(views)
    account.add("Caminandes S02E01 1080p", "Caminandes S02E01.mkv")
    account.add("Sintel.2010.2160p", "Sintel.mkv")
    after = in_views(views)
    assert told(before, after) == [
        ("added", "/Everything/Caminandes S02E01 1080p"),
        ("added", "/Everything/Sintel.2010.2160p"),
        ("changed", "/Movies/Sintel (2010)"),
        ("added", "/Shows/Caminandes/Season 02"),
    ]
    del account.entries["Sintel.2010.1080p"]
    del account.entries["Sintel.2010.2160p"]
    assert ("removed", "/Movies/Sintel (2010)") in told(after, in_views(views))


def test_a_flat_view_is_told_as_itself(
    account: Account, arranged: Callable[[dict[str, ViewSettings]], Arranged]
) -> None:
    views = arranged({"Flat": ViewSettings(layout="flat")})
    before = in_views(views)
    account.add("Spring (2019)", "Spring.mkv")
    assert told(before, in_views(views)) == [("changed", "/Flat")]
