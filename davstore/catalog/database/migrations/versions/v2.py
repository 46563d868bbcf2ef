"""How an account stands, and how many files each magnet has."""

from alembic import op

revision = "v2"
down_revision = "v1"

_STATEMENTS = (
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
)


def upgrade() -> None:
    """From the schema before."""
    for statement in _STATEMENTS:
        op.execute(statement)
