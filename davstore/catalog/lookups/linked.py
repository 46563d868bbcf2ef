"""The links that accounts keep beside magnets: asked for when somebody looks, and not before.

What was known last is shown at once, also after a restart; it is asked anew behind the scenes, at
most once in `EVERY` seconds by all processes together, and when links were added. What is deleted
is forgotten by the service, or where that cannot forget it alone, hidden here until it is used
anew.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore import views
from davstore.catalog.changes import audit
from davstore.catalog.changes.edits import Edit
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import TEXT, WHOLE, alone, looking, reason, saying
from davstore.catalog.database.tables import metadata
from davstore.catalog.editing.editor import NotThere
from davstore.errors import StoreError
from davstore.model import RECENT, File, Folder, Leaf, Magnet, Saved, Status
from davstore.stores.base import Store
from davstore.stores.desk import Linking

log = logging.getLogger(__name__)

EVERY = 300.0
AFTER_FAILURE = 60.0
FORGOTTEN = "forgotten"
"""The kind, on disk, of those that are hidden, since the moment at which they were `added`."""
_STEP = 0.001
"""Seconds by which a list is newer that was not asked for, but changed here."""

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


@dataclass(frozen=True, slots=True)
class _List:
    """A list as it was at `taken`; `hidden` are links that are not shown, each since a moment."""

    saved: tuple[Saved, ...] = ()
    taken: float = 0.0
    hidden: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Known:
    """A list, and how it looks."""

    of: _List
    folder: Folder


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
        self._known: dict[str, _Known] = {}
        self._next = dict.fromkeys(self._stores, 0.0)
        self._alone = {name: threading.RLock() for name in self._stores}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="links")
        self.follow()

    @property
    def accounts(self) -> Collection[str]:
        """Those that keep links."""
        return self._stores

    def known(self, account: str) -> Folder | None:
        """The folder as it was last; None while nothing is known, which is asked for then."""
        with self._lock:
            known = self._known.get(account)
        return known.folder if known else self.asked(account)

    def asked(self, account: str) -> Folder | None:
        """The same, for somebody who looks into it: it is asked anew where that is due."""
        with self._lock:
            known = self._known.get(account)
            is_due = self._next[account] <= self._now()
            if is_due:
                self._next[account] = self._now() + EVERY
        if is_due:
            self._threads.submit(self._refresh_quietly, account, EVERY)
        return known.folder if known else None

    def hurry(self, account: str) -> None:
        """Ask soon: something was added."""
        self._threads.submit(self._refresh_quietly, account, 0.0)

    def refresh(self, account: str) -> None:
        """Ask now. Raises `StoreError`."""
        with self._alone[account]:
            saved, known = self._stores[account].links(), self._last(account)
            asked = self._asked(saved, known)
            try:
                with self._engine.begin() as connection:
                    alone(connection, "linked")
                    # What another process has hidden meanwhile stays so.
                    if (newer := self._newer(connection, account, known)) is not None:
                        asked = self._asked(saved, newer)
                    self._write(connection, account, asked)
            except SQLAlchemyError as error:
                log.warning("%s: the links cannot be written: %s", account, reason(error))
            self._show(account, asked)

    def _asked(self, saved: Sequence[Saved], known: _List) -> _List:
        """What the service has `saved`, now; without what was hidden and not used since."""
        was = known.hidden
        hidden = {
            one.file.ref: was[one.file.ref] for one in saved
            if one.kind == RECENT and (one.added or 0.0) <= was.get(one.file.ref, -1.0)
        }  # fmt: skip
        return _List(tuple(one for one in saved if one.file.ref not in hidden), self._now(), hidden)

    def forget(self, account: str, leaf: Leaf, who: str) -> None:
        """Have the account keep no longer what `leaf` shows, as `who` wants; hide it where that
        cannot be. It goes into the audit before the service is asked, and leaves the list together
        with the audit's last word: of several who ask for it, those who come later find nothing.

        Raises `NotThere`, `StateError`, and `StoreError`: then it is still there.
        """
        with self._alone[account]:
            with self._changing(account) as (connection, known):
                saved = _found(account, known, leaf)
                if saved.kind != RECENT:
                    _begin(connection, account, leaf, saved, who, self._now())
            if saved.kind != RECENT:
                self._ask(account, saved, leaf)
            with self._changing(account) as (connection, known):
                audit.end(connection, account, leaf.magnet, self._now())
                left = tuple(one for one in known.saved if one.file.ref != leaf.file.ref)
                hidden = {**known.hidden, leaf.file.ref: self._now()}
                after = _List(left, known.taken + _STEP, hidden)
                self._write(connection, account, after)
            self._show(account, after)
            said = "hidden here" if saved.kind == RECENT else "no longer kept"
            log.info("%s: %r is %s", account, leaf.name, said)

    def follow(self, changed: Collection[str] | None = None) -> None:
        """Take over what other processes have learned: all, or what these are the names of."""
        for account in self._stores:
            if changed is None or revisions.of_list(account) in changed:
                self._load(account)

    def close(self) -> None:
        """Ask nobody any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _last(self, account: str) -> _List:
        with self._lock:
            known = self._known.get(account)
        return known.of if known else _List()

    @contextmanager
    def _changing(self, account: str) -> Iterator[tuple[sa.Connection, _List]]:
        """While nobody else changes any list: what is known of this one, by whomever."""
        with _audited(self._engine) as connection:
            alone(connection, "linked")
            known = self._last(account)
            newer = self._newer(connection, account, known)
            if newer is not None:
                self._show(account, newer)
            yield connection, newer or known

    def _ask(self, account: str, saved: Saved, leaf: Leaf) -> None:
        try:
            self._stores[account].forget(saved)
        except StoreError as error:
            with _audited(self._engine) as connection:
                audit.note(connection, account, leaf.magnet, error.reason)
            raise

    def _refresh_quietly(self, account: str, age: float) -> None:
        """By us, unless another process has done it so many seconds ago."""
        try:
            if self._load(account) and self._last(account).taken > self._now() - age:
                return
            self.refresh(account)
        except StoreError as error:
            log.warning("%s: links: %s", account, error.reason)
            with self._lock:
                self._next[account] = self._now() + (error.retry_after or AFTER_FAILURE)
        except Exception:
            log.exception("%s: links", account)

    def _show(self, account: str, list_: _List) -> None:
        """The same folder as before where nothing has changed: what is prepared of it holds."""
        with self._lock:
            known = self._known.get(account)
            folder = views.links_folder(account, list_.saved, self._learned)
            if known and list(known.folder.entries.items()) == list(folder.entries.items()):
                list_, folder = replace(list_, saved=known.of.saved), known.folder
            self._known[account] = _Known(list_, folder)

    def _load(self, account: str) -> bool:
        """Whether something newer than what we know was on disk."""
        try:
            with looking(self._engine).connect() as connection:
                newer = self._newer(connection, account, self._last(account))
        except SQLAlchemyError:
            return False
        if newer is not None:
            self._show(account, newer)
        return newer is not None

    def _newer(self, connection: sa.Connection, account: str, known: _List) -> _List | None:
        """What is on disk, where that is newer than what is `known`."""
        since = connection.execute(
            sa.select(linked_since).where(linked_since.c.account == account)
        ).first()
        if since is None or since.source != self._sources[account] or since.taken <= known.taken:
            return None
        rows = connection.execute(
            sa.select(linked).where(linked.c.account == account).order_by("position")
        )
        found = [_saved(row) for row in rows]
        hidden = {one.file.ref: one.added or 0.0 for one in found if one.kind == FORGOTTEN}
        shown = tuple(one for one in found if one.kind != FORGOTTEN)
        return _List(shown, since.taken, hidden)

    def _write(self, connection: sa.Connection, account: str, list_: _List) -> None:
        every = [
            *list_.saved,
            *(Saved("", File("", ref), since, FORGOTTEN) for ref, since in list_.hidden.items()),
        ]
        rows = [
            {"account": account, "position": at, "id": one.id, "name": one.file.path,
             "ref": one.file.ref, "size": one.file.size, "mime": one.file.mime,
             "added": one.added, "kind": one.kind, "host": one.host}
            for at, one in enumerate(every)
        ]  # fmt: skip
        connection.execute(sa.delete(linked).where(linked.c.account == account))
        connection.execute(sa.delete(linked_since).where(linked_since.c.account == account))
        if rows:
            connection.execute(sa.insert(linked), rows)
        since = {"account": account, "source": self._sources[account], "taken": list_.taken}
        connection.execute(sa.insert(linked_since), since)
        revisions.taken(connection, revisions.of_list(account))


@contextmanager
def _audited(engine: sa.Engine) -> Iterator[sa.Connection]:
    with saying("the removal cannot be written down"), engine.begin() as connection:
        yield connection


def _saved(row: "sa.Row[tuple[object, ...]]") -> Saved:
    file = File(row.name, row.ref, row.size, mime=row.mime)
    return Saved(row.id, file, row.added, row.kind, row.host)


def _found(account: str, known: _List, leaf: Leaf) -> Saved:
    for one in known.saved:
        if one.file.ref == leaf.file.ref:
            return one
    raise NotThere(f"{account}: it is there no more")


def _begin(
    connection: sa.Connection, account: str, leaf: Leaf, saved: Saved, who: str, now: float
) -> None:
    """Into the audit."""
    host = f" of {saved.host}" if saved.host else ""
    magnet = Magnet(leaf.magnet, leaf.name, Status.READY, "", size=leaf.size)
    edit = Edit(deleted=now, who=who, why=f"deleted, a link{host}")
    audit.begin(connection, account, magnet, leaf.name, edit, now)
