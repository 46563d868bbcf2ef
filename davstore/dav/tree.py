"""What stands where: a path of the server -> a folder or a file of the latest snapshots."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from davstore import views
from davstore.dav.noise_names import is_noise
from davstore.dav.people import OWNER, Person
from davstore.model import Entry, Folder, Snapshot

Views = Callable[[], Sequence[Folder] | None]
"""Every view's folder as of now; None while nothing is known that could stand in them."""


def no_views() -> tuple[Folder, ...]:
    """For a tree without views."""
    return ()


class Lookups(Protocol):
    """Further folders of accounts, which cost their services a call when they are opened."""

    @property
    def names(self) -> Collection[str]:
        """What they can be called."""

    def folders(self, account: str) -> tuple[Folder, ...]:
        """Those of `account`, without a call."""

    def find(self, account: str, path: Sequence[str], *, asking: bool) -> Entry | None:
        """The entry at `path` in one of them, with a call only where `asking`.

        Raises `StoreError`.
        """


class NotReady(Exception):
    """Nothing is known of this account yet."""


class Tree:
    """`/<account>/magnets/<magnet>/…` over the latest snapshots, and the names of the `shares`,
    in which somebody else knows the way; beside them `/<view>/…`. Who may not see all accounts
    sees those views that are named to him. `lookups` are the folders beside magnets that ask.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        shares: Mapping[str, Path] = MappingProxyType({}),
        views: Views = no_views,
        view_names: Sequence[str] = (),
        *,
        lookups: Lookups | None = None,
    ) -> None:
        self._accounts = tuple(accounts)
        self._snapshot = snapshot
        self._shares = shares
        self._views = views
        self._view_names = tuple(view_names)
        self._lookups = lookups

    def find(
        self, parts: Sequence[str], person: Person = OWNER, *, asking: bool = False
    ) -> Entry | None:
        """The entry at a path of decoded components, None where there is none for this person.

        Raises `NotReady` below an account of which nothing is known yet and, where its service may
        be asked for a folder, `StoreError`.
        """
        if not parts:
            return self._root(person)
        account, *rest = parts
        if account in self._view_names and person.sees(account):
            return views.find(self._view(account), rest)
        if account not in self._accounts or not person.sees(account):
            return None
        snapshot = self._snapshot(account)
        if snapshot is None:
            raise NotReady(account)
        if self._lookups is not None and rest and rest[0] in self._lookups.names:
            is_asked = asking and not any(map(is_noise, rest))
            return self._lookups.find(account, rest, asking=is_asked)
        return views.find(self._folder_of(snapshot), rest)

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
        modified = max((folder.modified for folder in folders), default=0.0)
        return Folder("", MappingProxyType(entries), modified)

    def _folders(self) -> Iterator[Folder]:
        for account in self._accounts:
            snapshot = self._snapshot(account)
            yield self._folder_of(snapshot) if snapshot else Folder(account, {}, 0.0)
        if self._view_names:
            found = {folder.name: folder for folder in self._views() or ()}
            yield from (found.get(name, Folder(name, {}, 0.0)) for name in self._view_names)
        for name, path in self._shares.items():
            try:
                yield Folder(name, {}, path.stat().st_mtime)
            except OSError:
                yield Folder(name, {}, 0.0)

    def _folder_of(self, snapshot: Snapshot) -> Folder:
        magnets, account = snapshot.magnets, snapshot.account
        others = self._lookups.folders(account) if self._lookups is not None else ()
        return Folder(account, {each.name: each for each in (magnets, *others)}, magnets.modified)
