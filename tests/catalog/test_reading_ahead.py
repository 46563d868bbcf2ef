"""Whoever goes through an account folder by folder asks the database seldom."""

from collections.abc import Callable

import pytest

from davstore.catalog import Catalog
from davstore.catalog.accounts.ahead import AT_ONCE, Ahead
from davstore.model import File, Folder
from tests.catalog.scripted import ScriptedStore, film, magnet, many, names, snapshot


class Disk:
    """Files by id, and which were asked for together."""

    def __init__(self, catalog: Catalog, count: int) -> None:
        self.files: dict[str, tuple[File, ...]] = {
            f"m{at:02}": (film(f"c{at}"),) for at in range(count)
        }
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.ahead = Ahead(self._read, lambda: snapshot(catalog), lambda _: self.each)
        self.each = 1

    def _read(self, ids: object) -> dict[str, tuple[File, ...]]:
        assert isinstance(ids, list)
        self.asked.append(ids)
        found = {id_: self.files[id_] for id_ in ids if id_ in self.files}
        self.meanwhile()
        return found


@pytest.fixture
def disk(store: ScriptedStore, catalog: Catalog) -> Disk:
    many(store, 70)
    catalog.refresh("rd")
    return Disk(catalog, 70)


def test_the_next_ones_are_read_with_the_second_of_a_row(disk: Disk) -> None:
    for id_, files in disk.files.items():
        assert disk.ahead.files(id_) == files
    assert [len(each) for each in disk.asked] == [1, AT_ONCE, AT_ONCE, 70 - 1 - 2 * AT_ONCE]


def test_who_jumps_about_reads_one_at_a_time(disk: Disk) -> None:
    for id_ in ("m40", "m03", "m60", "gone", "m20"):
        assert disk.ahead.files(id_) == disk.files.get(id_, ())
    assert [len(each) for each in disk.asked] == [1] * 5


def test_large_ones_are_read_alone(disk: Disk) -> None:
    disk.each = 400
    for id_ in ("m00", "m01"):
        disk.ahead.files(id_)
    assert disk.asked[1:] == [["m01", "m02"]]


def test_what_changed_is_read_anew(disk: Disk) -> None:
    for id_ in ("m00", "m01"):
        disk.ahead.files(id_)
    disk.files["m02"] = (film("other"),)
    disk.ahead.forget()
    assert disk.ahead.files("m02") == (film("other"),)


def test_what_changes_while_it_is_read_is_read_anew(disk: Disk) -> None:
    disk.ahead.files("m00")
    disk.meanwhile = disk.ahead.forget
    disk.ahead.files("m01")
    disk.files["m02"] = (film("other"),)
    assert disk.ahead.files("m02") == (film("other"),)


def test_a_walk_shows_what_is_there_after_a_change(store: ScriptedStore, catalog: Catalog) -> None:
    many(store, 10)
    catalog.refresh("rd")
    walked = iter(names(catalog))
    for name in (next(walked), next(walked)):
        assert files(catalog, name) == [f"c{int(name[-2:])}.mkv"]
    for at in range(10):
        store.put(magnet(f"m{at:02}", f"Caminandes {at:02}", fingerprint="2"), film(f"new{at}"))
    catalog.refresh("rd")
    for name in walked:
        assert files(catalog, name) == [f"new{int(name[-2:])}.mkv"]


def files(catalog: Catalog, name: str) -> list[str]:
    folder = snapshot(catalog).magnets.entries[name]
    assert isinstance(folder, Folder)
    return list(folder.entries)
