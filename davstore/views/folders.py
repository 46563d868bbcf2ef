"""Magnets -> folder trees. Pure functions over values."""

import bisect
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from types import MappingProxyType
from typing import Final
from unicodedata import normalize

from davstore import names
from davstore.model import HOSTED, Entry, File, Folder, Leaf, Magnet, Saved
from davstore.views.facts import is_video

PLAYLIST: Final = ".m3u8"
PLAYLIST_SIZE: Final = 2048
"""Bytes of a playlist: told before anybody knows what will stand in it, which is then filled up."""


def folder_name(magnet: Magnet, files: Sequence[File]) -> str:
    """The name that a magnet's folder should have.

    A magnet that is named as its single file loses the extension; one without a name is called
    by its hash or id.
    """
    name = names.safe(magnet.name, magnet.hash or magnet.id)
    if len(files) == 1:
        path = names.parts(files[0].path)
        if path and names.key(path[-1]) == names.key(name):
            return names.safe(names.split(name)[0])
    return name


def magnet_folder(
    account: str,
    magnet: Magnet,
    files: Sequence[File],
    name: str,
    learned: Mapping[str, int],
    *,
    playlists: bool = False,
) -> Folder:
    """The folder `name` with the magnet's file tree under safe, distinct names.

    The result does not depend on the order of `files`. `learned` gives the sizes of files, by
    identity, that the store does not know.
    """
    modified = magnet.added or 0.0
    placed = [(names.parts(file.path) or (name,), file) for file in _ordered(files)]
    doubled = _doubled_top(magnet, name, placed)
    owner = magnet.hash or f"{account}/{magnet.id}"
    tree = _Branch(name)
    seen: dict[tuple[str, int | None], int] = {}
    beside: list[tuple[tuple[str, ...], File, str]] = []
    for path, file in placed:
        ordinal = seen[file.path, file.size] = seen.get((file.path, file.size), -1) + 1
        identity = _digest(owner, file.path, str(file.size), str(ordinal))
        size = file.size if file.size is not None else learned.get(identity)
        place = path[1:] if doubled else path
        tree.put(place, Leaf(place[-1], account, file, identity, size, modified, magnet.id))
        beside.append((place, file, identity))
    for place, file, identity in beside if playlists else ():
        if is_video(place[-1]):
            beside_it = (*place[:-1], f"{place[-1]}{PLAYLIST}")
            leaf = Leaf(beside_it[-1], account, file, _digest(identity, PLAYLIST), PLAYLIST_SIZE,
                        modified, magnet.id, playlist=True)  # fmt: skip
            tree.put(beside_it, leaf)
    return tree.frozen(modified)


def links_folder(
    account: str, saved: Sequence[Saved], learned: Mapping[str, int], name: str = "links"
) -> Folder:
    """The folder of an account's links under safe, distinct names; `learned` as for magnets.

    Of two of one name the older one has it, so that it stays.
    """
    branch = _Branch(name)
    for one in sorted(saved, key=lambda one: (one.added or 0.0, one.id)):
        file = one.file
        identity = _digest(account, file.ref, str(file.size))
        wanted = names.safe(file.path.rstrip("/").rpartition("/")[2])
        modified = one.added or 0.0
        size = file.size if file.size is not None else learned.get(identity)
        leaf = Leaf(wanted, account, file, identity, size, modified, f"{HOSTED}{identity}")
        branch.put((wanted,), leaf)
    return branch.frozen(max((one.added or 0.0 for one in saved), default=0.0))


def rearranged(
    folder: Folder,
    paths: Mapping[str, tuple[str, ...]],
    hidden: Container[str],
    emptied: Iterable[tuple[str, ...]] = (),
) -> Folder:
    """`folder` with the files, by identity, at the `paths` given to them, which have their names
    before all others, and without the `hidden` ones. The `emptied` folders are there in any case.
    """
    given, others = [], []
    for path, leaf in walked(folder):
        if leaf.identity in hidden:
            continue
        place = paths.get(leaf.identity)
        if place is None:
            others.append((path, leaf))
        else:
            given.append((place, replace(leaf, name=place[-1])))
    tree = _Branch(folder.name)
    for path, leaf in (*given, *others):
        tree.put(path, leaf)
    for path in emptied:
        tree.open(path)
    return tree.frozen(folder.modified)


