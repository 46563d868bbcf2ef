"""The catalog's tables; those of edits, sidecars, links and hooks stand with what uses them."""

import sqlalchemy as sa

from davstore.catalog.database.dialects import TEXT, WHOLE

metadata = sa.MetaData()

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("source", TEXT, nullable=False),
    sa.Column("taken", sa.Float, nullable=False),  # 0: never yet
    sa.Column("marker", TEXT, nullable=False, server_default=""),
    sa.Column("listed", sa.Float, nullable=False, server_default="0"),  # completely
    sa.Column("skipped", WHOLE, nullable=False, server_default="0"),
    sa.Column("error", TEXT, nullable=False, server_default=""),
    sa.Column("failed", sa.Float, nullable=False, server_default="0"),
    sa.Column("asked", sa.Float, nullable=False, server_default="0"),
)

magnets = sa.Table(
    "magnets",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("status", TEXT, nullable=False),
    sa.Column("fingerprint", TEXT, nullable=False),
    sa.Column("hash", TEXT, nullable=False),
    sa.Column("size", WHOLE),
    sa.Column("progress", sa.Float),
    sa.Column("added", sa.Float, nullable=False),
    sa.Column("speed", WHOLE),
    sa.Column("trouble", TEXT, nullable=False, server_default=""),
    sa.Column("kind", TEXT, nullable=False, server_default=""),  # "": the store says nothing
    sa.Column("title", TEXT, nullable=False, server_default=""),
    sa.Column("year", WHOLE),
    sa.Column("folder", TEXT),
    sa.Column("files_of", TEXT),  # the fingerprint at which the files were read
    sa.Column("file_count", WHOLE, nullable=False, server_default="0"),
    sa.Column("unsized", WHOLE, nullable=False, server_default="0"),
    sa.Column("revision", WHOLE, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("magnet", TEXT, primary_key=True),
    sa.Column("position", WHOLE, primary_key=True),
    sa.Column("path", TEXT, nullable=False),
    sa.Column("ref", TEXT, nullable=False),
    sa.Column("size", WHOLE),
    sa.Column("number", WHOLE),
    sa.Column("mime", TEXT, nullable=False),
    sa.Column("video_hash", TEXT, nullable=False),
    sa.Column("season", WHOLE),
    sa.Column("episode", WHOLE),
    sqlite_with_rowid=False,
)

held_back = sa.Table(
    "held_back",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

sizes = sa.Table(
    "sizes",
    metadata,
    sa.Column("identity", TEXT, primary_key=True),
    sa.Column("size", WHOLE, nullable=False),
    sa.Column("revision", WHOLE, nullable=False, server_default="0", index=True),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("ref", TEXT, primary_key=True),
    sa.Column("url", TEXT, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("size", WHOLE),
    sa.Column("connections", WHOLE),
    sa.Column("decoy", TEXT, nullable=False),
    sa.Column("revision", WHOLE, nullable=False, server_default="0", index=True),
    sqlite_with_rowid=False,
)

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("value", WHOLE, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("task", TEXT, primary_key=True),
    sa.Column("holder", TEXT, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

places = sa.Table(
    "places",
    metadata,
    sa.Column("key", TEXT, primary_key=True),  # a hash, or account/id where there is none
    sa.Column("number", WHOLE, nullable=False, index=True),  # grows with every change
    sa.Column("name", TEXT, nullable=False),  # the name by which it was arranged
    sa.Column("stamp", TEXT, nullable=False),  # of what it was made from
    sa.Column("folders", TEXT, nullable=False),  # by view, JSON
    sa.Column("paths", sa.LargeBinary, nullable=False),  # by view and file, JSON, deflated
    sa.Column("until", sa.Float),  # when it must be looked at again
    sa.Column("gone", sa.Float, nullable=False, server_default="0"),  # 0: it is there
)

drops = sa.Table(
    "drops",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("identity", TEXT, nullable=False),  # of the content
    sa.Column("hashes", sa.JSON, nullable=False),  # of the magnets that it asks for
    sa.Column("at", sa.Float, nullable=False),  # when it was last written or named
)

additions = sa.Table(
    "additions",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("hash", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("link", TEXT, nullable=False),
    sa.Column("torrent", sa.LargeBinary, nullable=False),
    sa.Column("person", TEXT, nullable=False),  # who dropped it
    sa.Column("dropped", sa.Float, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False, server_default=""),  # why not yet, or not at all
    sa.Column("tries", WHOLE, nullable=False, server_default="0"),
    sa.Column("tried", sa.Float, nullable=False, server_default="0"),
    sa.Column("unsure", sa.Boolean, nullable=False, server_default="0"),  # may be there already
    sa.Column("due", sa.Float, nullable=False, server_default="0"),
    sa.Column("settled", sa.Float, nullable=False, server_default="0"),
    sa.Column("id", TEXT, nullable=False, server_default=""),  # the store's
)
