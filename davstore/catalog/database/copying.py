"""The whole state from one database into another, of whichever engine: all or nothing."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.database.dialects import SERVER, patient, saying
from davstore.catalog.database.edit_tables import audit
from davstore.catalog.database.migrations import SCHEMA, number, without_note
from davstore.catalog.database.shared_tables import contents, kept, passes
from davstore.catalog.database.tables import leases, metadata, revisions
from davstore.errors import StateError

AT_ONCE: Final = 1000
EMPTIED_WITHIN: Final = 600
"""Seconds that the rows of one table may take to be deleted."""
_ELSEWHERE: Final = frozenset({leases, contents, kept, passes})
"""Who is at work now is nobody at the other place; and the rest stands in files beside SQLite's."""
_MADE_ANYWAY: Final = frozenset({leases, revisions})


def copied(source: sa.Engine, target: sa.Engine, *, replace: bool) -> dict[str, int]:
    """The rows of each table, which the target has now too. Raises `StateError`, with nothing
    changed; so too where the target is not empty, unless what it has is to be `replace`d.
    """
    with (
        saying("the state cannot be copied"),
        source.connect() as reading,
        target.begin() as writing,
    ):
        for each in (reading, writing):
            if number(each) != SCHEMA:
                raise StateError("there is a newer davstore's state; copy it with that one")
        if not replace and not is_empty(writing):
            raise StateError("there is a state already; --replace puts this one in its place")
        with patient(writing, EMPTIED_WITHIN):
            for table in metadata.sorted_tables:
                writing.execute(sa.delete(table))
        tables = [table for table in metadata.sorted_tables if table not in _ELSEWHERE]
        counts = {table.name: _copy(table, reading, writing) for table in tables}
        if writing.dialect.name == SERVER:
            # What numbers the audit's rows does not look at those that we brought.
            last = sa.select(sa.func.coalesce(sa.func.max(audit.c.number), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(audit.name, "number")
            writing.execute(sa.select(sa.func.setval(sequence, last, sa.false())))
    return counts


def is_empty(connection: sa.Connection) -> bool:
    """Whether there is no state; that a server has looked at a new one counts not."""
    queries = [sa.select(table) for table in metadata.sorted_tables if table not in _MADE_ANYWAY]
    return all(
        connection.execute(query.limit(1)).first() is None for query in (*queries, without_note())
    )


def _copy(table: sa.Table, reading: sa.Connection, writing: sa.Connection) -> int:
    count = 0
    for rows in _portions(table, reading):
        writing.execute(sa.insert(table), rows)
        count += len(rows)
    return count


def _portions(table: sa.Table, reading: sa.Connection) -> Iterator[Sequence[dict[str, Any]]]:
    found = reading.execution_options(yield_per=AT_ONCE).execute(sa.select(table))
    for portion in found.mappings().partitions():
        yield [dict(row) for row in portion]
