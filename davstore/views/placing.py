"""Names are given once and stay: what was placed keeps its path; what is new gets a free one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from davstore import names
from davstore.views.arranging import Want

Path: TypeAlias = tuple[str, ...]
Places: TypeAlias = Mapping[str, Path]
"""The path of each shown file of a magnet in a view, by the file's key."""


_YEARS: Final = range(1920, 2101)
"""In which shows may have begun."""


class Taken(Protocol):
    """What other magnets have in a view."""

    def folder(self, parent: Path, key: str) -> str | None:
        """The name of the folder in `parent` whose name has this key, if there is one."""

    def files(self, parent: Path) -> Collection[str]:
        """The keys of the names of all files in `parent`."""

    def years(self, folder: str) -> Collection[int]:
        """The years that the magnets say which have something in this folder, or below."""


def placed(wants: Sequence[Want], known: Places, tag: str, taken: Taken) -> Places:
    """A path for each of `wants`; that of `known` where there is one.

    `tag` tells the magnet from all others. No path is given twice, whatever the case of letters.
    """
    placing = _Placing(tag, taken)
    for want in wants:
        if want.key in known:
            placing.keep(want, known[want.key])
    for want in sorted(wants, key=lambda want: bool(want.beside)):
        if want.key not in placing.paths:
            placing.place(want)
    return placing.paths


class _Placing:
    def __init__(self, tag: str, taken: Taken) -> None:
        self.paths: dict[str, Path] = {}
        self._tag = tag
        self._taken = taken
        self._files: dict[Path, set[str]] = {}
        self._folders: dict[Path, dict[str, str]] = {}
        self._tops: dict[str, str] = {}
        self._stems: dict[Path, set[str]] = {}

    def keep(self, want: Want, path: Path) -> None:
        """A file stays where it was."""
        self.paths[want.key] = path
        key = names.key(path[-1])
        self._files.setdefault(path[:-1], set()).add(key)
        if path[:-1] in self._stems:
            self._stems[path[:-1]].add(names.split(key)[0])
        for depth in range(1, len(path)):
            inside = self._folders.setdefault(path[: depth - 1], {})
            inside[names.key(path[depth - 1])] = path[depth - 1]
        if want.own and len(path) > 1:
            self._tops[want.folder[0]] = path[0]

    def place(self, want: Want) -> None:
        """A new file gets the first of its names that is free."""
        if want.beside:
            video = self.paths[want.beside]
            parent: Path = video[:-1]
            wanted: Sequence[str] = (names.safe(names.split(video[-1])[0] + want.names[0]),)
        else:
            parent, wanted = self._parent(want), want.names
            if want.version:
                wanted = [_renamed(name, want.folder[0], parent[0]) for name in wanted]
        self.keep(want, (*parent, self._free(parent, wanted, stem=want.version)))

    def _parent(self, want: Want) -> Path:
        parent: Path = ()
        for depth, name in enumerate(want.folder):
            own = want.own and depth == 0
            if own and name in self._tops:
                chosen = self._tops[name]
            elif want.show and depth == 0:
                chosen = self._of_show(want)
            else:
                chosen = self._folder(parent, name, own=own)
            if own:
                self._tops[name] = chosen
            parent = (*parent, chosen)
        return parent

    def _of_show(self, want: Want) -> str:
        """The show's folder: that with or without a year too, where it is certainly the same show,
        since no other year is known of its title, or of what stands in the folder without.
        """
        if not self._there((), names.key(want.folder[0])):
            title = names.key(want.show)
            dated = [there for each in _YEARS if (there := self._there((), f"{title} ({each})"))]
            if want.year is None and len(dated) == 1:
                return dated[0]
            plain = self._there((), title)
            if want.year is not None and plain:
                known = self._taken.years(plain)
                if known == {want.year} or not (known or dated):
                    return plain
        return self._folder((), want.folder[0], own=False)

    def _there(self, parent: Path, key: str) -> str | None:
        return self._folders.get(parent, {}).get(key) or self._taken.folder(parent, key)

    def _folder(self, parent: Path, name: str, *, own: bool) -> str:
        """The folder of this name, or a new one under a name that is free."""
        if not own and (there := self._there(parent, names.key(name))):
            return there
        return names.distinct(name, self._tag, _Occupied(self, parent, folders=own))

    def _free(self, parent: Path, wanted: Sequence[str], *, stem: bool) -> str:
        occupied = _Occupied(self, parent, folders=True)
        stems = self._stems_in(parent) if stem else ()
        for name in wanted:
            if names.key(name) not in occupied and names.key(names.split(name)[0]) not in stems:
                return name
        return names.distinct(wanted[-1], self._tag, occupied)

    def _stems_in(self, parent: Path) -> Collection[str]:
        """Of all files in `parent`: gathered once, as a season may have hundreds."""
        if parent not in self._stems:
            every = (*self._files.get(parent, ()), *self._taken.files(parent))
            self._stems[parent] = {names.split(name)[0] for name in every}
        return self._stems[parent]

    def is_file(self, parent: Path, key: str) -> bool:
        """Whether a file of this key stands in `parent`."""
        return key in self._files.get(parent, ()) or key in self._taken.files(parent)

    def is_folder(self, parent: Path, key: str) -> bool:
        """Whether a folder of this key stands in `parent`."""
        return key in self._folders.get(parent, ()) or bool(self._taken.folder(parent, key))


class _Occupied:
    """The keys that are taken in a folder: of files, and with `folders` of those too."""

    def __init__(self, placing: _Placing, parent: Path, *, folders: bool) -> None:
        self._placing = placing
        self._parent = parent
        self._folders_too = folders

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, str)
        placing, parent = self._placing, self._parent
        if placing.is_file(parent, key):
            return True
        return self._folders_too and placing.is_folder(parent, key)


def _renamed(name: str, wanted: str, actual: str) -> str:
    """Media servers know versions by names that begin as their folder is called."""
    return actual + name[len(wanted) :] if name.startswith(wanted) else name
