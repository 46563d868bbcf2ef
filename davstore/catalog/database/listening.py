"""Hears at once of what others have changed in a PostgreSQL that machines share: LISTEN, over one
connection of this process.

Whoever renews leases is heard every few seconds; where nobody is, something between swallows what
is told (a pooler that lends its connections for a transaction each), or the connection is dead
without saying so. Then its owner must look for itself, and another connection is tried.
https://www.postgresql.org/docs/current/sql-listen.html
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.database.dialects import CHANNEL, reason, teller_of
from davstore.catalog.database.postgres import unheard
from davstore.catalog.database.revisions import ASKED

log = logging.getLogger(__name__)

SILENCE: Final = 5.0
"""Seconds without a word after which it is believed no more that anything would be heard."""
GIVEN_UP: Final = 10.0
"""The same until another connection is tried."""
TICK: Final = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before another is tried after one that heard nothing; doubling."""


class Listener:
    """Calls `told` with the names of what others have changed, on a thread of its own, between
    start and stop: with none where everything may have, as at the beginning, or where it becomes
    deaf. `now` is monotonic seconds.
    """

    def __init__(
        self,
        engine: sa.Engine,
        told: Callable[[Collection[str]], object],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._own = teller_of(engine)
        self._told = told
        self._now = now
        self._heard: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    @property
    def hears(self) -> bool:
        """Whether what others tell is heard at this time."""
        heard = self._heard
        return heard is not None and self._now() - heard < SILENCE

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(4 * TICK)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                with self._connected() as connection:
                    self._listen(connection)
            except (SQLAlchemyError, psycopg.Error) as error:
                log.debug("nothing is heard of other replicas: %s", reason(error))
            except Exception:
                log.exception("nothing is heard of other replicas")
            pause = FIRST_PAUSE if self._heard is not None else min(2 * pause, LONGEST_PAUSE)
            self._heard = None
            self._told(())
            self._stopping.wait(pause)

    @contextlib.contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[Any]"]:
        """A connection that is no longer one of the pool's."""
        made = self._engine.raw_connection()
        driver: Any = made.driver_connection
        made.detach()
        try:
            driver.autocommit = True
            driver.remove_notify_handler(unheard)
            yield driver
        finally:
            driver.close()
            made.invalidate()

    def _listen(self, connection: "psycopg.Connection[Any]") -> None:
        """Until nothing is heard for long, or the connection is lost."""
        connection.execute(f"LISTEN {CHANNEL}")
        # Poolers hand on with an answer what was told, and never again after that.
        for _ in connection.notifies(timeout=0):
            pass
        self._told(())  # what was told before nobody has heard
        began = self._now()
        while not self._stopping.is_set():
            did_hear = self.hears
            for each in connection.notifies(timeout=TICK):
                self._heard = self._now()
                self._take(each.payload)
            if did_hear and not self.hears:
                self._told(())
            if self._now() - (self._heard or began) > GIVEN_UP:
                return

    def _take(self, payload: str) -> None:
        """What this process has changed itself it knows, but not who is to act on a wish."""
        teller, _, name = payload.partition(" ")
        if name and (teller != self._own or name == ASKED):
            self._told((name,))
