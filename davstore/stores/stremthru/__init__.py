"""StremThru, its Store and Torz APIs (https://docs.stremthru.13377001.xyz).

`store` keeps the promise of all stores; its `errors` become ours.
"""

from davstore.stores.stremthru.settings import Settings
from davstore.stores.stremthru.store import StremThru

__all__ = ["Settings", "StremThru"]
