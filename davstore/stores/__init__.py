"""The table of stores: a word of the configuration -> its settings and how it is opened.

Adding a store: one module here that keeps the promise of `base`, one row in this table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from davstore.stores import alldebrid, plank, realdebrid, stremthru
from davstore.stores.base import Means, Settings, Store


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of store: the model of its settings, and `open(account name, those, means)`.
    `connections` to its file hosts are used at once where nothing else is configured.
    """

    settings: type[Settings]
    open: Callable[[str, Any, Means], Store]
    connections: int = 8


STORES: Final[Mapping[str, Kind]] = {
    "realdebrid": Kind(realdebrid.Settings, realdebrid.RealDebrid, connections=16),
    "alldebrid": Kind(alldebrid.Settings, alldebrid.AllDebrid, connections=16),
    "stremthru": Kind(stremthru.Settings, stremthru.StremThru),
    "plank": Kind(plank.Settings, plank.Plank),
}
