"""The tables of sidecars. Their content is not in them, but in files beside the catalog."""

import sqlalchemy as sa

from davstore.catalog.database.dialects import TEXT, WHOLE
from davstore.catalog.database.tables import metadata

sidecars = sa.Table(
    "sidecars",
    metadata,
    sa.Column("home", TEXT, primary_key=True),
    sa.Column("path", TEXT, primary_key=True),  # within the home
    sa.Column("content", TEXT, nullable=False),  # the file that has it; "" of a folder
    sa.Column("size", WHOLE, nullable=False),
    sa.Column("modified", sa.Float, nullable=False),
    sa.Column("gone", sa.Float, nullable=False, server_default="0"),  # 0: its place is there
    sqlite_with_rowid=False,
)

sidecar_properties = sa.Table(
    "sidecar_properties",
    metadata,
    sa.Column("home", TEXT, primary_key=True),
    sa.Column("path", TEXT, primary_key=True),
    sa.Column("properties", sa.JSON, nullable=False),  # by name: the element as it was written
    sqlite_with_rowid=False,
)

sidecar_homes = sa.Table(
    "sidecar_homes",
    metadata,
    sa.Column("home", TEXT, primary_key=True),
    sa.Column("revision", WHOLE, nullable=False, index=True),  # of its last change
    sqlite_with_rowid=False,
)
