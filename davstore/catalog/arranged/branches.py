"""The folders of one view as they stand now; a change costs only the folders it is in.

Holds names of folders alone: files are looked up when a folder is touched.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import TypeAlias

from davstore import names, views
from davstore.catalog.arranged.places import Place
from davstore.catalog.folders.trees import tree_of
from davstore.model import Entry, Folder, Leaf
from davstore.views import Path, Places, listed

PlacesOf: TypeAlias = Callable[[Collection[str]], Iterable[tuple[str, Places]]]
"""The places, in one view, of the files of magnets, by key; what is not known is left out."""
MANY = 2000
"""So many entries are ordered by their plain names: numbers by value would take too long."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A magnet in the views: its place, and its folders in the accounts that have it, in order.

    Without any it is gone, and only its names are kept for it.
    """

    place: Place
    sources: tuple[Folder, ...] = ()


class Branch:
    """A folder of a view, and what is known of what is in it."""

    __slots__ = ("inner", "living", "made", "name", "order", "parent", "spots", "taken")

    def __init__(self, name: str, parent: "Branch | None") -> None:
        self.name = name
        self.parent = parent
        self.inner: dict[str, Branch] = {}
        self.spots: dict[str, Spot] = {}
        self.living = 0  # how many of its folders and magnets are to be seen
        self.taken: set[str] | None = None
        self.made: Folder | None = None
        self.order: list[tuple[str, str]] | None = None  # names and keys of folders to be seen

    def put(self, spot: Spot) -> None:
        """A magnet has files here."""
        before = self.spots.get(spot.place.key)
        self.spots[spot.place.key] = spot
        self._changed(bool(spot.sources) - bool(before and before.sources))

    def drop(self, key: str) -> bool:
        """A magnet has none any more; whether it had."""
        before = self.spots.pop(key, None)
        if before is not None:
            self._changed(-bool(before.sources))
        return before is not None

    def _changed(self, more: int) -> None:
        """So many more things are to be seen here; a folder of nothing at all is dropped."""
        branch: Branch | None = self
        while branch is not None:
            branch.made = None
            before = branch.living > 0
            branch.living += more
            more = (branch.living > 0) - before
            above = branch.parent
            if more and above is not None and above.order is not None:
                mine = (branch.name, names.key(branch.name))
                place = bisect_left(above.order, mine)
                above.order[place : place + (more < 0)] = [mine] if more > 0 else []
            if above is not None and not branch.spots and not branch.inner:
                del above.inner[names.key(branch.name)]
            branch = above

    def folder(self, shelving: "Shelving", above: Path | None = None) -> Folder:
        """As a value; what has not changed is the same value again."""
        path = () if above is None else (*above, self.name)
        if self.made is None:
            if self.order is None:
                seen = ((each.name, key) for key, each in self.inner.items() if each.living)
                self.order = sorted(seen)
            seen_ = map(self.inner.__getitem__, map(itemgetter(1), self.order))
            inner = [each.made or each.folder(shelving, path) for each in seen_]
            spots = tuple(spot for spot in self.spots.values() if spot.sources)
            modified = max(map(attrgetter("modified"), inner), default=0.0)
            for spot in spots:
                modified = max(modified, spot.sources[0].modified)
            entries = (
                shelving(spots, path, tuple(inner)) if spots
                else MappingProxyType({each.name: each for each in inner})
            )  # fmt: skip
            self.made = Folder(self.name, entries, modified)
        return self.made


Shelving = Callable[[tuple[Spot, ...], Path, tuple[Folder, ...]], Mapping[str, Entry]]
"""Makes the entries of a folder that has files, to be loaded when they are touched."""


class Branches:
    """All folders of a view. `places` finds the paths of magnets' files in it, by their keys."""

    def __init__(self, name: str, places: PlacesOf) -> None:
        self.root = Branch(name, None)
        self._name = name
        self._places = places
        self._many: set[Path] = set()

    def put(self, spot: Spot, paths: Collection[Path] = ()) -> None:
        """A magnet is new, or other than it was; its new `paths` where these are at hand."""
        for path in spot.place.folders.get(self._name, ()):
            branch = self._grown(path)
            branch.put(spot)
            if branch.taken is not None:
                branch.taken |= {names.key(each[-1]) for each in paths if each[:-1] == path}

    def drop(self, place: Place, paths: Collection[Path]) -> None:
        """A magnet is to be forgotten; `paths` are those it had."""
        for path in place.folders.get(self._name, ()):
            branch = self._walked(path)
            if branch is None or not branch.drop(place.key):
                continue
            if branch.taken is not None:
                branch.taken -= {names.key(each[-1]) for each in paths if each[:-1] == path}

    def folder(self, parent: Path, key: str) -> str | None:
        """The name of the folder in `parent` whose name has this key, if there is one."""
        branch = self._walked(parent)
        inner = branch.inner.get(key) if branch else None
        return inner.name if inner else None

    def files(self, parent: Path) -> Collection[str]:
        """The keys of the names of all files in `parent`; remembered until `let_go`."""
        branch = self._walked(parent)
        if branch is None or not branch.spots:
            return ()
        if branch.taken is None:
            self._many.add(parent)
            every = (path for _, each in self._places(branch.spots) for path in each.values())
            branch.taken = {names.key(path[-1]) for path in every if path[:-1] == parent}
        return branch.taken

    def years(self, folder: str) -> Collection[int]:
        """The years that the magnets say which have something in this folder, or below. Raises
        `StateError`.
        """
        spots: dict[str, Spot] = {}
        branches = [self._walked((folder,))]
        while branches:
            branch = branches.pop()
            if branch is not None:
                spots |= branch.spots
                branches += branch.inner.values()
        return {year for spot in spots.values() if (year := _year(spot, folder)) is not None}

    def let_go(self) -> None:
        """Forget the names of files, but those of large folders: they are dear to find again."""
        for path in list(self._many):
            branch = self._walked(path)
            if branch is None or len(branch.spots) < MANY:
                self._many.discard(path)
                if branch is not None:
                    branch.taken = None

    def _walked(self, path: Path) -> Branch | None:
        branch: Branch | None = self.root
        for name in path:
            branch = branch.inner.get(names.key(name)) if branch else None
        return branch

    def _grown(self, path: Path) -> Branch:
        branch = self.root
        for name in path:
            key = names.key(name)
            if key not in branch.inner:
                branch.inner[key] = Branch(name, branch)
            branch = branch.inner[key]
        return branch


def _year(spot: Spot, title: str) -> int | None:
    """What the magnet's name says, or its store, or the names of its files."""
    if (said := views.year(spot.place.name)) is not None or not spot.sources:
        return said
    tree = tree_of(spot.sources[0])
    if tree.magnet.work is not None:
        return tree.magnet.work.year
    files = (file.path.rstrip("/").rpartition("/")[2] for file in tree.files())
    return views.year_of_show(title, files)


def ordered(entries: Collection[Entry]) -> Mapping[str, Entry]:
    """Entries by name, folders first."""
    if len(entries) < MANY:
        return listed(entries)
    by_name = {entry.name: entry for entry in entries}
    plain = sorted(by_name, key=lambda name: (isinstance(by_name[name], Leaf), name))
    return MappingProxyType({name: by_name[name] for name in plain})
