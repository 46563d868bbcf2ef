"""The files in one folder of a view: looked up when they are touched, the last used ones kept."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from davstore.catalog.arranged.branches import PlacesOf, Spot, ordered
from davstore.catalog.folders.trees import Shelf, leaves
from davstore.model import Entry, Folder, Leaf, Magnet
from davstore.views import Path, Places, keyed, looks


class Shown(Mapping[str, Entry]):
    """The entries of the folder at `path`: the `inner` folders, and files of `spots`.

    `places` finds the paths of magnets' files by their keys. Only files in `accounts` are shown,
    where any are named. What is as it was in `last` is taken from there.
    """

    __slots__ = ("_accounts", "_inner", "_key", "_last", "_path", "_places", "_shelf", "_spots")

    def __init__(
        self,
        shelf: Shelf,
        places: PlacesOf,
        path: Path,
        inner: Sequence[Folder],
        spots: tuple[Spot, ...],
        accounts: Sequence[str],
        last: "Shown | None" = None,
    ) -> None:
        self._shelf = shelf
        self._key = shelf.number()
        self._places = places
        self._path = path
        self._inner = inner
        self._spots = spots
        self._accounts = accounts
        self._last = last.known if last else None

    @property
    def known(self) -> tuple[int, tuple[Spot, ...]]:
        """Where its entries are kept, and whose files they are."""
        return self._key, self._spots

    @property
    def is_at_hand(self) -> bool:
        """Whether the entries are in memory now."""
        return self._shelf.kept(self._key) is not None

    @property
    def inner(self) -> Sequence[Folder]:
        """The folders in it, without looking for its files."""
        return self._inner

    @property
    def spots(self) -> tuple[Spot, ...]:
        """The magnets that have files here."""
        return self._spots

    def __getitem__(self, name: str) -> Entry:
        return self._entries()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def _entries(self) -> Mapping[str, Entry]:
        return self._shelf.get(self._key, self._made)

    def _made(self) -> Mapping[str, Entry]:
        entries: list[Entry] = [*self._inner]
        before = self._before()
        for known in before.values():
            entries += known
        new = {spot.place.key: spot for spot in self._spots if id(spot) not in before}
        for key, places in self._places(new):
            entries += self._leaves(new[key], places)
        return ordered(entries)

    def _before(self) -> Mapping[int, list[Leaf]]:
        """The files of the magnets that are as they were, if these are still at hand."""
        if self._last is None:
            return {}
        key, spots = self._last
        self._last = None
        entries = self._shelf.kept(key)
        if entries is None:
            return {}
        by_magnet: dict[tuple[str, str], list[Leaf]] = defaultdict(list)
        for entry in entries.values():
            if isinstance(entry, Leaf):
                by_magnet[entry.account, entry.magnet].append(entry)
        still = {id(spot) for spot in self._spots}
        return {
            id(spot): [leaf for source in spot.sources for leaf in by_magnet[owner(source)]]
            for spot in spots if id(spot) in still
        }  # fmt: skip

    def _leaves(self, spot: Spot, places: Places) -> list[Leaf]:
        """The files of one magnet that stand here, each from the first account that has it."""
        copies: dict[str, list[Leaf]] = defaultdict(list)
        twins: set[str] = set()
        for source in spot.sources:
            found = {id(leaf.file): leaf for leaf in leaves(source)}
            alike = Counter(looks(leaf.file) for leaf in found.values())
            twins.update(each for each, count in alike.items() if count > 1)
            for key, file in keyed(leaf.file for leaf in found.values()):
                leaf = found[id(file)]
                if not self._accounts or leaf.account in self._accounts:
                    copies[key].append(leaf)
        return [
            replace(copies[key][0], name=path[-1], others=_others(copies[key], twins))
            for key, path in places.items()
            if path[:-1] == self._path and key in copies
        ]


def _others(copies: Sequence[Leaf], twins: Collection[str]) -> tuple[Leaf, ...]:
    """Those that certainly are the same file as the first: where a magnet has files that look
    alike, and not every account all of them, only the same path says so.
    """
    first, *others = copies
    if looks(first.file) in twins:
        others = [each for each in others if each.identity == first.identity]
    return tuple(others)


def owner(folder: Folder) -> tuple[str, str]:
    """Account and id of the magnet whose folder this is."""
    magnet = magnet_of(folder)
    account = getattr(folder.entries, "account", "")
    return account, magnet.id if magnet else ""


def magnet_of(folder: Folder) -> Magnet | None:
    """The magnet whose own folder this is."""
    found: Magnet | None = getattr(folder.entries, "magnet", None)
    return found
