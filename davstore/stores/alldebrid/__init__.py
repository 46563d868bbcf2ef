"""AllDebrid, API v4 and v4.1 (https://docs.alldebrid.com).

`store` keeps the promise of all stores over `api`, which knows keys, pace and errors.
"""

from davstore.stores.alldebrid.magnets import BATCH
from davstore.stores.alldebrid.settings import Settings
from davstore.stores.alldebrid.store import AllDebrid

__all__ = ["BATCH", "AllDebrid", "Settings"]
