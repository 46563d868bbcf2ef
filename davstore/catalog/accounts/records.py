"""Reading and writing the catalog on disk. What is asked of it is values, what it gives is values.

Also the memory of learned sizes, which the stream uses without knowing a database.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from davstore.catalog.accounts.doubt import BELIEVED, NEVER
from davstore.catalog.changes import edit_records
from davstore.catalog.changes.edit_records import EditRecords
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import for_each, is_server, looking, upsert
from davstore.catalog.database.leases import kept_up
from davstore.catalog.database.opening import listener_of
from davstore.catalog.database.tables import accounts, files, held_back, links, magnets, sizes
from davstore.errors import StateError
from davstore.model import File, Magnet, Status, Work

if TYPE_CHECKING:
    from davstore.catalog.database.listening import Listener

log = logging.getLogger(__name__)

_FILES = sa.select(
    files.c.magnet, files.c.path, files.c.ref, files.c.size, files.c.number, files.c.mime,
    files.c.video_hash, files.c.season, files.c.episode,
)  # fmt: skip
_FILES = _FILES.where(files.c.account == sa.bindparam("account"))
_FILES = _FILES.order_by(files.c.magnet, files.c.position)
AT_ONCE = 500
"""So many magnets are named in one statement."""
MayWrite = Callable[[sa.Connection], bool]


@dataclass(frozen=True, slots=True)
class Held:
    """A magnet as the catalog holds it, without its files.

    `folder` is the name it was given for good; `files_of` the fingerprint at which its files were
    read, `count` how many they were, `unsized` those of unknown size. None until they are known.
    """

    magnet: Magnet
    folder: str | None = None
    files_of: str | None = None
    count: int = 0
    unsized: int = 0

    @property
    def shown(self) -> bool:
        """Whether it stands as a folder."""
        return self.magnet.status is Status.READY and self.folder is not None and self.count > 0

    @property
    def coming(self) -> bool:
        """Whether it is yet to be shown, or tells why it will not be."""
        return self.magnet.status is not Status.READY or self.wanting

    @property
    def wanting(self) -> bool:
        """Whether its files must be asked."""
        return self.magnet.status is Status.READY and self.files_of != self.magnet.fingerprint


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an account as a whole.

    `taken` is when it was last confirmed and `listed` when last listed completely, 0 for never.
    `skipped` magnets could not be read then. `error` is what went wrong last, at `failed`,
    and "" when all has been well since.
    """

    source: str
    marker: str = ""
    taken: float = 0.0
    listed: float = 0.0
    skipped: int = 0
    error: str = ""
    failed: float = 0.0


@dataclass(slots=True)
class Unsaved:
    """What changed since the disk was last written: all of it is written at once."""

    held: dict[str, Held] = field(default_factory=dict)
    files: dict[str, tuple[File, ...]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def put(self, held: Held) -> None:
        """A magnet is new or changed."""
        self.gone.discard(held.magnet.id)
        self.held[held.magnet.id] = held

    def drop(self, id_: str) -> None:
        """A magnet is gone."""
        self.held.pop(id_, None)
        self.files.pop(id_, None)
        self.gone.add(id_)

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.held or self.files or self.gone)

    def clear(self) -> None:
        """Everything is written."""
        self.held.clear()
        self.gone.clear()
        self.files.clear()


