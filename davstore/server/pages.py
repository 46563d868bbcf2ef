"""What the server shows and has done under `/-/`: gives the dashboard its values and functions."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from davstore import logs
from davstore.config import Settings
from davstore.dashboard import Action, Dashboard, Tokens, kept_key, new_key
from davstore.dashboard.desk import Fields
from davstore.dav.keeping import Keep
from davstore.errors import DavstoreError
from davstore.server.explaining import Explainer
from davstore.server.library import Library
from davstore.server.observing import Observer, People
from davstore.server.watch import FOLDER, Watch


class NotDone(DavstoreError):
    """What was asked for on the page cannot be done."""


@dataclass(frozen=True, slots=True)
class Again:
    """Reading the settings again: `read` does it (None: it cannot be done), `restart` names those
    that changed and wait for a restart.
    """

    read: Callable[[], object] | None = None
    restart: Callable[[], list[str]] = list


def _key(settings: Settings, keep: Keep | None) -> bytes:
    """That of all who show the dashboard: of this machine, or of all that share a database."""
    if keep is None:
        return kept_key(settings.server.state / FOLDER / "key")
    kept = keep(FOLDER, None)
    with kept.transact(retry=True):
        key: bytes | None = kept.get("key")
        if key is None:
            key = new_key()
            kept.set("key", key)
    return key


class Pages:
    """The dashboard of a server that has begun, and what it needs."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        watch: Watch,
        again: Again,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._library = library
        self._watch = watch
        self._again = again
        self._people = People(library.stores, now)
        self.scene = Observer(settings, library.overviews, self._people, watch, again.restart, now)
        self.dashboard = Dashboard(
            self.scene,
            Tokens(_key(settings, library.keep), now),
            (
                Action("accept", "They may go with the next listing.", self._accept),
                Action("refuse", "They stay, whatever the service says.", self._refuse),
                Action("refresh", "The services are being asked.", self._refresh),
                Action("reload", "The settings were read again.", self._reload),
                Action("level", "The log says more, or less, from now on.", self._level),
            ),
            explain=Explainer(settings, library, now),
        )

    def close(self) -> None:
        """Ask the services no more."""
        self._people.close()

    def _accept(self, fields: Fields) -> None:
        self._library.catalog.decide(self._account(fields), believe=True)

    def _refuse(self, fields: Fields) -> None:
        self._library.catalog.decide(self._account(fields), believe=False)

    def _refresh(self, fields: Fields) -> None:
        catalog = self._library.catalog
        catalog.ask([self._account(fields)] if "account" in fields else catalog.accounts)

    def _reload(self, _: Fields) -> None:
        if self._again.read is None:
            raise NotDone("this server was started without a configuration; restart it")
        self._again.read()

    def _level(self, fields: Fields) -> None:
        level = fields.get("level", "")
        if level not in logs.LEVELS:
            raise NotDone(f"there is no level {level!r}; known are {', '.join(logs.LEVELS)}")
        self._watch.set_level(level)

    def _account(self, fields: Fields) -> str:
        name = fields.get("account", "")
        if name not in self._settings.accounts:
            raise NotDone(f"there is no account {name!r} any more; open the page again")
        return name
