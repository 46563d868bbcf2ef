"""What the catalog's file says of each account, for people; nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from davstore.catalog.records import Standing
from davstore.catalog.tables import accounts, files, held_back, magnets
from davstore.model import Magnet, Status

MOST_COMING: Final = 50


@dataclass(frozen=True, slots=True)
class Overview:
    """One account: how it stands, and how much of it there is.

    `shown` magnets stand as folders, with so many `files` and `bytes`; `waiting` ones are ready
    and their files are still to be asked. `doubted` are said to have gone since `doubted_since`,
    which is not believed yet. `coming` are the newest of those at which the service is at work.
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


def overviews(engine: sa.Engine) -> list[Overview]:
    """All accounts of which something is known, by name."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(accounts).order_by(accounts.c.name)).all()
        return [_overview(connection, row) for row in rows]


def _overview(connection: sa.Connection, row: sa.Row[tuple[object, ...]]) -> Overview:
    ready = magnets.c.status == Status.READY.value
    shown = sa.and_(ready, magnets.c.folder.is_not(None), magnets.c.file_count > 0)
    waiting = sa.and_(ready, magnets.c.files_of.is_distinct_from(magnets.c.fingerprint))
    counted = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(shown),
            sa.func.total(magnets.c.file_count).filter(shown),
            sa.func.count().filter(waiting),
        ).where(magnets.c.account == row.name)
    ).one()
    size = sa.select(sa.func.total(files.c.size)).where(files.c.account == row.name)
    doubted = sa.select(sa.func.count(), sa.func.min(held_back.c.since)).where(
        held_back.c.account == row.name
    )
    number, since = connection.execute(doubted).one()
    return Overview(
        name=row.name,
        standing=Standing(row.source, row.marker, row.taken, row.listed, row.skipped,
                          row.error, row.failed),
        magnets=counted[0], shown=counted[1], files=int(counted[2] or 0), waiting=counted[3],
        bytes=int(connection.execute(size).scalar_one()), doubted=number,
        doubted_since=since or 0.0, by_status=_by_status(connection, row.name),
        coming=_coming(connection, row.name),
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
    return tuple(
        Magnet(row.id, row.name, Status(row.status), "", row.hash, row.size, row.progress,
               row.added or None)
        for row in connection.execute(query)
    )  # fmt: skip
