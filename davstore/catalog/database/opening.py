"""How the state is opened: a file in the state folder, checked and, if need be, set aside; or a
database that several machines share.
"""

import logging
import os
import sqlite3
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from davstore.catalog.database.dialects import (
    alone,
    introduce,
    is_server,
    looking,
    past,
    patient,
    reason,
    remember_past,
    teller_of,
    telling,
)
from davstore.catalog.database.migrations import SCHEMA, bring_up_to_date, is_readable, number
from davstore.config import Database
from davstore.errors import DatabaseAway, StateError

if TYPE_CHECKING:
    from davstore.catalog.database.listening import Listener
    from davstore.catalog.database.postgres import Pool

log = logging.getLogger(__name__)

Engine: TypeAlias = sa.Engine

FILE_NAME: Final = "catalog.db"
BUSY_TIMEOUT = 10.0
MIGRATE_WITHIN: Final = 600
"""Seconds that one statement of a migration may take."""
_SHARED: Final = "the database of server.state_url"


class _Unusable(Exception):
    """The file is not a catalog that we can read; says why."""


def open_database(
    folder: Path,
    now: Callable[[], float],
    *,
    database: Database | None = None,
    is_shared: bool = False,
) -> sa.Engine:
    """The state in `folder`, or in the `database` where there is one, ready for use: made where it
    is missing, and brought up to date where an older davstore made it.

    A corrupt file, or one of a newer davstore, is renamed and kept, and a new one begun; not so
    where it `is_shared` with processes that have it open, and never a database. Raises
    `StateError` where it cannot be used, `DatabaseAway` where that may pass.
    """
    if database is not None:
        return _server(database)
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The catalog holds links: nobody else may read it, nor the files that SQLite adds to it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StateError(
            f"state folder {str(folder)!r}: {error.strerror}; make it writable or set server.state"
        ) from None
    try:
        return _opened(path, is_checked=is_shared)
    except _Unusable as why:
        if is_shared:
            raise StateError(f"{path} {why}; start davstore again") from None
        aside = path.with_name(f"{FILE_NAME}.set-aside-{int(now())}")
        log.warning("%s %s; kept as %s, beginning a new one", path, why, aside.name)
        _set_aside(path, aside)
    try:
        return _opened(path)
    except _Unusable as why:
        raise StateError(f"state folder {str(folder)!r}: a new catalog {why}") from None


