"""`/<account>/incoming/`: what was dropped, for as long as clients look at it, and what became of
it. Who may not add does not see it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from types import MappingProxyType
from typing import Final
from unicodedata import normalize

from davstore import names
from davstore.catalog import Additions, Drop, State
from davstore.catalog.adding.additions import HELD_FOR, SHOWN_FOR
from davstore.dav.access.people import Person
from davstore.dav.tree.tree import Elsewhere
from davstore.dav.writing import progress
from davstore.model import File, Folder, Leaf, Snapshot
from davstore.wanted import Takes, is_temporary, wanted

INCOMING: Final = "incoming"


@dataclass(frozen=True, slots=True)
class Item:
    """A file in the folder: one that was dropped, or a `text` about the magnet of `hash`.

    `can_go` is whether it may be taken away.
    """

    leaf: Leaf
    drop: Drop | None = None
    text: bytes = b""
    hash: str = ""
    can_go: bool = True


class Incoming:
    """The folders of the accounts of which it is said what each `takes`. `known` says whether an
    account is known to hold a hash, `added` is called when something is to be added.
    """

    def __init__(
        self,
        takes: Mapping[str, Takes],
        additions: Additions,
        snapshot: Callable[[str], Snapshot | None],
        known: Callable[[str, str], bool],
        added: Callable[[str], object],
    ) -> None:
        self.additions = additions
        self.takes = takes
        self._snapshot = snapshot
        self._known = known
        self._added = added

    def is_for(self, account: str, person: Person) -> bool:
        """Whether this person has the folder in this account."""
        return account in self.takes and "add" in person.rights and person.sees(account)

    def place(self, path: str, person: Person) -> tuple[str, str] | None:
        """Account and name within the folder, "" for itself; None for what is not in one."""
        parts = [part for part in path.split("/") if part]
        if len(parts) not in {2, 3} or parts[1] != INCOMING or not self.is_for(parts[0], person):
            return None
        return parts[0], parts[2] if len(parts) == 3 else ""

    def beside(self, account: str, person: Person) -> Sequence[Folder]:
        """What stands in an account's folder beside its magnets."""
        if not self.is_for(account, person):
            return ()
        snapshot = self._snapshot(account)
        return (Folder(INCOMING, Elsewhere(), snapshot.taken if snapshot else 0.0),)

    def folder(self, account: str) -> Folder:
        """The folder as it is now. Raises `StateError`."""
        items = self.items(account)
        modified = max((item.leaf.modified for item in items.values()), default=0.0)
        if not modified:
            snapshot = self._snapshot(account)
            modified = snapshot.taken if snapshot else 0.0
        entries = {name: item.leaf for name, item in items.items()}
        return Folder(INCOMING, MappingProxyType(entries), modified)

    def item(self, account: str, name: str) -> Item | None:
        """One of its files; macOS may ask for another form of its name. Raises `StateError`."""
        drop = self.additions.drop(account, name)
        if drop is not None and self._stands(drop):
            return _dropped(account, drop)
        items = self.items(account)
        return items.get(name) or items.get(normalize("NFC", name))

    def items(self, account: str) -> dict[str, Item]:
        """All of them: files first. Raises `StateError`."""
        found = {drop.name: _dropped(account, drop)
                 for drop in self.additions.drops(account) if self._stands(drop)}  # fmt: skip
        hidden = {hash_ for item in found.values() if item.drop for hash_ in item.drop.hashes}
        taken = {names.key(name) for name in found}
        texts = sorted(self._texts(account, hidden), key=lambda each: each[0])
        for wanted_name, text, modified, hash_, can_go in texts:
            name = names.distinct(wanted_name, hash_ or "text", taken)
            taken.add(names.key(name))
            found[name] = _told(account, name, text, modified, hash_, can_go=can_go)
        return found

    def put(self, account: str, name: str, content: bytes, person: Person) -> Drop:
        """Take what was dropped. What is empty, or called as unfinished files are, is only kept.

        Raises `NotAccepted`, `Full` or `StateError`.
        """
        is_whole = bool(content) and not is_temporary(name)
        asked = wanted(name, content, self.takes[account]) if is_whole else ()
        drop = self.additions.put(account, name, content, asked, person.name)
        if asked:
            self._added(account)
        return drop

    def _stands(self, drop: Drop) -> bool:
        kept = HELD_FOR if is_temporary(drop.name) else SHOWN_FOR
        return self.additions.now() - drop.at <= kept

    def _texts(
        self, account: str, hidden: Collection[str]
    ) -> Iterator[tuple[str, str, float, str, bool]]:
        """Name, text, moment, hash, and whether it can go, of all that is coming."""
        snapshot = self._snapshot(account)
        coming = snapshot.coming if snapshot else ()
        for magnet in coming:
            if magnet.hash not in hidden:
                assert snapshot is not None
                yield *progress.of_magnet(magnet), snapshot.taken, magnet.hash, False
        shown = {magnet.hash for magnet in coming}
        ahead = 0
        for each in self.additions.waiting(account):
            is_hidden = each.hash in hidden and each.state is not State.REFUSED
            is_told = each.hash not in shown and self.additions.tells(
                each, partial(self._known, account)
            )
            if is_told and not is_hidden:
                moment = max(each.dropped, each.tried, each.settled)
                can_go = each.state in {State.WAITING, State.REFUSED}
                yield *progress.of_addition(each, ahead), moment, each.hash, can_go
            ahead += each.state in {State.WAITING, State.TRYING}


def _dropped(account: str, drop: Drop) -> Item:
    leaf = Leaf(drop.name, account, File(drop.name, ""), drop.identity, drop.size, drop.at)
    return Item(leaf, drop)


def _told(account: str, name: str, text: str, modified: float, hash_: str, *, can_go: bool) -> Item:
    data = text.encode(errors="replace")
    identity = blake2b(data, digest_size=16).hexdigest()
    leaf = Leaf(name, account, File(name, ""), identity, len(data), modified)
    return Item(leaf, None, data, hash_, can_go)
