"""What people have dropped into accounts, on disk: the files as they are, and the magnets in them.
Links of file hosts, and containers of such, wait in the same queue, at a pace of their own.

A magnet waits here until its service has taken it or refused it. It is added once: whoever adds
it claims it first, in the same transaction in which it is noted that it may be there from then on.
Methods raise `StateError` where the disk fails.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

import sqlalchemy as sa

from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import alone, inserting, looking, saying, upsert, written
from davstore.catalog.database.tables import additions, drops
from davstore.errors import Full
from davstore.model import HOSTED, Wanted

SHOWN_FOR: Final = 60.0
"""Seconds for which a dropped file stands there as it was written. rclone looks at its size right
after the upload, Finder and Windows write an empty file first and properties last, davfs2 comes
back to unlock it: all within seconds, and some tens of them over a slow line.
"""
HELD_FOR: Final = 3600.0
"""The same for what has a temporary name: it waits to be given its own."""
RETRIED_WITHIN: Final = 180.0
"""Seconds within which the same magnet, dropped again, is a client's retry and no new wish."""
KEEP_ADDED, KEEP_REFUSED = 24 * 3600.0, 7 * 24 * 3600.0
TOLD_FOR: Final = 600.0
"""Seconds for which it is said of an added magnet that it was, if the account does not show it."""
MOST_WAITING: Final = 2000
"""Of what was dropped; what the owner imports counts not."""
IMPORTED: Final = "davstore import"
"""Stands for who dropped it, where the owner had a whole library added: all else goes first."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of all dropped files of an account that stand there."""


class State(StrEnum):
    """How far a magnet is on its way into the account."""

    WAITING = "waiting"
    TRYING = "trying"
    CHOOSING = "choosing"
    ADDED = "added"
    REFUSED = "refused"

    @property
    def said(self) -> str:
        """It in words for a person."""
        return _SAID[self]


_SAID: Final[Mapping[State, str]] = {
    State.WAITING: "waits to be added",
    State.TRYING: "is being added",
    State.CHOOSING: "added; waits for its files to be known",
    State.ADDED: "added",
    State.REFUSED: "refused; it was not added",
}


