"""Keeps one account: asks its store what changed, then for files, and publishes snapshots."""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.accounts.ahead import Ahead
from davstore.catalog.accounts.doubt import Doubt
from davstore.catalog.accounts.holding import Changes, Holding
from davstore.catalog.accounts.pace import Patience
from davstore.catalog.accounts.records import Held, MayWrite, Records, Standing, Unsaved
from davstore.catalog.changes.edits import Edits
from davstore.catalog.database.dialects import reading, reason, saying
from davstore.catalog.database.revisions import Outdated
from davstore.catalog.folders.trees import Shelf, Tree
from davstore.errors import DavstoreError, StoreError
from davstore.model import File, Leaf, Magnet, Snapshot
from davstore.stores.base import Changing, News, Store

log = logging.getLogger(__name__)

PUBLISH_EVERY = 2.0
"""Seconds between snapshots, and writes, while the files of many magnets come in."""
BATCH = 50
"""So many magnets' files are asked of a store at once."""
TELL_EVERY = 30.0
"""Seconds between two lines in the log about them."""
MEASURE_FOR = 60.0
"""Seconds for which sizes are learned, until it is looked again what else changed."""
LOOKS = 5
"""How often it is looked what else changed, while the files of many magnets come in."""

Measure = Callable[[Leaf], int | None]


