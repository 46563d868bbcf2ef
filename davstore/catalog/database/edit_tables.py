"""The tables of what people changed in davstore alone, and of what was removed for them."""

import sqlalchemy as sa

from davstore.catalog.database.dialects import TEXT, WHOLE
from davstore.catalog.database.tables import metadata

edits = sa.Table(
    "edits",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("magnet", TEXT, primary_key=True),
    sa.Column("revision", WHOLE, nullable=False, index=True),
    sa.Column("folder", TEXT, nullable=False),  # "": it has the name that it was given first
    sa.Column("folder_key", TEXT, nullable=False),
    sa.Column("stage", TEXT, nullable=False),  # "": nobody has deleted it
    sa.Column("deleted", sa.Float, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("who", TEXT, nullable=False),
    sa.Column("why", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

edited_files = sa.Table(
    "edited_files",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("magnet", TEXT, primary_key=True),
    sa.Column("identity", TEXT, primary_key=True),
    sa.Column("path", TEXT, nullable=False),  # "": it stands where the store has it
    sa.Column("hidden", sa.Float, nullable=False),  # 0: it is not
    sqlite_with_rowid=False,
)

emptied = sa.Table(
    "emptied",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("magnet", TEXT, primary_key=True),
    sa.Column("path", TEXT, primary_key=True),  # "": the magnet's own folder
    sa.Column("since", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", WHOLE, primary_key=True, autoincrement=True),
    sa.Column("account", TEXT, nullable=False),
    sa.Column("magnet", TEXT, nullable=False),
    sa.Column("hash", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("size", WHOLE),
    sa.Column("who", TEXT, nullable=False),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("deleted", sa.Float, nullable=False),  # when a person did so
    sa.Column("began", sa.Float, nullable=False),  # when the store was first asked
    sa.Column("ended", sa.Float, nullable=False),  # 0: not yet
    sa.Column("outcome", TEXT, nullable=False),
)
sa.Index("ix_audit_ended", audit.c.ended, audit.c.account, audit.c.magnet)
