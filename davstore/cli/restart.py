"""`davstore restart` and `davstore vouchers`."""

from typing import Annotated

import typer
from rich.text import Text

from davstore.cli.accounts import AccountName, NotOffered, opened
from davstore.cli.screen import AsJson, ConfigFile, out, print_json
from davstore.errors import DavstoreError
from davstore.model import Magnet, Status
from davstore.stores.desk import Restarting, Vouching


class NothingToRestart(DavstoreError):
    """No magnet of this name has failed."""


def restart(
    account: AccountName,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME…", help="Names or ids; without any, all that failed."),
    ] = None,
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Have an account try magnets once more that failed."""
    with opened(config, account) as (store, _):
        if not isinstance(store, Restarting):
            raise NotOffered(store, "way to restart a magnet; delete it and add it again")
        rows = [row for row in store.magnets() if isinstance(row, Magnet)]
        found = store.restart(_chosen(rows, names))
    if as_json:
        print_json([{"id": m.id, "name": m.name, "problem": problem} for m, problem in found])
    for magnet, problem in () if as_json else found:
        said = (problem, "red") if problem else ("restarted", "green")
        out.print(Text.assemble(f"{magnet.name}: ", said))
    if any(problem for _, problem in found):
        raise typer.Exit(1)


def _chosen(rows: list[Magnet], names: list[str] | None) -> list[Magnet]:
    """Those named, be they failed or not: the service has the last word."""
    if not names:
        found = [row for row in rows if row.status is Status.FAILED]
        if not found:
            raise NothingToRestart("no magnet has failed in this account")
        return found
    missing = [name for name in names if not any(name in (row.id, row.name) for row in rows)]
    if missing:
        raise NothingToRestart(f"there is no magnet {missing[0]!r} in this account")
    return [row for row in rows if row.id in names or row.name in names]


def vouchers(
    account: AccountName,
    config: ConfigFile = None,
    *,
    days: Annotated[int, typer.Option(min=0, help="Get vouchers for so many days.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    buy: Annotated[bool, typer.Option("--buy", help="Pay for new ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """For resellers: say the balance, or get vouchers and print their codes."""
    with opened(config, account) as (store, _):
        if not isinstance(store, Vouching):
            raise NotOffered(store, "vouchers")
        found = store.vouchers(days, count, buy=buy) if days else store.balance()
    if as_json:
        print_json(found)
        return
    for code in found.codes:
        out.print(code)
    if found.is_partial:
        out.print("these were all that are left")
    if found.balance is not None:
        out.print(f"balance: {found.balance:.2f}")
