"""How processes that share the catalog notice each other's changes: each has a number.

Whoever changes something takes the next number in the same transaction and writes it beside what
changed; whoever knows an older number reads what came after it. Where a database can tell others
that a number was taken, it does.
"""

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.database.dialects import has_past, inserting, is_server, past, telling, upsert
from davstore.catalog.database.tables import revisions

ASKED: Final = "asked"
EDITS: Final = "edits"
LINKS: Final = "links"
SIDECARS: Final = "sidecars"
SIZES: Final = "sizes"
LEASES: Final = "leases"
"""No number, but told where somebody lets go of what others may take."""

PAST: Final = "past"
"""No number, but what becomes another one where the database has another past: any number may since
mean another change.
"""


class Outdated(Exception):
    """Another process has changed what was about to be changed."""


def of_account(name: str) -> str:
    """What the revision of an account is called."""
    return f"account {name}"


def of_magnets(account: str) -> str:
    """What says which revision of an account was the last one to change its magnets."""
    return f"magnets {account}"


def of_queue(account: str) -> str:
    """What the revision of what is to be added to an account is called."""
    return f"additions {account}"


def of_list(account: str) -> str:
    """What the revision of the links that an account keeps is called."""
    return f"linked {account}"


def latest(connection: sa.Connection, names: Collection[str] | None = None) -> dict[str, int]:
    """The numbers of all that ever changed, and of the past, or of these, by name."""
    query: sa.Select[Any] | sa.CompoundSelect[Any] = sa.select(revisions)
    if names is not None:
        query = sa.select(revisions).where(revisions.c.name.in_(names))
    elif has_past(connection):
        query = sa.union_all(sa.select(revisions), sa.select(sa.literal(PAST), past()))
    return {row.name: row.value for row in connection.execute(query)}


def of(connection: sa.Connection, name: str) -> int:
    """The number of the last change of `name`, 0 where there was none."""
    found = connection.execute(sa.select(revisions.c.value).where(revisions.c.name == name))
    return found.scalar_one_or_none() or 0


def taken(connection: sa.Connection, name: str) -> int:
    """The next number for `name`: the transaction's alone till its end, so that no number is seen
    before a lower one.
    """
    statement = inserting(connection, revisions).values(name=name, value=1)
    following = {"value": revisions.c.value + 1}
    statement = statement.on_conflict_do_update(index_elements=["name"], set_=following)
    if not is_server(connection.engine):
        connection.execute(statement)
        return of(connection, name)
    found = connection.execute(
        statement.returning(revisions.c.value, *telling(connection, name))
    ).one()
    value: int = found.value
    return value


def taken_after(connection: sa.Connection, name: str, known: int) -> int:
    """As `taken`, where `known` is still the last one. Raises `Outdated` otherwise."""
    found = taken(connection, name)
    if found != known + 1:
        raise Outdated
    return found


def note(connection: sa.Connection, name: str, value: int) -> None:
    """Write a number down under another name too; nobody is told of that."""
    upsert(connection, revisions, {"name": name, "value": value})
