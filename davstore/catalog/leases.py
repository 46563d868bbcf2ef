"""Who does what, where several processes share the catalog: a lease is a row with an end.

A process that dies leaves its leases to run out; one that lives renews them. Nothing relies on a
lease alone: what is written is checked against the revision it was made from.
"""

import logging
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
REFRESH = "refresh"
LATER = 5.0
"""Seconds after which a client may try again what the database kept from it."""


class Leases:
    """The leases of this process. Raises `SQLAlchemyError` where the disk fails.

    `now` is the time of all that share them.
    """

    def __init__(self, engine: sa.Engine, now: Callable[[], float]) -> None:
        self._engine = engine
        self.now = now
        self.spans_machines = is_server(engine)
        self._holder = uuid.uuid4().hex

    def take(self, account: str, task: str) -> bool:
        """Whether `task` is ours now: nobody's, run out, or ours before."""
        now = self.now()
        row = {"account": account, "task": task, "holder": self._holder, "until": now + SECONDS}
        with self._engine.begin() as connection:
            statement = inserting(connection, leases).values(row).on_conflict_do_update(
                index_elements=["account", "task"],
                set_={"holder": row["holder"], "until": row["until"]},
                where=(leases.c.until <= now) | (leases.c.holder == self._holder),
            )  # fmt: skip
            return written(connection, statement) == 1

    def is_ours(self, task: str) -> bool:
        """Whether a task that is no account's is ours now; not so where the disk fails."""
        try:
            return self.take("", task)
        except SQLAlchemyError as error:
            log.warning("%s: left to others: %s", task, reason(error))
            return False

    def renew(self) -> set[tuple[str, str]]:
        """Keep all that is ours for a while longer; what that is, as accounts and tasks."""
        ours = leases.c.holder == self._holder
        until = self.now() + SECONDS
        with self._engine.begin() as connection:
            connection.execute(sa.update(leases).where(ours).values(until=until))
            rows = connection.execute(sa.select(leases.c.account, leases.c.task).where(ours))
            return {(row.account, row.task) for row in rows}

    def give(self, account: str, task: str) -> None:
        """Let go of one."""
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
