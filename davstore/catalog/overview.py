"""What the catalog's file says of each account, for people; nothing here writes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog import revisions
from davstore.catalog.audit import Removal, latest, waiting
from davstore.catalog.dialects import WHOLE, looking, saying
from davstore.catalog.doubt import NEVER
from davstore.catalog.records import Standing, magnet_of, standing_of
from davstore.catalog.tables import accounts, files, held_back, magnets
from davstore.model import Magnet, Status

MOST_COMING: Final = 50
_UNREAD: Final = "the catalog's numbers cannot be read"


@dataclass(frozen=True, slots=True)
class Overview:
    """One account: how it stands, and how much of it there is.

    `shown` magnets stand as folders, with so many `files` and `bytes`; `waiting` ones are ready
    and their files are still to be asked. `doubted` are said to have gone since `doubted_since`,
    which is not believed yet; `kept` ones are to stay in any case. `coming` are the newest of those
    at which the service is at work.
    """

    name: str
    standing: Standing
    magnets: int
    shown: int
    files: int
    bytes: int
    waiting: int
    doubted: int
    doubted_since: float
    by_status: Mapping[str, int]
    coming: tuple[Magnet, ...]
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Growth:
    """What one `day` (days since 1970) brought: so many magnets, bytes as far as known."""

    day: int
    magnets: int
    bytes: int


class Overviews:
    """The same, asked again and again of an open catalog. Every method raises `StateError`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = looking(engine)
        self._known: dict[str, tuple[int, Overview]] = {}

    def accounts(self) -> list[Overview]:
        """As `overviews`; what has not changed is not counted again, which takes long."""
        with self._connected() as connection:
            latest = revisions.latest(connection)
            return [
                replace(self._counted(connection, row, latest), standing=standing_of(row))
                for row in _accounts(connection)
            ]

    def _counted(
        self, connection: sa.Connection, row: sa.Row[Any], latest: Mapping[str, int]
    ) -> Overview:
        revision = latest.get(revisions.of_magnets(row.name), 0)
        known, found = self._known.get(row.name, (-1, None))
        if found is None or known != revision:
            found = _overview(connection, row)
            self._known[row.name] = revision, found
        return found

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with saying(_UNREAD), self._engine.connect() as connection:
            yield connection

    def magnet(self, account: str, id_: str) -> Magnet | None:
        """One magnet as it is known."""
        which = (magnets.c.account == account, magnets.c.id == id_)
        with self._connected() as connection:
            row = connection.execute(sa.select(magnets).where(*which)).one_or_none()
        return None if row is None else magnet_of(row)

    def named(self, name: str, most: int = 5) -> list[tuple[str, Magnet]]:
        """Magnets that have this name at their service, or as a folder; any case."""
        wanted = name.lower()
        query = (
            sa.select(magnets)
            .where((sa.func.lower(magnets.c.name) == wanted)
                   | (sa.func.lower(magnets.c.folder) == wanted))
            .limit(most)
        )  # fmt: skip
        with self._connected() as connection:
            return [(row.account, magnet_of(row)) for row in connection.execute(query)]

    def growth(self) -> list[Growth]:
        """What each day brought of all that is shown, in order."""
        day = (sa.cast(magnets.c.added, WHOLE) // 86400).label("day")
        query = (
            sa.select(day, sa.func.count(), sa.func.coalesce(sa.func.sum(magnets.c.size), 0))
            .where(magnets.c.status == Status.READY.value).group_by(day).order_by(day)
        )  # fmt: skip
        with self._connected() as connection:
            return [Growth(row[0], row[1], int(row[2])) for row in connection.execute(query)]

    def trash(self) -> dict[str, tuple[int, int]]:
        """How many magnets, by account, are in the trash, and are to be removed now."""
        with saying(_UNREAD):
            return waiting(self._engine)

    def removed(self, most: int = 20) -> Sequence[Removal]:
        """What was removed at the stores, or is about to be; the newest first."""
        with saying(_UNREAD):
            return latest(self._engine, most)

    def held_back(self, account: str, most: int = 50) -> list[str]:
        """The names of magnets whose going waits for a decision; so many at most."""
        query = (
            sa.select(magnets.c.name)
            .join(held_back, (held_back.c.account == magnets.c.account)
                  & (held_back.c.id == magnets.c.id))
            .where(magnets.c.account == account, held_back.c.since < NEVER)
            .order_by(magnets.c.name).limit(most)
        )  # fmt: skip
        with self._connected() as connection:
            return list(connection.execute(query).scalars())


def overviews(engine: sa.Engine) -> list[Overview]:
    """All accounts of which something is known, by name."""
    with engine.connect() as connection:
        return [_overview(connection, row) for row in _accounts(connection)]


def _accounts(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    return connection.execute(sa.select(accounts).order_by(accounts.c.name)).all()


def _overview(connection: sa.Connection, row: sa.Row[Any]) -> Overview:
    ready = magnets.c.status == Status.READY.value
    shown = sa.and_(ready, magnets.c.folder.is_not(None), magnets.c.file_count > 0)
    waiting = sa.and_(ready, magnets.c.files_of.is_distinct_from(magnets.c.fingerprint))
    counted = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(shown),
            sa.func.sum(magnets.c.file_count).filter(shown),
            sa.func.count().filter(waiting),
        ).where(magnets.c.account == row.name)
    ).one()
    size = sa.select(sa.func.coalesce(sa.func.sum(files.c.size), 0)).where(
        files.c.account == row.name
    )
    open_ = held_back.c.since < NEVER
    doubted = sa.select(
        sa.func.count().filter(open_), sa.func.min(held_back.c.since).filter(open_),
        sa.func.count().filter(~open_),
    ).where(held_back.c.account == row.name)  # fmt: skip
    number, since, kept = connection.execute(doubted).one()
    return Overview(
        name=row.name,
        standing=standing_of(row),
        magnets=counted[0], shown=counted[1], files=int(counted[2] or 0), waiting=counted[3],
        bytes=int(connection.execute(size).scalar_one()), doubted=number,
        doubted_since=since or 0.0, by_status=_by_status(connection, row.name),
        coming=_coming(connection, row.name), kept=kept,
    )  # fmt: skip


def _by_status(connection: sa.Connection, account: str) -> dict[str, int]:
    query = (
        sa.select(magnets.c.status, sa.func.count())
        .where(magnets.c.account == account)
        .group_by(magnets.c.status)
        .order_by(magnets.c.status)
    )
    return {status: number for status, number in connection.execute(query)}  # noqa: C416 - rows


def _coming(connection: sa.Connection, account: str) -> tuple[Magnet, ...]:
    busy = (Status.QUEUED.value, Status.DOWNLOADING.value, Status.PROCESSING.value)
    query = (
        sa.select(magnets)
        .where(magnets.c.account == account, magnets.c.status.in_(busy))
        .order_by(magnets.c.added.desc())
        .limit(MOST_COMING)
    )
    return tuple(magnet_of(row) for row in connection.execute(query))
