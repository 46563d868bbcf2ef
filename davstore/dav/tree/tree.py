"""What stands where: a path of the server -> a folder or a file of the latest snapshots."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from davstore import views
from davstore.catalog import home_in, home_of, magnet_of
from davstore.dav.access.people import OWNER, Person
from davstore.dav.tree.noise_names import is_noise
from davstore.dav.tree.overlay import Home, Overlay
from davstore.errors import NotReady
from davstore.model import Entry, Folder, Leaf, Snapshot

MAGNETS, TRASH, LINKS = "magnets", "trash", "links"
"""The folders of an account."""
Folders = Callable[[], Sequence[Folder] | None]
"""Every view's folder as of now; None while nothing is known that could stand in them."""


def no_folders() -> tuple[Folder, ...]:
    """For a tree without views."""
    return ()


@dataclass(frozen=True, slots=True)
class Views:
    """Their names and folders; `settled` gives the folders that need no work first, else None."""

    names: Sequence[str] = ()
    folders: Folders = no_folders
    settled: Folders = no_folders


class Links(Protocol):
    """The folders of links that some accounts have beside their magnets."""

    @property
    def accounts(self) -> Collection[str]:
        """Those accounts."""

    def known(self, account: str) -> Folder | None:
        """Such a folder; None while nothing is known."""

    def asked(self, account: str) -> Folder | None:
        """The same, for somebody who looks into it."""

    def forget(self, account: str, leaf: Leaf, who: str) -> None:
        """Have the account keep no longer what `leaf` shows, as `who` wants. Raises `NotThere`,
        `StateError` or `StoreError`.
        """


Beside = Callable[[str, Person], Sequence[Folder]]
"""What stands in an account's folder beside its magnets, for this person."""


class Elsewhere(dict[str, Entry]):
    """The entries of a folder that is only listed here: somebody else knows what is in it."""

    is_at_hand = False


def nothing(account: str, person: Person) -> tuple[Folder, ...]:
    """For a tree with magnets alone."""
    del account, person
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


