"""Removes at the stores what people deleted, when its time has come: one at a time, and tried again
until the store agrees. Of several processes one does so for each account.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.accounts.pace import Patience
from davstore.catalog.accounts.refresh import Catalog
from davstore.catalog.changes import audit
from davstore.catalog.changes.edit_records import EditRecords
from davstore.catalog.changes.edits import BLANK, Edit, Stage
from davstore.catalog.database.dialects import reason
from davstore.catalog.database.leases import Leases
from davstore.catalog.editing.editor import Editor
from davstore.catalog.editing.giving import Giving, goal_of
from davstore.errors import DavstoreError, Refused, StoreError, UnexpectedReply
from davstore.model import Magnet
from davstore.stores.base import Removing, Store

log = logging.getLogger(__name__)

TURN_EVERY: Final = 1.0
"""Seconds between two removals of an account, and between two looks for something to do."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
"""Seconds before a removal that failed is tried again; doubling."""
TIDY_EVERY: Final = 10.0
"""Seconds between two looks whether a store's list agrees with what it said."""
BELIEVED_FOR = 120.0
"""A complete list that still has, so much later, what was removed is right, and the answer was not.
"""
KEPT_FOR = 60.0
"""Seconds between two looks whether what was given to another account has arrived there."""
REMOVE = "remove"


@dataclass(slots=True)
class _Account:
    """An account whose magnets may be removed, `after` so many seconds in the trash. `number` is
    that of the last edit when it was last looked at, at the moment `tidied`.
    """

    store: Removing
    after: float
    number: int | None = None
    tidied: float = 0.0


