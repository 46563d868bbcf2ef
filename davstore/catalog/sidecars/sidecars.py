"""Sidecars: what media managers write beside the videos of magnets and views, kept on this machine.

A sidecar belongs to a *home*, a folder whose name may change while it stays the same, and has a
path within it. In memory is which homes have any; the sidecars of a home are read when it is
looked at, and the last ones used are kept.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Final

import sqlalchemy as sa
from cachetools import LRUCache

from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import alone, is_server, looking, saying, upsert
from davstore.catalog.database.sidecar_tables import sidecar_homes, sidecar_properties, sidecars
from davstore.catalog.sidecars import sidecar_records as records
from davstore.catalog.sidecars.contents import Coming, Contents
from davstore.catalog.sidecars.sidecar_records import Sidecar, below
from davstore.catalog.sidecars.stored_contents import StoredContents
from davstore.errors import DavstoreError, Full, StateError
from davstore.views import Path

LEAST: Final = 4096
"""Bytes for which everything counts at least, so that its number is bounded as well."""
KEPT: Final = 50_000
"""Sidecars that stay in memory; about half a kilobyte each."""
_UNKEPT: Final = "sidecars cannot be read or written"


class Vanished(DavstoreError):
    """The sidecar is there no more: somebody was quicker."""


@dataclass(frozen=True, eq=False)
class Beside:
    """The sidecars of a home at one moment: all by path, those in each folder, and the folders
    that have any in or below them.
    """

    all: Mapping[Path, Sidecar]
    members: Mapping[Path, tuple[Sidecar, ...]]
    touched: frozenset[Path]


class Sidecars:
    """The sidecars of all homes, their contents in `folder`: at most `limit` bytes together.

    Methods raise `StateError` where the disk fails.
    """

    def __init__(
        self,
        engine: sa.Engine,
        folder: FilePath,
        limit: int,
        *,
        is_shared: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._looking = looking(engine)
        self._contents = (
            StoredContents(folder, engine, now) if is_server(engine) else Contents(folder)
        )
        self._limit = limit
        self._is_shared = is_shared
        self.now = now
        self._lock = threading.Lock()
        self._seen = self._swept = -1
        self._known: dict[str, int] = {}
        self._kept: LRUCache[str, tuple[int, Beside]] = LRUCache(
            KEPT, getsizeof=lambda kept: 1 + len(kept[1].all)
        )
        self.follow()

    def has(self, home: str) -> bool:
        """Whether there are any, as far as this process knows."""
        return home in self._known

    def at_hand(self, home: str) -> Beside | None:
        """Those of a home, None where they are not in memory."""
        with self._lock:
            revision, found = self._kept.get(home, (0, None))
            return found if revision == self._known.get(home) else None

    def of(self, home: str) -> Beside:
        """Those of a home; the same object for as long as nothing changes."""
        found = self.at_hand(home)
        if found is None:
            revision = self._known.get(home, 0)
            with self._reading() as connection:
                found = _beside(records.rows(connection, home))
            with self._lock:
                if 1 + len(found.all) <= self._kept.maxsize:
                    self._kept[home] = revision, found
        return found

    def file(self, content: str) -> FilePath:
        """Where the bytes lie, once they were fetched."""
        return self._contents.path(content)

    def fetch(self, content: str) -> None:
        """Have them lie there, where another machine has written them."""
        self._contents.fetch(content)

    def follow(self, *, anew: bool = False) -> bool:
        """Take over what was changed, by whichever process; whether anything was. `anew` where what
        is known may never have been.
        """
        if anew:
            with self._lock:
                self._seen = self._swept = -1
                self._known.clear()
                self._kept.clear()
        exists = sa.exists().where(sidecars.c.home == sidecar_homes.c.home)
        query = sa.select(sidecar_homes.c.home, sidecar_homes.c.revision, exists)
        with self._reading() as connection:
            rows = connection.execute(query.where(sidecar_homes.c.revision > self._seen)).all()
        with self._lock:
            for home, revision, has_some in rows:
                self._seen = max(self._seen, revision)
                if not has_some:
                    self._known.pop(home, None)
                elif revision > self._known.get(home, 0):
                    self._known[home] = revision
        return bool(rows)

    @property
    def seen(self) -> int:
        """Grows with each change that was taken over."""
        return self._seen

    def follow_others(self) -> bool:
        """The same, where there are other processes.

        What is known is shown while a database that machines share does not answer.
        """
        if not self._is_shared:
            return False
        try:
            return self.follow()
        except StateError:
            if not is_server(self._engine):
                raise
            return False

    @contextmanager
    def writing(self, expected: int | None) -> Iterator[Coming]:
        """A content on its way, of so many bytes where that is known. Raises `Full`."""
        with self._contents.writing(self._check_room) as coming:
            coming.reserve(max(LEAST, expected or 0))
            yield coming

    def put(self, home: str, path: Path, coming: Coming, modified: float | None = None) -> Sidecar:
        """Keep a content in place of what stood there."""
        coming.finish()
        content = self._contents.keep(coming)
        moment = self.now() if modified is None else modified
        sidecar = Sidecar(path, content, coming.size, moment)
        replaced = self._changed(home, lambda connection: records.put(connection, home, sidecar))
        self._contents.remove(replaced)
        return sidecar

    def make(self, home: str, path: Path) -> None:
        """An empty folder. Raises `Full`."""
        self._check_room(LEAST)
        folder = Sidecar(path, "", 0, self.now())
        self._changed(home, lambda connection: records.put(connection, home, folder))

    def describe(
        self,
        home: str,
        path: Path,
        changes: Mapping[str, str | None],
        modified: float | None = None,
    ) -> None:
        """Give it properties, or, with None, take them from it; and another date.

        Raises `Full`, and `Vanished` where there is nothing.
        """
        self._check_room(sum(len(text or "") for text in changes.values()))

        def step(connection: sa.Connection) -> list[str]:
            this = records.at(sidecars, home, path)
            known = connection.execute(sa.select(sidecars.c.modified).where(this)).first()
            if known is None:
                raise Vanished("it is there no more")
            moment = known.modified if modified is None else modified
            connection.execute(sa.update(sidecars).where(this).values(modified=moment))
            if changes:
                records.describe(connection, home, path, changes)
            return []

        self._changed(home, step)

    def remove(self, home: str, path: Path) -> None:
        """Remove what stands at and below `path`; raises `Vanished` where there is nothing."""

        def step(connection: sa.Connection) -> list[str]:
            removed = records.remove(connection, home, path)
            if not removed:
                raise Vanished("it is there no more")
            return removed

        self._contents.remove(self._changed(home, step))

    def move(self, home: str, path: Path, to_home: str, to: Path) -> None:
        """Give what stands at and below `path` another one, in place of what stood there. Raises
        `Vanished` where there is nothing.
        """

        def step(connection: sa.Connection) -> list[str]:
            moved = [each for each in records.rows(connection, home) if below(each.path, path)]
            if not moved:
                raise Vanished("it is there no more")
            replaced = records.remove(connection, to_home, to)
            for each in moved:
                target = (*to, *each.path[len(path) :])
                records.rename(connection, home, each.path, to_home, target)
            return replaced

        self._contents.remove(self._changed(home, step, to_home))

    def copy(self, home: str, path: Path, to_home: str, to: Path, *, whole: bool) -> None:
        """The same, and it stays where it is; a folder without its members unless `whole`.

        Raises `Full`.
        """
        found = [each for each in self.of(home).all.values()
                 if each.path == path or (whole and below(each.path, path))]  # fmt: skip
        if not found:
            raise Vanished("it is there no more")
        self._check_room(sum(max(LEAST, each.size) for each in found))
        made = []
        for each in found:
            target = (*to, *each.path[len(path) :])
            if not each.content:
                made.append(replace(each, path=target))
                continue
            with self.writing(each.size) as coming:
                self._contents.copy(each.content, coming)
                coming.finish()
                content = self._contents.keep(coming)
            made.append(replace(each, path=target, content=content))

        def step(connection: sa.Connection) -> list[str]:
            replaced = records.remove(connection, to_home, to)
            for each in made:
                replaced += records.put(connection, to_home, each)
            return replaced

        self._contents.remove(self._changed(to_home, step))

    def homes(self) -> list[str]:
        """Those that have any."""
        with self._lock:
            return list(self._known)

    def missed(self, home: str, gone: Mapping[Path, bool], before: float) -> None:
        """Note of which paths the place is `gone`, and remove what was so `before` already."""
        with self._reading() as connection:
            rows = connection.execute(
                sa.select(sidecars.c.path, sidecars.c.gone).where(sidecars.c.home == home)
            ).all()
        since = {tuple(path.split("/")): moment for path, moment in rows}
        lost = [path for path, is_gone in gone.items() if is_gone and since.get(path) == 0]
        back = [path for path, is_gone in gone.items() if not is_gone and since.get(path, 0) > 0]
        old = [
            path for path, is_gone in gone.items() if is_gone and 0 < since.get(path, 0) < before
        ]

        def step(connection: sa.Connection) -> list[str]:
            for moment, paths in ((self.now(), lost), (0.0, back)):
                for path in paths:
                    this = sa.update(sidecars).where(records.at(sidecars, home, path))
                    connection.execute(this.values(gone=moment))
            return [content for path in old for content in records.remove(connection, home, path)]

        if lost or back or old:
            self._contents.remove(self._changed(home, step))

    def sweep(self) -> None:
        """Remove contents that nobody knows, and what is remembered of homes that lost all theirs:
        by now every process has heard of those from before the last time.
        """
        has_some = sa.exists().where(sidecars.c.home == sidecar_homes.c.home)
        old = sidecar_homes.c.revision <= self._swept
        with saying(_UNKEPT), self._engine.begin() as connection:
            connection.execute(sa.delete(sidecar_homes).where(old, ~has_some))
        self._swept = self._seen

        def known() -> list[str]:
            with self._reading() as connection:
                return list(connection.execute(sa.select(sidecars.c.content)).scalars())

        self._contents.sweep(known, self.now())

    def _check_room(self, more: int = 0) -> None:
        size = sa.case((sidecars.c.size > LEAST, sidecars.c.size), else_=LEAST)
        counted = sa.select(sa.func.sum(size))
        written = sa.select(
            sa.func.sum(sa.func.length(sa.cast(sidecar_properties.c.properties, sa.Text)))
        )
        with self._reading() as connection:
            used = sum(connection.execute(each).scalar_one() or 0 for each in (counted, written))
        if used + self._contents.coming + more > self._limit:
            raise Full(
                f"Sidecars may take {self._limit} bytes, and that would be more: delete some, or "
                "raise server.overlay_limit."
            )

    def _changed(
        self, home: str, step: Callable[[sa.Connection], list[str]], *others: str
    ) -> list[str]:
        """Take a `step` in a transaction of its own; what it says is needed no more."""
        with saying(_UNKEPT), self._engine.connect() as connection:
            alone(connection, revisions.SIDECARS)
            left = step(connection)
            revision = revisions.taken(connection, revisions.SIDECARS)
            rows = ({"home": each, "revision": revision} for each in {home, *others})
            upsert(connection, sidecar_homes, *rows)
            connection.commit()
        self.follow()
        return left

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with saying(_UNKEPT), self._looking.connect() as connection:
            yield connection


def known_contents(engine: sa.Engine) -> list[str]:
    """The names of all contents that there are sidecars of."""
    query = sa.select(sidecars.c.content).where(sidecars.c.content != "").distinct()
    with saying(_UNKEPT), engine.connect() as connection:
        return list(connection.execute(query).scalars())


def _beside(rows: list[Sidecar]) -> Beside:
    members: dict[Path, list[Sidecar]] = defaultdict(list)
    for row in rows:
        members[row.path[:-1]].append(row)
    touched = {row.path[:depth] for row in rows for depth in range(len(row.path))}
    return Beside(
        {row.path: row for row in rows},
        {path: tuple(each) for path, each in members.items()},
        frozenset(touched),
    )
