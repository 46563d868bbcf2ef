"""The tables of what people changed in davstore alone, and of what was removed for them."""

import sqlalchemy as sa

from davstore.catalog.tables import metadata

edits = sa.Table(
    "edits",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("magnet", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False, index=True),
    sa.Column("folder", sa.Text, nullable=False),  # "": it has the name that it was given first
    sa.Column("folder_key", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),  # "": nobody has deleted it
    sa.Column("deleted", sa.Float, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

edited_files = sa.Table(
    "edited_files",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("magnet", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),  # "": it stands where the store has it
    sa.Column("hidden", sa.Float, nullable=False),  # 0: it is not
    sqlite_with_rowid=False,
)

emptied = sa.Table(
    "emptied",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("magnet", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),  # "": the magnet's own folder
    sa.Column("since", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("magnet", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.Integer),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("deleted", sa.Float, nullable=False),  # when a person did so
    sa.Column("began", sa.Float, nullable=False),  # when the store was first asked
    sa.Column("ended", sa.Float, nullable=False),  # 0: not yet
    sa.Column("outcome", sa.Text, nullable=False),
)
