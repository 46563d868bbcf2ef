"""Sidecars among the entries of the folders in which they were written. What a store has wins.

A folder without any is left as it is; one with some is merged when it is looked at, and stays the
same object for as long as neither changes, so that what was made of it can be kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unicodedata import normalize

from davstore import names, views
from davstore.catalog import Beside, Sidecar, Sidecars, Written
from davstore.dav.keeping.sized_cache import SizedCache
from davstore.model import Entry, File, Folder, Leaf
from davstore.views import Path

ROOM = 16 * 2**20
"""Bytes for merged folders."""
AT_ONCE = 1000
"""Entries to which sidecars are added in less than a millisecond."""
WEIGHT = 1024
"""Bytes that an entry takes, about."""


@dataclass(frozen=True, slots=True)
class Home:
    """A `folder`, without its sidecars, that is known by its `key`; and a path within it. Where it
    `is_open`, sidecars may be written.
    """

    key: str
    folder: Folder
    inner: Path
    is_open: bool = True

    @property
    def path(self) -> Path:
        """The path within it, as sidecars are written there."""
        return tuple(normalize("NFC", part) for part in self.inner)


@dataclass(frozen=True, slots=True)
class DescribedLeaf(Leaf):
    """A file with further properties: `written` by clients, or about its locks."""

    written: Written = ()


@dataclass(frozen=True, slots=True)
class SidecarLeaf(DescribedLeaf):
    """A sidecar as it stands in a folder; its file's `ref` is where it lies once it was fetched."""

    fetch: Callable[[], object] = field(default=lambda: None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SidecarFolder(Folder):
    """A folder that was made for sidecars."""

    written: Written = ()


class Overlay:
    """The `sidecars` as entries. Methods raise `StateError` where the disk fails."""

    def __init__(self, sidecars: Sidecars) -> None:
        self.sidecars = sidecars
        self._shown: SizedCache[str, _Shown] = SizedCache(ROOM)

    def shown(self, home: Home) -> Folder:
        """The folder of a home, with its sidecars."""
        if not self.sidecars.has(home.key):
            return home.folder
        return self._merged(home, self.sidecars.of(home.key))

    def at_hand(self, home: Home) -> Folder | None:
        """The same, None where the sidecars are not in memory."""
        if not self.sidecars.has(home.key):
            return home.folder
        beside = self.sidecars.at_hand(home.key)
        return None if beside is None else self._merged(home, beside)

    @property
    def seen(self) -> int:
        """How far it has followed what processes write."""
        return self.sidecars.seen

    def is_outdated(self, entry: Entry | None, seen: int) -> bool:
        """Whether another process has written sidecars since only so much was `seen`; asked only
        for an `entry` which that may concern. They are known from now on.
        """
        if entry is not None and not isinstance(entry, SidecarLeaf | SidecarFolder):
            return False
        self.sidecars.follow_others()
        return self.seen != seen  # another thread of ours may have followed meanwhile

    def _merged(self, home: Home, beside: Beside) -> Folder:
        known = self._shown.get(home.key)
        if known is not None and known.base is home.folder and known.beside is beside:
            return known.folder
        base = home.folder
        entries = _Merged(base.entries, beside, (), self.sidecars)
        made = _Shown(base, beside, Folder(base.name, entries, base.modified, base.used))
        self._shown.put(home.key, made)
        return made.folder


@dataclass(frozen=True, eq=False)
class _Shown:
    """The `folder` that is made of `base` and the sidecars `beside`."""

    base: Folder
    beside: Beside = field(repr=False)
    folder: Folder = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return WEIGHT * (4 + len(self.beside.all))


class _Merged(Mapping[str, Entry]):
    """The entries of `base` and the sidecars at `path`, put together when they are touched."""

    __slots__ = ("_base", "_beside", "_entries", "_path", "_sidecars")

    def __init__(
        self, base: Mapping[str, Entry], beside: Beside, path: Path, sidecars: Sidecars
    ) -> None:
        self._base = base
        self._beside = beside
        self._path = path
        self._sidecars = sidecars
        self._entries: Mapping[str, Entry] | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether the entries are in memory now, or put together in next to no time."""
        if self._entries is not None:
            return True
        return bool(getattr(self._base, "is_at_hand", True)) and len(self._base) <= AT_ONCE

    @property
    def magnet(self) -> Any:
        """The magnet whose own folder this is, if it is one's."""
        return getattr(self._base, "magnet", None)

    @property
    def account(self) -> Any:
        """Where that magnet is."""
        return getattr(self._base, "account", "")

    def __getitem__(self, name: str) -> Entry:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> Mapping[str, Entry]:
        if self._entries is None:
            self._entries = self._made()
        return self._entries

    def _made(self) -> Mapping[str, Entry]:
        entries = [self._within(entry) for entry in self._base.values()]
        taken = {names.key(entry.name) for entry in entries}
        here = self._beside.members.get(self._path, ())
        return views.listed_with(
            entries, (self._entry(each) for each in here if names.key(each.path[-1]) not in taken)
        )

    def _within(self, entry: Entry) -> Entry:
        """One of the store's: folders have their own sidecars in them."""
        path = (*self._path, entry.name)
        if isinstance(entry, Leaf) or path not in self._beside.touched:
            return entry
        inner = _Merged(entry.entries, self._beside, path, self._sidecars)
        return Folder(entry.name, inner, entry.modified, entry.used)

    def _entry(self, sidecar: Sidecar) -> Entry:
        name, content = sidecar.path[-1], sidecar.content
        if not content:
            inner = _Merged({}, self._beside, sidecar.path, self._sidecars)
            return SidecarFolder(name, inner, sidecar.modified, written=sidecar.written)
        file = File(name, str(self._sidecars.file(content)))
        fetch = partial(self._sidecars.fetch, content)
        return SidecarLeaf(
            name, "", file, content, sidecar.size, sidecar.modified,
            written=sidecar.written, fetch=fetch,
        )  # fmt: skip


def written(entry: Entry) -> Written:
    """The properties that an entry has beside those that all have."""
    return entry.written if isinstance(entry, DescribedLeaf | SidecarFolder) else ()
