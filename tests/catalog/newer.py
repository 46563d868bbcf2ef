"""What a davstore that does not exist yet does to a database."""

from davstore.catalog.database.migrations import SCHEMA

NEWER = SCHEMA + 1
ADDING = (
    "ALTER TABLE magnets ADD COLUMN invented TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE accounts ADD COLUMN guessed INTEGER",
    "CREATE TABLE inventions (name TEXT NOT NULL PRIMARY KEY, since FLOAT NOT NULL)",
    "INSERT INTO inventions VALUES ('the wheel', 0)",
)
"""A migration as it is promised to be."""


def changed_by_a_newer(schema: int = NEWER, readable_from: int | None = None) -> str:
    """For SQLite: from now on it is one of this `schema`, which none from before `readable_from`
    can read: without that, none but its own.
    """
    return f"PRAGMA user_version = {schema}; {_note(schema, readable_from)};"


def changed_on_server(schema: int = NEWER, readable_from: int | None = None) -> list[str]:
    """The same for PostgreSQL."""
    stamp = f"UPDATE alembic_version SET version_num = 'v{schema}'"  # noqa: S608 - a number
    return [stamp, _note(schema, readable_from)]


def _note(schema: int, readable_from: int | None) -> str:
    oldest = readable_from or schema
    return f"UPDATE revisions SET value = {oldest} WHERE name = 'schema readable from'"  # noqa: S608