@dataclass(frozen=True, slots=True)
class Drop:
    """A dropped file; `identity` is that of its content."""

    name: str
    size: int
    identity: str
    hashes: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Addition:
    """A magnet on its way, or what is at file hosts; `unsure` whether it may be in the account
    already.
    """

    hash: str
    name: str
    state: State
    dropped: float
    reason: str = ""
    tries: int = 0
    tried: float = 0.0
    unsure: bool = False
    due: float = 0.0
    settled: float = 0.0
    id: str = ""
    person: str = ""

    @property
    def is_hosted(self) -> bool:
        """Whether it is at file hosts, and no magnet."""
        return self.hash.startswith(HOSTED)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What an account has in one state, of magnets or of what is hosted: when the first of it is
    to be looked at, and when a service was last asked to add any of it, 0 for never.
    """

    state: State
    is_hosted: bool
    due: float
    tried: float


_OPEN = (State.WAITING, State.TRYING, State.CHOOSING)
_DROP = (drops.c.name, sa.func.length(drops.c.content).label("size"), drops.c.identity,
         drops.c.hashes, drops.c.at)  # fmt: skip
_ADDITION = tuple(additions.c[name] for name in Addition.__slots__)
_ORDER = (additions.c.person == IMPORTED, additions.c.dropped, additions.c.hash)
_HOSTED = additions.c.hash.startswith(HOSTED)
_STAYS: Final = frozenset({"account", "hash", "tried", "id"})
"""Of what is asked for anew."""
_APART: Final = 1e-5
"""Seconds: enough to tell two moments of our time apart."""
_UNKEPT: Final = "what was dropped cannot be read or written"


class Additions:
    """The drops and additions of all accounts."""

    def __init__(self, engine: sa.Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._looking = looking(engine)
        self.now = now

    def put(
        self, account: str, name: str, content: bytes, wanted: Sequence[Wanted], person: str = ""
    ) -> Drop:
        """Keep a dropped file in place of one of its name, and what it asks for; raises `Full`.

        What waits already is not asked for twice; what was settled long ago is asked for anew.
        """
        now = self.now()
        identity = blake2b(content, digest_size=16).hexdigest()
        hashes = [each.hash for each in wanted]
        row = {"account": account, "name": name, "content": content, "identity": identity,
               "hashes": hashes, "at": now}  # fmt: skip
        with self._writing() as connection:
            upsert(connection, drops, row)
            _want(connection, account, wanted, person, now)
            _check_room(connection, account)
            revisions.taken(connection, revisions.of_queue(account))
        return Drop(name, len(content), identity, tuple(hashes), now)

    def enqueue(self, account: str, wanted: Sequence[Wanted], person: str) -> int:
        """Ask for magnets without a file; how many were not asked for before. They keep their
        order. Raises `Full`, but for an import.
        """
        with self._writing() as connection:
            asked = _want(connection, account, wanted, person, self.now())
            if person != IMPORTED:
                _check_room(connection, account)
            revisions.taken(connection, revisions.of_queue(account))
        return asked

    def drops(self, account: str) -> list[Drop]:
        """The files that stand there."""
        query = sa.select(*_DROP).where(drops.c.account == account)
        with self._reading() as connection:
            return [_drop(row) for row in connection.execute(query.order_by(drops.c.name))]

    def drop(self, account: str, name: str) -> Drop | None:
        """One of them."""
        with self._reading() as connection:
            row = connection.execute(sa.select(*_DROP).where(_named(account, name))).one_or_none()
        return None if row is None else _drop(row)

    def content(self, account: str, name: str) -> bytes | None:
        """The bytes of one of them, as they were written."""
        with self._reading() as connection:
            query = sa.select(drops.c.content).where(_named(account, name))
            return connection.execute(query).scalar_one_or_none()

    def touch(self, account: str, name: str) -> None:
        """A client is still at work on it."""
        with self._writing() as connection:
            connection.execute(sa.update(drops).where(_named(account, name)).values(at=self.now()))

    def remove(self, account: str, name: str) -> None:
        """Take a file away, and what it asks for out of the queue, unless another file does too.

        What is on its way to the service, or there, stays.
        """
        with self._writing() as connection:
            query = sa.select(drops.c.hashes).where(_named(account, name))
            hashes = set(connection.execute(query).scalar_one_or_none() or ())
            connection.execute(sa.delete(drops).where(_named(account, name)))
            others = sa.select(drops.c.hashes).where(drops.c.account == account)
            for also in connection.execute(others).scalars():
                hashes -= set(also)
            for hash_ in hashes:
                _forget(connection, account, hash_)

    def forget(self, account: str, hash_: str) -> None:
        """Take a magnet out of the queue, or a refusal off the list."""
        with self._writing() as connection:
            _forget(connection, account, hash_)

    def waiting(self, account: str) -> list[Addition]:
        """All additions, in the order in which they are added, those that are settled too."""
        query = sa.select(*_ADDITION).where(additions.c.account == account)
        with self._reading() as connection:
            return [_addition(row) for row in connection.execute(query.order_by(*_ORDER))]

    def of(self, account: str, hash_: str) -> Addition | None:
        """The addition of this hash."""
        query = sa.select(*_ADDITION).where(_this(account, hash_))
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _addition(row)

    def tells(self, addition: Addition, known: Callable[[str], bool]) -> bool:
        """Whether people are to be told of it: not of what the account shows by now (it has a
        `known` hash), nor of what it should have shown long ago, as links that
        were added are; nor of what an import has brought and nobody has tried, which may be
        thousands.
        """
        if addition.person == IMPORTED and addition.state is State.WAITING and not addition.tries:
            return False
        if addition.state is not State.ADDED:
            return True
        if addition.is_hosted:
            return False
        return self.now() - addition.settled <= TOLD_FOR and not known(addition.hash)

    def due(self, account: str, *, adding: bool, taking: bool = False) -> Addition | None:
        """What is to be done next, if it is time; where not `adding`, no magnet is added, and where
        not `taking`, nothing of file hosts.
        """
        kinds = [kind for kind, may in ((~_HOSTED, adding), (_HOSTED, taking)) if may]
        wanted = _in(account, State.WAITING) & sa.or_(sa.false(), *kinds)
        query = (
            sa.select(*_ADDITION)
            .where(_in(account, State.CHOOSING) | wanted, additions.c.due <= self.now())
            .order_by(additions.c.state, *_ORDER)
        )
        with self._reading() as connection:
            row = connection.execute(query.limit(1)).one_or_none()
        return None if row is None else _addition(row)

    def ahead(self, account: str) -> list[Ahead]:
        """What there is to do, and when; all that is settled too."""
        kind = additions.c.state, _HOSTED
        query = sa.select(*kind, sa.func.min(additions.c.due), sa.func.max(additions.c.tried))
        query = query.where(additions.c.account == account).group_by(*kind)
        with self._reading() as connection:
            return [
                Ahead(State(state), bool(is_hosted), due, tried)
                for state, is_hosted, due, tried in connection.execute(query)
            ]

    def claim(self, account: str, addition: Addition) -> Wanted | None:
        """Be the one who adds it; None where it has been claimed or taken away meanwhile."""
        this = _this(account, addition.hash)
        still = this & (additions.c.state == State.WAITING) & (additions.c.tries == addition.tries)
        claimed = {"state": State.TRYING, "tries": addition.tries + 1, "tried": self.now(),
                   "unsure": True}  # fmt: skip
        columns = (additions.c.hash, additions.c.name, additions.c.link, additions.c.torrent)
        with self._writing() as connection:
            if not connection.execute(sa.update(additions).where(still).values(claimed)).rowcount:
                return None
            row = connection.execute(sa.select(*columns).where(this)).one()
        return Wanted(row.hash, row.name, row.link, row.torrent)

    def note(self, account: str, hash_: str, state: State, **values: Any) -> None:
        """What became of it; a torrent file is kept only as long as it may be needed."""
        if state in {State.ADDED, State.REFUSED}:
            values |= {"settled": self.now(), "torrent": b""}
        with self._writing() as connection:
            statement = sa.update(additions).where(_this(account, hash_))
            connection.execute(statement.values(state=state, **values))

    def recover(self, account: str) -> None:
        """Whoever was at work on this account is so no more: what they had claimed waits again."""
        with self._writing() as connection:
            tried = sa.update(additions).where(_in(account, State.TRYING))
            connection.execute(tried.values(state=State.WAITING, due=0.0))

    def sweep(self, account: str, temporary: Callable[[str], bool]) -> float:
        """Take away files that stood there long enough, and what was settled long ago; how many
        seconds the next of the files may still stand there.
        """
        now = self.now()
        until = {
            drop: drop.at + (HELD_FOR if temporary(drop.name) else SHOWN_FOR)
            for drop in self.drops(account)
        }
        ages = ((State.ADDED, KEEP_ADDED), (State.REFUSED, KEEP_REFUSED))
        old = [_in(account, state) & (additions.c.settled < now - kept) for state, kept in ages]
        gone = [
            _named(account, drop.name) & (drops.c.at == drop.at)
            for drop, end in until.items() if end < now
        ]  # fmt: skip
        longest = min((end - now for end in until.values() if end >= now), default=math.inf)
        with self._reading() as connection:
            has_old = connection.execute(sa.select(additions.c.hash).where(sa.or_(*old))).first()
        if gone or has_old:
            with self._writing() as connection:
                connection.execute(sa.delete(additions).where(sa.or_(*old)))
                for which in gone:
                    connection.execute(sa.delete(drops).where(which))
        return longest

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with saying(_UNKEPT), self._looking.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that is its alone from the beginning, not only from its first change."""
        with saying(_UNKEPT), self._engine.connect() as connection:
            alone(connection, "additions")
            yield connection
            connection.commit()


