"""The contents of sidecars in the database that machines share.

What lies in the folder are copies of those that this machine has had to do with: a content never
changes, so none is ever old.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.database.dialects import reason, saying
from davstore.catalog.database.shared_tables import contents as table
from davstore.catalog.sidecars.contents import ABANDONED, AT_ONCE, Coming, Contents, disk

log = logging.getLogger(__name__)

BLOCK: Final = 256 * 1024
_UNKEPT: Final = "sidecars cannot be read or written"


class StoredContents(Contents):
    """As `Contents`. Raises `StateError` where the disk or the database fails."""

    def __init__(
        self, folder: Path, engine: sa.Engine, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(folder)
        self._engine = engine
        self._now = now

    def fetch(self, content: str) -> None:
        """Have it lie here, where another machine has written it."""
        place = self.path(content)
        if place.exists():
            return
        query = sa.select(table.c.data).where(table.c.content == content)
        with self.writing(lambda: None) as coming:
            is_there = False
            with saying(_UNKEPT), self._engine.connect() as connection:
                rows = connection.execution_options(yield_per=AT_ONCE // BLOCK).execute(
                    query.order_by(table.c.position)
                )
                for block in rows.scalars():
                    coming.write(block)
                    is_there = True
            coming.finish()
            if is_there:
                super().place(coming, content)

    def place(self, coming: Coming, content: str) -> None:
        """Have it lie where a content of this name does, here and in the database."""
        super().place(coming, content)
        try:
            self._store(content)
        except BaseException:
            super().remove([content])
            raise

    def _store(self, content: str) -> None:
        row = {"content": content, "since": self._now()}
        with saying(_UNKEPT), self._engine.begin() as connection:
            for position, block in enumerate(_blocks(self.path(content))):
                connection.execute(sa.insert(table), row | {"position": position, "data": block})

    def copy(self, content: str, coming: Coming) -> None:
        """Write a content once more."""
        self.fetch(content)
        super().copy(content, coming)

    def remove(self, contents: Collection[str]) -> None:
        """They are needed no more; who reads one just now may go on."""
        super().remove(contents)
        gone = [content for content in contents if content]
        try:
            if gone:
                with self._engine.begin() as connection:
                    connection.execute(sa.delete(table).where(table.c.content.in_(gone)))
        except SQLAlchemyError as error:  # what it was needed for is done; `sweep` finds it
            log.info("contents of sidecars stay for now: %s", reason(error))

    def sweep(self, known: Callable[[], Collection[str]], now: float) -> None:
        """Remove what was left by a process that was killed, and copies of what is gone."""
        super().sweep(known, now)
        old = sa.select(table.c.content).where(table.c.since < now - ABANDONED).distinct()
        with saying(_UNKEPT), self._engine.connect() as connection:
            found = set(connection.execute(old).scalars())
        lost = found - set(known()) if found else set()
        self.remove(lost)


def _blocks(path: Path) -> Iterator[bytes]:
    """Of an empty content one, which is empty: so it is known to be there."""
    with disk():
        file = path.open("rb")
    with file:
        first = file.read(BLOCK)
        yield first
        yield from iter(lambda: file.read(BLOCK), b"")
