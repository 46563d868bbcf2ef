"""Plank's Media API (logscore/plank).

`store` keeps the promise of all stores over `session`, which knows addresses and logins.
"""

from davstore.stores.plank.session import Settings
from davstore.stores.plank.store import Plank

__all__ = ["Plank", "Settings"]