def _want(
    connection: sa.Connection, account: str, wanted: Sequence[Wanted], person: str, now: float
) -> int:
    """How many were not asked for before. What a person wants goes before an import."""
    rows = [
        {"account": account, "hash": each.hash, "name": each.name, "link": each.link,
         "torrent": each.torrent, "person": person, "dropped": now + at * _APART,
         "state": State.WAITING, "reason": "", "tries": 0, "due": 0.0, "settled": 0.0,
         "tried": 0.0, "unsure": False, "id": ""}
        for at, each in enumerate(wanted)
    ]  # fmt: skip
    if not rows:
        return 0
    again = additions.c.settled < now - RETRIED_WITHIN
    was_added = additions.c.state == State.ADDED
    is_settled = was_added | (
        additions.c.state == State.REFUSED
    )  # SQLAlchemy takes no IN for many rows
    is_preferred = (
        (additions.c.state == State.WAITING)
        & (additions.c.person == IMPORTED)
        & sa.literal(person != IMPORTED)
    )
    statement = inserting(connection, additions)
    anew = {name: statement.excluded[name] for name in rows[0] if name not in _STAYS}
    return written(
        connection,
        statement.on_conflict_do_update(
            index_elements=["account", "hash"],
            set_=anew | {"unsure": sa.or_(additions.c.unsure, was_added)},
            where=(is_settled & again) | is_preferred,
        ),
        rows,
    )


def _check_room(connection: sa.Connection, account: str) -> None:
    dropped = _in(account, *_OPEN) & (additions.c.person != IMPORTED)
    count = sa.select(sa.func.count()).select_from(additions).where(dropped)
    size = sa.select(sa.func.sum(sa.func.length(drops.c.content))).where(drops.c.account == account)
    if connection.execute(count).scalar_one() > MOST_WAITING:
        raise Full(f"More than {MOST_WAITING} magnets wait to be added; try again later.")
    if (connection.execute(size).scalar_one() or 0) > MOST_BYTES:
        raise Full("Too much was dropped at once; try again in a minute.")


def _forget(connection: sa.Connection, account: str, hash_: str) -> None:
    free = additions.c.state.in_([State.WAITING, State.REFUSED])
    connection.execute(sa.delete(additions).where(_this(account, hash_) & free))


def _this(account: str, hash_: str) -> sa.ColumnElement[bool]:
    return (additions.c.account == account) & (additions.c.hash == hash_)


def _in(account: str, *states: State) -> sa.ColumnElement[bool]:
    return (additions.c.account == account) & additions.c.state.in_(states)


def _named(account: str, name: str) -> sa.ColumnElement[bool]:
    return (drops.c.account == account) & (drops.c.name == name)


def _drop(row: Any) -> Drop:
    return Drop(row.name, row.size, row.identity, tuple(row.hashes), row.at)


def _addition(row: Any) -> Addition:
    return Addition(**{**row._mapping, "state": State(row.state)})  # noqa: SLF001 - public by name
