"""Everything that the accounts hold, as a document from which a library can be rebuilt."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Literal
from urllib.parse import quote

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from davstore.catalog.accounts.records import AT_ONCE, Held, Records
from davstore.catalog.changes.edit_records import EditRecords
from davstore.catalog.changes.edits import BLANK, Edit, Stage


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExportedFile(_Part):
    """A file as its store has it."""

    path: str
    size: int | None = None


class ExportedMagnet(_Part):
    """A magnet: what to add again (`link`, None where its hash is not known), and how it was called
    by the store (`name`), or by people (`renamed`).
    """

    hash: str
    link: str | None
    name: str
    renamed: str | None = None
    size: int | None = None
    added: datetime | None = None
    status: str
    in_trash: bool = False
    files: tuple[ExportedFile, ...] | None = None


class ExportedAccount(_Part):
    """An account, newest magnet first."""

    name: str
    store: str
    magnets: tuple[ExportedMagnet, ...]


class Export(_Part):
    """The document; what can be read again says so by `davstore` and `version`."""

    davstore: Literal["export"] = "export"
    version: Literal[1] = 1
    written: datetime
    accounts: tuple[ExportedAccount, ...]


def export(engine: sa.Engine, stores: Mapping[str, str], now: float, *, with_files: bool) -> Export:
    """What is known of the accounts, which `stores` names with their store's words."""
    records = Records(engine)
    _, changed = EditRecords(engine).read(-1)
    found = []
    for account, store in stores.items():
        held = sorted(records.held(account).values(), key=lambda each: -(each.magnet.added or 0.0))
        edits = ((each, changed.get((account, each.magnet.id), BLANK)) for each in held)
        magnets = _magnets(records, account, edits, with_files=with_files)
        found.append(ExportedAccount(name=account, store=store, magnets=tuple(magnets)))
    return Export(written=_moment(now), accounts=tuple(found))


def _magnets(
    records: Records, account: str, pairs: Iterable[tuple[Held, Edit]], *, with_files: bool
) -> Iterable[ExportedMagnet]:
    left = (pair for pair in pairs if not pair[1].is_leaving)
    while some := list(islice(left, AT_ONCE)):
        ids = [held.magnet.id for held, _ in some] if with_files else ()
        files = records.files_of(account, ids)
        for held, edit in some:
            magnet = held.magnet
            its = [ExportedFile(path=f.path, size=f.size) for f in files.get(magnet.id, ())]
            yield ExportedMagnet(
                hash=magnet.hash,
                link=_link(magnet.hash, magnet.name) if magnet.hash else None,
                name=magnet.name,
                renamed=edit.folder or None,
                size=magnet.size,
                added=_moment(magnet.added) if magnet.added else None,
                status=magnet.status.value,
                in_trash=edit.stage is not Stage.NONE,
                files=tuple(its) if with_files else None,
            )


def _link(hash_: str, name: str) -> str:
    """A magnet link, BEP 9; the names that services give may hold half characters."""
    return f"magnet:?xt=urn:btih:{hash_}&dn={quote(name, safe='', errors='replace')}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds), UTC)
