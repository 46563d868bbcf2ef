"""The shelf of links on disk, which the resolver uses without knowing a database."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import looking, reason, saying, upsert
from davstore.catalog.database.tables import links
from davstore.model import Link

log = logging.getLogger(__name__)

T = TypeVar("T")

SWEEP_EVERY: Final = 3600.0
"""Seconds between two removals of links that have ended."""
NOTICED: Final = 60.0
"""Seconds for which the row of a link that was dropped stays, for other processes to notice."""
_UNREAD: Final = "links that others have replaced cannot be read"


class Links:
    """The shelf of links that outlives a restart. A disk that fails costs calls, never a read."""

    def __init__(self, engine: sa.Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._looking = looking(engine)
        self._now = now
        self._swept = -math.inf
        self._fails = False
        self._seen = self._try(lambda connection: revisions.of(connection, revisions.LINKS)) or 0

    def get(self, account: str, ref: str) -> Link | None:
        """The link kept for a file, fresh or stale."""
        query = sa.select(links).where(links.c.account == account, links.c.ref == ref)
        row = self._try(lambda connection: connection.execute(query).one_or_none(), self._looking)
        if row is None or not row.url:
            return None
        return Link(row.url, row.expires, row.headers, row.size, row.connections, row.decoy)

    def put(self, account: str, ref: str, link: Link) -> None:
        """Keep `link` in place of an older one, and now and then none that has ended."""
        now = self._now()
        row = {
            "account": account, "ref": ref, "url": link.url, "expires": link.expires,
            "headers": dict(link.headers), "size": link.size, "connections": link.connections,
            "decoy": link.decoy,
        }  # fmt: skip

        def work(connection: sa.Connection) -> None:
            row["revision"] = revisions.taken(connection, revisions.LINKS)
            upsert(connection, links, row)
            if now >= self._swept + SWEEP_EVERY:
                connection.execute(sa.delete(links).where(links.c.expires < now - NOTICED))
                self._swept = now

        self._try(work)

    def drop(self, account: str, ref: str, url: str) -> None:
        """Keep this link of the file no longer; a newer one stays.

        Its row stays for a while, empty: other processes are to notice.
        """
        this = sa.and_(links.c.account == account, links.c.ref == ref, links.c.url == url)
        empty = {"url": "", "expires": self._now(), "headers": {}}

        def work(connection: sa.Connection) -> None:
            revision = revisions.taken(connection, revisions.LINKS)
            connection.execute(sa.update(links).where(this).values(empty | {"revision": revision}))

        self._try(work)

    def changed(self) -> list[tuple[str, str, str]]:
        """Account, ref and URL ("" for none any more) of all that changed since last asked.

        Raises `StateError` where that cannot be read.
        """
        columns = links.c.account, links.c.ref, links.c.url, links.c.revision
        query = sa.select(*columns).where(links.c.revision > self._seen)
        with saying(_UNREAD), self._looking.connect() as connection:
            rows = connection.execute(query).all()
        self._seen = max((row.revision for row in rows), default=self._seen)
        return [(row.account, row.ref, row.url) for row in rows]

    def _try(self, work: Callable[[sa.Connection], T], engine: sa.Engine | None = None) -> T | None:
        try:
            with (engine or self._engine).begin() as connection:
                found = work(connection)
        except SQLAlchemyError as error:
            if not self._fails:
                log.warning("kept links cannot be used: %s", reason(error))
            self._fails = True
            return None
        self._fails = False
        return found
