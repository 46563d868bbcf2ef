"""`davstore import`: have what `davstore export` wrote added to accounts again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from davstore.catalog import Additions, can_add, server_of
from davstore.catalog.adding.export import Export
from davstore.catalog.adding.importing import Imported, enqueue, read_export, totals
from davstore.cli.accounts import check_account, stores_of
from davstore.cli.opening import state_of
from davstore.cli.screen import AsJson, ConfigFile, err, load, out, print_json
from davstore.config import Settings
from davstore.dashboard.words import span
from davstore.errors import NotAccepted


def import_(
    file: Annotated[Path, typer.Argument(help="What `davstore export` wrote.")],
    config: ConfigFile = None,
    *,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Add everything to this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Queue every magnet of an export that its account does not hold; the server adds them."""
    settings = load(config)
    exported = read_export(file)
    into = _targets(settings, exported, account)
    pauses = _pauses(settings, set(into.values()))
    with state_of(settings) as engine:
        done = enqueue(engine, Additions(engine), exported, into)
    server = server_of(settings.server.state)
    seconds = {name: round(count * pauses[name]) for name, count in totals(done).items()}
    if as_json:
        print_json({"imported": done, "seconds": seconds, "server": server})
        return
    out.print(_table(done))
    if any(one.queued for one in done):
        _tell(server, max(seconds.values()))


def _targets(settings: Settings, exported: Export, account: str | None) -> dict[str, str]:
    """The account of ours for each that was exported; raises `NoSuchAccount`."""
    into = {each.name: account or each.name for each in exported.accounts}
    for name in into.values():
        check_account(settings, name, ": --account chooses one")
    return into


def _pauses(settings: Settings, names: set[str]) -> dict[str, float]:
    """The seconds between two adds of each account; raises `NotAccepted` where none is possible."""
    with stores_of(settings) as stores:
        found = {name: s.add_pause for name, s in stores.items() if name in names and can_add(s)}
    for name in sorted(names - set(found)):
        raise NotAccepted(f"nothing can be added to {name}; --account chooses another account")
    return found


def _tell(server: int | None, seconds: int) -> None:
    long = f"about {span(seconds)} at the services' pace; see `davstore status`"
    if server is None:
        err.print(
            f"queued on disk; no server is running: `davstore serve` adds them, in {long}",
        )
    else:
        err.print(f"process {server} begins within a minute and takes {long}")


def _table(done: list[Imported]) -> Table:
    table = Table("from", "to", "queued", "there already", "waits already", "in the trash",
                  "without a link", box=None)  # fmt: skip
    for column in table.columns[2:]:
        column.justify = "right"
    for one in done:
        counts = (one.queued, one.held, one.waiting, one.trash, one.unknown)
        table.add_row(one.source, one.account, *map(str, counts))
    return table
