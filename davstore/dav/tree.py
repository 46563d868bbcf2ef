"""What stands where: a path of the server -> a folder or a file of the latest snapshots."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from davstore import views
from davstore.model import Entry, Folder, Snapshot

Views = Callable[[], Sequence[Folder] | None]
"""Every view's folder as of now; None while nothing is known that could stand in them."""


def no_views() -> tuple[Folder, ...]:
    """For a tree of accounts alone."""
    return ()


class NotReady(Exception):
    """Nothing is known of this account, or view, yet."""


class Tree:
    """`/<account>/magnets/<magnet>/…` over the latest snapshots, and `/<view>/…` beside."""

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        views: Views = no_views,
        view_names: Sequence[str] = (),
    ) -> None:
        self._accounts = tuple(accounts)
        self._snapshot = snapshot
        self._views = views
        self._view_names = tuple(view_names)

    def find(self, parts: Sequence[str]) -> Entry | None:
        """The entry at a path of decoded components, None where there is none.

        Raises `NotReady` below an account or view of which nothing is known yet.
        """
        if not parts:
            return self._root()
        top, *rest = parts
        if top in self._view_names:
            return views.find(self._view(top), rest)
        if top not in self._accounts:
            return None
        snapshot = self._snapshot(top)
        if snapshot is None:
            raise NotReady(top)
        return views.find(_folder_of(snapshot), rest)

    def _view(self, name: str) -> Folder:
        for folder in self._views() or ():
            if folder.name == name:
                return folder
        raise NotReady(name)

    def _root(self) -> Folder:
        """All accounts, then all views; one of which nothing is known is named, not opened."""
        folders = []
        for account in self._accounts:
            snapshot = self._snapshot(account)
            folders.append(_folder_of(snapshot) if snapshot else Folder(account, {}, 0.0))
        if self._view_names:
            found = {folder.name: folder for folder in self._views() or ()}
            folders += [found.get(name, Folder(name, {}, 0.0)) for name in self._view_names]
        entries: dict[str, Entry] = {folder.name: folder for folder in folders}
        modified = max((folder.modified for folder in folders), default=0.0)
        return Folder("", MappingProxyType(entries), modified)


def _folder_of(snapshot: Snapshot) -> Folder:
    magnets = snapshot.magnets
    return Folder(snapshot.account, {magnets.name: magnets}, magnets.modified)