class Tree:
    """`/<account>/magnets/<magnet>/…` over the latest snapshots, `…/links/…` of those that have
    `links`, and the names of the `shares`, in which somebody else knows the way; beside them
    `/<view>/…`. Who may not see all accounts sees those views that are named to him. Beside the
    magnets of accounts that are `deletable`, and of others that have
    some, is the trash, for who may delete. `lookups` are the folders beside them that ask; what
    else is `beside` them is listed only. In the folders of magnets and in views are the sidecars of
    the `overlay`. `canary` is a file in the root.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        shares: Mapping[str, Path] = MappingProxyType({}),
        views: Views = Views(),
        deletable: Collection[str] = (),
        *,
        beside: Beside = nothing,
        lookups: Lookups | None = None,
        links: Links | None = None,
        overlay: Overlay | None = None,
        canary: Leaf | None = None,
    ) -> None:
        self._beside = beside
        self._overlay = overlay
        self._links = links
        self._canary = canary
        self._accounts = tuple(accounts)
        self._snapshot = snapshot
        self._shares = shares
        self._views = views
        self._lookups = lookups
        self._deletable = deletable

    def find(
        self, parts: Sequence[str], person: Person = OWNER, *, asking: bool = False
    ) -> Entry | None:
        """The entry at a path of decoded components, None where there is none for this person.

        Raises `NotReady` below an account of which nothing is known yet and, where its service may
        be asked for a folder, `StoreError`.
        """
        if not parts:
            return self._root(person)
        seen = self._overlay.seen if self._overlay is not None else 0
        entry = self._found(parts, person, asking=asking)
        if self._overlay is None or not self._overlay.is_outdated(entry, seen):
            return entry
        return self._found(parts, person, asking=asking)

    def home(self, parts: Sequence[str], person: Person = OWNER) -> Home | None:
        """The folder with sidecars of its own in which a path is, or which it is; None elsewhere.

        Raises `NotReady`.
        """
        if not parts or not person.sees(parts[0]):
            return None
        if self.is_view(parts[0]):
            return _home_in(self._view(parts[0]), parts)
        is_magnet = len(parts) > 2 and parts[1] in {MAGNETS, TRASH}
        if not is_magnet or parts[0] not in self._accounts:
            return None
        snapshot = self._snapshot(parts[0])
        if snapshot is None:
            raise NotReady(parts[0])
        return _home_of(self._in_account(snapshot, parts[1:3], person), parts)

    def _found(self, parts: Sequence[str], person: Person, *, asking: bool) -> Entry | None:
        account, *rest = parts
        if self._canary is not None and parts == [self._canary.name]:
            return self._canary
        if self._overlay is not None:
            home = self.home(parts, person)
            if home is not None:
                return views.find(self._overlay.shown(home), home.inner)
        if self.is_view(account) and person.sees(account):
            return views.find(self._view(account), rest)
        if account not in self._accounts or not person.sees(account):
            return None
        if rest[:1] == [LINKS] and self._has_links(account):
            return views.find(self._links_of(account), rest[1:])
        snapshot = self._snapshot(account)
        if snapshot is None:
            raise NotReady(account)
        if self._lookups is not None and rest and rest[0] in self._lookups.names:
            is_asked = asking and not any(map(is_noise, rest))
            return self._lookups.find(account, rest, asking=is_asked)
        return self._in_account(snapshot, rest, person)

    def _has_links(self, account: str) -> bool:
        return self._links is not None and account in self._links.accounts

    def _links_of(self, account: str) -> Folder:
        folder = self._links.asked(account) if self._links else None
        if folder is None:
            raise NotReady(account)
        return folder

    def is_view(self, name: str) -> bool:
        """Whether this top-level folder is a view."""
        return name in self._views.names

    def is_account(self, name: str) -> bool:
        """Whether this top-level folder is an account's."""
        return name in self._accounts and not self.is_view(name)

    def at_hand(self, parts: Sequence[str], person: Person = OWNER) -> Entry | None:
        """The same, with what stands in it, where both are in memory.

        None where they are not, or there is nothing, or nothing is known yet, for the root, and
        where a service may have to be asked.
        """
        if self._lookups is not None and parts[1:2] and parts[1] in self._lookups.names:
            return None
        if not parts or not person.sees(parts[0]):
            return None
        depth = 1 if self.is_view(parts[0]) else 2
        entry, known = self._begin(parts, person)
        for at, part in enumerate(parts[known:], known):
            if not isinstance(entry, Folder) or not entry.is_at_hand:
                return None
            entry = entry.entries.get(part)
            if at == depth and self._overlay is not None and isinstance(entry, Folder):
                entry = self._at_hand(parts, entry)
        return None if isinstance(entry, Folder) and not entry.is_at_hand else entry

    def _at_hand(self, parts: Sequence[str], folder: Folder) -> Folder | None:
        """A folder that may be a home, with its sidecars; None where these are not in memory."""
        assert self._overlay is not None
        if self.is_view(parts[0]):
            home: Home | None = Home(home_in(parts[0], folder.name), folder, ())
        else:
            magnet = magnet_of(folder)
            home = Home(home_of(parts[0], magnet), folder, ()) if magnet else None
        return folder if home is None else self._overlay.at_hand(home)

    def _begin(self, parts: Sequence[str], person: Person) -> tuple[Entry | None, int]:
        """Where the way along `parts` begins in memory, and how many of them that takes."""
        if self.is_view(parts[0]):
            return self._settled_view(parts[0]), 1
        snapshot = self._snapshot(parts[0]) if parts[0] in self._accounts else None
        if snapshot is None:
            return None, len(parts)
        known = 2 if parts[1:2] == [MAGNETS] else 1
        return self._in_account(snapshot, parts[1:known], person), known

    def _settled_view(self, name: str) -> Folder | None:
        view = next((each for each in self._views.settled() or () if each.name == name), None)
        if view is None or self._overlay is None:
            return view
        return self._overlay.at_hand(Home(home_in(name), view, ()))

    def _view(self, name: str) -> Folder:
        for folder in self._views.folders() or ():
            if folder.name == name:
                return folder
        raise NotReady(name)

    def _root(self, person: Person) -> Folder:
        """All that this person sees; an account of which nothing is known yet is named, not
        opened.
        """
        folders = [folder for folder in self._folders(person) if person.sees(folder.name)]
        entries: dict[str, Entry] = {folder.name: folder for folder in folders}
        if self._canary is not None:
            entries[self._canary.name] = self._canary
        modified = max((folder.modified for folder in folders), default=0.0)
        used = sum(folder.used or 0 for folder in folders)
        return Folder("", MappingProxyType(entries), modified, used)

    def _folders(self, person: Person) -> Iterator[Folder]:
        for account in self._accounts:
            snapshot = self._snapshot(account)
            yield self._account(snapshot, person) if snapshot else Folder(account, {}, 0.0)
        if self._views.names:
            found = {folder.name: folder for folder in self._views.folders() or ()}
            yield from (found.get(name, Folder(name, {}, 0.0)) for name in self._views.names)
        for name, path in self._shares.items():
            try:
                yield Folder(name, {}, path.stat().st_mtime)
            except OSError:
                yield Folder(name, {}, 0.0)

    def _in_account(self, snapshot: Snapshot, parts: Sequence[str], person: Person) -> Entry | None:
        if parts[:1] == [MAGNETS]:  # nearly always, and what stands beside them takes its time
            return views.find(snapshot.magnets, parts[1:])
        return views.find(self._account(snapshot, person), parts)

    def _account(self, snapshot: Snapshot, person: Person) -> Folder:
        magnets, trash, account = snapshot.magnets, snapshot.trash, snapshot.account
        entries: dict[str, Entry] = {MAGNETS: magnets}
        entries |= {each.name: each for each in self._beside(account, person)}
        if self._lookups is not None:
            entries |= {each.name: each for each in self._lookups.folders(account)}
        if self._links is not None and self._has_links(account):
            links = self._links.known(account)
            entries |= {} if links is None else {LINKS: links}  # who walks stumbles over a 503
        has_trash = account in self._deletable or trash.entries
        if has_trash and "delete" in person.rights:
            entries[TRASH] = trash
        return Folder(account, entries, magnets.modified, magnets.used)


def _home_in(view: Folder, parts: Sequence[str]) -> Home:
    folder = views.find(view, parts[1:2])
    if len(parts) == 1 or not isinstance(folder, Folder):
        return Home(home_in(parts[0]), view, tuple(parts[1:]))
    return Home(home_in(parts[0], folder.name), folder, tuple(parts[2:]))


def _home_of(folder: Entry | None, parts: Sequence[str]) -> Home | None:
    magnet = magnet_of(folder) if isinstance(folder, Folder) else None
    if magnet is None or not isinstance(folder, Folder):
        return None
    key = home_of(parts[0], magnet)
    return Home(key, folder, tuple(parts[3:]), is_open=parts[1] == MAGNETS)