class Keeper:
    """One account: what is known of it (`holding`), its latest snapshot, and how these are brought
    up to date.

    `learned` are sizes by identity; it may grow meanwhile. `edits` are what people changed.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        records: Records,
        learned: Mapping[str, int],
        *,
        shelf: Shelf,
        edits: Edits,
        removal_share: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.account = store.name
        self.snapshot: Snapshot | None = None
        self.may_write: MayWrite | None = None
        self._store = store
        self._records = records
        self._learned = learned
        self._shelf = shelf
        self._edits = edits
        self._now = now
        self._asking = threading.Lock()
        self._publishing = threading.Lock()
        self._patience = Patience(60.0, 3600.0, now)
        self._published = self._moved = self._told = now()
        self._measuring = Patience(600.0, 24 * 3600.0, now)
        self._relearned = len(learned)
        self._unsaved = Unsaved()
        self._unwritable = ""
        self._portion = 0
        self._said: frozenset[str | None] = frozenset()
        self._source = source
        self._standing = records.standing(self.account, source)
        self.revision = records.revision(self.account)
        self._doubt = Doubt(removal_share, records.held_back(self.account))
        held = records.held(self.account)
        self._follow_edits()
        changed = edits.of_account(self.account)
        self.holding = Holding(self.account, held, self._doubt, self._planted, changed)
        read = partial(records.files_of, self.account)
        self._ahead = Ahead(read, lambda: self.snapshot, self.holding.count)
        edits.listen(self.account, self._edited)
        if self._standing.taken:
            self._publish(self._standing.taken)

    @property
    def still(self) -> float:
        """Seconds since something last moved in the account."""
        return self._now() - self._moved

    @property
    def age(self) -> float:
        """Seconds since the store last confirmed what is known."""
        return self._now() - self._standing.taken

    @property
    def fails(self) -> bool:
        """Whether something went wrong when the store was last asked."""
        return bool(self._standing.error)

    def follow(self, latest: tuple[int, int] | None = None) -> None:
        """Take over what another process has written: the `latest` revision, and the last one that
        changed magnets, where these are known. Not while we ask ourselves: what comes of that will
        be found outdated. Raises `SQLAlchemyError`.
        """
        if not self._asking.acquire(blocking=False):
            return
        try:
            if latest is None or latest[1] > self.revision or self._unsaved.any:
                self._catch_up()
            else:
                self._standing = self._stands()
                self.revision = latest[0]
                self._show_caught_up()
        finally:
            self._asking.release()

    def look(self) -> None:
        """Ask what changed and take it over, without asking for files. Raises `StoreError`."""
        with self._asking:
            marker = "" if self._doubt.due(self._now()) else self._standing.marker
            news = self._news(marker)
            self._follow_edits()  # what was removed on purpose is known before its going is judged
            now = self._now()
            changes = self.holding.absorb(news, now)
            if changes.any:
                self._moved = now
            for held in changes.changed:
                self._unsaved.put(held)
            for id_ in changes.gone:
                self._unsaved.drop(id_)
            self._standing = replace(
                self._standing, marker=news.marker, taken=now, error="", failed=0.0,
                listed=now if news.complete else self._standing.listed,
                skipped=len(changes.unreadable) if news.complete else self._standing.skipped,
            )  # fmt: skip
            self._report(changes)
            self._save()
            self._publish(now)

    def fill(self, *, portion: bool = False, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Ask for the files of new and changed magnets, newest first; of very many a `portion`, so
        that in between it can be looked what else changed. Says whether there is more to be asked
        now. Raises `StoreError`.
        """
        with self._asking:
            wanting = self._askable()
            most = self._most(len(wanting)) if portion else len(wanting)
            self._told = self._now()
            try:
                for done, (magnet, files) in enumerate(self._files(wanting[:most]), start=1):
                    self._settle(magnet, files)
                    self._show(len(wanting) - done)
                    if stopping():
                        break
            finally:
                if wanting:
                    self._save()
                    self._publish(self._standing.taken)
            if len(wanting) <= most:
                self._portion = 0
            return len(wanting) > most

    def measure(self, measure: Measure, stopping: Callable[[], bool] = lambda: False) -> None:
        """Learn the sizes that the store does not know, by looking once at each such file, of very
        many at some; what has no size is looked at again seldom.
        """
        until = self._now() + MEASURE_FOR
        for held in self.holding.unmeasured():
            key = f"{held.magnet.id} {held.files_of}"
            if not self._measuring.spent(key):
                continue
            if stopping() or self._now() > until:
                break
            self._measuring.failed(key)
            for leaf in self.holding.unsized(held):
                if leaf.identity not in self._learned:
                    self._measure(leaf, measure)
        if self.relearn():
            with self._asking:
                self._save()  # for other processes to notice

    def _measure(self, leaf: Leaf, measure: Measure) -> None:
        try:
            measure(leaf)
        except DavstoreError as error:
            log.info("%s: size of %r: %s", self.account, leaf.name, error)

    def relearn(self) -> bool:
        """Publish sizes learned since, by measuring or by somebody's reading; whether any were."""
        if len(self._learned) == self._relearned:
            return False
        self._relearned = len(self._learned)
        for held in self.holding.unmeasured():
            if any(leaf.identity in self._learned for leaf in self.holding.unsized(held)):
                self.holding.relearn(held)
        if self.snapshot is not None:
            self._publish(self._standing.taken)
        return True

    def decide(self, *, believe: bool) -> None:
        """Settle what is doubted: the next complete listing is believed, or none ever is. Raises
        `StateError`.
        """
        with saying("it cannot be written"):
            self._records.decide(self.account, believe=believe)
            self.follow()  # or else whoever is asking the store finds itself outdated

    def note(self, error: StoreError) -> None:
        """Remember a failure, for whoever asks how the account stands."""
        with self._asking:
            now = self._now()
            self._standing = replace(self._standing, error=error.reason, failed=now)
            self._save()

    def _news(self, marker: str) -> News:
        if isinstance(self._store, Changing):
            return self._store.changes(marker, self.holding.magnets)
        return News(tuple(self._store.magnets()), "", complete=True)

    def _askable(self) -> list[Magnet]:
        return [m for m in self.holding.wanting() if self._patience.spent(_key(m))]

    def _files(
        self, wanting: Sequence[Magnet]
    ) -> Iterator[tuple[Magnet, tuple[File, ...] | StoreError]]:
        left = iter(wanting)
        while batch := list(islice(left, BATCH)):
            yield from self._store.files(batch)

    def _most(self, wanting: int) -> int:
        """How many to ask for until the next look: whole batches, as many all the while."""
        self._portion = max(self._portion, math.ceil(wanting / LOOKS / BATCH) * BATCH)
        return self._portion

    def _show(self, left: int) -> None:
        """Now and then show and keep what has come so far, and say how many are to come."""
        now = self._now()
        if now - self._published >= PUBLISH_EVERY:
            self._save()
            self._publish(self._standing.taken)
        if now - self._told >= TELL_EVERY:
            self._told = now
            log.info("%s: the files of %d magnets are still to come", self.account, left)

    def _settle(self, magnet: Magnet, files: tuple[File, ...] | StoreError) -> None:
        if isinstance(files, StoreError):
            self._patience.failed(_key(magnet))
            log.warning("%s: files of %r: %s", self.account, magnet.name, files.reason)
            return
        held = self.holding.settle(magnet, files)
        if held is None:
            self._patience.failed(_key(magnet))
            log.warning("%s: files of %r: there are none now; keeping those that were known",
                        self.account, magnet.name)  # fmt: skip
            return
        self._moved = self._now()
        self._unsaved.files[magnet.id] = files
        self._unsaved.put(held)

    def _edited(self, ids: Collection[str]) -> None:
        """People have changed something about these."""
        self.holding.touch(ids)
        if self.snapshot is not None:
            self._publish(self._standing.taken)

    def _follow_edits(self) -> None:
        try:
            self._edits.follow()
        except SQLAlchemyError as error:
            log.warning("%s: what people changed is unreadable: %s", self.account, reason(error))

    def _planted(self, held: Held) -> Tree:
        assert held.folder is not None
        return Tree(
            self._shelf, self.account, held.magnet, held.folder, self._files_of, self._learned
        )

    def _files_of(self, id_: str) -> Sequence[File]:
        """From memory while the disk does not have them. Raises `StateError`."""
        files = self._unsaved.files.get(id_)
        if files is not None:
            return files
        with reading():
            return self._ahead.files(id_)

    def _publish(self, taken: float) -> None:
        """A new snapshot, except an empty one while files of an account are still to come."""
        self._published = self._now()
        with self._publishing:
            snapshot = self.holding.snapshot(taken)
            has_some = snapshot.magnets.entries or snapshot.trash.entries
            if self.snapshot is not None or has_some or not self._askable():
                self.snapshot = snapshot

    def _report(self, changes: Changes) -> None:
        for row in changes.unreadable:
            if row.id not in self._said:
                known = self.holding.magnets.get(row.id or "")
                name = repr(known.name) if known else row.id or "without an id"
                log.warning("%s: magnet %s passed over: %s", self.account, name, row.reason)
        self._said = frozenset(row.id for row in changes.unreadable)
        if changes.held_back:
            log.warning(
                "%s: %d of %d magnets are said to be gone at once; keeping them until a second "
                "complete listing agrees",
                self.account, changes.held_back, len(self.holding.magnets),
            )  # fmt: skip
        wanting = sum(held.wanting for held in changes.changed)
        if wanting or changes.gone:
            log.info("%s: %d magnets new or changed, %d gone",
                     self.account, wanting, len(changes.gone))  # fmt: skip

    def _save(self) -> None:
        """A disk that is full or locked must not stop us from serving what is in memory; what could
        not be written is written the next time, with what came since.
        """
        try:
            self.revision = self._records.save(
                self.account, self._standing, self._unsaved, self._doubt.unsaved, self.revision,
                self.may_write,
            )  # fmt: skip
        except Outdated:
            log.info("%s: another process has refreshed it meanwhile", self.account)
            self._catch_up(whole=True)
            return
        except SQLAlchemyError as error:
            said = reason(error)
            if said != self._unwritable:
                log.warning("%s: the catalog cannot be written: %s", self.account, said)
            self._unwritable = said
            return
        if self._unsaved.gone:
            self._follow_edits()  # those in the trash have left it
        self._ahead.forget()
        self._unsaved.clear()
        self._doubt.keep(self._doubt.held_back)
        if self._unwritable:
            self._unwritable = ""
            log.info("%s: the catalog is written again", self.account)

    def _stands(self) -> Standing:
        may_write = self.may_write or _nobody_may
        return self._records.standing(self.account, self._source, may_write)

    def _catch_up(self, *, whole: bool = False) -> None:
        """What is written counts, and what we have not written yet does not."""
        revision = self._records.revision(self.account)
        since = -1 if whole or self._unsaved.any else self.revision
        self._unsaved.clear()
        self._standing = self._stands()
        changed = self._records.held(self.account, since)
        gone: set[str] = set()
        self._ahead.forget()
        self.holding.follow(changed, gone)
        if self._records.count(self.account) != len(self.holding.magnets):
            gone = self.holding.magnets.keys() - self._records.ids(self.account)
            self.holding.follow({}, gone)
        self._doubt.keep(self._records.held_back(self.account))
        self.revision = revision
        if changed or gone:
            self._moved = self._now()
        self._show_caught_up()

    def _show_caught_up(self) -> None:
        if self._standing.taken:
            self._publish(self._standing.taken)
        self.relearn()


def _nobody_may(_: object) -> bool:
    return False


def _key(magnet: Magnet) -> str:
    return f"{magnet.id} {magnet.fingerprint}"