class Remover:
    """The removals of those accounts of a `catalog` that are in `after`: the seconds for which
    what was deleted stays in the trash. What was given to another account stays until `giving`
    says that it is there. `turn` is called every second between start and stop.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[str, Store],
        after: Mapping[str, float],
        editor: Editor,
        records: EditRecords,
        giving: Giving,
        *,
        leases: Leases | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._accounts = {
            name: _Account(store, after[name])
            for name, store in stores.items() if name in after and isinstance(store, Removing)
        }  # fmt: skip
        self._editor = editor
        self._records = records
        self._giving = giving
        self._leases = leases
        self._now = now
        self._patience = Patience(FIRST_PAUSE, LONGEST_PAUSE, now)  # with accounts and magnets
        self._said = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Remove what is due, from now on."""
        self._thread = threading.Thread(target=self._run, name="removals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no further removal; one under way is not waited for long, it is repeated later."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def turn(self) -> None:
        """At most one removal an account, and what there is to tidy."""
        try:
            if not self._catalog.follows:
                self._catalog.edits.follow()
            self._editor.sweep()
            number, due = self._catalog.edits.number, self._due()
            for name, account in self._accounts.items():
                if self._stopping.is_set():
                    break
                if (name in due or account.number != number) and self._is_ours(name):
                    account.number, account.tidied = number, self._now()
                    self._tidy(name)
                    self._serve(name, account)
        except (SQLAlchemyError, DavstoreError) as error:
            said = reason(error)
            if said != self._said:
                log.warning("what was deleted cannot be removed: %s", said)
            self._said = said
            return
        self._said = ""

    def _run(self) -> None:
        while not self._stopping.wait(TURN_EVERY):
            try:
                self.turn()
            except Exception:
                log.exception("what was deleted was not removed")

    def _is_ours(self, name: str) -> bool:
        return self._leases is None or self._leases.take(name, REMOVE)

    def _due(self) -> set[str]:
        """The accounts in which time alone has brought something to do, by what is in memory."""
        found = set()
        for (name, id_), edit in self._catalog.edits.unsettled().items():
            account = self._accounts.get(name)
            if account is None or name in found:
                continue
            if edit.stage is Stage.REMOVED:
                is_due = account.tidied + TIDY_EVERY <= self._now()
            else:
                is_due = self._is_due(edit, account) and self._may_try(name, id_)
            if is_due:
                found.add(name)
        return found

    def _may_try(self, name: str, id_: str) -> bool:
        may = self._patience.spent(name) and self._patience.spent(_key(name, id_))
        return may and id_ in self._catalog.keeper(name).holding.magnets

    def _tidy(self, name: str) -> None:
        """Show again what a store said to have removed and still has."""
        for magnet in self._records.outlived(name, BELIEVED_FOR):
            log.warning("%s: a magnet that was removed is still there; it is shown again", name)
            self._records.change(name, magnet, lambda _: BLANK)
        self._records.run(lambda connection: audit.settle(connection, self._now()))

    def _serve(self, name: str, account: _Account) -> None:
        if not self._patience.spent(name):
            return
        for id_, edit in self._records.staged(name).items():
            magnet = self._catalog.keeper(name).holding.magnets.get(id_)
            if magnet is None:
                continue
            if edit.is_another(magnet.added):
                self._let_be(name, id_)
            elif self._patience.spent(_key(name, id_)) and self._is_due(edit, account):
                if self._is_kept(name, magnet, edit):
                    continue
                self._remove(name, account, magnet)
                return

    def _is_kept(self, name: str, magnet: Magnet, edit: Edit) -> bool:
        """Whether it was given to another account, which does not have it."""
        goal = goal_of(edit)
        missing = goal and self._giving.missing(goal, magnet.hash)
        if not missing:
            return False
        self._patience.rest(_key(name, magnet.id), KEPT_FOR)
        name_ = edit.folder or magnet.name
        self._records.run(
            lambda connection: audit.keep(
                connection, name, magnet, name_, edit, missing, self._now()
            )
        )
        return True

    def _is_due(self, edit: Edit, account: _Account) -> bool:
        if edit.stage is Stage.TRASHED:
            return edit.deleted + account.after <= self._now()
        if edit.stage is Stage.WANTED:
            return edit.due <= self._now()
        return edit.stage is Stage.REMOVING

    def _remove(self, name: str, account: _Account, magnet: Magnet) -> None:
        id_ = magnet.id
        if not id_ or not self._claimed(name, account, magnet) or not self._is_ours(name):
            return
        try:
            account.store.remove(magnet)
        except StoreError as error:
            self._failed(name, id_, error)
            return
        now = self._now()

        def step(edit: Edit) -> Edit:
            if edit.stage is not Stage.REMOVING:
                return edit  # its list lacked it before we heard
            return Edit(stage=Stage.REMOVED, deleted=edit.deleted, due=now, who=edit.who)

        self._records.change(
            name, id_, step, also=lambda connection: audit.end(connection, name, id_, now)
        )
        self._patience.forget(_key(name, id_))
        self._patience.forget(name)
        log.info("%s: %r is removed at the store", name, magnet.name)
        self._catalog.edits.follow()
        self._catalog.hurry([name])

    def _claimed(self, name: str, account: _Account, magnet: Magnet) -> bool:
        """Whether it is still to be removed; then it is in the audit, and cannot be had back."""
        now = self._now()
        claimed: list[Edit] = []

        def step(edit: Edit) -> Edit:
            if not self._is_due(edit, account):
                return edit
            why = edit.why
            if edit.stage is Stage.TRASHED:
                why = f"{why}, and not had back for {account.after:.0f} s"
            began = edit.due if edit.stage is Stage.REMOVING else now
            claimed.append(replace(edit, stage=Stage.REMOVING, why=why, due=began, emptied={}))
            return claimed[0]

        def begin(connection: sa.Connection) -> None:
            if claimed:
                name_ = claimed[0].folder or magnet.name
                audit.begin(connection, name, magnet, name_, claimed[0], now)

        self._records.change(name, magnet.id, step, also=begin)
        self._catalog.edits.follow()
        return bool(claimed)

    def _failed(self, name: str, id_: str, error: StoreError) -> None:
        """What concerns one magnet keeps no other waiting."""
        log.warning("%s; it is tried again", error)
        self._records.run(lambda connection: audit.note(connection, name, id_, error.reason))
        is_its_own = isinstance(error, Refused | UnexpectedReply)
        self._patience.failed(_key(name, id_) if is_its_own else name, error.retry_after)
        self._catalog.hurry([name])  # it may be done in spite of that

    def _let_be(self, name: str, id_: str) -> None:
        """It has gone, and another came under its id."""
        now = self._now()
        self._records.change(
            name,
            id_,
            lambda _: BLANK,
            also=lambda connection: audit.end(connection, name, id_, now),
        )
        self._catalog.edits.follow()


def _key(account: str, id_: str) -> str:
    return f"{account}/{id_}"
