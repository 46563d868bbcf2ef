"""What all accounts hold, kept on disk and published as immutable snapshots.

A listing is answered from a snapshot alone. The way down:
    lookups   folders that ask a service when they are opened, links beside magnets, searching
    editing   deleting and renaming; removing at the stores what was deleted
    adding    what was dropped, and what becomes of it; export and import
    accounts  one account (`keeper`, `holding`), all in their time (`refresh`), by whom (`sharing`)
    arranged  the views over all accounts, and what differs between two moments
    sidecars  what people write beside magnets' files      shelves  what other rooms keep here
    changes   what people changed, and the audit           folders  trees, loaded when touched
    database  SQLite or PostgreSQL: opened, brought up to date, shared with other processes
              (`leases`: who does what; `revisions`, `listening`: what others have changed)
"""

from davstore.catalog.accounts.overview import Growth, Overview, Overviews
from davstore.catalog.accounts.records import Records
from davstore.catalog.accounts.refresh import Catalog
from davstore.catalog.adding.adders import Adders
from davstore.catalog.adding.adding import Adder, can_add
from davstore.catalog.adding.additions import Addition, Additions, Drop, State
from davstore.catalog.arranged.arranged import Arranged
from davstore.catalog.arranged.differences import differences, folded
from davstore.catalog.arranged.homes import Sweeper, home_in, home_of
from davstore.catalog.arranged.places import PlaceRecords
from davstore.catalog.arranged.shown import magnet_of, owner
from davstore.catalog.changes.edit_records import NameTaken
from davstore.catalog.database.copying import copied
from davstore.catalog.database.dialects import is_server, moment
from davstore.catalog.database.leases import Leases, Turns
from davstore.catalog.database.lock import only_server, server_of
from davstore.catalog.database.migrations import SCHEMA
from davstore.catalog.database.opening import Engine, integrity, look_into, open_database, pool_of
from davstore.catalog.editing.editor import Editor, NotThere
from davstore.catalog.editing.giving import Giving, moved_to
from davstore.catalog.editing.remover import Remover
from davstore.catalog.lookups.linked import Linked
from davstore.catalog.lookups.lookups import Lookups
from davstore.catalog.shelves.kept import Kept, rooms
from davstore.catalog.shelves.link_records import Links
from davstore.catalog.shelves.outbox import Deafness, Outbox, Untold
from davstore.catalog.shelves.pass_records import PassRecord, passes_of
from davstore.catalog.sidecars.contents import Contents
from davstore.catalog.sidecars.sidecar_records import Sidecar, Written
from davstore.catalog.sidecars.sidecars import Beside, Sidecars, Vanished, known_contents
from davstore.catalog.sidecars.stored_contents import StoredContents

__all__ = [
    "SCHEMA",
    "Adder",
    "Adders",
    "Addition",
    "Additions",
    "Arranged",
    "Beside",
    "Catalog",
    "Contents",
    "Deafness",
    "Drop",
    "Editor",
    "Engine",
    "Giving",
    "Growth",
    "Kept",
    "Leases",
    "Linked",
    "Links",
    "Lookups",
    "NameTaken",
    "NotThere",
    "Outbox",
    "Overview",
    "Overviews",
    "PassRecord",
    "PlaceRecords",
    "Records",
    "Remover",
    "Sidecar",
    "Sidecars",
    "State",
    "StoredContents",
    "Sweeper",
    "Turns",
    "Untold",
    "Vanished",
    "Written",
    "can_add",
    "copied",
    "differences",
    "folded",
    "home_in",
    "home_of",
    "integrity",
    "is_server",
    "known_contents",
    "look_into",
    "magnet_of",
    "moment",
    "moved_to",
    "only_server",
    "open_database",
    "owner",
    "passes_of",
    "pool_of",
    "rooms",
    "server_of",
]
