"""What a service is doing with a magnet: how fast, and what keeps it."""

from alembic import op

revision = "v4"
down_revision = "v3"


def upgrade() -> None:
    """From the schema before."""
    op.execute("ALTER TABLE magnets ADD COLUMN speed INTEGER")
    op.execute("ALTER TABLE magnets ADD COLUMN trouble TEXT NOT NULL DEFAULT ''")
