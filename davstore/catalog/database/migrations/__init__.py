"""Every schema of the state, and how one becomes the next: Alembic's scripts, for both engines.

A schema has a number, as SQLite's file says it too (`user_version`); Alembic calls number 5 "v5".
A new database is made whole, as the tables say, and has the last number. Schemas before 5 were only
ever in SQLite's file, without Alembic's table.

A change of tables: a script in `versions` that follows the last one, and `SCHEMA`. What runs beside
it, in a rolling upgrade, is the davstore before, which may also be started again: a script adds,
with defaults, and takes nothing away. The database says which davstores it is good for.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from davstore.catalog.database.dialects import SERVER, upsert
from davstore.catalog.database.tables import metadata, revisions

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA: Final = 8
READABLE_FROM: Final = 5
"""The oldest schema whose davstore can work with ours: no script since has done anything but add.
"""
_READABLE_FROM: Final = "schema readable from"
"""Its name among the numbers in `revisions`."""

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it itself."""


def number(connection: sa.Connection) -> int:
    """The schema of the database, 0 of a new one."""
    if connection.dialect.name != SERVER:
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if not sa.inspect(connection).has_table("alembic_version"):
        return 0
    said = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return 0 if said is None else int(str(said).removeprefix("v"))


def is_readable(connection: sa.Connection) -> bool:
    """Whether this davstore can work with the database: not where a newer one has changed it so
    that it says no.
    """
    if number(connection) <= SCHEMA:
        return True
    if not sa.inspect(connection).has_table(revisions.name):
        return False
    query = sa.select(revisions.c.value).where(revisions.c.name == _READABLE_FROM)
    oldest = connection.execute(query).scalar_one_or_none()
    return oldest is not None and oldest <= SCHEMA


def without_note() -> sa.Select[Any]:
    """All of `revisions` but the number that no change of anything has made."""
    return sa.select(revisions).where(revisions.c.name != _READABLE_FROM)


def bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables, or change those of an older schema, in the connection's transaction."""
    before = number(connection)
    if before == 0:
        metadata.create_all(connection)
        _version.create(connection, checkfirst=True)
        connection.execute(sa.delete(_version))
        connection.execute(sa.insert(_version).values(version_num=f"v{SCHEMA}"))
    elif before < SCHEMA:
        _migrate(connection, before)
    upsert(connection, revisions, {"name": _READABLE_FROM, "value": READABLE_FROM})
    if connection.dialect.name != SERVER:
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")


def _migrate(connection: sa.Connection, before: int) -> None:
    from alembic import command  # noqa: PLC0415 - it takes memory, and is needed once a release

    config = _config(connection)
    if connection.dialect.name != SERVER:
        command.stamp(config, f"v{before}", purge=True)
    command.upgrade(config, "head")


def _config(connection: sa.Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
