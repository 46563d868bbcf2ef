"""The folders of an account's magnets in one folder, in order; a change costs what it changes."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from types import MappingProxyType

from davstore import names
from davstore.catalog.folders.trees import Tree
from davstore.model import Entry, Folder, Magnet


class Gathered:
    """The folder `name`; while none of its members changes, it is the same value again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._folders: dict[str, Folder] = {}
        self._order: list[tuple[str, str]] = []  # names and ids
        self._whole: Folder | None = None

    def put(self, id_: str, folder: Folder | None) -> None:
        """The folder of a magnet is this one now; None: it has none here."""
        before = self._folders.pop(id_, None)
        if before is not None:
            del self._order[bisect_left(self._order, (before.name, id_))]
        if folder is not None:
            self._folders[id_] = folder
            insort(self._order, (folder.name, id_))
        if before is not folder:
            self._whole = None

    def folder(self, otherwise: float) -> Folder:
        """As a value, modified when the newest member was, or `otherwise` where there is none."""
        if self._whole is None:
            entries: dict[str, Entry] = {name: self._folders[id_] for name, id_ in self._order}
            if len(entries) < len(self._order):
                entries = _apart(self._folders[id_] for _, id_ in self._order)
            modified = max((each.modified for each in self._folders.values()), default=otherwise)
            used = sum(map(_size, self._folders.values()))
            self._whole = Folder(self._name, MappingProxyType(entries), modified, used)
        return self._whole


def tag(magnet: Magnet) -> str:
    """What tells magnets of one name apart."""
    return magnet.hash or blake2b(magnet.id.encode(), digest_size=10).hexdigest()


def _size(folder: Folder) -> int:
    assert isinstance(folder.entries, Tree)
    return folder.entries.magnet.size or 0


def _apart(folders: Iterable[Folder]) -> dict[str, Entry]:
    """By names that are distinct: in the trash things may be called as they like."""
    entries: dict[str, Entry] = {}
    taken: set[str] = set()
    for folder in folders:
        assert isinstance(folder.entries, Tree)
        name = names.distinct(folder.name, tag(folder.entries.magnet), taken)
        taken.add(names.key(name))
        entries[name] = replace(folder, name=name)
    return entries
