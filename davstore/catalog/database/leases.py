"""Who does what, where several processes share the catalog: a lease is a row with an end.

A process that dies leaves its leases to run out; one that lives renews them. Nothing relies on a
lease alone: what is written is checked against the revision it was made from, and against who has
the lease by then.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.database.dialects import (
    inserting,
    is_server,
    looking,
    moment,
    reason,
    telling,
    written,
)
from davstore.catalog.database.revisions import LEASES
from davstore.catalog.database.tables import leases
from davstore.errors import Busy

log = logging.getLogger(__name__)

SECONDS: Final = 6.0
"""For which a lease is good; a dead process's work is taken over after that."""
FAR: Final = 60.0
"""Seconds; an end further off was written by a clock that was put back since."""
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


def steady() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps, where the system has such.

    https://man7.org/linux/man-pages/man3/clock_gettime.3.html, CLOCK_BOOTTIME
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Leases:
    """The leases of this process. Raises `SQLAlchemyError` where the disk fails.

    `now` is the time here; `moment` that of all who share them, as a part of what is asked, where
    they are on several machines, and `steady` seconds that nobody sets. What was asked a moment ago
    is not asked again, but for links. Each is good for the seconds that it `lasts`, if it is not
    renewed; less than `FAR`.
    """

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], float],
        moment: sa.ColumnElement[float] | None = None,
        steady: Callable[[], float] = steady,
        *,
        lasts: float = SECONDS,
    ) -> None:
        self._engine = looking(engine)
        self._lasts = lasts
        self.now = now
        self.steady = steady
        self._moment = moment
        self.spans_machines = is_server(engine)
        self._holder = uuid.uuid4().hex
        self._is_mine = leases.c.holder == self._holder
        self._known: dict[Lease, tuple[bool, float]] = {}
        self._wanted: set[Lease] = set()
        self._renewed_at = -math.inf
        self.ahead = 0.0
        """Seconds by which the clock here is ahead of that of all who share the leases."""

    @property
    def may_have_lapsed(self) -> bool:
        """Whether what was ours when last renewed may be another's by now, unheard of: we are cut
        off from the database, or slept. Who is cut off from a file is no machine of its own.
        """
        return self.spans_machines and self.steady() >= self._renewed_at + self._lasts

    def take(self, account: str, task: str) -> bool:
        """Whether `task` is ours now: nobody's, run out, or ours before."""
        lease = account, task
        is_ours, until = self._known.get(lease, (False, -math.inf))
        sure = self.steady() + SURE
        if until > sure - SURE:
            return is_ours
        is_ours = False
        self._wanted.add(lease)
        try:
            is_ours = self._taken(*lease)
        finally:
            if not is_ours:
                self._wanted.discard(lease)
        if is_ours and not task.startswith(_LINK):
            self._known[lease] = True, sure
        return is_ours

    def _taken(self, account: str, task: str) -> bool:
        now = self._shared_now()
        row = {"account": account, "task": task, "holder": self._holder, "until": now + self._lasts}
        has_ended = (leases.c.until <= now) | (leases.c.until > now + FAR)
        with self._engine.begin() as connection:
            statement = inserting(connection, leases).values(row).on_conflict_do_update(
                index_elements=["account", "task"],
                set_={"holder": row["holder"], "until": row["until"]},
                where=has_ended | self._is_mine,
            )  # fmt: skip
            return written(connection, statement) == 1

    def have(self, connection: sa.Connection, account: str, task: str) -> bool:
        """Whether nobody has taken it from us, as of this moment of a transaction."""
        this = (leases.c.account == account) & (leases.c.task == task)
        found = connection.execute(sa.select(leases.c.holder).where(this)).scalar_one_or_none()
        return found == self._holder

    def is_ours(self, task: str) -> bool:
        """Whether a task that is no account's is ours now; not so where the disk fails."""
        try:
            return self.take("", task)
        except SQLAlchemyError as error:
            log.warning("%s: left to others: %s", task, reason(error))
            return False

    def renew(self) -> Held:
        """Keep all that is ours for a while longer; what is held now, but for links.

        What has run out must be taken anew, as others may. What was taken or given while the
        database's answer was lost may be ours without our wanting it: nobody else would get it.
        """
        asked, began = self.steady(), self.now()
        sure = asked + SURE
        with self._engine.begin() as connection:
            rows = self._renewed(connection)
        self._renewed_at = asked
        if rows:
            self.ahead = (began + self.now()) / 2 - rows[0].moment
        stray = {(row.account, row.task) for row in rows if row.is_ours} - self._wanted
        for lease in stray:
            self.give(*lease)
        known = {
            (row.account, row.task): (bool(row.is_ours), sure) for row in rows
            if not row.task.startswith(_LINK) and (row.account, row.task) not in stray
        }  # fmt: skip
        self._known = known
        ours = frozenset(lease for lease, (is_ours, _) in known.items() if is_ours)
        return Held(ours, frozenset(known.keys() - ours))

    def sweep(self, tasks: str) -> None:
        """Forget those that have run out of tasks that are no account's and begin so."""
        these = (leases.c.account == "") & leases.c.task.startswith(tasks, autoescape=True)
        with self._engine.begin() as connection:
            has_ended = leases.c.until <= self._shared_now()
            connection.execute(sa.delete(leases).where(these, has_ended))

    def give(self, account: str, task: str) -> None:
        """Let go of one."""
        self._wanted.discard((account, task))
        self._known.pop((account, task), None)
        this = (leases.c.account == account) & (leases.c.task == task)
        self._give(this, told=not task.startswith(_LINK))

    def give_all(self) -> None:
        """Let go of all, so that others need not wait for their end."""
        self._give(sa.true(), told=True)

    def _renewed(self, connection: sa.Connection) -> Sequence[sa.Row[Any]]:
        """A server is asked once; that also tells others, and this process, that all are heard."""
        now = self._shared_now()
        mine = self._is_mine & (leases.c.until > now)
        renewal = sa.update(leases).where(mine).values(until=now + self._lasts)
        lease = leases.c.account, leases.c.task
        time_there = now if isinstance(now, sa.ColumnElement) else sa.literal(now)
        when = time_there.label("moment")
        lasts = ~leases.c.task.startswith(_LINK, autoescape=True)
        theirs = sa.select(*lease, sa.false().label("is_ours"), when).where(
            lasts, leases.c.until > now, leases.c.until <= now + FAR, ~self._is_mine
        )
        if self.spans_machines:
            renewed = renewal.returning(*lease, *telling(connection, "")).cte()
            ours = sa.select(renewed.c.account, renewed.c.task, sa.true().label("is_ours"), when)
        else:
            connection.execute(renewal)
            ours = sa.select(*lease, sa.true().label("is_ours"), when).where(mine)
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


def kept_up(connection: sa.Connection, account: str) -> bool:
    """Whether some machine refreshes `account` at this time."""
    this = (leases.c.account == account) & (leases.c.task == REFRESH)
    query = sa.select(leases.c.holder).where(this, leases.c.until > moment(connection.engine))
    return connection.execute(query).first() is not None


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
