"""One account at Real-Debrid."""

import time
from collections.abc import Callable

from davstore.stores.login import Invitation
from davstore.stores.passes import Passes
from davstore.stores.realdebrid.api import Api
from davstore.stores.realdebrid.desk import Desk
from davstore.stores.realdebrid.settings import Settings
from davstore.stores.realdebrid.torrents import Torrents
from davstore.tally import Tally
from davstore.transport import Together


class RealDebrid(Torrents, Desk):
    """One Real-Debrid account. `passes` has what a login has brought."""

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
        self._select = settings.select
        self._api = Api(
            name, settings, now=now, sleep=sleep, together=together, tally=tally, passes=passes
        )

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
