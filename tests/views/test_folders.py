"""Magnets as folder trees: nothing lost, nothing doubled, the same whatever the order."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davstore import names, views
from davstore.model import File, Folder, Leaf, Magnet, Status

paths = st.text(st.characters(codec=None), max_size=60) | st.lists(
    st.sampled_from(["a", "A", "b.mkv", "B.mkv", "é", "e\u0301", "..", "", "CON"]), max_size=4
).map("/".join)
files = st.lists(st.tuples(paths, st.none() | st.integers(0, 10)), max_size=25).map(
    lambda rows: [File(path, f"ref{at}", size) for at, (path, size) in enumerate(rows)]
)


def magnet(name: str = "Sintel", hash_: str = "ab" * 20) -> Magnet:
    return Magnet("id", name, Status.READY, "1", hash=hash_, added=1_700_000_000.0)


def tree(name: str, *files: File, learned: dict[str, int] | None = None) -> Folder:
    wanted = magnet(name)
    folder = views.folder_name(wanted, files)
    return views.magnet_folder("rd", wanted, files, folder, learned or {})


def shown(folder: Folder, prefix: str = "") -> Iterator[str]:
    for entry in folder.entries.values():
        if isinstance(entry, Folder):
            yield from shown(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name


def leaves(folder: Folder) -> Iterator[Leaf]:
    for entry in folder.entries.values():
        if isinstance(entry, Folder):
            yield from leaves(entry)
        else:
            yield entry


def test_a_magnet_named_as_its_single_file_loses_the_extension() -> None:
    folder = tree("Sintel.mkv", File("Sintel.mkv", "r", 1))
    assert (folder.name, list(shown(folder))) == ("Sintel", ["Sintel.mkv"])


def test_a_single_top_folder_that_repeats_the_name_is_not_doubled() -> None:
    folder = tree("Show.S01", File("Show.S01/E01.mkv", "r"), File("Show.S01/Subs/E01.srt", "s"))
    assert list(shown(folder)) == ["Subs/E01.srt", "E01.mkv"]


def test_a_path_of_thousands_of_folders_costs_no_tree() -> None:
    deep = "x/" * 5000
    found = tree("Show", File(f"{deep}E01.mkv", "r"), File(f"{deep}E02.mkv", "s"))
    assert sorted(leaf.name for leaf in leaves(found)) == ["E01.mkv", "E02.mkv"]


def test_a_top_folder_with_another_name_stays() -> None:
    assert list(shown(tree("Show", File("Other/E01.mkv", "r")))) == ["Other/E01.mkv"]


def test_a_top_folder_beside_a_file_stays() -> None:
    folder = tree("Show", File("Show/E01.mkv", "r"), File("read me.txt", "s"))
    assert list(shown(folder)) == ["Show/E01.mkv", "read me.txt"]


def test_a_nameless_magnet_is_called_by_its_hash() -> None:
    assert views.folder_name(magnet(""), []) == "ab" * 20
    assert views.folder_name(magnet("", ""), []) == "id"


def test_numbers_are_listed_by_value_and_folders_first() -> None:
    folder = tree("Show", File("E10", "a"), File("E9", "b"), File("x/y", "c"))
    assert list(folder.entries) == ["x", "E9", "E10"]


def test_a_file_without_a_path_is_called_like_its_magnet() -> None:
    assert list(shown(tree("Sintel", File("", "r", 1)))) == ["Sintel"]


def test_a_learned_size_is_shown_for_a_file_whose_store_tells_none() -> None:
    unknown = File("a.mkv", "r", None)
    [leaf] = leaves(tree("Sintel", unknown))
    assert leaf.size is None
    [known] = leaves(tree("Sintel", unknown, learned={leaf.identity: 77}))
    assert (known.size, known.identity) == (77, leaf.identity)


def test_an_identity_does_not_depend_on_the_link() -> None:
    [one] = leaves(tree("Sintel", File("a.mkv", "ref 1", 5)))
    [two] = leaves(tree("Sintel", File("a.mkv", "ref 2", 5)))
    [other] = leaves(tree("Sintel", File("a.mkv", "ref 1", 6)))
    assert one.identity == two.identity != other.identity


@pytest.mark.parametrize("asked", ["café.mkv", "cafe\u0301.mkv"])
def test_a_name_is_found_in_either_form(asked: str) -> None:
    entry = views.find(tree("Sintel", File("cafe\u0301.mkv", "r", 1)), [asked])
    assert isinstance(entry, Leaf)


def test_nothing_is_found_below_a_file() -> None:
    assert views.find(tree("Sintel", File("a", "r", 1)), ["a", "b"]) is None


@given(files)
def test_no_file_is_lost_or_doubled(given_files: list[File]) -> None:
    folder = tree("Sintel", *given_files)
    refs = sorted(leaf.file.ref for leaf in leaves(folder))
    assert refs == sorted(file.ref for file in given_files)
    assert len(set(shown(folder))) == len(given_files)


@given(files)
def test_no_two_entries_of_a_folder_collide(given_files: list[File]) -> None:
    def check(folder: Folder) -> None:
        keys = [names.key(name) for name in folder.entries]
        assert len(keys) == len(set(keys))
        for name, entry in folder.entries.items():
            assert names.safe(name) == name == entry.name
            if isinstance(entry, Folder):
                assert entry.entries
                check(entry)

    check(tree("Sintel", *given_files))


@given(files, st.integers())
def test_the_order_of_the_files_does_not_matter(given_files: list[File], seed: int) -> None:
    shuffled = list(given_files)
    random.Random(seed).shuffle(shuffled)
    assert list(shown(tree("S", *given_files))) == list(shown(tree("S", *shuffled)))


@given(files)
def test_identities_are_distinct(given_files: list[File]) -> None:
    found = [leaf.identity for leaf in leaves(tree("Sintel", *given_files))]
    assert len(found) == len(set(found))
