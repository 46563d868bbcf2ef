"""Where views have put the files of magnets, on disk: a name, once given, stays.

A row a magnet. Several processes may write: each first reads what the others wrote meanwhile.
"""

import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

import sqlalchemy as sa

from davstore.catalog.database.dialects import alone, looking, upsert
from davstore.catalog.database.tables import places
from davstore.views import Path, Places

AT_ONCE: Final = 500
"""So many magnets are named in one statement."""
Paths: TypeAlias = Mapping[str, tuple[str, Places]]
"""By view: the digest of the settings under which they were given, and the paths by file."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is remembered of a magnet without its paths: the folders, by view, that these are in.

    `name` is the one by which it is arranged, whatever it is called later. At `until` its age may
    put it elsewhere. `gone` is when it was missed, 0 while it is there.
    """

    key: str
    name: str
    stamp: str
    folders: Mapping[str, tuple[Path, ...]]
    until: float = float("inf")
    gone: float = 0.0


class PlaceRecords:
    """The table of places."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._looking = looking(engine)
        self._read = 0

    def news(self, connection: sa.Connection | None = None) -> list[Place]:
        """The rows that were written since this was last asked, by whomever."""
        if connection is None:
            with self._looking.connect() as own:
                return self.news(own)
        columns = [column for column in places.c if column is not places.c.paths]
        query = sa.select(*columns).where(places.c.number > self._read)
        found = []
        for key, number, name, stamp, folders, until, gone in connection.execute(query):
            self._read = max(self._read, number)
            found.append(Place(key, name, stamp, _folders(folders),
                               float("inf") if until is None else until, gone))  # fmt: skip
        return found

    def everything(self) -> list[Place]:
        """All rows, however they came there."""
        self._read = 0
        return self.news()

    def paths(self, keys: Collection[str]) -> Iterator[tuple[str, Paths]]:
        """The paths of these magnets' files, by key; of what is not known there is nothing."""
        left = iter(keys)
        while some := list(islice(left, AT_ONCE)):
            query = sa.select(places.c.key, places.c.paths).where(places.c.key.in_(some))
            with self._looking.connect() as connection:
                rows = connection.execute(query).all()
            for key, blob in rows:
                yield key, unpacked(blob)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """While nobody else writes."""
        with self._engine.begin() as connection:
            alone(connection, "places")
            yield connection

    def save(self, connection: sa.Connection, rows: Sequence[tuple[Place, Paths]]) -> None:
        """Write these; `news` is to be read before, under the same `writing`, and tells them the
        next time: whether they are on the disk is known only after that.
        """
        number = self._read + 1
        upsert(connection, places, *(_row(place, each, number) for place, each in rows))

    def missed(self, keys: Sequence[str], moment: float) -> None:
        """Note since when these are gone (0: they are back)."""
        with self.writing() as connection:
            for start in range(0, len(keys), AT_ONCE):
                some = places.c.key.in_(keys[start : start + AT_ONCE])
                connection.execute(sa.update(places).where(some).values(gone=moment))

    def sweep(self, before: float) -> None:
        """Forget what was gone before this moment."""
        with self.writing() as connection:
            connection.execute(sa.delete(places).where(places.c.gone > 0, places.c.gone < before))


def packed(paths: Paths) -> bytes:
    """As bytes for the disk: about a tenth of what they are in memory."""
    plain = {view: [digest, {key: "/".join(path) for key, path in each.items()}]
             for view, (digest, each) in paths.items()}  # fmt: skip
    return zlib.compress(json.dumps(plain, ensure_ascii=False).encode(), 3)


def unpacked(blob: bytes) -> Paths:
    """The reverse."""
    return {
        view: (digest, {key: tuple(path.split("/")) for key, path in each.items()})
        for view, (digest, each) in json.loads(zlib.decompress(blob)).items()
    }


def folders_of(paths: Paths) -> dict[str, tuple[Path, ...]]:
    """The folders, by view, that have files of these `paths`."""
    return {view: tuple(sorted({path[:-1] for path in each.values()}))
            for view, (_, each) in paths.items() if each}  # fmt: skip


def _folders(text: str) -> dict[str, tuple[Path, ...]]:
    plain = json.loads(text)
    return {view: tuple(tuple(path.split("/")) if path else () for path in each)
            for view, each in plain.items()}  # fmt: skip


def _row(place: Place, paths: Paths, number: int) -> dict[str, object]:
    folders = {view: ["/".join(path) for path in each] for view, each in place.folders.items()}
    return {
        "key": place.key, "number": number, "name": place.name, "stamp": place.stamp,
        "folders": json.dumps(folders, ensure_ascii=False), "paths": packed(paths),
        "until": None if place.until == float("inf") else place.until, "gone": place.gone,
    }  # fmt: skip
