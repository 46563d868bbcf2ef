"""What all accounts hold, kept on disk and published as immutable snapshots.

`tables`, `records` and `link_records` are the disk (SQLAlchemy Core): `database` opens it, a file
or a server (`postgres`), whose words are in `dialects`; `migrations` know every schema, and
`copying` moves it all. `kept`, `pass_records` and `stored_contents` (`shared_tables`) are what
stands in files beside it where one machine has everything. `holding` is one account in memory with
what it doubts (`doubt`) and the file trees that are loaded when touched (`trees`, `ahead`).
`keeper` asks one store, `refresh` all of them in their time (`schedule`, `pace`). A listing is
answered from a snapshot alone. Several processes of one server share it all by `leases` and
`revisions`; `sharing` is what each does about that, `listening` hears of it where the database can
tell. `lookups` are folders that ask a service when they are opened, `finding` searches all of them.
`additions` is what people have dropped, `adding` what becomes of it in one account, `adders` in
all. `arranged` puts the magnets of all accounts (`sources`) into views: `branches` are their
folders, `shown` the files in them, `places` what is remembered of that on disk. `edits` are what
people changed in davstore alone (`edit_tables`, `edit_records`, `edited`), `editor` is how, and
`remover` removes at the stores what they deleted, writing the `audit`, but nothing that is still on
its way to another account (`giving`). `linked` are the links that accounts keep beside magnets.
`sidecars` are what people write beside magnets' files (`contents` are the bytes of these,
`sidecar_tables` and `sidecar_records` their names and properties), each at its home (`homes`).
`lock` keeps a second server away, `overview` tells people how it all stands. `differences` says
which folders two snapshots differ in, `outbox` keeps what hooks have still to be told of that.
`export` writes all down, and `importing` queues what was written.
"""

from davstore.catalog.adders import Adders
from davstore.catalog.adding import Adder, can_add
from davstore.catalog.additions import Addition, Additions, Drop, State
from davstore.catalog.arranged import Arranged
from davstore.catalog.contents import Contents
from davstore.catalog.copying import copied
from davstore.catalog.database import Engine, integrity, look_into, open_database, pool_of
from davstore.catalog.dialects import is_server, moment
from davstore.catalog.differences import differences, folded
from davstore.catalog.edit_records import NameTaken
from davstore.catalog.editor import Editor, NotThere
from davstore.catalog.giving import Giving, moved_to
from davstore.catalog.homes import Sweeper, home_in, home_of
from davstore.catalog.kept import Kept, rooms
from davstore.catalog.leases import Leases, Turns
from davstore.catalog.link_records import Links
from davstore.catalog.linked import Linked
from davstore.catalog.lock import only_server, server_of
from davstore.catalog.lookups import Lookups
from davstore.catalog.migrations import SCHEMA
from davstore.catalog.outbox import Deafness, Outbox, Untold
from davstore.catalog.overview import Growth, Overview, Overviews
from davstore.catalog.pass_records import PassRecord, passes_of
from davstore.catalog.places import PlaceRecords
from davstore.catalog.records import Records
from davstore.catalog.refresh import Catalog
from davstore.catalog.remover import Remover
from davstore.catalog.shown import magnet_of, owner
from davstore.catalog.sidecar_records import Sidecar, Written
from davstore.catalog.sidecars import Beside, Sidecars, Vanished, known_contents
from davstore.catalog.stored_contents import StoredContents

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
