"""`davstore status`: what the catalog holds, how old it is, and what is held back and why."""

import time
from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from davstore.catalog import Overview, look_into, overviews, server_of
from davstore.cli.screen import ConfigFile, load, out, size


def status(config: ConfigFile = None) -> None:
    """Show how each account stands, from what the server has written down."""
    settings = load(config)
    state = settings.server.state
    server = server_of(state)
    out.print(f"server: process {server}" if server else "server: not running")
    engine = look_into(state)
    known = {o.name: o for o in overviews(engine)} if engine is not None else {}
    if engine is not None:
        engine.dispose()
    table = Table("account", "magnets", "shown", "files", "size", "waiting", "asked", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in settings.accounts:
        table.add_row(name, *_numbers(known.get(name), time.time()))
    out.print(table)
    for name in settings.accounts:
        for line in _notes(known.get(name), time.time()):
            out.print(f"[yellow]{name}[/]: {escape(line)}", soft_wrap=True)


def _numbers(one: Overview | None, now: float) -> tuple[str, ...]:
    if one is None or not one.standing.taken:
        return ("", "", "", "", "", "never")
    return (
        str(one.magnets), str(one.shown), str(one.files), size(one.bytes), str(one.waiting),
        ago(now - one.standing.taken),
    )  # fmt: skip


def _notes(one: Overview | None, now: float) -> Iterator[str]:
    if one is None:
        return
    stands = one.standing
    if stands.error:
        yield f"failed {ago(now - stands.failed)}: {stands.error}"
    if one.doubted:
        yield (
            f"{one.doubted} of {one.magnets} magnets held back: said to be gone all at once "
            f"{ago(now - one.doubted_since)}; they stay until a second complete listing agrees"
        )
    if one.kept:
        yield f"{one.kept} magnets stay by the owner's word, whatever the service says"
    if stands.skipped:
        yield f"{stands.skipped} magnets could not be read and stay as they were; see the log"
    if one.waiting:
        yield f"the files of {one.waiting} magnets are still to be asked; newest first"


def ago(seconds: float) -> str:
    """How long ago, in the unit that people would use."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
