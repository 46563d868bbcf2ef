"""The log of every removal at a store: who, when, what, and why. Rows are never removed.

Links that an account keeps stand there as well; who deleted one that its store would not let go of
must do so again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.changes.edits import Edit, Stage
from davstore.catalog.database.edit_tables import audit, edits
from davstore.model import HOSTED, Magnet

KEPT: Final = "kept in the trash: "


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal, or, where `is_kept`, one that did not come about. `deleted` is when `who` did
    so, `began` when the store was first asked, and `ended` when it had agreed: 0 while it has not,
    and `outcome` says what keeps it.
    """

    number: int
    account: str
    magnet: str
    hash: str
    name: str
    size: int | None
    who: str
    why: str
    deleted: float
    began: float
    ended: float
    outcome: str

    @property
    def is_kept(self) -> bool:
        """Whether it was time to remove it, and it was kept."""
        return self.outcome.startswith(KEPT)


def begin(
    connection: sa.Connection, account: str, magnet: Magnet, name: str, edit: Edit, now: float
) -> None:
    """A store is about to be asked; asking again, after a failure or a crash, is no new removal."""
    if connection.execute(sa.select(audit.c.number).where(_open(account, magnet.id))).first():
        return
    row = _row(account, magnet, name, edit) | {"began": now, "ended": 0.0, "outcome": ""}
    connection.execute(sa.insert(audit).values(row))


def keep(
    connection: sa.Connection, account: str, magnet: Magnet, name: str, edit: Edit, why: str,
    now: float,
) -> None:  # fmt: skip
    """It is time to remove what was deleted, and it stays; this is said once for each reason."""
    row = _row(account, magnet, name, edit) | {"outcome": f"{KEPT}{why}"}
    same = (audit.c[key] == row[key] for key in ("account", "magnet", "deleted", "outcome"))
    if connection.execute(sa.select(audit.c.number).where(*same)).first() is None:
        connection.execute(sa.insert(audit).values(row | {"began": now, "ended": now}))


def note(connection: sa.Connection, account: str, magnet: str, outcome: str) -> None:
    """What keeps a removal from being done."""
    connection.execute(sa.update(audit).where(_open(account, magnet)).values(outcome=outcome))


def end(connection: sa.Connection, account: str, magnet: str, now: float) -> None:
    """The store has agreed."""
    done = {"ended": now, "outcome": "removed"}
    connection.execute(sa.update(audit).where(_open(account, magnet)).values(done))


def settle(connection: sa.Connection, now: float) -> None:
    """Close the rows of magnets that a store's list lacked before its answer to us was written."""
    removing = sa.select(edits.c.magnet).where(
        edits.c.account == audit.c.account,
        edits.c.magnet == audit.c.magnet,
        edits.c.stage == Stage.REMOVING.value,
    )
    lost = (audit.c.ended == 0) & ~removing.exists() & ~audit.c.magnet.startswith(HOSTED)
    if connection.execute(sa.select(audit.c.number).where(lost).limit(1)).first() is None:
        return  # the usual case takes no turn at writing
    done = {"ended": now, "outcome": "no longer in the account"}
    connection.execute(sa.update(audit).where(lost).values(done))


def latest(engine: sa.Engine, most: int) -> Sequence[Removal]:
    """So many at most, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.number.desc()).limit(most))
        return [Removal(*row) for row in rows]


def removals(engine: sa.Engine) -> Sequence[Removal]:
    """All of them, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.number))
        return [Removal(*row) for row in rows]


def waiting(engine: sa.Engine) -> dict[str, tuple[int, int]]:
    """How many magnets, by account, are in the trash, and are to be removed now."""
    leaving = sa.func.sum(sa.case((edits.c.stage != Stage.TRASHED.value, 1), else_=0))
    query = (
        sa.select(edits.c.account, sa.func.count(), leaving)
        .where(edits.c.stage.in_([Stage.TRASHED.value, Stage.WANTED.value, Stage.REMOVING.value]))
        .group_by(edits.c.account)
    )
    with engine.connect() as connection:
        return {name: (count - due, due) for name, count, due in connection.execute(query)}


def _row(account: str, magnet: Magnet, name: str, edit: Edit) -> dict[str, Any]:
    return {
        "account": account, "magnet": magnet.id, "hash": magnet.hash, "name": name,
        "size": magnet.size, "who": edit.who, "why": edit.why, "deleted": edit.deleted,
    }  # fmt: skip


def _open(account: str, magnet: str) -> sa.ColumnElement[bool]:
    return sa.and_(audit.c.account == account, audit.c.magnet == magnet, audit.c.ended == 0)
