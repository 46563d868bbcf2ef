"""Connections to PostgreSQL that never hang: whatever it is asked ends within bounds, also where
the server was stopped, cut off or replaced; and for a moment after that nobody waits for it at all.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from davstore.catalog.database.dialects import reason
from davstore.config import Database
from davstore.errors import StateError

T = TypeVar("T")

CONNECT_WITHIN: Final = 5
STATEMENT_WITHIN: Final = 9
"""Seconds after which the server gives a statement up, where it can."""
LOCK_WITHIN: Final = 5
"""Seconds for which one waits for another to finish writing."""
SILENCE: Final = 10.0
"""Seconds after which a server that says nothing is given up: one that was stopped, or is behind a
network that swallows everything, says nothing for ever.
"""
REST: Final = 1.0
"""Seconds after a failure in which it is not asked again, so that not everybody waits in vain."""
CONNECTIONS: Final = 20
"""At most, of one process."""
FREE_WITHIN: Final = 5.0
ALIVE_FOR: Final = 0.5
"""Seconds for which a connection that was of use is believed to be so still."""
_USED: Final = "used"
ISOLATION: Final = "READ COMMITTED"
"""Who has waited for his turn is to see what was written meanwhile, whatever is usual there."""
PORT: Final = "5432"
"""Where none is said."""
ASK_EVERY: Final = 10.0
"""Seconds between two questions what time it is there."""


class Health:
    """Whether the server may be asked now; `now` is monotonic seconds.

    `prepares` is whether it keeps statements for a connection: behind a pooler that lends another
    one for each transaction it does not. None while nobody has looked. `takes_options` is whether
    it lets us say our bounds when we come: poolers may not. `at` is the host and port, of several,
    where we came last.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.prepares: bool | None = None
        self.takes_options = True
        self.at = ("", "")
        self._rests_until = 0.0
        self._why = ""

    def failed(self, error: psycopg.Error) -> None:
        """It could not be reached, or did not answer."""
        self._rests_until = self._now() + REST
        self._why = str(error)

    def check(self) -> None:
        """Raises `psycopg.OperationalError` while it is let alone."""
        if self._now() < self._rests_until:
            raise psycopg.OperationalError(self._why)


class _Bounded(psycopg.Connection[Any]):
    """A connection that is closed once the server has said nothing for long.

    psycopg waits for an answer without an end, and what PostgreSQL knows of timeouts is of no use
    where it is PostgreSQL that has stopped. https://www.psycopg.org/psycopg3/docs/api/connections.html
    """

    health: Health | None = None
    patience = 0
    """Seconds for which its silence means work: what `patient` of `dialects` changes for a while.
    """

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        """What `gen` comes to; all that a connection does passes here."""
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: PQGen[T]) -> PQGen[T]:
        heard = time.monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() > heard + SILENCE + self.patience:
                    self.pgconn.finish()
                    error = psycopg.OperationalError("the database does not answer")
                    if self.health is not None:
                        self.health.failed(error)
                    raise error
                state = gen.send(ready)
        except StopIteration as done:
            found: T = done.value
            return found


def connecting(database: Database) -> sa.Engine:
    """An engine over PostgreSQL; nothing is asked yet. Raises `StateError`."""
    health = Health()
    engine = sa.create_engine(
        _address(database),
        pool_size=CONNECTIONS // 4,
        max_overflow=CONNECTIONS - CONNECTIONS // 4,
        pool_timeout=FREE_WITHIN,
        hide_parameters=True,  # they hold links
        isolation_level=ISOLATION,
    )

    def connect(_dialect: object, _record: object, args: list[Any], options: dict[str, Any]) -> Any:
        health.check()
        try:
            return _connected(health, args, options)
        except psycopg.OperationalError as error:
            health.failed(error)
            raise

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "checkin", _note_use)
    sa.event.listen(engine, "checkout", partial(_check_life, engine))
    sa.event.listen(engine, "handle_error", _leave_what_is_read_only)
    sa.event.listen(engine, "handle_error", partial(_leave_what_prepares, health))
    return engine


def _connected(health: Health, args: list[Any], options: dict[str, Any]) -> _Bounded:
    _begin_where_we_were(health, options)
    if health.prepares is False:
        options["prepare_threshold"] = None
    if not health.takes_options:
        options.pop("options", None)
    try:
        made = _Bounded.connect(*args, **options)
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" not in str(error) or not health.takes_options:
            raise
        health.takes_options = False
        return _connected(health, args, options)
    made.health = health
    made.add_notify_handler(unheard)
    health.at = made.info.host, str(made.info.port)
    if health.prepares is None:
        health.prepares = _is_direct(made)
        if not health.prepares:
            made.prepare_threshold = None
    return made


def unheard(_told: psycopg.Notify) -> None:
    """What is told to a connection on which nobody listens, by a pooler on whose own one somebody
    did once: psycopg would keep it for ever.
    """


