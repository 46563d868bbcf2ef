"""Real-Debrid, REST API 1.0 (https://api.real-debrid.com). Its "torrent" is our magnet.

`store` keeps the promise of all stores over `api`, which knows tokens, pace and errors.
"""

from davstore.stores.realdebrid.settings import Settings
from davstore.stores.realdebrid.store import RealDebrid
from davstore.stores.realdebrid.torrents import PAGE

__all__ = ["PAGE", "RealDebrid", "Settings"]
