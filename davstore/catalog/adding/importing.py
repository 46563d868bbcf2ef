"""What `export` has written, put into the queues of accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from davstore.catalog.accounts.records import Records
from davstore.catalog.adding.additions import IMPORTED, Additions
from davstore.catalog.adding.export import Export, ExportedAccount, ExportedMagnet
from davstore.catalog.database.tables import accounts
from davstore.errors import NotAccepted, StateError
from davstore.model import Wanted
from davstore.wanted import of_link


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the magnets of the exported account `source`: so many are `queued` for
    `account` now; it had `held` of them, others `waiting` or refused lately; those in the `trash`
    when they were exported stay out, and those without a link (`unknown`) cannot be added.
    """

    source: str
    account: str
    queued: int = 0
    held: int = 0
    waiting: int = 0
    trash: int = 0
    unknown: int = 0


def read_export(file: Path) -> Export:
    """The document; raises `StateError` with the cure where it is none."""
    try:
        return Export.model_validate_json(file.read_bytes())
    except OSError as error:
        raise StateError(f"{file}: {error.strerror}") from None
    except ValidationError:
        raise StateError(
            f"{file}: is not what `davstore export` writes; export again, with this davstore"
        ) from None


def enqueue(
    engine: sa.Engine, additions: Additions, found: Export, into: Mapping[str, str]
) -> list[Imported]:
    """Queue the magnets of all exported accounts, each for the one that `into` names for it.

    Raises `StateError` where it is not known yet what such an account holds.
    """
    held = {account: _held(engine, account) for account in sorted(set(into.values()))}
    return [
        _enqueue(additions, each, into[each.name], held[into[each.name]]) for each in found.accounts
    ]


def _held(engine: sa.Engine, account: str) -> frozenset[str]:
    with engine.connect() as connection:
        query = sa.select(accounts.c.taken).where(accounts.c.name == account)
        taken = connection.execute(query).scalar_one_or_none()
    if not taken:
        raise StateError(
            f"it is not known yet what {account} holds; `davstore refresh {account}` asks"
        )
    return frozenset(each.magnet.hash for each in Records(engine).held(account).values())


def _enqueue(
    additions: Additions, source: ExportedAccount, account: str, held: frozenset[str]
) -> Imported:
    kept = [magnet for magnet in source.magnets if not magnet.in_trash]
    links = [_wanted(magnet) for magnet in kept]
    known = {each.hash: each for each in reversed(links) if each is not None}
    missing = [each for hash_, each in known.items() if hash_ not in held]
    queued = additions.enqueue(account, missing, IMPORTED)
    return Imported(
        source.name, account, queued=queued, held=len(known) - len(missing),
        waiting=len(missing) - queued, trash=len(source.magnets) - len(kept),
        unknown=links.count(None),
    )  # fmt: skip


def _wanted(magnet: ExportedMagnet) -> Wanted | None:
    if not magnet.link:
        return None
    try:
        return replace(of_link(magnet.link), name=magnet.name)
    except NotAccepted:
        return None


def totals(every: Sequence[Imported]) -> dict[str, int]:
    """How many are queued now, by account."""
    found: dict[str, int] = {}
    for each in every:
        found[each.account] = found.get(each.account, 0) + each.queued
    return found
