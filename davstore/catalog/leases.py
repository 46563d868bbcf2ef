"""Who does what, where several processes share the catalog: a lease is a row with an end.

A process that dies leaves its leases to run out; one that lives renews them. Nothing relies on a
lease alone: what is written is checked against the revision it was made from, and against who has
the lease by then.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.dialects import inserting, is_server, reason, written
from davstore.catalog.tables import leases
from davstore.errors import Busy

log = logging.getLogger(__name__)

SECONDS = 6.0
"""For which a lease is good; a dead process's work is taken over after that."""
FAR = 60.0
"""Seconds; an end further off was written by a clock that was put back since."""
REFRESH = "refresh"
LATER = 5.0
"""Seconds after which a client may try again what the database kept from it."""


def steady() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps, where the system has such.

    https://man7.org/linux/man-pages/man3/clock_gettime.3.html, CLOCK_BOOTTIME
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Leases:
    """The leases of this process. Raises `SQLAlchemyError` where the disk fails.

    `now` is the time of all that share them, `steady` is this machine's own.
    """

    def __init__(
        self, engine: sa.Engine, now: Callable[[], float], steady: Callable[[], float] = steady
    ) -> None:
        self._engine = engine
        self.now = now
        self.steady = steady
        self.spans_machines = is_server(engine)
        self._holder = uuid.uuid4().hex
        self._renewed = -math.inf
        self._wanted: set[tuple[str, str]] = set()

    @property
    def may_have_lapsed(self) -> bool:
        """Whether what was ours when last renewed may be another's by now, unheard of: we are cut
        off from the database, or slept. Who is cut off from a file is no machine of its own.
        """
        return self.spans_machines and self.steady() >= self._renewed + SECONDS

    def take(self, account: str, task: str) -> bool:
        """Whether `task` is ours now: nobody's, run out, or ours before."""
        is_ours = False
        self._wanted.add((account, task))
        try:
            is_ours = self._taken(account, task)
        finally:
            if not is_ours:
                self._wanted.discard((account, task))
        return is_ours

    def _taken(self, account: str, task: str) -> bool:
        now = self.now()
        row = {"account": account, "task": task, "holder": self._holder, "until": now + SECONDS}
        has_ended = (leases.c.until <= now) | (leases.c.until > now + FAR)
        with self._engine.begin() as connection:
            statement = inserting(connection, leases).values(row).on_conflict_do_update(
                index_elements=["account", "task"],
                set_={"holder": row["holder"], "until": row["until"]},
                where=has_ended | (leases.c.holder == self._holder),
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

    def renew(self) -> set[tuple[str, str]]:
        """Keep all that is ours for a while longer; what that is, as accounts and tasks.

        What has run out must be taken anew, as others may. What was taken or given while the
        database's answer was lost may be ours without our wanting it: nobody else would get it.
        """
        asked, now = self.steady(), self.now()
        ours = (leases.c.holder == self._holder) & (leases.c.until > now)
        with self._engine.begin() as connection:
            connection.execute(sa.update(leases).where(ours).values(until=now + SECONDS))
            rows = connection.execute(sa.select(leases.c.account, leases.c.task).where(ours))
            found = {(row.account, row.task) for row in rows}
        self._renewed = asked
        for account, task in found - self._wanted:
            self.give(account, task)
        return found & self._wanted

    def give(self, account: str, task: str) -> None:
        """Let go of one."""
        self._wanted.discard((account, task))
        self._give((leases.c.account == account) & (leases.c.task == task))

    def give_all(self) -> None:
        """Let go of all, so that others need not wait for their end."""
        self._give(sa.true())

    def _give(self, which: sa.ColumnElement[bool]) -> None:
        statement = sa.delete(leases).where(which, leases.c.holder == self._holder)
        with self._engine.begin() as connection:
            connection.execute(statement)


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
