"""What logins have brought, in the database that machines share: who renews one does that alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.dialects import alone, saying, upsert
from davstore.catalog.shared_tables import passes
from davstore.stores.passes import Pass

_UNKEPT: Final = "what a login has brought cannot be kept or read"


class PassRecord:
    """As `PassFile`: the pass of one account, for the service at `source` alone.

    Who writes has `StateError` raised where the database fails.
    """

    def __init__(self, engine: sa.Engine, account: str, source: str) -> None:
        self._engine = engine
        self._account = account
        self._source = source
        self._lock = threading.RLock()
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
        """No other thread, process or machine is in here meanwhile."""
        with self._lock, saying(_UNKEPT), self._engine.begin() as connection:
            alone(connection, f"pass {self._account}")
            yield

    def _here(self) -> sa.ColumnElement[bool]:
        return passes.c.account == self._account


def passes_of(engine: sa.Engine) -> list[tuple[str, str, Pass]]:
    """Account, source and pass of all that are kept."""
    with saying(_UNKEPT), engine.connect() as connection:
        rows = connection.execute(sa.select(passes)).all()
    return [
        (row.account, row.source, Pass(row.token, row.expires, dict(row.renewal))) for row in rows
    ]
