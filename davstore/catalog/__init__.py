"""What all accounts hold, kept on disk and published as immutable snapshots.

`tables` and `records` are the disk (SQLAlchemy Core), `holding` is one account in memory with
what it doubts (`doubt`) and the file trees that are loaded when touched (`trees`). `keeper` asks
one store, `refresh` all of them in their time (`schedule`, `pace`). A listing is answered from a
snapshot alone. Several processes of one server share it all by `leases` and `revisions`; `sharing`
is what each does about that. `arranged` puts the magnets of all accounts into views: `branches` are
their folders, `shown` the files in them, `places` what is remembered of that on disk. `lock` keeps
a second server away, `overview` tells people how it all stands.
"""

from davstore.catalog.arranged import Arranged
from davstore.catalog.holding import Holding
from davstore.catalog.leases import Leases, Turns
from davstore.catalog.lock import only_server, server_of
from davstore.catalog.overview import Growth, Overview, Overviews, overviews
from davstore.catalog.places import PlaceRecords
from davstore.catalog.records import Links, Records
from davstore.catalog.refresh import Catalog
from davstore.catalog.shown import owner
from davstore.catalog.tables import integrity, look_into, open_database

__all__ = [
    "Arranged",
    "Catalog",
    "Growth",
    "Holding",
    "Leases",
    "Links",
    "Overview",
    "Overviews",
    "PlaceRecords",
    "Records",
    "Turns",
    "integrity",
    "look_into",
    "only_server",
    "open_database",
    "overviews",
    "owner",
    "server_of",
]
