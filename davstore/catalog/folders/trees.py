"""The file trees of magnets: loaded when touched, the last used ones kept.

An account's magnets are many and small, its files are very many; only the former stay in memory.
"""

import itertools
import threading
from collections.abc import Callable, Collection, ItemsView, Iterator, Mapping, Sequence, ValuesView
from types import MappingProxyType

from cachetools import LRUCache

from davstore import views
from davstore.model import Entry, File, Folder, Leaf, Magnet

KEPT_ENTRIES = 50_000
"""How many files and folders all kept trees together may have; about a kilobyte each."""

Files = Callable[[str], Sequence[File]]
"""The files of the magnet of an id, none where it is gone."""


class Shelf:
    """The trees last used, of all accounts together; `kept` bounds how much they may hold.

    In those of the accounts with `playlists`, each video has one beside it.
    """

    def __init__(self, kept: int = KEPT_ENTRIES, playlists: Collection[str] = ()) -> None:
        self.playlists = frozenset(playlists)
        self._lock = threading.Lock()
        self._trees: LRUCache[int, Mapping[str, Entry]] = LRUCache(kept, getsizeof=_weight)
        self._numbers = itertools.count()

    def number(self) -> int:
        """A key that nobody else has."""
        return next(self._numbers)

    def kept(self, key: int) -> Mapping[str, Entry] | None:
        """The tree kept under `key`, None where it is there no more."""
        with self._lock:
            return self._trees.get(key)

    def get(self, key: int, make: Callable[[], Mapping[str, Entry]]) -> Mapping[str, Entry]:
        """The tree kept under `key`, made if need be; two may make the same one at once."""
        with self._lock:
            found = self._trees.get(key)
        if found is None:
            found = make()
            with self._lock:
                if _weight(found) <= self._trees.maxsize:
                    self._trees[key] = found
        return found


class Tree(Mapping[str, Entry]):
    """The entries of one magnet's folder, as they were or are now.

    A snapshot may outlive what it tells of: where the magnet's files have changed since, the new
    ones are found, where it has gone, nothing. What was once loaded is kept for a while.
    """

    __slots__ = ("_account", "_files", "_key", "_learned", "_magnet", "_name", "_shelf")

    def __init__(
        self, shelf: Shelf, account: str, magnet: Magnet, name: str, files: Files,
        learned: Mapping[str, int],
    ) -> None:  # fmt: skip
        self._shelf = shelf
        self._key = shelf.number()
        self._account = account
        self._magnet = magnet
        self._name = name
        self._files = files
        self._learned = learned

    @property
    def account(self) -> str:
        """Where the magnet is."""
        return self._account

    @property
    def magnet(self) -> Magnet:
        """Whose files these are."""
        return self._magnet

    @property
    def is_at_hand(self) -> bool:
        """Whether the entries are in memory now."""
        return self._shelf.kept(self._key) is not None

    @property
    def made_of(self) -> tuple[Shelf, str, Magnet, str, Files, Mapping[str, int]]:
        """What another tree of the same files is made of."""
        return (self._shelf, self._account, self._magnet, self._name, self._files, self._learned)

    @property
    def stamp(self) -> str:
        """Changes when the files may have."""
        return self._magnet.fingerprint

    def files(self) -> Sequence[File]:
        """The magnet's files, none where it is gone. Raises `StateError`."""
        return self._files(self._magnet.id)

    def __getitem__(self, name: str) -> Entry:
        return self._entries()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def items(self) -> ItemsView[str, Entry]:
        """All of one moment."""
        return self._entries().items()

    def values(self) -> ValuesView[Entry]:
        """All of one moment."""
        return self._entries().values()

    def _entries(self) -> Mapping[str, Entry]:
        return self._shelf.get(self._key, self._made)

    def _made(self) -> Mapping[str, Entry]:
        files = self._files(self._magnet.id)
        folder = views.magnet_folder(
            self._account, self._magnet, files, self._name, self._learned,
            playlists=self._account in self._shelf.playlists,
        )  # fmt: skip
        return folder.entries


def tree_of(folder: Folder) -> Tree:
    """The files of a magnet's folder."""
    assert isinstance(folder.entries, Tree)
    return folder.entries


def leaves(folder: Folder) -> Iterator[Leaf]:
    """Every file below `folder` that its store has."""
    for entry in folder.entries.values():
        if isinstance(entry, Folder):
            yield from leaves(entry)
        elif not entry.playlist:
            yield entry


def _weight(entries: Mapping[str, Entry]) -> int:
    """How many entries; those that are loaded when they are touched weigh for themselves."""
    return 1 + sum(
        1 + (_weight(entry.entries) if isinstance(entry, Folder) and _loaded(entry) else 0)
        for entry in entries.values()
    )


def _loaded(folder: Folder) -> bool:
    return isinstance(folder.entries, MappingProxyType)
