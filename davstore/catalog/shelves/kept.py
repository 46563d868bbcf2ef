"""Rooms of small things by key, in the database that machines share. What stands in folders of
diskcache's where one machine has it all is asked in the same words.

Values are JSON, in which bytes may stand too. Methods raise `StateError` where the database fails.
"""

import base64
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.database.dialects import alone, saying, upsert
from davstore.catalog.database.shared_tables import kept

SWEEP_EVERY: Final = 60.0
"""Seconds between two removals of what has expired; until then nobody sees it either."""
_UNKEPT: Final = "what clients have written cannot be kept or read"
_BYTES: Final = "bytes in base64"


class Kept:
    """One room: of at most `room_for` bytes, where what was used longest ago gives way to more."""

    def __init__(
        self,
        engine: sa.Engine,
        room: str,
        *,
        room_for: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._room = room
        self._room_for = room_for
        self._now = now
        self._mine = threading.local()
        self._swept = -math.inf

    @contextmanager
    def transact(self, *, retry: bool = True) -> Iterator[None]:
        """All that this thread does within is done at once, and by nobody else meanwhile."""
        del retry  # waiting for others ends by itself
        if self._open() is not None:
            yield
            return
        with saying(_UNKEPT), self._engine.begin() as connection:
            alone(connection, f"kept {self._room}")
            self._mine.connection = connection
            try:
                yield
            finally:
                self._mine.connection = None

    def get(self, key: Any, default: Any = None) -> Any:
        """What was set last."""
        with self._connected() as connection:
            here = self._here(key)
            found = connection.execute(sa.select(kept.c.value).where(here)).scalar_one_or_none()
            if found is None:
                return default
            if self._room_for is not None:
                connection.execute(sa.update(kept).where(here).values(used=self._now()))
        return read(found)

    def set(self, key: Any, value: Any, expire: float | None = None) -> None:
        """Keep it, for so many seconds where that is said."""
        now = self._now()
        row = {
            "room": self._room, "digest": _digest(key), "key": _text(key), "value": written(value),
            "expires": now + expire if expire else 0.0, "used": now,
        }  # fmt: skip
        with self._connected() as connection:
            upsert(connection, kept, row)
            if not 0 <= now - self._swept < SWEEP_EVERY:
                self._swept = now
                gone = (kept.c.expires > 0) & (kept.c.expires <= now)
                connection.execute(sa.delete(kept).where(kept.c.room == self._room, gone))
            if self._room_for is not None:
                self._make_room(connection, self._room_for)

    def delete(self, key: Any) -> bool:
        """Whether it was there."""
        with self._connected() as connection:
            return connection.execute(sa.delete(kept).where(self._here(key))).rowcount > 0

    def items(self) -> list[tuple[str, Any]]:
        """All keys, as text, and values."""
        query = sa.select(kept.c.key, kept.c.value).where(kept.c.room == self._room, self._alive())
        with self._connected() as connection:
            return [(key, read(value)) for key, value in connection.execute(query.order_by("key"))]

    def close(self) -> None:
        """Nothing is its own to let go of."""

    def __iter__(self) -> Iterator[str]:
        query = sa.select(kept.c.key).where(kept.c.room == self._room, self._alive())
        with self._connected() as connection:
            return iter(connection.execute(query.order_by("key")).scalars().all())

    def __len__(self) -> int:
        query = sa.select(sa.func.count()).where(kept.c.room == self._room, self._alive())
        with self._connected() as connection:
            return connection.execute(query).scalar_one()

    def __contains__(self, key: Any) -> bool:
        with self._connected() as connection:
            query = sa.select(kept.c.room).where(self._here(key))
            return connection.execute(query).first() is not None

    def _open(self) -> sa.Connection | None:
        found: sa.Connection | None = getattr(self._mine, "connection", None)
        return found

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """In the transaction of this thread, or in one of its own."""
        mine = self._open()
        if mine is not None:
            yield mine
            return
        with saying(_UNKEPT), self._engine.begin() as connection:
            yield connection

    def _alive(self) -> sa.ColumnElement[bool]:
        return (kept.c.expires == 0) | (kept.c.expires > self._now())

    def _here(self, key: Any) -> sa.ColumnElement[bool]:
        here = (kept.c.room == self._room) & (kept.c.digest == _digest(key))
        return here & self._alive()

    def _make_room(self, connection: sa.Connection, room_for: int) -> None:
        size = sa.func.length(kept.c.value)
        all_of_it = sa.select(sa.func.sum(size)).where(kept.c.room == self._room)
        if (connection.execute(all_of_it).scalar_one() or 0) <= room_for:
            return
        query = sa.select(kept.c.digest, size).where(kept.c.room == self._room)
        query = query.order_by(kept.c.used.desc())
        taken = 0
        for digest, size in connection.execute(query).all():
            taken += size
            if taken > room_for:
                this = (kept.c.room == self._room) & (kept.c.digest == digest)
                connection.execute(sa.delete(kept).where(this))


def rooms(engine: sa.Engine) -> list[str]:
    """Those in which anything is."""
    with saying(_UNKEPT), engine.connect() as connection:
        return list(connection.execute(sa.select(kept.c.room).distinct()).scalars())


def written(value: Any) -> bytes:
    """A value as it is kept."""

    def other(each: Any) -> Any:
        if isinstance(each, bytes | bytearray):
            return {_BYTES: base64.b64encode(each).decode("ascii")}
        raise TypeError(f"a {type(each).__name__} cannot be kept")

    return json.dumps(value, default=other, separators=(",", ":")).encode("ascii")


def read(value: bytes) -> Any:
    """The reverse."""
    return json.loads(
        value, object_hook=lambda each: base64.b64decode(each[_BYTES]) if _BYTES in each else each
    )


def _text(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _digest(key: Any) -> str:
    return blake2b(_text(key).encode(errors="surrogatepass"), digest_size=16).hexdigest()