def _is_direct(connection: _Bounded) -> bool:
    """Whether the process that serves us is the one that we were told of: a pooler speaks for many.

    https://www.postgresql.org/docs/current/protocol-flow.html, BackendKeyData
    """
    connection.autocommit = True
    try:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
    finally:
        if not connection.closed:
            connection.autocommit = False
    return row is not None and row[0] == connection.info.backend_pid


def _begin_where_we_were(health: Health, options: dict[str, Any]) -> None:
    """Of several hosts, try the one first that served us last: one before it may be a machine that
    is gone, which costs seconds each time.
    """
    hosts = str(options.get("host", "")).split(",")
    ports = str(options.get("port", "")).split(",")
    if len(hosts) != len(ports):
        return
    places = sorted(
        zip(hosts, ports, strict=True),
        key=lambda place: (place[0], place[1] or PORT) != health.at,
    )
    if len(places) > 1:
        options["host"], options["port"] = (",".join(each) for each in zip(*places, strict=True))


def _note_use(_driver: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED] = time.monotonic()


def _check_life(
    engine: sa.Engine, driver: Any, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Ask it, where nobody has for a while, whether the server still knows it.

    https://docs.sqlalchemy.org/en/20/core/pooling.html#custom-legacy-pessimistic-ping
    """
    if time.monotonic() - record.info.get(_USED, time.monotonic()) < ALIVE_FOR:
        return
    try:
        engine.dialect.do_ping(driver)
    except psycopg.Error:
        raise InvalidatePoolError from None


def _leave_what_is_read_only(context: sa.ExceptionContext) -> None:
    """A server that takes no writes was replaced by another: the connections to it are of no use.

    https://www.postgresql.org/docs/current/errcodes-appendix.html, class 25
    """
    if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True


def _leave_what_prepares(health: Health, context: sa.ExceptionContext) -> None:
    """A statement is not where it was prepared, or is there already: no more are.

    https://www.psycopg.org/psycopg3/docs/advanced/prepare.html#using-prepared-statements-with-pgbouncer
    """
    error = context.original_exception
    if isinstance(
        error, psycopg.errors.DuplicatePreparedStatement | psycopg.errors.InvalidSqlStatementName
    ):
        health.prepares = False
        context.is_disconnect = True


def _address(database: Database) -> sa.URL:
    try:
        url = sa.make_url(database.url.get_secret_value())
    except (SQLAlchemyError, ValueError):
        raise StateError(
            "server.state_url is no address; one such as "
            "postgresql+psycopg://user:password@host/name"
        ) from None
    if database.password_file is not None:
        try:
            password = database.password_file.expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(
                f"server.state_password_file: {database.password_file} cannot be read "
                f"({type(error).__name__})"
            ) from None
        url = url.set(password=password)
    bounds = {
        "statement_timeout": f"{STATEMENT_WITHIN}s", "lock_timeout": f"{LOCK_WITHIN}s",
        "idle_in_transaction_session_timeout": "10min", "timezone": "UTC",
        "default_transaction_isolation": ISOLATION.lower().replace(" ", r"\ "),
    }  # fmt: skip
    own = " ".join(f"-c {name}={value}" for name, value in bounds.items())
    said = url.query.get("options", "")
    defaults = {
        "connect_timeout": str(CONNECT_WITHIN), "application_name": "davstore",
        "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
        "tcp_user_timeout": "15000",
    }  # fmt: skip
    query = {**defaults, **url.query, "options": f"{own} {said}".strip()}
    return url.set(drivername="postgresql+psycopg", query=query)


class Pool:
    """The connections of an engine, as pyrate-limiter's bucket takes them.

    What goes wrong with one raises `StateError`.
    """

    closed = True
    """There is nothing of its own to be closed."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._ahead, self._asked = 0.0, float("-inf")

    def now(self) -> float:
        """The server's time in unix seconds, by which all machines agree. It is asked every few
        seconds, and counted on from there.
        """
        before = time.monotonic()
        if before > self._asked + ASK_EVERY:
            with self.connection() as connection:
                query = "SELECT extract(epoch FROM clock_timestamp())::float8"
                found: float = connection.execute(query).fetchone()[0]
            after = time.monotonic()
            self._ahead = found - (before + after) / 2
            if after - before < 1:  # or it is not known when it said so
                self._asked = after
        return time.monotonic() + self._ahead

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """One, in a transaction."""
        try:
            with self._engine.begin() as connection:
                yield connection.connection.driver_connection
        except SQLAlchemyError as error:
            raise StateError(f"the database cannot be used: {reason(error)}") from None
        except psycopg.Error as error:
            said = str(error).strip().partition("\n")[0]
            raise StateError(f"the database cannot be used: {said}") from None
