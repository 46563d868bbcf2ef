"""Who does what, where several processes share the catalog: a lease is a row with an end.

A process that dies leaves its leases to run out; one that lives renews them. Nothing relies on a
lease alone: what is written is checked against the revision it was made from.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.dialects import inserting, is_server, looking, reason, telling, written
from davstore.catalog.revisions import LEASES
from davstore.catalog.tables import leases
from davstore.errors import Busy

log = logging.getLogger(__name__)

SECONDS: Final = 6.0
"""For which a lease is good; a dead process's work is taken over after that."""
SURE: Final = SECONDS / 2
"""For so many it is not asked again whose it is."""
REFRESH: Final = "refresh"
LATER: Final = 5.0
"""Seconds after which a client may try again what the database kept from it."""
_LINK: Final = "link "
"""What is leased for one call begins so; nobody waits for the end of that."""

Lease: TypeAlias = tuple[str, str]
"""An account, and a task."""


@dataclass(frozen=True, slots=True)
class Held:
    """The leases that are held now: by this process, and by others."""

    ours: frozenset[Lease] = frozenset()
    theirs: frozenset[Lease] = frozenset()


class Leases:
    """The leases of this process. Raises `SQLAlchemyError` where the disk fails.

    `now` is the time here; `moment` that of all who share them, as a part of what is asked, where
    they are on several machines. What was asked a moment ago is not asked again, but for links.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], float],
        moment: sa.ColumnElement[float] | None = None,
    ) -> None:
        self._engine = looking(engine)
        self.now = now
        self._moment = moment
        self.spans_machines = is_server(engine)
        self._holder = uuid.uuid4().hex
        self._is_mine = leases.c.holder == self._holder
        self._known: dict[Lease, tuple[bool, float]] = {}

    def take(self, account: str, task: str) -> bool:
        """Whether `task` is ours now: nobody's, run out, or ours before."""
        lease = account, task
        is_ours, until = self._known.get(lease, (False, 0.0))
        sure = self.now() + SURE
        if until > sure - SURE:
            return is_ours
        now = self._shared_now()
        row = {"account": account, "task": task, "holder": self._holder, "until": now + SECONDS}
        with self._engine.begin() as connection:
            statement = inserting(connection, leases).values(row).on_conflict_do_update(
                index_elements=["account", "task"],
                set_={"holder": row["holder"], "until": row["until"]},
                where=(leases.c.until <= now) | self._is_mine,
            )  # fmt: skip
            is_ours = written(connection, statement) == 1
        if is_ours and not task.startswith(_LINK):
            self._known[lease] = True, sure
        return is_ours

    def is_ours(self, task: str) -> bool:
        """Whether a task that is no account's is ours now; not so where the disk fails."""
        try:
            return self.take("", task)
        except SQLAlchemyError as error:
            log.warning("%s: left to others: %s", task, reason(error))
            return False

    def renew(self) -> Held:
        """Keep all that is ours for a while longer; what is held now, but for links."""
        sure = self.now() + SURE
        with self._engine.begin() as connection:
            rows = self._renewed(connection)
        known = {(row.account, row.task): (bool(row.is_ours), sure) for row in rows}
        self._known = known
        ours = frozenset(lease for lease, (is_ours, _) in known.items() if is_ours)
        return Held(ours, frozenset(known.keys() - ours))

    def give(self, account: str, task: str) -> None:
        """Let go of one."""
        self._give((leases.c.account == account) & (leases.c.task == task), told=False)

    def give_all(self) -> None:
        """Let go of all, so that others need not wait for their end."""
        self._give(sa.true(), told=True)

    def _renewed(self, connection: sa.Connection) -> Sequence[sa.Row[Any]]:
        """A server is asked once; that also tells others, and this process, that all are heard."""
        now = self._shared_now()
        renewal = sa.update(leases).where(self._is_mine).values(until=now + SECONDS)
        lease = leases.c.account, leases.c.task
        lasts = ~leases.c.task.startswith(_LINK, autoescape=True)
        theirs = sa.select(*lease, sa.false().label("is_ours")).where(
            lasts, leases.c.until > now, ~self._is_mine
        )
        if self.spans_machines:
            renewed = renewal.returning(*lease, *telling(connection, "")).cte()
            ours = sa.select(renewed.c.account, renewed.c.task, sa.true().label("is_ours")).where(
                ~renewed.c.task.startswith(_LINK, autoescape=True)
            )
        else:
            connection.execute(renewal)
            ours = sa.select(*lease, sa.true().label("is_ours")).where(lasts, self._is_mine)
        return connection.execute(ours.union_all(theirs)).all()

    def _give(self, which: sa.ColumnElement[bool], *, told: bool) -> None:
        statement = sa.delete(leases).where(which, self._is_mine)
        if told:
            self._known = {}
        with self._engine.begin() as connection:
            words = telling(connection, LEASES) if told else []
            connection.execute(statement.returning(*words) if words else statement)

    def _shared_now(self) -> "float | sa.ColumnElement[float]":
        return self.now() if self._moment is None else self._moment


class Turns:
    """Whose turn it is to generate a link.

    A disk that fails costs calls, never a read. A database that fails costs new links: who knows
    how many machines would all ask for theirs.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def take(self, account: str, ref: str) -> bool:
        """Whether it is ours. Raises `Busy` where a database that machines share fails."""
        try:
            return self._leases.take(account, f"link {ref}")
        except SQLAlchemyError as error:
            if self._leases.spans_machines:
                why = f"no new links while the database fails ({reason(error)})"
                raise Busy(account, why, retry_after=LATER) from None
            log.warning("links may be generated twice: %s", reason(error))
            return True

    def give(self, account: str, ref: str) -> None:
        """We are done."""
        try:
            self._leases.give(account, f"link {ref}")
        except SQLAlchemyError as error:
            log.debug("a turn runs out by itself: %s", type(error).__name__)
