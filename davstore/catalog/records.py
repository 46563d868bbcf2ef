"""Reading and writing the catalog on disk. What is asked of it is values, what it gives is values.

Also the shelf of links and the memory of learned sizes, which the resolver and the stream use
without knowing a database.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.tables import accounts, files, links, magnets, sizes
from davstore.model import File, Link, Magnet, Status

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """A magnet as the catalog holds it.

    `folder` is the name it was given for good; `files_of` the fingerprint at which `files` were
    read. Both are None until its files are known.
    """

    magnet: Magnet
    folder: str | None = None
    files: tuple[File, ...] = ()
    files_of: str | None = None

    @property
    def shown(self) -> bool:
        """Whether it stands as a folder."""
        return self.magnet.status is Status.READY and self.folder is not None and bool(self.files)


class Records:
    """The catalog's file."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def taken(self, account: str, source: str) -> float | None:
        """When `account` was last confirmed, None if never.

        What is known under the same name of another `source` (service and URL) is dropped.
        """
        with self._engine.begin() as connection:
            row = connection.execute(
                sa.select(accounts.c.source, accounts.c.taken).where(accounts.c.name == account)
            ).one_or_none()
            if row is None:
                return None
            if row.source == source:
                return float(row.taken)
            connection.execute(sa.delete(accounts).where(accounts.c.name == account))
            for table in (magnets, files, links):
                connection.execute(sa.delete(table).where(table.c.account == account))
        return None

    def confirm(self, account: str, source: str, taken: float) -> None:
        """Note that the store has confirmed `account` at the moment `taken`."""
        row = {"name": account, "source": source, "taken": taken}
        with self._engine.begin() as connection:
            statement = insert(accounts).values(row)
            connection.execute(statement.on_conflict_do_update(["name"], set_=row))

    def held(self, account: str) -> dict[str, Held]:
        """All magnets of `account` by id."""
        with self._engine.connect() as connection:
            known: dict[str, list[File]] = {}
            for row in connection.execute(
                sa.select(files).where(files.c.account == account).order_by(files.c.position)
            ):
                known.setdefault(row.magnet, []).append(
                    File(row.path, row.ref, row.size, row.number, row.mime, row.video_hash)
                )
            rows = connection.execute(sa.select(magnets).where(magnets.c.account == account))
            return {
                row.id: Held(
                    Magnet(row.id, row.name, Status(row.status), row.fingerprint, row.hash,
                           row.size, row.progress, row.added),
                    row.folder, tuple(known.get(row.id, ())), row.files_of,
                )
                for row in rows
            }  # fmt: skip

    def keep(self, account: str, changed: Iterable[Held], *, with_files: bool) -> None:
        """Write magnets anew, their files too if asked."""
        rows = list(changed)
        if not rows:
            return
        with self._engine.begin() as connection:
            statement = insert(magnets)
            columns = {c.name: statement.excluded[c.name] for c in magnets.c if not c.primary_key}
            connection.execute(
                statement.on_conflict_do_update(["account", "id"], set_=columns),
                [_magnet_row(account, held) for held in rows],
            )
            if with_files:
                for held in rows:
                    self._keep_files(connection, account, held)

    def _keep_files(self, connection: sa.Connection, account: str, held: Held) -> None:
        connection.execute(
            sa.delete(files).where(files.c.account == account, files.c.magnet == held.magnet.id)
        )
        if held.files:
            connection.execute(
                sa.insert(files),
                [_file_row(account, held.magnet.id, at, f) for at, f in enumerate(held.files)],
            )

    def drop(self, account: str, ids: Iterable[str]) -> None:
        """Forget magnets and their files."""
        with self._engine.begin() as connection:
            for id_ in ids:
                connection.execute(
                    sa.delete(magnets).where(magnets.c.account == account, magnets.c.id == id_)
                )
                connection.execute(
                    sa.delete(files).where(files.c.account == account, files.c.magnet == id_)
                )

    def sizes(self) -> dict[str, int]:
        """Every learned size in bytes, by a file's identity."""
        with self._engine.connect() as connection:
            return {row.identity: row.size for row in connection.execute(sa.select(sizes))}

    def learn(self, identity: str, size: int) -> None:
        """Remember a size."""
        row = {"identity": identity, "size": size}
        with self._engine.begin() as connection:
            statement = insert(sizes).values(row)
            connection.execute(statement.on_conflict_do_update(["identity"], set_=row))


class Links:
    """The shelf of links that outlives a restart. A disk that fails costs calls, never a read."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def get(self, account: str, ref: str) -> Link | None:
        """The link kept for a file, fresh or stale."""
        query = sa.select(links).where(links.c.account == account, links.c.ref == ref)
        row = self._try(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None
        return Link(row.url, row.expires, row.headers, row.size, row.connections, row.decoy)

    def put(self, account: str, ref: str, link: Link) -> None:
        """Keep `link` in place of an older one."""
        row = {
            "account": account, "ref": ref, "url": link.url, "expires": link.expires,
            "headers": dict(link.headers), "size": link.size, "connections": link.connections,
            "decoy": link.decoy,
        }  # fmt: skip
        statement = insert(links).values(row)
        upsert = statement.on_conflict_do_update(["account", "ref"], set_=row)
        self._try(lambda connection: connection.execute(upsert))

    def drop(self, account: str, ref: str) -> None:
        """Keep no link of this file."""
        statement = sa.delete(links).where(links.c.account == account, links.c.ref == ref)
        self._try(lambda connection: connection.execute(statement))

    def sweep(self, now: float) -> None:
        """Drop every link that has ended."""
        statement = sa.delete(links).where(links.c.expires < now)
        self._try(lambda connection: connection.execute(statement))

    def _try(self, work: Callable[[sa.Connection], T]) -> T | None:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            log.warning("kept links cannot be used: %s", getattr(error, "orig", None) or error)
            return None


def _magnet_row(account: str, held: Held) -> dict[str, object]:
    magnet = held.magnet
    return {
        "account": account, "id": magnet.id, "name": magnet.name, "status": magnet.status.value,
        "fingerprint": magnet.fingerprint, "hash": magnet.hash, "size": magnet.size,
        "progress": magnet.progress, "added": magnet.added or 0.0,
        "folder": held.folder, "files_of": held.files_of,
    }  # fmt: skip


def _file_row(account: str, magnet: str, position: int, file: File) -> dict[str, object]:
    return {
        "account": account, "magnet": magnet, "position": position, "path": file.path,
        "ref": file.ref, "size": file.size, "number": file.index, "mime": file.mime,
        "video_hash": file.video_hash,
    }  # fmt: skip
