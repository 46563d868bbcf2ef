"""The accounts without a server: stores, the catalog over the state folder, and views."""

import time
from collections.abc import Callable, Collection
from functools import partial

from davstore.catalog import (
    Adder,
    Adders,
    Additions,
    Arranged,
    Catalog,
    Editor,
    Giving,
    Kept,
    Leases,
    Linked,
    Links,
    Lookups,
    Outbox,
    Overviews,
    PlaceRecords,
    Records,
    Remover,
    Sidecars,
    Sweeper,
    Turns,
    can_add,
    is_server,
    moment,
    open_database,
)
from davstore.catalog.database.revisions import PAST
from davstore.catalog.database.revisions import SIDECARS as SIDECARS_CHANGED
from davstore.config import AccountSettings, Settings
from davstore.dav.keeping.keeping import Keep
from davstore.model import Folder
from davstore.server.copying import SIDECARS
from davstore.server.opening import open_stores
from davstore.stores import STORES
from davstore.stores.plank.playing import Playing
from davstore.stream import Upstream
from davstore.tally import Tally
from davstore.transport import Reach

HOOKS = "hooks"
"""The task of telling hooks, in leases."""


def upstream(account: AccountSettings, processes: int = 1) -> Upstream:
    """How the file hosts of a configured account may be used by one of so many processes.

    Each has its even part of the connections, and one at least.
    """
    connections = account.connections or STORES[account.store].connections
    connections = max(1, connections // processes)
    return Upstream(Reach(str(account.url)).link, connections, account.read_ahead)


class Library:
    """The accounts without a server: stores and the catalog over the state folder.

    So many `processes` use it together. Raises `StateError` where the folder cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        processes: int = 1,
        tally: Tally | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        state, database = settings.server.state, settings.server.database
        self._engine = open_database(state, now, database=database, is_shared=processes > 1)
        is_shared = processes > 1 or database is not None
        self.stores = open_stores(
            settings, processes, engine=self._engine, tally=tally, now=now, sleep=sleep
        )
        leases = Leases(self._engine, now, moment(self._engine)) if is_shared else None
        self.turns = Turns(leases) if leases else None
        self._leases = leases
        self.outbox = Outbox(self._engine)
        self.records = Records(self._engine)
        self.overviews = Overviews(self._engine)
        self.links = Links(self._engine, now)
        sources = {name: f"{a.store} {a.url}" for name, a in settings.accounts.items()}
        self.catalog = Catalog.opened(
            self.stores,
            sources,
            self.records,
            interval=settings.server.refresh,
            quick=settings.server.refresh_quick,
            slow=settings.server.refresh_slow,
            removal_share=settings.server.removal_share,
            leases=leases,
            playlists=[n for n, a in settings.accounts.items() if getattr(a, "transcode", False)],
            now=now,
        )
        self.kept_for = {n: a.delete_after for n, a in settings.accounts.items() if a.delete}
        self.deletable = frozenset(self.kept_for)
        self.editor = Editor(self.catalog, self.records.edits, now=now)
        self.additions = Additions(self._engine, now)
        self.remover = Remover(
            self.catalog, self.stores, self.kept_for, self.editor, self.records.edits,
            Giving(self.catalog, self.additions), leases=leases, now=now,
        )  # fmt: skip
        self.linked = Linked(
            self.stores, sources, self._engine, learned=self.catalog.learned, now=now
        )
        adders = {
            name: Adder(store, self.additions, known=partial(self.catalog.has, name),
                        refresh=partial(self.catalog.hurry, [name]),
                        look=partial(self.linked.hurry, name))
            for name, store in self.stores.items() if can_add(store)
        }  # fmt: skip
        self.adders = Adders(adders, leases)
        self.arranged = Arranged(
            settings.views, self.catalog.accounts, self.catalog.known,
            PlaceRecords(self._engine), now=now,
        )  # fmt: skip

        self.sidecars = None
        self.sweeper = None
        if settings.server.overlay:
            self.sidecars = Sidecars(
                self._engine, settings.server.state / SIDECARS, settings.server.overlay_limit,
                is_shared=is_shared, now=now,
            )  # fmt: skip
            self.sweeper = Sweeper(
                self.sidecars, self.catalog.accounts, self.catalog.known,
                self.arranged.complete if settings.views else tuple,
            )  # fmt: skip
        self.lookups = Lookups(self.stores, self.catalog.snapshot, now=now)

    @property
    def keep(self) -> Keep | None:
        """Where what clients write down is kept, if not in the state folder."""
        if not is_server(self._engine):
            return None
        return lambda name, room_for: Kept(self._engine, name, room_for=room_for)

    @property
    def players(self) -> dict[str, Playing]:
        """Those of the stores that know where playing has stopped."""
        return {name: each for name, each in self.stores.items() if isinstance(each, Playing)}

    def views(self) -> tuple[Folder, ...] | None:
        """Every view's folder, for somebody who reads; None while no account is known yet."""
        self.catalog.read()
        return self.arranged.folders()

    def tree(self) -> dict[str, Folder]:
        """All folders of accounts and views, by path, for somebody who only watches."""
        found = {
            f"/{name}/magnets": snapshot.magnets
            for name in self.catalog.accounts
            if (snapshot := self.catalog.known(name)) is not None
        }
        return found | {f"/{folder.name}": folder for folder in self.arranged.folders() or ()}

    def follow(self, changed: Collection[str]) -> None:
        """Take over what other processes have changed, which has these names."""
        self.adders.follow(changed)
        self.linked.follow(changed)
        is_anew = PAST in changed
        if is_anew:
            self.arranged.begin_anew()
        if self.sidecars is not None and (is_anew or SIDECARS_CHANGED in changed):
            self.sidecars.follow(anew=is_anew)

    def tells_hooks(self) -> bool:
        """Whether this process is the one that tells hooks."""
        return self._leases is None or self._leases.is_ours(HOOKS)

    def close(self) -> None:
        """Let go of the stores' connections and the catalog's file."""
        self.linked.close()
        self.arranged.close()
        for store in self.stores.values():
            store.close()
        self.records.close()
