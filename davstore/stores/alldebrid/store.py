"""One account at AllDebrid."""

from davstore.stores.alldebrid.api import Api
from davstore.stores.alldebrid.desk import Desk
from davstore.stores.alldebrid.links import Links
from davstore.stores.alldebrid.login import Login
from davstore.stores.alldebrid.magnets import Magnets
from davstore.stores.alldebrid.settings import Settings
from davstore.stores.base import USUAL, Means


class AllDebrid(Magnets, Links, Desk, Login):
    """One AllDebrid account. A file's ref is its locked link."""

    def __init__(self, name: str, settings: Settings, means: Means = USUAL) -> None:
        self.name = name
        self._now = means.now
        self._sleep = means.sleep
        self._quality = settings.quality
        self._api = Api(name, settings, means)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()
