"""One account at AllDebrid."""

import time
from collections.abc import Callable

from davstore.stores.alldebrid.api import Api
from davstore.stores.alldebrid.desk import Desk
from davstore.stores.alldebrid.links import Links
from davstore.stores.alldebrid.login import Login
from davstore.stores.alldebrid.magnets import Magnets
from davstore.stores.alldebrid.settings import Settings
from davstore.stores.passes import Passes
from davstore.tally import Tally
from davstore.transport import Together


class AllDebrid(Magnets, Links, Desk, Login):
    """One AllDebrid account. A file's ref is its locked link; `passes` has a login's key."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        together: Together | None = None,
        tally: Tally | None = None,
        passes: Passes | None = None,
    ) -> None:
        self.name = name
        self._now = now
        self._sleep = sleep
        self._quality = settings.quality
        self._api = Api(name, settings, sleep=sleep, together=together, tally=tally, passes=passes)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()