def look_into(folder: Path, database: Database | None = None) -> sa.Engine | None:
    """The state to be read only, None where there is none.

    Raises `StateError` where it cannot be read; nothing is ever set aside or changed.
    """
    if database is not None:
        engine, name = _connecting(database), _SHARED
    else:
        path = folder / FILE_NAME
        if not path.exists():
            return None
        name = str(path)
        engine = sa.create_engine(
            f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true",
            connect_args={"timeout": BUSY_TIMEOUT},
            hide_parameters=True,  # they hold links
        )
    try:
        with engine.connect() as connection:
            version, is_ours = number(connection), is_readable(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StateError(f"{name}: cannot be read ({reason(error)})") from None
    if version >= SCHEMA and is_ours:
        return engine
    engine.dispose()
    if version == 0 and database is not None:
        return None
    raise StateError(f"{name}: was written by another davstore; start this one's server first")


def integrity(folder: Path, database: Database | None = None) -> str:
    """What is wrong with the state, "" for nothing: of a server's database, that it answers.

    Raises `StateError` where it cannot be read.
    """
    engine = look_into(folder, database)
    if engine is None or database is not None:
        return ""
    try:
        with engine.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
    except DatabaseError as error:
        said = str(error.orig)
    finally:
        engine.dispose()
    return "" if said == "ok" else said


def pool_of(engine: Engine) -> "Pool | None":
    """The connections of a database that machines share, for who counts calls; of a file, None."""
    if not is_server(engine):
        return None
    from davstore.catalog.database.postgres import Pool  # noqa: PLC0415 - its driver is an extra

    return Pool(engine)


def listener_of(engine: Engine, told: Callable[[Collection[str]], object]) -> "Listener | None":
    """Who has `told` what other processes change; None where nobody can tell."""
    if not teller_of(engine):
        return None
    from davstore.catalog.database.listening import Listener  # noqa: PLC0415 - as above

    return Listener(engine, told)


def _server(database: Database) -> sa.Engine:
    engine = _connecting(database)
    try:
        with engine.begin() as connection:
            if number(connection) < SCHEMA:
                _change_tables(connection)
            _usable_schema(connection, _SHARED)
        _introduce(engine)
        _remember_past(engine)
    except (SQLAlchemyError, _Unusable) as error:
        engine.dispose()
        why = str(error) if isinstance(error, _Unusable) else f"cannot be used ({reason(error)})"
        cure = "start that one" if isinstance(error, _Unusable) else "check its address and login"
        kind = DatabaseAway if isinstance(error, OperationalError) else StateError
        raise kind(f"{_SHARED} {why}; {cure}") from None
    return engine


def _change_tables(connection: sa.Connection) -> None:
    """Of several that start at once, one does so; the others wait for it, and find them changed."""
    with patient(connection, MIGRATE_WITHIN):
        alone(connection, "schema")
        _migrate(connection, _SHARED)


def _introduce(engine: sa.Engine) -> None:
    """Have it tell others of its changes, where the database knows how to: CockroachDB does not."""
    silent = engine.execution_options()
    introduce(silent, uuid.uuid4().hex)
    try:
        with looking(silent).connect() as connection:
            connection.execute(sa.select(*telling(connection, "")))
    except OperationalError:
        raise
    except DatabaseError as error:
        log.debug("the database tells nobody of changes: %s", reason(error))
        return
    introduce(engine, teller_of(silent))


def _remember_past(engine: sa.Engine) -> None:
    """Where it knows of one, as PostgreSQL does that writes its changes down for standbys."""
    try:
        with looking(engine).connect() as connection:
            connection.execute(sa.select(past()))
    except DatabaseError as error:
        log.debug("the database does not tell whether it took another's place: %s", reason(error))
        return
    remember_past(engine)


def _connecting(database: Database) -> sa.Engine:
    """The driver of PostgreSQL is loaded where it is needed alone: it is an extra."""
    try:
        from davstore.catalog.database.postgres import connecting  # noqa: PLC0415 - as above
    except ImportError:
        raise StateError(
            "server.state_url needs PostgreSQL's driver; `pip install 'davstore[postgres]'` has it"
        ) from None
    return connecting(database)


def _opened(path: Path, *, is_checked: bool = False) -> sa.Engine:
    engine = sa.create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_TIMEOUT},
        hide_parameters=True,  # they hold links
        max_overflow=-1,
    )
    sa.event.listen(engine, "connect", _tune)
    try:
        with engine.begin() as connection:
            _check(connection, str(path), is_checked=is_checked)
            if number(connection) < SCHEMA:
                alone(connection, "schema")
                _migrate(connection, str(path))
    except OperationalError as error:
        engine.dispose()
        raise StateError(
            f"{path}: {error.orig}; is another program using it, or the disk full?"
        ) from None
    except DatabaseError as error:
        engine.dispose()
        raise _Unusable(f"cannot be read ({error.orig})") from None
    except _Unusable:
        engine.dispose()
        raise
    return engine


def _migrate(connection: sa.Connection, name: str) -> None:
    """Bring the database to our schema."""
    version = number(connection)
    if version < SCHEMA:
        bring_up_to_date(connection)
        if version:
            log.info("%s: brought from schema %d to %d", name, version, SCHEMA)


def _usable_schema(connection: sa.Connection, name: str) -> None:
    """Raises `_Unusable` where its schema is of no use to us."""
    version = number(connection)
    if not is_readable(connection):
        raise _Unusable(f"was written by a newer davstore (schema {version})")
    if version > SCHEMA:
        log.info("%s: is a newer davstore's (schema %d), which this one can use", name, version)


def _check(connection: sa.Connection, name: str, *, is_checked: bool) -> None:
    _usable_schema(connection, name)
    if is_checked:  # by the process that started us
        return
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
        raise _Unusable("is corrupt")


def _tune(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _set_aside(path: Path, aside: Path) -> None:
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
