"""One account in memory: how a new listing changes what is known, and how it looks as folders.

Knows neither a store nor a disk; it is told rows and says what changed.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType

from davstore import names, views
from davstore.catalog.records import Held
from davstore.model import Entry, File, Folder, Leaf, Magnet, Snapshot, Status, Unreadable


@dataclass(slots=True)
class Changes:
    """What a complete listing changed; `wanting` are the magnets whose files must be asked."""

    changed: list[Held] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    wanting: list[Magnet] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class Holding:
    """What `account` holds. `learned` are sizes by identity; it may grow meanwhile."""

    def __init__(self, account: str, held: Mapping[str, Held], learned: Mapping[str, int]) -> None:
        self._account = account
        self._held = dict(held)
        self._learned = learned
        self._folders: dict[str, Folder] = {}
        self._lock = threading.RLock()

    def absorb(self, rows: Iterable[Magnet | Unreadable], now: float) -> Changes:
        """Take over a listing that was complete.

        A magnet that could not be read stays as it was; while even its id is unknown, nothing
        counts as gone, since the missing one may be among them.
        """
        changes = Changes()
        seen: set[str | None] = set()
        with self._lock:
            for row in rows:
                seen.add(row.id)
                if isinstance(row, Unreadable):
                    changes.unreadable.append(row)
                    continue
                held = self._merged(row, now)
                if held != self._held.get(row.id):
                    self._put(held)
                    changes.changed.append(held)
                if row.status is Status.READY and held.files_of != row.fingerprint:
                    changes.wanting.append(held.magnet)
            if None not in seen:
                changes.gone = [id_ for id_ in self._held if id_ not in seen]
            for id_ in changes.gone:
                del self._held[id_]
                self._folders.pop(id_, None)
        return changes

    def settle(self, magnet: Magnet, files: tuple[File, ...]) -> Held:
        """Take over the files of a magnet, giving it its name if it has none yet."""
        with self._lock:
            known = self._held.get(magnet.id, Held(magnet))
            folder = known.folder or self._new_name(magnet, files)
            held = Held(known.magnet, folder, files, magnet.fingerprint)
            self._put(held)
            return held

    def snapshot(self, taken: float) -> Snapshot:
        """All shown magnets as folders, by name."""
        with self._lock:
            shown = [self._folder(held) for held in self._held.values() if held.shown]
        entries: dict[str, Entry] = {f.name: f for f in sorted(shown, key=lambda f: f.name)}
        modified = max((f.modified for f in shown), default=taken)
        folder = Folder("magnets", MappingProxyType(entries), modified)
        return Snapshot(self._account, folder, taken)

    def unmeasured(self) -> list[Leaf]:
        """The shown files whose size nobody knows yet."""
        with self._lock:
            shown = [held for held in self._held.values() if held.shown]
            doubtful = [held for held in shown if any(f.size is None for f in held.files)]
            return [leaf for held in doubtful for leaf in _leaves(self._folder(held))
                    if leaf.size is None]  # fmt: skip

    def relearn(self) -> None:
        """Look up learned sizes again, for magnets with files of unknown size."""
        with self._lock:
            for id_, held in self._held.items():
                if any(file.size is None for file in held.files):
                    self._folders.pop(id_, None)

    def _merged(self, magnet: Magnet, now: float) -> Held:
        known = self._held.get(magnet.id)
        if known is None:
            return Held(replace(magnet, added=magnet.added or now))
        return replace(known, magnet=replace(magnet, added=magnet.added or known.magnet.added))

    def _put(self, held: Held) -> None:
        self._held[held.magnet.id] = held
        self._folders.pop(held.magnet.id, None)

    def _new_name(self, magnet: Magnet, files: tuple[File, ...]) -> str:
        wanted = views.folder_name(magnet, files)
        tag = magnet.hash or blake2b(magnet.id.encode(), digest_size=10).hexdigest()
        taken = {names.key(held.folder) for held in self._held.values() if held.folder}
        return names.distinct(wanted, tag, taken)

    def _folder(self, held: Held) -> Folder:
        folder = self._folders.get(held.magnet.id)
        if folder is None:
            assert held.folder is not None
            folder = views.magnet_folder(
                self._account, held.magnet, held.files, held.folder, self._learned
            )
            self._folders[held.magnet.id] = folder
        return folder


def _leaves(folder: Folder) -> Iterator[Leaf]:
    for entry in folder.entries.values():
        if isinstance(entry, Folder):
            yield from _leaves(entry)
        else:
            yield entry
