"""What a store says of a magnet and its files: film or show, title, year, season and episode."""

import sqlalchemy as sa
from alembic import op

from davstore.catalog.database.dialects import TEXT, WHOLE

revision = "v6"
down_revision = "v5"


def upgrade() -> None:
    """From the schema before."""
    op.add_column("magnets", sa.Column("kind", TEXT, nullable=False, server_default=""))
    op.add_column("magnets", sa.Column("title", TEXT, nullable=False, server_default=""))
    op.add_column("magnets", sa.Column("year", WHOLE))
    op.add_column("files", sa.Column("season", WHOLE))
    op.add_column("files", sa.Column("episode", WHOLE))
