"""The edits on disk. Whoever changes one reads it in the same transaction: nothing is lost of what
two people do at once.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa

from davstore import names
from davstore.catalog.changes.edits import BLANK, Edit, Key, Stage
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import alone, durable, looking, upsert
from davstore.catalog.database.edit_tables import edited_files, edits, emptied
from davstore.catalog.database.tables import accounts, magnets
from davstore.errors import DavstoreError
from davstore.views import Path

Also = Callable[[sa.Connection], object]


class NameTaken(DavstoreError):
    """Another magnet of the account has been given this name."""


class EditRecords:
    """The tables of edits. Raises `SQLAlchemyError` where the disk fails."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._looking = looking(engine)

    def read(self, since: int) -> tuple[int, Mapping[Key, Edit]]:
        """The number of the last change, and the edits changed after that of number `since`."""
        later = edits.c.revision > since
        with self._looking.connect() as connection:
            newest = sa.select(sa.func.max(edits.c.revision)).where(later)
            latest = connection.execute(newest).scalar_one()
            return (since, {}) if latest is None else (latest, _whole(connection, later))

    def change(
        self,
        account: str,
        magnet: str,
        step: Callable[[Edit], Edit],
        *,
        is_naming: bool = False,
        also: Also | None = None,
    ) -> Edit:
        """The edit after `step` was taken from what it is now; `also` is written with it.

        Where `is_naming`, raises `NameTaken` for a folder's name that another has been given.
        """
        with self._engine.connect() as connection:
            # An edit may be followed by what cannot be undone: it is on the disk first.
            durable(connection)
            alone(connection, revisions.EDITS)
            before = _one(connection, account, magnet)
            after = step(before)
            if is_naming and after.folder:
                _check_free(connection, account, magnet, after.folder)
            if after != before:
                _write(connection, account, magnet, before, after)
            if also is not None:
                also(connection)
            connection.commit()
        return after

    def run(self, work: Also) -> None:
        """Do `work` in a transaction of its own."""
        with self._engine.begin() as connection:
            work(connection)

    def staged(self, account: str) -> dict[str, Edit]:
        """The edits, by magnet, of all that was deleted in an account; without their files."""
        query = sa.select(edits).where(edits.c.account == account, edits.c.stage != "")
        with self._looking.connect() as connection:
            return {row.magnet: _edit(row) for row in connection.execute(query)}

    def outlived(self, account: str, patience: float) -> list[str]:
        """The magnets said to be removed that a complete list, so many seconds later, still has."""
        query = (
            sa.select(edits.c.magnet)
            .join(accounts, accounts.c.name == edits.c.account)
            .where(edits.c.account == account, edits.c.stage == Stage.REMOVED.value)
            .where(accounts.c.listed > edits.c.due + patience)
        )
        with self._looking.connect() as connection:
            return list(connection.execute(query).scalars())


def forget(connection: sa.Connection, account: str, ids: Collection[str]) -> None:
    """What was deleted here is gone from the account; what comes under its id is another."""
    if not ids:
        return
    alone(connection, revisions.EDITS)
    deleted = (edits.c.account == account) & (edits.c.stage != Stage.NONE.value)
    for (_, magnet), before in _whole(connection, deleted).items():
        if magnet in ids:
            _write(connection, account, magnet, before, BLANK)


def forget_all(connection: sa.Connection, account: str) -> None:
    """The account is another one."""
    alone(connection, revisions.EDITS)
    for (_, magnet), before in _whole(connection, edits.c.account == account).items():
        if not before.is_blank:
            _write(connection, account, magnet, before, BLANK)


def _one(connection: sa.Connection, account: str, magnet: str) -> Edit:
    this = (edits.c.account == account) & (edits.c.magnet == magnet)
    return _whole(connection, this).get((account, magnet), BLANK)


def _write(connection: sa.Connection, account: str, magnet: str, before: Edit, after: Edit) -> None:
    """Write what is other than before, under the next number."""
    key = {"account": account, "magnet": magnet}
    row = key | {
        "revision": revisions.taken(connection, revisions.EDITS),
        "folder": after.folder, "folder_key": names.key(after.folder), "stage": after.stage.value,
        "deleted": after.deleted, "due": after.due, "who": after.who, "why": after.why,
    }  # fmt: skip
    upsert(connection, edits, row)
    _exchange(connection, edited_files, key, "identity", _files(before), _files(after))
    _exchange(connection, emptied, key, "path", _emptied(before), _emptied(after))


def _exchange(
    connection: sa.Connection,
    table: sa.Table,
    key: Mapping[str, str],
    column: str,
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
) -> None:
    this = sa.and_(*(table.c[name] == value for name, value in key.items()))
    gone = [name for name in before if before[name] != after.get(name)]
    for name in gone:
        connection.execute(sa.delete(table).where(this, table.c[column] == name))
    rows = [{**key, column: name, **row} for name, row in after.items() if before.get(name) != row]
    if rows:
        connection.execute(sa.insert(table), rows)


def _files(edit: Edit) -> dict[str, dict[str, Any]]:
    every: Collection[str] = edit.paths.keys() | edit.hidden.keys()
    return {
        identity: {"path": "/".join(edit.paths.get(identity, ())),
                   "hidden": edit.hidden.get(identity, 0.0)}
        for identity in every
    }  # fmt: skip


def _emptied(edit: Edit) -> dict[str, dict[str, Any]]:
    return {"/".join(path): {"since": since} for path, since in edit.emptied.items()}


def _whole(connection: sa.Connection, which: sa.ColumnElement[bool]) -> dict[Key, Edit]:
    """Those of `which`, by as many statements however many they are."""
    rows = connection.execute(sa.select(edits).where(which)).all()
    paths: dict[Key, dict[str, Path]] = defaultdict(dict)
    hidden: dict[Key, dict[str, float]] = defaultdict(dict)
    folders: dict[Key, dict[Path, float]] = defaultdict(dict)
    for file in connection.execute(_of(edited_files, which)):
        if file.path:
            paths[file.account, file.magnet][file.identity] = tuple(file.path.split("/"))
        if file.hidden:
            hidden[file.account, file.magnet][file.identity] = file.hidden
    for folder in connection.execute(_of(emptied, which)):
        path = tuple(folder.path.split("/")) if folder.path else ()
        folders[folder.account, folder.magnet][path] = folder.since
    keys = [(row.account, row.magnet) for row in rows]
    return {
        key: _edit(row, paths=paths[key], hidden=hidden[key], emptied=folders[key])
        for key, row in zip(keys, rows, strict=True)
    }


def _of(table: sa.Table, which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    same = (table.c.account == edits.c.account) & (table.c.magnet == edits.c.magnet)
    return sa.select(table).join(edits, same).where(which)


def _edit(row: sa.Row[Any], **files: Any) -> Edit:
    return Edit(row.folder, Stage(row.stage), row.deleted, row.due, row.who, row.why, **files)


def _check_free(connection: sa.Connection, account: str, magnet: str, folder: str) -> None:
    query = (
        sa.select(edits.c.magnet)
        .join(magnets, (magnets.c.account == edits.c.account) & (magnets.c.id == edits.c.magnet))
        .where(edits.c.account == account, edits.c.magnet != magnet)
        .where(edits.c.folder_key == names.key(folder), edits.c.stage == "")
    )
    if connection.execute(query.limit(1)).first() is not None:
        raise NameTaken(f"{folder!r} is the name of something else")
