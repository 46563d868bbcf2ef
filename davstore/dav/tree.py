"""What stands where: a path of the server -> a folder or a file of the latest snapshots."""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from davstore import views
from davstore.model import Entry, Folder, Snapshot


class NotReady(Exception):
    """Nothing is known of this account yet."""


class Tree:
    """`/<account>/magnets/<magnet>/…` over the latest snapshots."""

    def __init__(self, accounts: Sequence[str], snapshot: Callable[[str], Snapshot | None]) -> None:
        self._accounts = tuple(accounts)
        self._snapshot = snapshot

    def find(self, parts: Sequence[str]) -> Entry | None:
        """The entry at a path of decoded components, None where there is none.

        Raises `NotReady` below an account of which nothing is known yet.
        """
        if not parts:
            return self._root()
        account, *rest = parts
        if account not in self._accounts:
            return None
        snapshot = self._snapshot(account)
        if snapshot is None:
            raise NotReady(account)
        return views.find(_folder_of(snapshot), rest)

    def _root(self) -> Folder:
        """All accounts; one of which nothing is known yet is named, not opened."""
        folders = []
        for account in self._accounts:
            snapshot = self._snapshot(account)
            folders.append(_folder_of(snapshot) if snapshot else Folder(account, {}, 0.0))
        entries: dict[str, Entry] = {folder.name: folder for folder in folders}
        modified = max((folder.modified for folder in folders), default=0.0)
        return Folder("", MappingProxyType(entries), modified)


def _folder_of(snapshot: Snapshot) -> Folder:
    magnets = snapshot.magnets
    return Folder(snapshot.account, {magnets.name: magnets}, magnets.modified)
