"""One account at Real-Debrid."""

from davstore.stores.base import USUAL, Means
from davstore.stores.login import Invitation
from davstore.stores.realdebrid.api import Api
from davstore.stores.realdebrid.desk import Desk
from davstore.stores.realdebrid.settings import Settings
from davstore.stores.realdebrid.torrents import Torrents


class RealDebrid(Torrents, Desk):
    """One Real-Debrid account."""

    def __init__(self, name: str, settings: Settings, means: Means = USUAL) -> None:
        self.name = name
        self._now = means.now
        self._select = settings.select
        self._api = Api(name, settings, means)

    def invite(self) -> Invitation:
        """A code for Real-Debrid's page."""
        return self._api.invite()

    def accepted(self, invitation: Invitation) -> bool:
        """Whether it was typed there."""
        return self._api.accepted(invitation)

    def log_out(self) -> None:
        """`GET /disable_access_token`, and no pass any more whatever that says."""
        try:
            self._api.get("/disable_access_token")
        finally:
            self._api.forget()

    def close(self) -> None:
        """Close all connections."""
        self._api.close()
