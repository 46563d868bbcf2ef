"""The tables of what stands in files where one machine has it all, and here where several share
it: what clients write down (`kept`), the bytes of sidecars (`contents`), and logins (`passes`).
"""

import sqlalchemy as sa

from davstore.catalog.database.dialects import TEXT, WHOLE
from davstore.catalog.database.tables import metadata

kept = sa.Table(
    "kept",
    metadata,
    sa.Column("room", TEXT, primary_key=True),
    sa.Column("digest", TEXT, primary_key=True),  # of the key, which no index takes at any length
    sa.Column("key", TEXT, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),  # 0: never
    sa.Column("used", sa.Float, nullable=False),
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("content", TEXT, primary_key=True),
    sa.Column("position", WHOLE, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)

passes = sa.Table(
    "passes",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("source", TEXT, nullable=False),  # the service that it is good for
    sa.Column("token", TEXT, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Column("renewal", sa.JSON, nullable=False),
)
