"""The links that accounts keep beside magnets: asked for when somebody looks, and not before.

What was known last is shown at once, also after a restart; it is asked anew behind the scenes, at
most once in `EVERY` seconds by all processes together.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore import views
from davstore.catalog.dialects import TEXT, WHOLE, alone, reason
from davstore.catalog.tables import metadata
from davstore.errors import StoreError
from davstore.model import File, Folder, Saved
from davstore.stores.base import Store
from davstore.stores.desk import Linking

log = logging.getLogger(__name__)

EVERY = 300.0
AFTER_FAILURE = 60.0

linked = sa.Table(
    "linked",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("position", WHOLE, primary_key=True),
    sa.Column("id", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("ref", TEXT, nullable=False),
    sa.Column("size", WHOLE),
    sa.Column("mime", TEXT, nullable=False),
    sa.Column("added", sa.Float),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("host", TEXT, nullable=False),
    sqlite_with_rowid=False,
)
linked_since = sa.Table(
    "linked_since",
    metadata,
    sa.Column("account", TEXT, primary_key=True),
    sa.Column("source", TEXT, nullable=False),  # the service that said it
    sa.Column("taken", sa.Float, nullable=False),
)


class Linked:
    """The folder of links of each account whose store keeps some.

    `sources` say at which service each account is: links of another are not its own. `learned`
    are sizes by identity, which may grow meanwhile.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        sources: Mapping[str, str],
        engine: sa.Engine,
        *,
        learned: Mapping[str, int] = MappingProxyType({}),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stores = {name: s for name, s in stores.items() if isinstance(s, Linking)}
        self._sources = sources
        self._engine = engine
        self._now = now
        self._lock = threading.Lock()
        self._learned = learned
        self._known: dict[str, tuple[Sequence[Saved], Folder]] = {}
        self._taken = dict.fromkeys(self._stores, 0.0)
        self._next = dict.fromkeys(self._stores, 0.0)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="links")
        for name in self._stores:
            self._load(name)

    @property
    def accounts(self) -> Collection[str]:
        """Those that keep links."""
        return self._stores

    def known(self, account: str) -> Folder | None:
        """The folder as it was last; None while nothing is known, which is asked for then."""
        with self._lock:
            known = self._known.get(account)
        return known[1] if known else self.asked(account)

    def asked(self, account: str) -> Folder | None:
        """The same, for somebody who looks into it: it is asked anew where that is due."""
        with self._lock:
            known = self._known.get(account)
            is_due = self._next[account] <= self._now()
            if is_due:
                self._next[account] = self._now() + EVERY
        if is_due:
            self._threads.submit(self._refresh_quietly, account)
        return known[1] if known else None

    def refresh(self, account: str) -> None:
        """Ask now. Raises `StoreError`."""
        saved = self._stores[account].links()
        taken = self._now()
        self._show(account, saved, taken)
        try:
            self._save(account, saved, taken)
        except SQLAlchemyError as error:
            log.warning("%s: the links cannot be written: %s", account, reason(error))

    def saved(self, account: str) -> Sequence[Saved]:
        """What the account keeps, as was last known."""
        with self._lock:
            known = self._known.get(account)
        return known[0] if known else ()

    def close(self) -> None:
        """Ask nobody any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refresh_quietly(self, account: str) -> None:
        """By us, unless another process has done it lately."""
        try:
            if self._load(account) and self._taken[account] > self._now() - EVERY:
                return
            self.refresh(account)
        except StoreError as error:
            log.warning("%s: links: %s", account, error.reason)
            with self._lock:
                self._next[account] = self._now() + (error.retry_after or AFTER_FAILURE)
        except Exception:
            log.exception("%s: links", account)

    def _show(self, account: str, saved: Sequence[Saved], taken: float) -> None:
        """The same folder as before where nothing has changed: what is prepared of it holds."""
        with self._lock:
            known = self._known.get(account)
            folder = views.links_folder(account, saved, self._learned)
            if known is None or list(known[1].entries.items()) != list(folder.entries.items()):
                self._known[account] = (saved, folder)
            self._taken[account] = taken

    def _load(self, account: str) -> bool:
        """Whether something newer than what we know was on disk."""
        try:
            with self._engine.connect() as connection:
                since = connection.execute(
                    sa.select(linked_since).where(linked_since.c.account == account)
                ).first()
                if since is None or since.source != self._sources[account]:
                    return False
                if since.taken <= self._taken[account]:
                    return False
                rows = connection.execute(
                    sa.select(linked).where(linked.c.account == account).order_by("position")
                ).all()
        except SQLAlchemyError:
            return False
        self._show(account, tuple(map(_saved, rows)), since.taken)
        return True

    def _save(self, account: str, saved: Sequence[Saved], taken: float) -> None:
        rows = [
            {"account": account, "position": at, "id": one.id, "name": one.file.path,
             "ref": one.file.ref, "size": one.file.size, "mime": one.file.mime,
             "added": one.added, "kind": one.kind, "host": one.host}
            for at, one in enumerate(saved)
        ]  # fmt: skip
        with self._engine.begin() as connection:
            alone(connection, "linked")
            connection.execute(sa.delete(linked).where(linked.c.account == account))
            connection.execute(sa.delete(linked_since).where(linked_since.c.account == account))
            if rows:
                connection.execute(sa.insert(linked), rows)
            since = {"account": account, "source": self._sources[account], "taken": taken}
            connection.execute(sa.insert(linked_since), since)


def _saved(row: "sa.Row[tuple[object, ...]]") -> Saved:
    file = File(row.name, row.ref, row.size, mime=row.mime)
    return Saved(row.id, file, row.added, row.kind, row.host)
