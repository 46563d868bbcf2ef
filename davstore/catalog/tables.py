"""The catalog's tables, and how its file is opened, checked and, if need be, set aside."""

import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from davstore.errors import StateError

log = logging.getLogger(__name__)

FILE_NAME = "catalog.db"
SCHEMA = 5
BUSY_TIMEOUT = 10.0

metadata = sa.MetaData()

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("taken", sa.Float, nullable=False),  # 0: never yet
    sa.Column("marker", sa.Text, nullable=False, server_default=""),
    sa.Column("listed", sa.Float, nullable=False, server_default="0"),  # completely
    sa.Column("skipped", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("failed", sa.Float, nullable=False, server_default="0"),
    sa.Column("asked", sa.Float, nullable=False, server_default="0"),
)

magnets = sa.Table(
    "magnets",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("size", sa.Integer),
    sa.Column("progress", sa.Float),
    sa.Column("added", sa.Float, nullable=False),
    sa.Column("speed", sa.Integer),
    sa.Column("trouble", sa.Text, nullable=False, server_default=""),
    sa.Column("kind", sa.Text, nullable=False, server_default=""),  # "": the store says nothing
    sa.Column("title", sa.Text, nullable=False, server_default=""),
    sa.Column("year", sa.Integer),
    sa.Column("folder", sa.Text),
    sa.Column("files_of", sa.Text),  # the fingerprint at which the files were read
    sa.Column("file_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unsized", sa.Integer, nullable=False, server_default="0"),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("magnet", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("ref", sa.Text, nullable=False),
    sa.Column("size", sa.Integer),
    sa.Column("number", sa.Integer),
    sa.Column("mime", sa.Text, nullable=False),
    sa.Column("video_hash", sa.Text, nullable=False),
    sa.Column("season", sa.Integer),
    sa.Column("episode", sa.Integer),
    sqlite_with_rowid=False,
)

held_back = sa.Table(
    "held_back",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

sizes = sa.Table(
    "sizes",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("size", sa.Integer),
    sa.Column("connections", sa.Integer),
    sa.Column("decoy", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("task", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

places = sa.Table(
    "places",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # a hash, or account/id where there is none
    sa.Column("number", sa.Integer, nullable=False, index=True),  # grows with every change
    sa.Column("name", sa.Text, nullable=False),  # the name by which it was arranged
    sa.Column("stamp", sa.Text, nullable=False),  # of what it was made from
    sa.Column("folders", sa.Text, nullable=False),  # by view, JSON
    sa.Column("paths", sa.LargeBinary, nullable=False),  # by view and file, JSON, deflated
    sa.Column("until", sa.Float),  # when it must be looked at again
    sa.Column("gone", sa.Float, nullable=False, server_default="0"),  # 0: it is there
)

drops = sa.Table(
    "drops",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),  # of the content
    sa.Column("hashes", sa.JSON, nullable=False),  # of the magnets that it asks for
    sa.Column("at", sa.Float, nullable=False),  # when it was last written or named
)

additions = sa.Table(
    "additions",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("link", sa.Text, nullable=False),
    sa.Column("torrent", sa.LargeBinary, nullable=False),
    sa.Column("person", sa.Text, nullable=False),  # who dropped it
    sa.Column("dropped", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),  # why not yet, or not at all
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tried", sa.Float, nullable=False, server_default="0"),
    sa.Column("unsure", sa.Boolean, nullable=False, server_default="0"),  # may be there already
    sa.Column("due", sa.Float, nullable=False, server_default="0"),
    sa.Column("settled", sa.Float, nullable=False, server_default="0"),
    sa.Column("id", sa.Text, nullable=False, server_default=""),  # the store's
)


MIGRATIONS: Final[Mapping[int, Sequence[str]]] = {
    1: (
        "ALTER TABLE accounts ADD COLUMN marker TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE accounts ADD COLUMN listed FLOAT NOT NULL DEFAULT 0",
        "ALTER TABLE accounts ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE accounts ADD COLUMN error TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE accounts ADD COLUMN failed FLOAT NOT NULL DEFAULT 0",
        "ALTER TABLE accounts ADD COLUMN asked FLOAT NOT NULL DEFAULT 0",
        "ALTER TABLE magnets ADD COLUMN file_count INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE magnets ADD COLUMN unsized INTEGER NOT NULL DEFAULT 0",
        "UPDATE magnets SET file_count = (SELECT count(*) FROM files "
        "WHERE files.account = magnets.account AND files.magnet = magnets.id)",
        "UPDATE magnets SET unsized = (SELECT count(*) FROM files WHERE files.size IS NULL "
        "AND files.account = magnets.account AND files.magnet = magnets.id)",
    ),
    2: (
        # The next lines need these two, which a very old file may lack.
        "CREATE TABLE IF NOT EXISTS sizes "
        "(identity TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (identity))",
        "CREATE TABLE IF NOT EXISTS links (account TEXT NOT NULL, ref TEXT NOT NULL, "
        "url TEXT NOT NULL, expires FLOAT NOT NULL, headers JSON NOT NULL, size INTEGER, "
        "connections INTEGER, decoy TEXT NOT NULL, PRIMARY KEY (account, ref)) WITHOUT ROWID",
        "ALTER TABLE magnets ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sizes ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE links ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    ),
    3: (
        "ALTER TABLE magnets ADD COLUMN speed INTEGER",
        "ALTER TABLE magnets ADD COLUMN trouble TEXT NOT NULL DEFAULT ''",
    ),  # those of edit_tables are new; an older davstore would show what was deleted
    4: (
        "ALTER TABLE magnets ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE magnets ADD COLUMN title TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE magnets ADD COLUMN year INTEGER",
        "ALTER TABLE files ADD COLUMN season INTEGER",
        "ALTER TABLE files ADD COLUMN episode INTEGER",
    ),
}
"""What turns a schema into the next one, by its number. New tables are made in any case."""


class _Unusable(Exception):
    """The file is not a catalog that we can read; says why."""


def open_database(folder: Path, now: Callable[[], float], *, is_shared: bool = False) -> sa.Engine:
    """The catalog of the state folder, ready for use; both are made where missing.

    A corrupt file, or one of a newer davstore, is renamed and kept, and a new one begun; not so
    where it `is_shared` with processes that have it open. Raises `StateError` where the folder
    cannot be used.
    """
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
    except _Unusable as reason:
        if is_shared:
            raise StateError(f"{path} {reason}; start davstore again") from None
        aside = path.with_name(f"{FILE_NAME}.set-aside-{int(now())}")
        log.warning("%s %s; kept as %s, beginning a new one", path, reason, aside.name)
        _set_aside(path, aside)
    try:
        return _opened(path)
    except _Unusable as reason:
        raise StateError(f"state folder {str(folder)!r}: a new catalog {reason}") from None


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
            _migrate(connection, path, is_checked=is_checked)
            metadata.create_all(connection)
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


def look_into(folder: Path) -> sa.Engine | None:
    """The catalog of the state folder to be read only, None where there is none.

    Raises `StateError` where it cannot be read; nothing is ever set aside or changed.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    engine = sa.create_engine(
        f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true",
        connect_args={"timeout": BUSY_TIMEOUT},
    )
    try:
        with engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    except DatabaseError as error:
        engine.dispose()
        raise StateError(f"{path}: cannot be read ({error.orig})") from None
    if version != SCHEMA:
        engine.dispose()
        raise StateError(f"{path}: was written by another davstore; start this one's server first")
    return engine


def integrity(folder: Path) -> str:
    """What is wrong with the catalog of the state folder, "" for nothing.

    Raises `StateError` where it cannot be read.
    """
    engine = look_into(folder)
    if engine is None:
        return ""
    try:
        with engine.connect() as connection:
            said = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
    except DatabaseError as error:
        said = str(error.orig)
    finally:
        engine.dispose()
    return "" if said == "ok" else said


@contextmanager
def reading() -> Iterator[None]:
    """What cannot be read from the disk, or makes no sense there, raises `StateError`."""
    try:
        yield
    except (SQLAlchemyError, zlib.error, ValueError) as error:
        reason = getattr(error, "orig", None) or type(error).__name__
        raise StateError(
            f"the catalog cannot be read: {reason}; check the disk of server.state, then start "
            "davstore again"
        ) from None


def _migrate(connection: sa.Connection, path: Path, *, is_checked: bool) -> None:
    """Bring the file to our schema; raises `_Unusable` where that cannot be."""
    _check(connection, is_checked=is_checked)
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version == SCHEMA:
        return
    for step in range(version, SCHEMA) if version else ():
        for statement in MIGRATIONS[step]:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
    if version:
        log.info("%s: brought from schema %d to %d", path, version, SCHEMA)


def _check(connection: sa.Connection, *, is_checked: bool) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > SCHEMA:
        raise _Unusable(f"was written by a newer davstore (schema {version})")
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
