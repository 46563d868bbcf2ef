"""What clients write about sidecars."""

import sqlalchemy as sa
from alembic import op

from davstore.catalog.database.dialects import TEXT

revision = "v7"
down_revision = "v6"


def upgrade() -> None:
    """From the schema before."""
    op.create_table(
        "sidecar_properties",
        sa.Column("home", TEXT, primary_key=True),
        sa.Column("path", TEXT, primary_key=True),
        sa.Column("properties", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
