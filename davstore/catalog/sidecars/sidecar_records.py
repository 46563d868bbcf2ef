"""Sidecars in their tables, within a transaction of somebody else's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import sqlalchemy as sa

from davstore.catalog.database.dialects import upsert
from davstore.catalog.database.sidecar_tables import sidecar_properties, sidecars
from davstore.errors import Full
from davstore.views import Path

Written: TypeAlias = tuple[tuple[str, str], ...]
"""Properties that clients have written about something: name (in Clark notation) and element."""
LARGEST_PROPERTIES: Final = 16 * 1024
"""Characters of one sidecar's properties."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What stands at `path` of a home: a folder where there is no `content`, else a file.

    `content` names the bytes: other bytes have another name.
    """

    path: Path
    content: str
    size: int
    modified: float
    written: Written = ()


def rows(connection: sa.Connection, home: str) -> list[Sidecar]:
    """The sidecars of a home."""
    both = sidecars.outerjoin(
        sidecar_properties,
        (sidecar_properties.c.home == sidecars.c.home)
        & (sidecar_properties.c.path == sidecars.c.path),
    )
    columns = (sidecars.c.path, sidecars.c.content, sidecars.c.size, sidecars.c.modified,
               sidecar_properties.c.properties)  # fmt: skip
    query = sa.select(*columns).select_from(both).where(sidecars.c.home == home)
    return [
        Sidecar(tuple(path.split("/")), content, size, modified, tuple((written or {}).items()))
        for path, content, size, modified, written in connection.execute(query)
    ]


def put(connection: sa.Connection, home: str, sidecar: Sidecar) -> list[str]:
    """Write one in place of what stood there, which leaves it its properties unless it brings its
    own; the contents that were replaced.
    """
    before = sa.select(sidecars.c.content).where(at(sidecars, home, sidecar.path))
    replaced = list(connection.execute(before).scalars())
    row = {"home": home, "path": "/".join(sidecar.path), "content": sidecar.content,
           "size": sidecar.size, "modified": sidecar.modified, "gone": 0.0}  # fmt: skip
    upsert(connection, sidecars, row)
    if sidecar.written:
        _describe(connection, home, sidecar.path, dict(sidecar.written))
    return replaced


def remove(connection: sa.Connection, home: str, path: Path) -> list[str]:
    """Without what stands at and below `path`; the contents of that, "" for each folder."""
    removed = [each for each in rows(connection, home) if below(each.path, path)]
    for each in removed:
        for table in (sidecars, sidecar_properties):
            connection.execute(sa.delete(table).where(at(table, home, each.path)))
    return [each.content for each in removed]


def rename(connection: sa.Connection, home: str, path: Path, to_home: str, to: Path) -> None:
    """Give what stands at `path` another one, where nothing stands."""
    place = {"home": to_home, "path": "/".join(to)}
    connection.execute(
        sa.update(sidecars).where(at(sidecars, home, path)).values(gone=0.0, **place)
    )
    written = sa.update(sidecar_properties).where(at(sidecar_properties, home, path))
    connection.execute(written.values(**place))


def describe(
    connection: sa.Connection, home: str, path: Path, changes: Mapping[str, str | None]
) -> None:
    """Set properties, or, with None, forget them. Raises `Full`."""
    this = sa.select(sidecar_properties.c.properties).where(at(sidecar_properties, home, path))
    known = connection.execute(this).scalar_one_or_none() or {}
    left = {name: text for name, text in {**known, **changes}.items() if text is not None}
    if sum(len(name) + len(text) for name, text in left.items()) > LARGEST_PROPERTIES:
        raise Full(f"The properties of one file may take {LARGEST_PROPERTIES} characters.")
    _describe(connection, home, path, left)


def _describe(
    connection: sa.Connection, home: str, path: Path, properties: Mapping[str, str]
) -> None:
    row = {"home": home, "path": "/".join(path), "properties": properties}
    upsert(connection, sidecar_properties, row)


def at(table: sa.Table, home: str, path: Path) -> sa.ColumnElement[bool]:
    """Whether a row is that of this place."""
    return (table.c.home == home) & (table.c.path == "/".join(path))


def below(path: Path, above: Path) -> bool:
    """Whether `path` is `above` or below it."""
    return path[: len(above)] == above
