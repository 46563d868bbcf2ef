"""What hooks have still to be told, on disk: a change is there until its hook has taken it.

One process writes changes down; whoever tells a hook takes back what that has heard.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from davstore.catalog.database.dialects import TEXT, WHOLE, alone, saying, upsert
from davstore.catalog.database.tables import metadata
from davstore.model import Change, Was

untold = sa.Table(
    "untold",
    metadata,
    sa.Column("hook", TEXT, primary_key=True),
    sa.Column("path", TEXT, primary_key=True),
    sa.Column("was", TEXT, nullable=False),
    sa.Column("first", sa.Float, nullable=False),
    sa.Column("last", sa.Float, nullable=False),
    sa.Column("times", WHOLE, nullable=False),  # how often it has changed meanwhile
    sqlite_with_rowid=False,
)

deaf = sa.Table(
    "deaf",
    metadata,
    sa.Column("hook", TEXT, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("tries", WHOLE, nullable=False),
    sa.Column("again", sa.Float, nullable=False),  # not before this moment
    sa.Column("error", TEXT, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class Untold:
    """A change that a hook has not heard of: since when, and when it was last seen."""

    change: Change
    first: float
    last: float
    times: int


@dataclass(frozen=True, slots=True)
class Deafness:
    """A hook that could not be told: how often it was tried since when, when again, and why."""

    since: float
    tries: int
    again: float
    error: str


_UNKEPT = "what hooks are to be told cannot be kept"


class Outbox:
    """The two tables. Every method raises `StateError` where the disk fails."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def put(self, hook: str, changes: Iterable[Change], now: float) -> None:
        """A hook is to be told these; what it was still to be told of the same path is merged."""
        with self._writing() as connection:
            for change in changes:
                _merge(connection, hook, change, now)

    def untold(self, hook: str) -> list[Untold]:
        """What a hook has still to be told, by path."""
        query = sa.select(untold).where(untold.c.hook == hook).order_by(untold.c.path)
        with self._reading() as connection:
            return [
                Untold(Change(row.path, Was(row.was)), row.first, row.last, row.times)
                for row in connection.execute(query)
            ]

    def told(self, hook: str, heard: Sequence[Untold]) -> None:
        """A hook has heard these; what has changed again meanwhile stays to be told."""
        with self._writing() as connection:
            for each in heard:
                same = (untold.c.path == each.change.path) & (untold.c.times == each.times)
                connection.execute(sa.delete(untold).where(untold.c.hook == hook, same))
            connection.execute(sa.delete(deaf).where(deaf.c.hook == hook))

    def failed(self, hook: str, deafness: Deafness) -> None:
        """A hook could not be told."""
        values = {
            "hook": hook, "since": deafness.since, "tries": deafness.tries,
            "again": deafness.again, "error": deafness.error,
        }  # fmt: skip
        with self._writing() as connection:
            upsert(connection, deaf, values)

    def deafness(self, hook: str) -> Deafness | None:
        """Why a hook could not be told the last time; None where it could."""
        with self._reading() as connection:
            row = connection.execute(sa.select(deaf).where(deaf.c.hook == hook)).one_or_none()
        return None if row is None else Deafness(row.since, row.tries, row.again, row.error)

    def keep_only(self, hooks: Collection[str]) -> None:
        """Forget the hooks that are configured no more."""
        with self._writing() as connection:
            for table in (untold, deaf):
                connection.execute(sa.delete(table).where(table.c.hook.not_in(hooks)))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with saying(_UNKEPT), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with saying(_UNKEPT), self._engine.begin() as connection:
            alone(connection, "hooks")
            yield connection


def _merge(connection: sa.Connection, hook: str, change: Change, now: float) -> None:
    here = (untold.c.hook == hook) & (untold.c.path == change.path)
    known = connection.execute(sa.select(untold).where(here)).one_or_none()
    if known is None:
        connection.execute(
            sa.insert(untold).values(
                hook=hook, path=change.path, was=change.was.value, first=now, last=now, times=1
            )
        )
        return
    was = _both(Was(known.was), change.was)
    connection.execute(
        sa.update(untold).where(here).values(was=was.value, last=now, times=known.times + 1)
    )


def _both(first: Was, then: Was) -> Was:
    """Two changes of a path as one."""
    if then is Was.REMOVED:
        return then
    return Was.ADDED if first is Was.ADDED else Was.CHANGED
