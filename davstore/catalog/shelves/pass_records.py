"""What logins have brought, in the database that machines share: who renews one does that alone."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.database.dialects import moment, reason, saying, upsert
from davstore.catalog.database.leases import Leases
from davstore.catalog.database.shared_tables import passes
from davstore.stores.passes import Pass

log = logging.getLogger(__name__)

RENEWAL: Final = "login"
"""The task, in leases, of renewing a pass."""
LASTS: Final = 50.0
"""Seconds after which another renews it too: a service that is slower takes both."""
LOOK_EVERY: Final = 0.25
"""Seconds between two looks whether another is done."""
_UNKEPT: Final = "what a login has brought cannot be kept or read"


class PassRecord:
    """As `PassFile`: the pass of one account, for the service at `source` alone.

    Who writes has `StateError` raised where the database fails. Who waits for another to renew it
    does `sleep` meanwhile.
    """

    def __init__(
        self,
        engine: sa.Engine,
        account: str,
        source: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._account = account
        self._source = source
        self._sleep = sleep
        self._leases = Leases(engine, time.time, moment(engine), lasts=LASTS)
        self._lock = threading.Lock()
        self._known: Pass | None = None

    def read(self) -> Pass | None:
        """The pass, None where nobody has logged in; while the database fails, the last one."""
        query = sa.select(passes).where(self._here(), passes.c.source == self._source)
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query).one_or_none()
        except SQLAlchemyError:
            return self._known
        self._known = None if row is None else Pass(row.token, row.expires, dict(row.renewal))
        return self._known

    def write(self, got: Pass) -> None:
        """Keep `got` in place of an older one."""
        row = {
            "account": self._account, "source": self._source, "token": got.token,
            "expires": got.expires, "renewal": dict(got.renewal),
        }  # fmt: skip
        with saying(_UNKEPT), self._engine.begin() as connection:
            upsert(connection, passes, row)

    def drop(self) -> None:
        """Forget it; it may not be there."""
        with saying(_UNKEPT), self._engine.begin() as connection:
            connection.execute(sa.delete(passes).where(self._here()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other thread, process or machine is in here meanwhile.

        What is done here takes as long as a service does: it holds no connection to the database.
        """
        with self._lock:
            with saying(_UNKEPT):
                while not self._leases.take(self._account, RENEWAL):
                    self._sleep(LOOK_EVERY)
            try:
                yield
            finally:
                self._give()

    def _give(self) -> None:
        try:
            self._leases.give(self._account, RENEWAL)
        except SQLAlchemyError as error:
            log.debug("the turn to renew a login runs out by itself: %s", reason(error))

    def _here(self) -> sa.ColumnElement[bool]:
        return passes.c.account == self._account


def passes_of(engine: sa.Engine) -> list[tuple[str, str, Pass]]:
    """Account, source and pass of all that are kept."""
    with saying(_UNKEPT), engine.connect() as connection:
        rows = connection.execute(sa.select(passes)).all()
    return [
        (row.account, row.source, Pass(row.token, row.expires, dict(row.renewal))) for row in rows
    ]
