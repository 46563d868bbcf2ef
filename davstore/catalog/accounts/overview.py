"""What the catalog's file says of each account, for people; nothing here writes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.accounts.doubt import NEVER
from davstore.catalog.accounts.records import Standing, magnet_of, standing_of
from davstore.catalog.changes.audit import Removal, latest, waiting
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import WHOLE, looking, saying
from davstore.catalog.database.tables import accounts, files, held_back, magnets
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
    """What is known of all accounts, as of now. Every method raises `StateError`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = looking(engine)
        self._known: dict[str, tuple[int, Overview]] = {}

    def accounts(self) -> list[Overview]:
        """All of which something is known, by name; counting, which takes long, is done again only
        where something has changed.
        """
        with self._connected() as connection:
            latest = revisions.latest(connection)
            rows = connection.execute(sa.select(accounts).order_by(accounts.c.name)).all()
            now = {row.name: latest.get(revisions.of_magnets(row.name), 0) for row in rows}
            known = {n: k for n, k in self._known.items() if k[0] == now.get(n)}
            fresh = _counted(connection, [row for row in rows if row.name not in known])
            known |= {each.name: (now[each.name], each) for each in fresh}
        self._known = known
        return [replace(known[row.name][1], standing=standing_of(row)) for row in rows]

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
            sa.select(day, sa.func.count(), _sum(magnets.c.size))
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


def _counted(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Iterator[Overview]:
    """The accounts in these `rows`, by as many questions however many they are."""
    if not rows:
        return
    names = [row.name for row in rows]
    ready = magnets.c.status == Status.READY.value
    shown = sa.and_(ready, magnets.c.folder.is_not(None), magnets.c.file_count > 0)
    waiting = sa.and_(ready, magnets.c.files_of.is_distinct_from(magnets.c.fingerprint))
    count, is_open = sa.func.count(), held_back.c.since < NEVER
    counts = _by_account(
        connection, magnets, names, count, count.filter(shown),
        sa.func.coalesce(sa.func.sum(magnets.c.file_count).filter(shown), 0),
        count.filter(waiting),
    )  # fmt: skip
    sizes = _by_account(connection, files, names, _sum(files.c.size))
    doubts = _by_account(
        connection, held_back, names, count.filter(is_open),
        sa.func.coalesce(sa.func.min(held_back.c.since).filter(is_open), 0.0),
        count.filter(~is_open),
    )  # fmt: skip
    statuses, coming = _by_status(connection, names), _coming(connection, names)
    for row in rows:
        name = row.name
        number, of_shown, of_files, of_waiting = counts.get(name, (0, 0, 0, 0))
        doubted, since, kept = doubts.get(name, (0, 0.0, 0))
        yield Overview(
            name, standing_of(row), number, of_shown, int(of_files),
            int(sizes.get(name, (0,))[0]), of_waiting, doubted, since,
            statuses.get(name, {}), tuple(coming.get(name, ())), kept,
        )  # fmt: skip


def _by_account(
    connection: sa.Connection, table: sa.Table, names: Sequence[str],
    *asked: sa.ColumnElement[Any],
) -> dict[str, Sequence[Any]]:  # fmt: skip
    query = sa.select(table.c.account, *asked).where(table.c.account.in_(names))
    rows = connection.execute(query.group_by(table.c.account))
    return {name: row for name, *row in rows}


def _sum(column: sa.Column[int]) -> sa.ColumnElement[float]:
    """Of sizes, as a service may say any: SQLite gives up where whole numbers overflow."""
    return sa.func.coalesce(sa.func.sum(sa.cast(column, sa.Float)), 0.0)


def _by_status(connection: sa.Connection, names: Sequence[str]) -> dict[str, dict[str, int]]:
    by = (magnets.c.account, magnets.c.status)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    query = sa.select(*by, sa.func.count()).where(magnets.c.account.in_(names))
    query = query.group_by(*by).order_by(*by)
    for account, status, number in connection.execute(query):
        found[account][status] = number
    return found


def _coming(connection: sa.Connection, names: Sequence[str]) -> dict[str, list[Magnet]]:
    busy = (Status.QUEUED.value, Status.DOWNLOADING.value, Status.PROCESSING.value)
    newest = magnets.c.added.desc()
    place = sa.func.row_number().over(partition_by=magnets.c.account, order_by=newest)
    wanted = (magnets.c.account.in_(names), magnets.c.status.in_(busy))
    ranked = sa.select(magnets, place.label("place")).where(*wanted).subquery()
    found: dict[str, list[Magnet]] = defaultdict(list)
    query = sa.select(ranked).where(ranked.c.place <= MOST_COMING).order_by(ranked.c.place)
    for row in connection.execute(query):
        found[row.account].append(magnet_of(row))
    return found
