"""The views over all accounts: what changed in the snapshots is arranged anew, and nothing else.

In memory are the folders of views; where each file stands is on disk (`places`), and looked up
when a folder is touched. Many magnets that are not arranged yet are, portion by portion, by a
thread of their own; till then they are missing from views.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from davstore import views
from davstore.catalog.arranged.branches import Branches, PlacesOf, Spot
from davstore.catalog.arranged.places import Paths, Place, PlaceRecords, folders_of
from davstore.catalog.arranged.shown import Shown
from davstore.catalog.arranged.sources import Sources, facts_of
from davstore.catalog.database.dialects import reading, reason
from davstore.catalog.folders.trees import Shelf, tree_of
from davstore.collector import loading
from davstore.config.views import ViewSettings
from davstore.errors import DavstoreError
from davstore.model import Folder, Snapshot
from davstore.views import Facts, Path

log = logging.getLogger(__name__)

AT_ONCE = 4
"""So many magnets are arranged by whoever asks for a folder; about 2 ms each."""
PORTION = 50
"""So many are arranged between two who ask."""
LOOK_EVERY = 1.0
"""Seconds between two looks at the snapshots."""
REMEMBERED = 90 * 86400.0
"""Seconds for which the names of what is gone are kept for it."""
SWEEP_EVERY = 86400.0

_NONE: Final[tuple[str, views.Places]] = ("", {})


class Arranged:
    """The views of a library. `snapshot` gives what an account holds, as of now."""

    def __init__(
        self,
        settings: Mapping[str, ViewSettings],
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        records: PlaceRecords,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._views = settings
        self._sources = Sources(accounts, snapshot)
        self._records = records
        self._now = now
        self._digests = {name: views.digest(view) for name, view in settings.items()}
        self._branches = {name: Branches(name, self._places_in(name)) for name in settings}
        self._shelf = Shelf()
        self._last: dict[tuple[str, Path], Shown] = {}
        self._spots: dict[str, Spot] = {}
        self._pending: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._unsaved: dict[str, tuple[Place, Paths]] = {}
        self._due = 0.0
        self._swept = -math.inf
        self._missed = False
        self._said = ""
        self._published: tuple[Folder, ...] | None = None
        self._lock = threading.RLock()
        self._worker: threading.Thread | None = None
        self._follower: threading.Thread | None = None
        self._closed = threading.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """The views' names in configured order."""
        return tuple(self._views)

    def folders(self) -> tuple[Folder, ...] | None:
        """Every view's folder, as of now; None while no account is known yet."""
        if not self._views:
            return ()
        if self._lock.acquire(blocking=self._published is None):
            try:
                self._tried(AT_ONCE)
                if self._pending and self._worker is None and not self._closed.is_set():
                    self._worker = threading.Thread(
                        target=self._work, name="arranging", daemon=True
                    )
                    self._worker.start()
            finally:
                self._lock.release()
        return self._published

    def settled(self) -> tuple[Folder, ...] | None:
        """The same where that is as before; None where something is to be done first, or is being
        done. Never waits.
        """
        if self._pending or self._due <= self._now():
            return None
        if self._sources.news():
            return None
        return self._published if self._views else ()

    def complete(self) -> tuple[Folder, ...] | None:
        """The same with everything arranged, however long it takes."""
        with self._lock:
            self._update(PORTION)
            while self._pending:
                self._update(PORTION)
            return self._published

    def standing(self, account: str, magnet: str) -> tuple[Facts, Paths] | None:
        """What is known of a magnet of this account and id, and where its files are in views.

        None where there is no such magnet.
        """
        key = self._sources.key(account, magnet)
        if key is None:
            return None
        spot = self._spots.get(key)
        name = spot.place.name if spot else ""
        return facts_of(self._sources.of(key), name), dict(self._paths([key])).get(key, {})

    def start(self) -> None:
        """Keep up with the snapshots, so that nobody who asks must wait for it."""

        def follow() -> None:
            while not self._closed.wait(LOOK_EVERY):
                self.folders()

        self._follower = threading.Thread(target=follow, name="views", daemon=True)
        self._follower.start()

    def close(self) -> None:
        """Arrange no more."""
        self._closed.set()
        for thread in (self._worker, self._follower):
            if thread is not None:
                thread.join(5)

    def begin_anew(self) -> None:
        """What is not on the disk as it was written there is arranged again. Raises
        `SQLAlchemyError`.
        """
        with self._lock:
            before = {key: spot.place.stamp for key, spot in self._spots.items()}
            written = self._records.everything()
            self._merge(written)
            stamps = {place.key: place.stamp for place in written}
            for key, stamp in before.items():
                if key not in stamps:
                    spot = self._spots.pop(key)
                    for branches in self._branches.values():
                        branches.drop(spot.place, ())
                if stamps.get(key) != stamp:
                    self._pending[key] = None

    def _work(self) -> None:
        began, count = time.monotonic(), len(self._pending)
        while not self._closed.is_set():
            with self._lock:
                if not self._tried(PORTION) or not self._pending:
                    self._worker = None
                    break
        log.info("views: %d magnets arranged in %.0f s", count, time.monotonic() - began)

    def _tried(self, most: int) -> bool:
        """As `_update`; whether that could be done."""
        try:
            if self._published is None:
                with loading():
                    self._update(most)
            else:
                self._update(most)
        except (DavstoreError, SQLAlchemyError) as error:
            self._complain(error)
            return False
        return True

    def _update(self, most: int) -> None:
        """Take over what the snapshots say, and arrange at most so many magnets."""
        touched = self._looked()
        if touched is not None:
            self._settle(touched)
        elif not self._pending and self._published is not None:
            return
        if self._pending:
            self._arrange([key for key, _ in zip(self._pending, range(most), strict=False)])
        if self._sources.is_known:
            self._published = tuple(self._folder(name) for name in self._views)

    def _looked(self) -> set[str] | None:
        """The keys of what changed in the accounts or with time; None where nothing did."""
        news = self._sources.news()
        if news and self._swept + SWEEP_EVERY <= self._now():
            self._sweep()
        if news and not self._sources.is_known:
            self._merge()
        changed = self._sources.take(news)
        if self._due <= self._now():
            now = self._now()
            late = {key for key, spot in self._spots.items() if spot.place.until <= now}
            for key in sorted(late):
                self._pending[key] = None
            self._due = min((spot.place.until for key, spot in self._spots.items()
                             if key not in late), default=float("inf"))  # fmt: skip
            changed |= late
        return changed or None

    def _sweep(self) -> None:
        """Forget the names of what has been gone for long."""
        self._swept = self._now()
        before = self._swept - REMEMBERED
        self._records.sweep(before)
        for key, spot in list(self._spots.items()):
            if not spot.sources and 0 < spot.place.gone < before:
                del self._spots[key]
                for branches in self._branches.values():
                    branches.drop(spot.place, ())

    def _settle(self, changed: Iterable[str]) -> None:
        """Show what is known of these already, and note what must be arranged."""
        self._pending.update(self._failed)
        self._failed.clear()
        gone, back = [], []
        for key in sorted(changed):  # else two machines might give them different places
            sources = self._sources.of(key)
            spot = self._spots.get(key)
            if sources and (spot is None or spot.place.stamp != self._stamp(sources)):
                self._pending[key] = None
            if not sources:
                self._sources.forget(key)
                self._pending.pop(key, None)
            if spot is None:
                continue
            if spot.place.gone and sources:
                back.append(spot)
            elif spot.sources and not sources:
                gone.append(spot)
            else:
                self._put(Spot(spot.place, sources))
        self._note(gone, self._now())
        self._note(back, 0.0)
        if not self._missed and self._sources.is_complete:
            self._missed = True
            lost = [s for s in self._spots.values() if not s.sources and not s.place.gone]
            self._note(lost, self._now())

    def _note(self, spots: Sequence[Spot], moment: float) -> None:
        """These are gone since this moment, or, where it is 0, back."""
        for spot in spots:
            key = spot.place.key
            self._put(Spot(replace(spot.place, gone=moment), self._sources.of(key)))
        try:
            if spots:
                self._records.missed([spot.place.key for spot in spots], moment)
        except SQLAlchemyError as error:
            self._complain(error)

    def _arrange(self, keys: Sequence[str]) -> None:
        """Give these magnets their places. What cannot be written stays in memory till it can."""
        try:
            with self._records.writing() as connection:
                self._merge(self._records.news(connection))
                self._place(keys)
                self._records.save(connection, list(self._unsaved.values()))
            self._unsaved.clear()
        except SQLAlchemyError as error:
            self._complain(error)
            self._place(keys)
        for branches in self._branches.values():
            branches.let_go()

    def _place(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._pending.pop(key, None)
            sources = self._sources.of(key)
            spot = self._spots.get(key)
            if not sources:
                continue
            late = spot is not None and spot.place.until <= self._now()
            if spot is not None and not late and spot.place.stamp == self._stamp(sources):
                self._put(Spot(spot.place, sources))  # another process has given it its places
                continue
            try:
                before = {} if spot is None else dict(self._paths([key]))
                self._unsaved[key] = self._arranged(key, spot, sources, before.get(key, {}))
                continue
            except (DavstoreError, SQLAlchemyError) as error:
                self._complain(error)
            except Exception:  # one magnet keeps no other out of the views
                log.exception("views: %s cannot be arranged", key)
            self._failed[key] = None  # tried again when something changes

    def _arranged(
        self, key: str, spot: Spot | None, sources: tuple[Folder, ...], before: Paths
    ) -> tuple[Place, Paths]:
        """One magnet in all views."""
        now = self._now()
        whole = facts_of(sources, spot.place.name if spot else "")
        folder = views.folder_name(tree_of(sources[0]).magnet, tree_of(sources[0]).files())
        if spot is not None:
            for name, branches in self._branches.items():
                branches.drop(spot.place, before.get(name, _NONE)[1].values())
        tag = blake2b(key.encode(), digest_size=10).hexdigest()
        paths: dict[str, tuple[str, views.Places]] = {}
        for name, wants in views.chosen(self._views, whole, folder, now).items():
            digest, known = before.get(name, _NONE)
            if digest != self._digests[name]:
                known = {}
            placed = views.placed(wants, known, tag, self._branches[name])
            paths[name] = (self._digests[name], placed)
        until = views.next_turn(self._views, whole.added, now)
        place = Place(key, whole.name, self._stamp(sources), folders_of(paths), until)
        self._due = min(self._due, until)
        self._put(Spot(place, sources), paths)
        return place, paths

    def _put(self, spot: Spot, paths: Paths | None = None) -> None:
        self._spots[spot.place.key] = spot
        for name, branches in self._branches.items():
            known = paths.get(name, _NONE)[1].values() if paths else ()
            branches.put(spot, known)

    def _merge(self, news: Iterable[Place] | None = None) -> None:
        """Take over what is on the disk, by whichever process it was written."""
        for place in self._records.news() if news is None else news:
            known = self._spots.get(place.key)
            if known is not None and known.place.stamp == place.stamp:
                continue
            if known is not None:
                for branches in self._branches.values():
                    branches.drop(known.place, ())
            self._due = min(self._due, place.until)
            self._put(Spot(place, known.sources if known else ()))

    def _complain(self, error: Exception) -> None:
        said = reason(error)
        if said != self._said:
            log.warning("views: cannot be kept up to date on disk: %s", said)
        self._said = said

    def _stamp(self, sources: Sequence[Folder]) -> str:
        """Changes when the magnet must be arranged again; does not hang on the accounts' order."""
        told = [f"{tree_of(each).account} {tree_of(each).stamp}" for each in sources]
        text = "\n".join([*self._digests, *self._digests.values(), *sorted(told)])
        return blake2b(text.encode(errors="surrogatepass"), digest_size=9).hexdigest()

    def _paths(self, keys: Collection[str]) -> Iterator[tuple[str, Paths]]:
        """Where the files of magnets are in all views. Raises `StateError`."""
        unsaved = {key: row[1] for key in keys if (row := self._unsaved.get(key)) is not None}
        yield from unsaved.items()
        with reading():
            yield from self._records.paths([key for key in keys if key not in unsaved])

    def _places_in(self, view: str) -> PlacesOf:
        def places(keys: Collection[str]) -> Iterator[tuple[str, views.Places]]:
            for key, paths in self._paths(keys):
                yield key, paths.get(view, _NONE)[1]

        return places

    def _folder(self, name: str) -> Folder:
        accounts, places = self._views[name].accounts, self._places_in(name)

        def entries(spots: tuple[Spot, ...], path: Path, inner: tuple[Folder, ...]) -> Shown:
            last = self._last.get((name, path))
            shown = Shown(self._shelf, places, path, inner, spots, accounts, last)
            if len(spots) >= PORTION:
                self._last[name, path] = shown
            return shown

        return self._branches[name].root.folder(entries)