class Records:
    """The catalog's file."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._looking = looking(engine)
        self._files = for_each(engine, _FILES, files.c.magnet, "magnets")
        self.spans_machines = is_server(engine)
        self.edits = EditRecords(engine)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def standing(
        self, account: str, source: str, may_write: MayWrite = lambda _: False
    ) -> Standing:
        """How `account` stands.

        What is known under the same name of another `source` (service and URL) is dropped. Raises
        `StateError` where another davstore keeps that: of two configurations one is wrong, and
        what people have changed would be lost. Not so where this one `may_write`.
        """
        query = sa.select(accounts).where(accounts.c.name == account)
        with self._looking.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return Standing(source)
        if row.source == source:
            return standing_of(row)
        with self._engine.begin() as connection:
            if self.spans_machines and not may_write(connection) and kept_up(connection, account):
                raise StateError(
                    f"accounts.{account}: another davstore keeps the same database for an account "
                    "of that name with another store or url; give both the same configuration, or "
                    "stop that one and wait some seconds"
                )
            _changed(connection, account)
            connection.execute(sa.delete(accounts).where(accounts.c.name == account))
            for table in (magnets, files, links, held_back):
                connection.execute(sa.delete(table).where(table.c.account == account))
            edit_records.forget_all(connection, account)
        return Standing(source)

    def listener(self, told: Callable[[Collection[str]], object]) -> "Listener | None":
        """Who has `told` the names of what other processes change, where that can be heard."""
        return listener_of(self._engine, told)

    def revisions(self, names: Collection[str] | None = None) -> dict[str, int]:
        """The numbers of the last changes, by what was changed: all, or those of these names."""
        with self._looking.connect() as connection:
            return revisions.latest(connection, names)

    def revision(self, account: str) -> int:
        """The number of the last change of `account`.

        What is read after it may be newer, but lacks nothing.
        """
        with self._looking.connect() as connection:
            return revisions.of(connection, revisions.of_account(account))

    def ids(self, account: str) -> set[str]:
        """Of all magnets of `account`."""
        query = sa.select(magnets.c.id).where(magnets.c.account == account)
        with self._looking.connect() as connection:
            return set(connection.execute(query).scalars())

    def count(self, account: str) -> int:
        """How many magnets `account` has."""
        query = sa.select(sa.func.count()).where(magnets.c.account == account)
        with self._looking.connect() as connection:
            return connection.execute(query).scalar_one()

    def held(self, account: str, since: int = -1) -> dict[str, Held]:
        """The magnets of `account` that changed after the revision `since`, or all, by id."""
        query = sa.select(magnets).where(magnets.c.account == account, magnets.c.revision > since)
        with self._looking.connect() as connection:
            return {
                row.id: Held(
                    magnet_of(row), row.folder, row.files_of, row.file_count, row.unsized,
                )
                for row in connection.execute(query)
            }  # fmt: skip

    def held_back(self, account: str) -> dict[str, float]:
        """The magnets whose going is not believed yet, with the moments they were missed."""
        query = sa.select(held_back).where(held_back.c.account == account)
        with self._looking.connect() as connection:
            return {row.id: row.since for row in connection.execute(query)}

    def decide(self, account: str, *, believe: bool) -> None:
        """Have the next complete listing settle what is doubted, or never believe it."""
        since = BELIEVED if believe else NEVER
        statement = sa.update(held_back).where(held_back.c.account == account).values(since=since)
        with self._engine.begin() as connection:
            _changed(connection, account)
            connection.execute(statement)

    def files_of(self, account: str, ids: Collection[str]) -> Mapping[str, tuple[File, ...]]:
        """The files of these magnets, by id; what has none may be missing."""
        wanted = {"account": account, "magnets": list(ids)}
        found: dict[str, list[File]] = {}
        with self._looking.connect() as connection:
            for magnet, *file in connection.execute(self._files, wanted).all():
                found.setdefault(magnet, []).append(File(*file))
        return {magnet: tuple(each) for magnet, each in found.items()}

    def save(
        self,
        account: str,
        standing: Standing,
        unsaved: Unsaved,
        doubted: Mapping[str, float] | None,
        known: int | None = None,
        may_write: MayWrite | None = None,
    ) -> int:
        """Write all of it, or nothing: a marker is worth only as much as what it came with. What is
        `doubted` is None where that is as it was.

        Says the revision that it makes. Raises `Outdated` where the last one is not `known`, or
        where we may not write any more.
        """
        row = asdict(standing) | {"name": account}
        name = revisions.of_account(account)
        with self._engine.begin() as connection:
            if known is None:
                revision = revisions.taken(connection, name)
            else:
                revision = revisions.taken_after(connection, name, known)
            if may_write is not None and not may_write(connection):  # none can write before us now
                raise revisions.Outdated
            upsert(connection, accounts, row)
            held = (_magnet_row(account, each) for each in unsaved.held.values())
            upsert(connection, magnets, *(each | {"revision": revision} for each in held))
            _drop(connection, account, files.c.magnet, unsaved.files.keys() | unsaved.gone)
            _drop(connection, account, magnets.c.id, unsaved.gone)
            edit_records.forget(connection, account, unsaved.gone)
            found = [
                _file_row(account, id_, at, file)
                for id_, tree in unsaved.files.items() for at, file in enumerate(tree)
            ]  # fmt: skip
            if found:
                connection.execute(sa.insert(files), found)
            if doubted is not None:
                _keep_doubts(connection, account, doubted)
            if unsaved.any or doubted is not None or revision == 1:
                revisions.note(connection, revisions.of_magnets(account), revision)
        return revision

    def ask(self, names: Iterable[str], now: float) -> None:
        """Note that somebody wants these accounts refreshed."""
        statement = sa.update(accounts).where(accounts.c.name.in_(list(names)))
        with self._engine.begin() as connection:
            revisions.taken(connection, revisions.ASKED)
            connection.execute(statement.values(asked=now))

    def is_asked(self) -> bool:
        """Whether somebody wants any account refreshed."""
        query = sa.select(accounts.c.name).where(accounts.c.asked > 0).limit(1)
        with self._looking.connect() as connection:
            return connection.execute(query).first() is not None

    def asked(self, among: Iterable[str] | None = None) -> set[str]:
        """The accounts, or those `among` them, that somebody wants refreshed.

        The wish is taken off the list.
        """
        wanted = accounts.c.asked > 0
        if among is not None:
            wanted &= accounts.c.name.in_(list(among))
        with self._engine.begin() as connection:
            query = sa.select(accounts.c.name).where(wanted)
            found = {row.name for row in connection.execute(query)}
            connection.execute(sa.update(accounts).where(wanted).values(asked=0))
        return found

    def sizes(self, since: int = -1) -> dict[str, int]:
        """Every size in bytes learned after the revision `since`, by a file's identity."""
        query = sa.select(sizes).where(sizes.c.revision > since)
        with self._looking.connect() as connection:
            return {row.identity: row.size for row in connection.execute(query)}

    def learn(self, identity: str, size: int) -> None:
        """Remember a size."""
        with self._engine.begin() as connection:
            revision = revisions.taken(connection, revisions.SIZES)
            upsert(connection, sizes, {"identity": identity, "size": size, "revision": revision})


