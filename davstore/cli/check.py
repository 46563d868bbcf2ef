"""`davstore check`: is the configuration right, and who is each account?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import typer
from rich.table import Table
from rich.text import Text

from davstore.cli.accounts import stores_of
from davstore.cli.screen import AsJson, ConfigFile, day, err, labelled, load, out, print_json
from davstore.errors import StoreError
from davstore.model import Account, Magnet, Status
from davstore.stores.base import Store


@dataclass(frozen=True, slots=True)
class Finding:
    """What an account said, or why it did not."""

    account: Account | None = None
    magnets: str = ""
    problem: str = ""


def check(config: ConfigFile = None, *, as_json: AsJson = False) -> None:
    """Check the configuration and ask every account who it is."""
    settings = load(config)
    with (
        stores_of(settings) as stores,
        err.status("asking the accounts …"),
        ThreadPoolExecutor(len(stores)) as pool,
    ):
        findings = dict(zip(stores, pool.map(_finding, stores.values()), strict=True))
    if as_json:
        print_json([{"name": name, **asdict(finding)} for name, finding in findings.items()])
    else:
        out.print(_table({name: a.store for name, a in settings.accounts.items()}, findings))
    for name, finding in findings.items():
        if finding.problem and not as_json:
            out.print(labelled("red", name, finding.problem))
    if any(finding.problem for finding in findings.values()):
        raise typer.Exit(1)


def _finding(store: Store) -> Finding:
    try:
        account = store.account()
        rows = [row for row in store.magnets() if isinstance(row, Magnet)]
    except StoreError as error:
        return Finding(problem=error.reason)
    ready = sum(row.status is Status.READY for row in rows)
    return Finding(account, f"{ready} of {len(rows)} ready")


def _table(services: dict[str, str], findings: dict[str, Finding]) -> Table:
    table = Table("account", "store", "user", "plan", "paid until", "magnets", "")
    for name, finding in findings.items():
        known = finding.account
        verdict = Text("failed", "red") if finding.problem else Text("ok", "green")
        table.add_row(
            name, services[name],
            known.user if known else "", known.plan if known else "",
            day(known.paid_until) if known else "", finding.magnets, verdict,
        )  # fmt: skip
    return table
