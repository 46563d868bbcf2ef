"""What stands where: a path of the server -> a folder or a file of the latest snapshots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from davstore import views
from davstore.dav.people import OWNER, Person
from davstore.model import Entry, Folder, Leaf, Snapshot

Views = Callable[[], Sequence[Folder] | None]
"""Every view's folder as of now; None while nothing is known that could stand in them."""


def no_views() -> tuple[Folder, ...]:
    """For a tree without views."""
    return ()


class NotReady(Exception):
    """Nothing is known of this account yet."""


class Tree:
    """`/<account>/magnets/<magnet>/…` over the latest snapshots, and the names of the `shares`,
    in which somebody else knows the way; beside them `/<view>/…`. Who may not see all accounts
    sees those views that are named to him. `canary` is a file in the root.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        shares: Mapping[str, Path] = MappingProxyType({}),
        views: Views = no_views,
        view_names: Sequence[str] = (),
        canary: Leaf | None = None,
    ) -> None:
        self._canary = canary
        self._accounts = tuple(accounts)
        self._snapshot = snapshot
        self._shares = shares
        self._views = views
        self._view_names = tuple(view_names)

    def find(self, parts: Sequence[str], person: Person = OWNER) -> Entry | None:
        """The entry at a path of decoded components, None where there is none for this person.

        Raises `NotReady` below an account of which nothing is known yet.
        """
        if not parts:
            return self._root(person)
        account, *rest = parts
        if self._canary is not None and parts == [self._canary.name]:
            return self._canary
        if account in self._view_names and person.sees(account):
            return views.find(self._view(account), rest)
        if account not in self._accounts or not person.sees(account):
            return None
        snapshot = self._snapshot(account)
        if snapshot is None:
            raise NotReady(account)
        return views.find(_folder_of(snapshot), rest)

    def _view(self, name: str) -> Folder:
        for folder in self._views() or ():
            if folder.name == name:
                return folder
        raise NotReady(name)

    def _root(self, person: Person) -> Folder:
        """All that this person sees; an account of which nothing is known yet is named, not
        opened.
        """
        folders = [folder for folder in self._folders() if person.sees(folder.name)]
        entries: dict[str, Entry] = {folder.name: folder for folder in folders}
        if self._canary is not None:
            entries[self._canary.name] = self._canary
        modified = max((folder.modified for folder in folders), default=0.0)
        return Folder("", MappingProxyType(entries), modified)

    def _folders(self) -> Iterator[Folder]:
        for account in self._accounts:
            snapshot = self._snapshot(account)
            yield _folder_of(snapshot) if snapshot else Folder(account, {}, 0.0)
        if self._view_names:
            found = {folder.name: folder for folder in self._views() or ()}
            yield from (found.get(name, Folder(name, {}, 0.0)) for name in self._view_names)
        for name, path in self._shares.items():
            try:
                yield Folder(name, {}, path.stat().st_mtime)
            except OSError:
                yield Folder(name, {}, 0.0)


def _folder_of(snapshot: Snapshot) -> Folder:
    magnets = snapshot.magnets
    return Folder(snapshot.account, {magnets.name: magnets}, magnets.modified)
