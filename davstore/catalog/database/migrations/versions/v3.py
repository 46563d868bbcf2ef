"""Revisions, by which processes notice each other's changes."""

from alembic import op

revision = "v3"
down_revision = "v2"

_STATEMENTS = (
    # The next lines need these two, which a very old file may lack.
    "CREATE TABLE IF NOT EXISTS sizes "
    "(identity TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (identity))",
    "CREATE TABLE IF NOT EXISTS links (account TEXT NOT NULL, ref TEXT NOT NULL, "
    "url TEXT NOT NULL, expires FLOAT NOT NULL, headers JSON NOT NULL, size INTEGER, "
    "connections INTEGER, decoy TEXT NOT NULL, PRIMARY KEY (account, ref)) WITHOUT ROWID",
    "ALTER TABLE magnets ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sizes ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE links ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    """From the schema before."""
    for statement in _STATEMENTS:
        op.execute(statement)
