"""What SQLite and PostgreSQL say differently. All else here is SQLAlchemy's common SQL."""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from davstore.errors import DavstoreError, StateError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

SERVER = "postgresql"
"""What SQLAlchemy calls the engine that several machines may share."""
CHANNEL: Final = "davstore"
"""Where PostgreSQL hands on what is told; it is a database's own."""
_TELLER: Final = "davstore_teller"
_HAS_PAST: Final = "davstore_has_past"


class _Words(sa.TypeDecorator[str]):
    """PostgreSQL's text, which takes no NUL: what a service sends with one is kept without."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """What is sent."""
        del dialect
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if value else value


TEXT = sa.Text().with_variant(_Words(collation="C"), SERVER)
"""Text that is compared and put in order by its code points, as SQLite does."""
WHOLE = sa.Integer().with_variant(sa.BigInteger(), SERVER)
"""A whole number of at least 64 bits."""


def is_server(engine: sa.Engine) -> bool:
    """Whether it is a database that other machines may share; else it is a file."""
    return engine.dialect.name == SERVER


def inserting(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT; name what conflicts by `index_elements`."""
    if connection.dialect.name == SERVER:
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - it takes memory

        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(connection: sa.Connection, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    """Write `rows`, which name the same columns, in place of those with their primary keys."""
    if not rows:
        return
    statement, key = inserting(connection, table), table.primary_key.columns
    others = {name: statement.excluded[name] for name in rows[0] if name not in key}
    statement = statement.on_conflict_do_update(index_elements=key, set_=others)
    connection.execute(statement, list(rows))


def for_each(
    engine: sa.Engine, query: sa.Select[Any], column: sa.ColumnElement[str], values: str
) -> sa.Select[Any]:
    """The rows of `query` whose `column`, which an index finds, has one of those in the parameter
    that is called `values`.

    PostgreSQL is left no choice but to go by that index value by value: until it has gathered
    statistics of a table that was just filled, it would read all of an account's rows instead.
    """
    if not is_server(engine):
        return query.where(column.in_(sa.bindparam(values, expanding=True)))
    from sqlalchemy.dialects.postgresql import ARRAY  # noqa: PLC0415 - it takes memory

    array = sa.bindparam(values, type_=ARRAY(sa.Text))
    wanted = sa.func.unnest(array).table_valued("value").render_derived()
    # Its OFFSET keeps the planner from joining the two in a way of its own.
    found = query.where(column == wanted.c.value).offset(sa.literal_column("0")).lateral("found")
    return sa.select(found).select_from(wanted.join(found, sa.true()))


def written(
    connection: sa.Connection, statement: sa.Insert, rows: Sequence[Mapping[str, Any]] | None = None
) -> int:
    """How many rows an INSERT has written: none where one conflicts and its `where` says no."""
    result = connection.execute(statement, rows, execution_options={"preserve_rowcount": True})
    found: int = result.rowcount
    return found


def alone(connection: sa.Connection, what: str) -> None:
    """From here to the end of its transaction, it alone changes `what`: read, decide, write.

    SQLite has one writer at a time for everything.
    """
    if connection.dialect.name == SERVER:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock_number(what))))
    elif not _has_begun(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def lock_number(what: str) -> int:
    """PostgreSQL's advisory locks have numbers of 64 bits, for the whole database."""
    digest = blake2b(f"davstore {what}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _has_begun(connection: sa.Connection) -> bool:
    """Whether the transaction has written, and so is the only one that may."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


@contextmanager
def patient(connection: sa.Connection, seconds: int) -> Iterator[None]:
    """What is asked in here, in its transaction, may take so many seconds each: it changes much."""
    if connection.dialect.name != SERVER:
        yield
        return
    for bound in ("statement_timeout", "lock_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {bound} = '{seconds}s'")
    driver: Any = connection.connection.driver_connection
    driver.patience = seconds
    try:
        yield
    finally:
        driver.patience = 0


def durable(connection: sa.Connection) -> None:
    """Have this transaction on the disk before it is said to be done; PostgreSQL always does so."""
    if connection.dialect.name != SERVER:
        connection.exec_driver_sql("PRAGMA synchronous = FULL")


def looking(engine: sa.Engine) -> sa.Engine:
    """The same for single SELECTs, which need no transaction: a server is asked once."""
    return engine.execution_options(isolation_level="AUTOCOMMIT") if is_server(engine) else engine


def moment(engine: sa.Engine) -> sa.ColumnElement[float] | None:
    """The time by which machines that share the database agree, which is its own, as a part of
    what it is asked; None for a file.
    """
    if not is_server(engine):
        return None
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)


def introduce(engine: sa.Engine, teller: str) -> None:
    """From here on all that is done over `engine` tells the others, as `teller`."""
    engine.update_execution_options(**{_TELLER: teller})


def teller_of(engine: sa.Engine | sa.Connection) -> str:
    """As whom it tells, "" where nobody can be told."""
    found: str = engine.get_execution_options().get(_TELLER, "")
    return found


def remember_past(engine: sa.Engine) -> None:
    """From here on who asks over `engine` may ask for its `past` too."""
    engine.update_execution_options(**{_HAS_PAST: True})


def has_past(connection: sa.Connection) -> bool:
    """Whether that may be asked."""
    found: bool = connection.get_execution_options().get(_HAS_PAST, False)
    return found


def telling(connection: sa.Connection, what: str) -> list[sa.ColumnElement[Any]]:
    """To be returned by a statement of a transaction, at whose end others are told `what`; no
    sooner, and not at all where that is taken back.

    https://www.postgresql.org/docs/current/sql-notify.html
    """
    teller = teller_of(connection)
    if not teller:
        return []
    return [sa.cast(sa.func.pg_notify(CHANNEL, f"{teller} {what}"), sa.Text).label("told")]


def past() -> sa.ColumnElement[int]:
    """Which past a database has, as a part of what it is asked: another one since a standby took
    its place, which may lack what was written last. 0 where it follows another.

    https://www.postgresql.org/docs/current/continuous-archiving.html, timelines
    """
    return sa.literal_column(
        "CASE WHEN pg_is_in_recovery() THEN 0 ELSE "
        "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END",
        sa.BigInteger,
    )


def reason(error: Exception) -> str:
    """What the database says, in one line and without what was sent to it; of ours, what it is."""
    if not isinstance(error, SQLAlchemyError):
        return str(error) if isinstance(error, DavstoreError) else type(error).__name__
    said = str(getattr(error, "orig", None) or "").strip().partition("\n")[0]
    return said or type(error).__name__


def cure(error: Exception) -> str:
    """What a person can do about it."""
    said = error.orig if isinstance(error, DBAPIError) else None
    if said is None or isinstance(said, sqlite3.Error):
        return "check the disk of server.state, then start davstore again"
    return "check the database of server.state_url; it is used again as soon as it answers"


@contextmanager
def saying(what: str) -> Iterator[None]:
    """What the database refuses within, as a `StateError` that says `what` cannot be done."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StateError(f"{what}: {reason(error)}") from None


@contextmanager
def reading() -> Iterator[None]:
    """What cannot be read, or makes no sense there, raises `StateError`."""
    try:
        yield
    except (SQLAlchemyError, zlib.error, ValueError) as error:
        raise StateError(f"the catalog cannot be read: {reason(error)}; {cure(error)}") from None
