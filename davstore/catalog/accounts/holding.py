"""One account in memory: how news changes what is known, and how it looks as folders.

Knows neither a store nor a disk; it is told rows and says what changed.
"""

import threading
from collections import ChainMap, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from davstore import names, views
from davstore.catalog.accounts.doubt import Doubt
from davstore.catalog.accounts.records import Held
from davstore.catalog.changes.edited import Edited
from davstore.catalog.changes.edits import BLANK, Edit
from davstore.catalog.folders.gathered import Gathered, tag
from davstore.catalog.folders.trees import Tree, leaves
from davstore.model import File, Folder, Leaf, Magnet, Snapshot, Status, Unreadable
from davstore.stores.base import News

Plant = Callable[[Held], Tree]
"""Makes the entries of a magnet's folder, to be loaded when they are touched."""


@dataclass(slots=True)
class Changes:
    """What news changed: magnets that are new or other than they were, and ids that went."""

    changed: list[Held] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    held_back: int = 0

    @property
    def any(self) -> bool:
        """Whether something moved at all."""
        return bool(self.changed or self.gone)


class Magnets(Mapping[str, Magnet]):
    """The magnets of what is held, by id."""

    def __init__(self, held: Mapping[str, Held]) -> None:
        self._held = held

    def __getitem__(self, id_: str) -> Magnet:
        return self._held[id_].magnet

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


