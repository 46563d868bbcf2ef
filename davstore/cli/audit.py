"""`davstore audit`: what was removed at the stores: who did so, when, what, and why."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from davstore.catalog.changes.audit import Removal, removals
from davstore.cli.opening import known_of
from davstore.cli.screen import ConfigFile, load, minute, out, size


def audit(
    config: ConfigFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a removal.")] = False,
) -> None:
    """Show every removal at a store, the oldest first."""
    with known_of(load(config)) as engine:
        found = [] if engine is None else list(removals(engine))
    if as_json:
        for removal in found:
            typer.echo(json.dumps(asdict(removal), ensure_ascii=False))
        return
    if not found:
        out.print("nothing was ever removed")
        return
    out.print(_table(found))


def _table(found: list[Removal]) -> Table:
    table = Table("removed", "who", "account", "name", "size", "hash", "why", box=None)
    table.columns[5].overflow = "fold"
    for one in found:
        done = minute(one.ended) if one.ended else f"not yet: {one.outcome or 'under way'}"
        if one.is_kept:
            done = f"no, {done} {one.outcome}"
        table.add_row(
            done, one.who or "this machine", one.account, one.name, size(one.size),
            one.hash, f"{one.why}; deleted {minute(one.deleted)}",
        )  # fmt: skip
    return table