def walked(folder: Folder, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    """Every file below `folder`, and its path there."""
    for name, entry in folder.entries.items():
        if isinstance(entry, Folder):
            yield from walked(entry, (*above, name))
        else:
            yield (*above, name), entry


def find(folder: Folder, path: Sequence[str]) -> Entry | None:
    """The entry at `path` below `folder`, by exact name or, as macOS asks, its other form."""
    entry: Entry | None = folder
    for part in path:
        if not isinstance(entry, Folder):
            return None
        entry = entry.entries.get(part) or entry.entries.get(normalize("NFC", part))
    return entry


def listed(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """Entries by name in the order in which people read them: folders first, numbers by value."""
    ordered = sorted(entries, key=_order)
    return MappingProxyType({entry.name: entry for entry in ordered})


def listed_with(ordered: Iterable[Entry], more: Iterable[Entry]) -> Mapping[str, Entry]:
    """The same of entries that are in this order already, and of a few `more`: where there are
    thousands, far less work than to put all in order.
    """
    entries = list(ordered)
    for each in more:
        bisect.insort(entries, each, key=_order)
    return MappingProxyType({entry.name: entry for entry in entries})


def _order(entry: Entry) -> tuple[bool, list[tuple[int, int, str]], str]:
    return isinstance(entry, Leaf), _natural(entry.name), entry.name


def _ordered(files: Sequence[File]) -> list[File]:
    return sorted(files, key=lambda f: (f.path, f.size or 0, f.index or 0, f.ref))


def _doubled_top(magnet: Magnet, name: str, placed: Sequence[tuple[tuple[str, ...], File]]) -> bool:
    """Whether one top folder holds everything and merely repeats the magnet's name."""
    tops = {names.key(path[0]) for path, _ in placed}
    if len(tops) != 1 or any(len(path) < 2 for path, _ in placed):
        return False
    own = names.safe(magnet.name, name)
    return bool(tops & {names.key(own), names.key(names.split(own)[0]), names.key(name)})


class _Branch:
    """A folder while it grows. Folders whose names differ only by case are one."""

    __slots__ = ("folders", "leaves", "name", "taken")

    def __init__(self, name: str) -> None:
        self.name = name
        self.folders: dict[str, _Branch] = {}
        self.leaves: list[Leaf] = []
        self.taken: set[str] = set()

    def put(self, path: Sequence[str], leaf: Leaf) -> None:
        """Hang `leaf` at `path` below, itself and its folders under names that are free."""
        if len(path) > 1:
            self._folder(path[0]).put(path[1:], leaf)
            return
        name = self._claimed(leaf.name, leaf.identity)
        self.leaves.append(leaf if name == leaf.name else replace(leaf, name=name))

    def open(self, path: Sequence[str]) -> None:
        """See to it that there is a folder at `path` below."""
        if path:
            self._folder(path[0]).open(path[1:])

    def frozen(self, modified: float) -> Folder:
        """As a value."""
        folders = [branch.frozen(modified) for branch in self.folders.values()]
        return Folder(self.name, listed([*folders, *self.leaves]), modified)

    def _folder(self, wanted: str) -> "_Branch":
        key = names.key(wanted)
        if key not in self.folders:
            self.folders[key] = _Branch(self._claimed(wanted, _digest(wanted)))
        return self.folders[key]

    def _claimed(self, wanted: str, tag: str) -> str:
        name = names.distinct(wanted, tag, self.taken)
        self.taken.add(names.key(name))
        return name


def _digest(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode(errors="surrogatepass")
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.hexdigest()


_NUMBERS = re.compile(r"(\d+)")


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p)
            for p in _NUMBERS.split(names.key(name))]  # fmt: skip