class Holding:
    """What `account` holds; `doubt` says what is believed to have gone, `edits` what people
    changed about it: whoever changes these calls `touch`.
    """

    def __init__(
        self,
        account: str,
        held: Mapping[str, Held],
        doubt: Doubt,
        plant: Plant,
        edits: Mapping[str, Edit] = MappingProxyType({}),
    ) -> None:
        self._account = account
        self._held = dict(held)
        self._doubt = doubt
        self._plant = plant
        self._edits = edits
        self._folders: dict[str, Folder] = {}
        self._trashed: dict[str, Folder] = {}
        self._trees: dict[str, Tree] = {}
        self._taken = {names.key(h.folder): id_ for id_, h in held.items() if h.folder}
        self._given: dict[str, str] = {}
        self._givers: dict[str, str] = {}
        self._stale = set(held)
        self._standing = Gathered("magnets")
        self._deleted = Gathered("trash")
        self._measured: set[str] = set()
        self._by_hash: dict[str, list[str]] | None = None  # made when somebody asks
        self._lock = threading.RLock()
        self.magnets = Magnets(self._held)
        self.touch(self._edits)

    def absorb(self, news: News, now: float) -> Changes:
        """Take over what a store told.

        A magnet that could not be read stays as it was; while even its id is unknown, nothing
        counts as gone, since the missing one may be among them. Whatever leaves the tree, be it
        because it is missing or because it is said to be no longer ready, must be believed first.
        """
        changes = Changes()
        coming: dict[str, Held] = {}
        blind = False
        with self._lock:
            for row in news.rows:
                if isinstance(row, Unreadable):
                    changes.unreadable.append(row)
                    blind = blind or row.id is None
                else:
                    coming[row.id] = self._merged(row, now)
            unread = {row.id for row in changes.unreadable}
            leaving = {id_ for id_, held in coming.items() if self._shows(id_) and not held.shown}
            leaving |= news.gone & self._held.keys()
            if news.complete and not blind:
                leaving |= self._held.keys() - coming.keys() - unread
            meant = {i for i in leaving - coming.keys() if self._edit(i).is_leaving}
            leaving -= meant
            self._doubt.back((coming.keys() | meant) - leaving)
            total = len(self._held) - len(meant)
            believed = self._doubt.judge(leaving, total, now, complete=news.complete) | meant
            for id_, held in coming.items():
                if id_ not in leaving or id_ in believed:
                    self._take_over(held, changes)
            for id_ in sorted(believed - coming.keys()):
                self._drop(id_)
                changes.gone.append(id_)
            changes.held_back = len(leaving - believed)
        return changes

    def wanting(self) -> list[Magnet]:
        """Those whose files must be asked, newest first."""
        with self._lock:
            found = [held.magnet for held in self._held.values() if held.wanting]
        return sorted(found, key=lambda magnet: -(magnet.added or 0.0))

    def settle(self, magnet: Magnet, files: tuple[File, ...]) -> Held | None:
        """Take over the files of a magnet, giving it its name if it has none yet.

        None, and nothing is changed, where it has gone meanwhile, or where it had files and now
        is said to have none: an empty folder is not believed.
        """
        with self._lock:
            known = self._held.get(magnet.id)
            if known is None or (known.count and not files):
                return None
            folder = known.folder or self._new_name(magnet, files)
            unsized = sum(file.size is None for file in files)
            held = Held(known.magnet, folder, magnet.fingerprint, len(files), unsized)
            self._put(held)
            return held

    def follow(self, changed: Mapping[str, Held], gone: Collection[str]) -> None:
        """Take over what another process has made of the account."""
        with self._lock:
            for held in changed.values():
                if held.folder:
                    self._taken[names.key(held.folder)] = held.magnet.id
                self._put(held)
            for id_ in gone:
                self._drop(id_)

    def snapshot(self, taken: float) -> Snapshot:
        """All shown magnets as folders, by name; while none changes, the same folder again."""
        with self._lock:
            for id_ in self._stale:
                self._gather(id_)
            self._stale.clear()
            magnets, trash = self._standing.folder(taken), self._deleted.folder(taken)
            coming = [h.magnet for h in self._held.values() if not h.shown and h.coming]
            return Snapshot(self._account, magnets, taken, trash, tuple(coming))

    def touch(self, ids: Iterable[str]) -> None:
        """What people changed about these is other than it was."""
        with self._lock:
            for id_ in ids:
                edit = self._edit(id_)
                self._renamed(id_, edit.folder if edit.in_magnets else "")
                self._forget_folders(id_)
                if id_ not in self._edits:
                    self._trees.pop(id_, None)

    def holder(self, name: str) -> str | None:
        """The id of the magnet that is called so, or as good as so, if there is one."""
        key = names.key(name)
        with self._lock:
            return self._givers.get(key) or self._taken.get(key)

    def first_name(self, id_: str) -> str | None:
        """The name that the magnet's folder was given first."""
        with self._lock:
            held = self._held.get(id_)
            return held.folder if held is not None else None

    def count(self, id_: str) -> int:
        """How many files the magnet is known to have."""
        held = self._held.get(id_)
        return held.count if held is not None else 0

    def plain(self, id_: str) -> Tree | None:
        """The tree of a shown magnet as its store has it, None where there is none."""
        with self._lock:
            held = self._held.get(id_)
            return self._tree(held) if held is not None and held.shown else None

    def of_hash(self, hash_: str) -> list[Magnet]:
        """The magnets of this hash, in whatever state."""
        with self._lock:
            if self._by_hash is None:
                self._by_hash = defaultdict(list)
                for id_, held in self._held.items():
                    self._by_hash[held.magnet.hash].append(id_)
            return [self._held[id_].magnet for id_ in self._by_hash.get(hash_, ())]

    @property
    def unfinished(self) -> bool:
        """Whether the service is still at work on some magnet."""
        busy = {Status.QUEUED, Status.DOWNLOADING, Status.PROCESSING}
        with self._lock:
            return any(held.magnet.status in busy for held in self._held.values())

    def unmeasured(self) -> list[Held]:
        """The shown magnets that may have files whose size nobody knows yet."""
        with self._lock:
            return [held for id_, held in self._held.items()
                    if held.shown and held.unsized and id_ not in self._measured]  # fmt: skip

    def unsized(self, held: Held) -> list[Leaf]:
        """The files of `held` whose size was unknown when its tree was made."""
        with self._lock:
            is_edited = held.magnet.id in self._edits
            folder = (Folder("", self._tree(held), 0.0) if is_edited
                      else self._folder(held, None, in_trash=False))  # fmt: skip
        found = [leaf for leaf in leaves(folder) if leaf.size is None]
        if not found:
            self._measured.add(held.magnet.id)
        return found

    def relearn(self, held: Held) -> None:
        """Make the tree of `held` anew: sizes of its files have been learned."""
        with self._lock:
            self._trees.pop(held.magnet.id, None)
            self._forget_folders(held.magnet.id)

    def _shows(self, id_: str) -> bool:
        held = self._held.get(id_)
        return held is not None and held.shown

    def _merged(self, magnet: Magnet, now: float) -> Held:
        known = self._held.get(magnet.id)
        if known is None:
            return Held(replace(magnet, added=magnet.added or now))
        if magnet.status is Status.UNKNOWN and known.magnet.status is Status.READY:
            return known  # a new word of the service's says nothing against it
        magnet = replace(magnet, added=magnet.added or known.magnet.added)
        return known if magnet == known.magnet else replace(known, magnet=magnet)

    def _take_over(self, held: Held, changes: Changes) -> None:
        if held is not self._held.get(held.magnet.id):
            self._put(held)
            changes.changed.append(held)

    def _put(self, held: Held) -> None:
        id_ = held.magnet.id
        before = self._held.get(id_)
        self._held[id_] = held
        if before is None or before.magnet.hash != held.magnet.hash:
            self._by_hash = None
        if before is None or held.files_of != before.files_of:
            self._measured.discard(id_)
        if held.shown or (before is not None and before.shown):
            self._trees.pop(id_, None)
            self._forget_folders(id_)

    def _drop(self, id_: str) -> None:
        held = self._held.pop(id_)
        self._by_hash = None
        self._measured.discard(id_)
        if held.folder and self._taken.get(names.key(held.folder)) == id_:
            del self._taken[names.key(held.folder)]
        self._renamed(id_, "")
        self._trees.pop(id_, None)
        self._forget_folders(id_)

    def _new_name(self, magnet: Magnet, files: tuple[File, ...]) -> str:
        wanted = views.folder_name(magnet, files)
        name = names.distinct(wanted, tag(magnet), ChainMap(self._taken, self._givers))
        self._taken[names.key(name)] = magnet.id
        return name

    def _gather(self, id_: str) -> None:
        """Put the magnet where it stands now."""
        held, edit = self._held.get(id_), self._edits.get(id_)
        shown = held if held is not None and held.shown else None
        if shown is not None and edit is not None and edit.is_another(shown.magnet.added):
            edit = None
        stands = shown is not None and (edit is None or edit.in_magnets)
        deleted = shown is not None and edit is not None and edit.in_trash
        for place, is_there, in_trash in (
            (self._standing, stands, False), (self._deleted, deleted, True),
        ):  # fmt: skip
            folder = None
            if shown is not None and is_there:
                folder = self._folder(shown, edit, in_trash=in_trash)
            place.put(id_, folder)

    def _folder(self, held: Held, edit: Edit | None, *, in_trash: bool) -> Folder:
        known = self._trashed if in_trash else self._folders
        folder = known.get(held.magnet.id)
        if folder is None:
            plain = self._tree(held)
            tree = plain if edit is None else Edited(plain, edit, in_trash=in_trash)
            folder = Folder(self._name(held, edit), tree, held.magnet.added or 0.0)
            known[held.magnet.id] = folder
        return folder

    def _tree(self, held: Held) -> Tree:
        """As the store has it; kept where it is the root of others."""
        id_ = held.magnet.id
        tree = self._trees.get(id_) or self._plant(held)
        if id_ in self._edits:
            self._trees[id_] = tree
        return tree

    def _name(self, held: Held, edit: Edit | None) -> str:
        """The one given by a person, or else the first; unless that was given to another."""
        assert held.folder is not None
        wanted = edit.folder if edit is not None and edit.folder else held.folder
        if self._givers.get(names.key(wanted), held.magnet.id) == held.magnet.id:
            return wanted
        return names.distinct(wanted, tag(held.magnet), ChainMap(self._taken, self._givers))

    def _edit(self, id_: str) -> Edit:
        return self._edits.get(id_, BLANK)

    def _renamed(self, id_: str, name: str) -> None:
        """Who has a name now that another, who had it first, must stand back for."""
        before, key = self._given.pop(id_, None), names.key(name)
        if before is not None and self._givers.get(before) == id_:
            del self._givers[before]
        if name and id_ in self._held:
            self._given[id_] = key
            self._givers[key] = id_
        for each in (before, key if name else None):
            if each is None:
                continue
            for other in list(self._trashed):
                self._forget_folders(other)
            if (first := self._taken.get(each)) is not None:
                self._forget_folders(first)

    def _forget_folders(self, id_: str) -> None:
        self._stale.add(id_)
        self._folders.pop(id_, None)
        self._trashed.pop(id_, None)
