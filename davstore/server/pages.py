"""What the server shows and has done under `/-/`: gives the dashboard its values and functions."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from davstore import logs
from davstore.catalog.lookups.finding import Finder
from davstore.config import Settings
from davstore.dashboard import Action, Dashboard, Form, Tokens, kept_key, new_key
from davstore.dav.keeping.keeping import Keep
from davstore.errors import ConfigError, DavstoreError
from davstore.server.explaining import Explainer
from davstore.server.intake import Intake
from davstore.server.library import Library
from davstore.server.observing import Observer, Owners
from davstore.server.trash import Trash
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
        self._owners = Owners(library.stores, now)
        self._trash = Trash(library.catalog, library.editor, library.kept_for)
        places = {name: str(account.url) for name, account in settings.accounts.items()}
        finder = Finder(library.stores, places, library.lookups, now=now)
        self._intake = Intake(library.catalog, library.additions, library.adders, finder)
        self.scene = Observer(
            settings, library, self._owners, watch,
            partial(self._intake.queue, _everything), self._trash, again.restart, now,
        )  # fmt: skip
        self.dashboard = Dashboard(
            self.scene,
            Tokens(_key(settings, library.keep), now),
            self._actions(),
            explain=Explainer(settings, library, now),
            intake=self._intake,
        )

    def _actions(self) -> list[Action]:
        actions = (
            Action("accept", "They may go with the next listing.", self._accept),
            Action("refuse", "They stay, whatever the service says.", self._refuse),
            Action("refresh", "The services are being asked.", self._refresh),
            Action("dismiss", "The service tells it no more.", self._dismiss),
            Action("reload", "The settings were read again.", self._reload),
            Action("level", "The log says more, or less, from now on.", self._level),
            Action("restore", "It is back among the magnets.", self._trash.restore, "delete"),
            Action("purge", "It is being removed at the service.", self._trash.purge, "delete"),
            Action("add", "It is in the queue; below it says how far.", self._intake.add, "add"),
            Action("forget", "It is out of the queue.", self._intake.forget, "add"),
        )  # fmt: skip
        return [replace(each, do=partial(self._done, each.do)) for each in actions]

    def _done(self, do: Callable[[Form], object], form: Form) -> None:
        do(form)
        self.scene.forget()

    def close(self) -> None:
        """Ask the services no more."""
        self._owners.close()

    def _accept(self, form: Form) -> None:
        self._library.catalog.decide(self._account(form), believe=True)

    def _refuse(self, form: Form) -> None:
        self._library.catalog.decide(self._account(form), believe=False)

    def _refresh(self, form: Form) -> None:
        catalog = self._library.catalog
        catalog.ask([self._account(form)] if "account" in form.fields else catalog.accounts)

    def _dismiss(self, form: Form) -> None:
        self._owners.dismiss(self._account(form), form.fields.get("notice", ""))

    def _reload(self, _: Form) -> None:
        if self._again.read is None:
            raise NotDone("this server was started without a configuration; restart it")
        try:
            self._again.read()
        except ConfigError as error:
            problems = "; ".join(map(str, error.problems))
            raise NotDone(f"the settings stay as they were: {problems}") from None

    def _level(self, form: Form) -> None:
        level = form.fields.get("level", "")
        if level not in logs.LEVELS:
            raise NotDone(f"there is no level {level!r}; known are {', '.join(logs.LEVELS)}")
        self._watch.set_level(level)

    def _account(self, form: Form) -> str:
        name = form.fields.get("account", "")
        if name not in self._settings.accounts:
            raise NotDone(f"there is no account {name!r} any more; open the page again")
        return name


def _everything(_account: str) -> bool:
    return True
