"""File trees are loaded when touched, and only so many stay."""

from collections.abc import Sequence

import pytest

from davstore.catalog.folders.trees import Shelf, Tree
from davstore.model import File, Leaf, Magnet, Status


class Disk:
    def __init__(self) -> None:
        self.loads: list[str] = []

    def files(self, id_: str) -> Sequence[File]:
        self.loads.append(id_)
        return [File(f"{id_}/{number}.mkv", "ref", 10) for number in range(3)]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def tree(shelf: Shelf, disk: Disk, id_: str) -> Tree:
    magnet = Magnet(id_, f"Magnet {id_}", Status.READY, "1")
    return Tree(shelf, "rd", magnet, f"Magnet {id_}", disk.files, {})


def test_nothing_is_loaded_before_it_is_touched_and_then_once(disk: Disk) -> None:
    found = tree(Shelf(), disk, "a")
    assert disk.loads == []
    assert list(found) == ["a"]
    assert len(found) == 1
    assert "a" in found
    assert "b" not in found
    assert disk.loads == ["a"]


def test_only_so_many_entries_stay(disk: Disk) -> None:
    shelf = Shelf(kept=12)  # each tree weighs five: itself, a folder, three files
    trees = [tree(shelf, disk, str(number)) for number in range(3)]
    for each in trees:
        assert len(each) == 1
    assert len(trees[2]) == 1
    assert disk.loads == ["0", "1", "2"]
    assert len(trees[0]) == 1
    assert disk.loads == ["0", "1", "2", "0"]


def test_a_tree_larger_than_all_that_is_kept_can_be_read(disk: Disk) -> None:
    found = tree(Shelf(kept=2), disk, "a")
    assert list(found) == ["a"]
    assert list(found) == ["a"]


def test_identities_do_not_depend_on_when_a_tree_is_loaded(disk: Disk) -> None:
    def identities(found: Tree) -> list[str]:
        [folder] = found.values()
        assert not isinstance(folder, Leaf)
        return [leaf.identity for leaf in folder.entries.values() if isinstance(leaf, Leaf)]

    assert identities(tree(Shelf(), disk, "a")) == identities(tree(Shelf(1), disk, "a"))
