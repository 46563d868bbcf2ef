"""What all accounts hold, kept on disk and published as immutable snapshots.

`tables` and `records` are the disk (SQLAlchemy Core), `holding` is one account in memory with
what it doubts (`doubt`) and the file trees that are loaded when touched (`trees`). `keeper` asks
one store, `refresh` all of them in their time (`pace`). A listing is answered from a snapshot
alone.
"""

from davstore.catalog.holding import Holding
from davstore.catalog.records import Links, Records
from davstore.catalog.refresh import Catalog
from davstore.catalog.tables import open_database

__all__ = ["Catalog", "Holding", "Links", "Records", "open_database"]
