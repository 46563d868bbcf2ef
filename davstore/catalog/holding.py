"""One account in memory: how news changes what is known, and how it looks as folders.

Knows neither a store nor a disk; it is told rows and says what changed.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType

from davstore import names, views
from davstore.catalog.doubt import Doubt
from davstore.catalog.records import Held
from davstore.catalog.trees import leaves
from davstore.model import Entry, File, Folder, Leaf, Magnet, Snapshot, Status, Unreadable
from davstore.stores.base import News

Plant = Callable[[Held], Mapping[str, Entry]]
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
    """What `account` holds; `doubt` says what is believed to have gone."""

    def __init__(self, account: str, held: Mapping[str, Held], doubt: Doubt, plant: Plant) -> None:
        self._account = account
        self._held = dict(held)
        self._doubt = doubt
        self._plant = plant
        self._folders: dict[str, Folder] = {}
        self._taken = {names.key(h.folder) for h in held.values() if h.folder}
        self._whole: Folder | None = None
        self._measured: set[str] = set()
        self._lock = threading.RLock()
        self.magnets = Magnets(self._held)

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
            self._doubt.back(coming.keys() - leaving)
            total = len(self._held)
            believed = self._doubt.judge(leaving, total, now, complete=news.complete)
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
                    self._taken.add(names.key(held.folder))
                self._put(held)
            for id_ in gone:
                self._drop(id_)

    def snapshot(self, taken: float) -> Snapshot:
        """All shown magnets as folders, by name; while none changes, the same folder again."""
        with self._lock:
            if self._whole is None:
                those = [held for held in self._held.values() if held.shown]
                shown = [self._folder(held) for held in those]
                used = sum(held.magnet.size or 0 for held in those)
                shown.sort(key=lambda folder: folder.name)
                entries: dict[str, Entry] = {folder.name: folder for folder in shown}
                modified = max((folder.modified for folder in shown), default=taken)
                self._whole = Folder("magnets", MappingProxyType(entries), modified, used)
            return Snapshot(self._account, self._whole, taken)

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
            folder = self._folder(held)
        found = [leaf for leaf in leaves(folder) if leaf.size is None]
        if not found:
            self._measured.add(held.magnet.id)
        return found

    def relearn(self, held: Held) -> None:
        """Make the tree of `held` anew: sizes of its files have been learned."""
        with self._lock:
            self._folders.pop(held.magnet.id, None)
            self._whole = None

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
        if before is None or held.files_of != before.files_of:
            self._measured.discard(id_)
        if held.shown or (before is not None and before.shown):
            self._folders.pop(id_, None)
            self._whole = None

    def _drop(self, id_: str) -> None:
        held = self._held.pop(id_)
        self._measured.discard(id_)
        if held.folder:
            self._taken.discard(names.key(held.folder))
        if self._folders.pop(id_, None) or held.shown:
            self._whole = None

    def _new_name(self, magnet: Magnet, files: tuple[File, ...]) -> str:
        wanted = views.folder_name(magnet, files)
        tag = magnet.hash or blake2b(magnet.id.encode(), digest_size=10).hexdigest()
        name = names.distinct(wanted, tag, self._taken)
        self._taken.add(names.key(name))
        return name

    def _folder(self, held: Held) -> Folder:
        folder = self._folders.get(held.magnet.id)
        if folder is None:
            assert held.folder is not None
            folder = Folder(held.folder, self._plant(held), held.magnet.added or 0.0)
            self._folders[held.magnet.id] = folder
        return folder