def magnet_of(row: sa.Row[Any]) -> Magnet:
    """The magnet in a row of its table."""
    return Magnet(
        row.id, row.name, Status(row.status), row.fingerprint, row.hash, row.size, row.progress,
        row.added, row.speed, row.trouble,
        Work(row.kind, row.title, row.year) if row.kind else None,
    )  # fmt: skip


def _changed(connection: sa.Connection, account: str) -> None:
    """All that is known of its magnets may be other than it was."""
    revision = revisions.taken(connection, revisions.of_account(account))
    revisions.note(connection, revisions.of_magnets(account), revision)


def standing_of(row: sa.Row[Any]) -> Standing:
    """How an account stands, by a row of its table."""
    return Standing(
        row.source, row.marker, row.taken, row.listed, row.skipped, row.error, row.failed
    )


def _drop(
    connection: sa.Connection, account: str, column: sa.Column[str], ids: Iterable[str]
) -> None:
    """The rows of these magnets, whose ids stand in the `column`."""
    left, table = iter(ids), column.table
    while some := list(islice(left, AT_ONCE)):
        connection.execute(sa.delete(table).where(table.c.account == account, column.in_(some)))


def _keep_doubts(connection: sa.Connection, account: str, doubted: Mapping[str, float]) -> None:
    connection.execute(sa.delete(held_back).where(held_back.c.account == account))
    if doubted:
        rows = [{"account": account, "id": id_, "since": since} for id_, since in doubted.items()]
        connection.execute(sa.insert(held_back), rows)


def _magnet_row(account: str, held: Held) -> dict[str, object]:
    magnet, work = held.magnet, held.magnet.work
    return {
        "account": account, "id": magnet.id, "name": magnet.name, "status": magnet.status.value,
        "fingerprint": magnet.fingerprint, "hash": magnet.hash, "size": magnet.size,
        "progress": magnet.progress, "added": magnet.added or 0.0, "speed": magnet.speed,
        "trouble": magnet.trouble, "kind": work.kind if work else "",
        "title": work.title if work else "", "year": work.year if work else None,
        "folder": held.folder, "files_of": held.files_of, "file_count": held.count,
        "unsized": held.unsized,
    }  # fmt: skip


def _file_row(account: str, magnet: str, position: int, file: File) -> dict[str, object]:
    return {
        "account": account, "magnet": magnet, "position": position, "path": file.path,
        "ref": file.ref, "size": file.size, "number": file.index, "mime": file.mime,
        "video_hash": file.video_hash, "season": file.season, "episode": file.episode,
    }  # fmt: skip
