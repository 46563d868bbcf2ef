"""`davstore hosts` and `davstore settings`: what an account can use, and how it is set there."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from davstore.cli.accounts import AccountName, NotOffered, opened
from davstore.cli.screen import AsJson, ConfigFile, amount, out, print_json
from davstore.model import HostState
from davstore.stores.desk import Hosting, Tunable


def hosts(account: AccountName, config: ConfigFile = None, *, as_json: AsJson = False) -> None:
    """List the file hosts whose links an account takes, whether they work, and what is left."""
    with opened(config, account) as (store, _):
        if not isinstance(store, Hosting):
            raise NotOffered(store, "list of hosts")
        found = store.hosts()
    if as_json:
        print_json(found)
        return
    table = Table("host", "works", "left", "domains", box=None, pad_edge=False)
    for host in found:
        table.add_row(host.name, _works(host), amount(host.quota),
                      ", ".join(host.domains))  # fmt: skip
    out.print(table)


def settings(
    account: AccountName,
    name: Annotated[str | None, typer.Argument(help="The setting to change.")] = None,
    value: Annotated[str | None, typer.Argument(help="What to.")] = None,
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the settings that an account has at its service, or change one."""
    if name is not None and value is None:
        raise typer.BadParameter("what shall it be? davstore settings ACCOUNT NAME VALUE")
    with opened(config, account) as (store, _):
        if not isinstance(store, Tunable):
            raise NotOffered(store, "settings that can be changed from here")
        if name is not None and value is not None:
            _check(store, name, value)
            store.tune(name, value)
        found = store.choices()
    if as_json:
        print_json(found)
        return
    table = Table("setting", "value", "allowed", box=None, pad_edge=False)
    for choice in found:
        table.add_row(choice.name, choice.value, ", ".join(choice.allowed))
    out.print(table)


def _check(store: Tunable, name: str, value: str) -> None:
    """What the service would refuse with fewer words."""
    known = {choice.name: choice.allowed for choice in store.choices()}
    if name not in known:
        raise typer.BadParameter(f"there is no {name!r}; there are {', '.join(known)}")
    if known[name] and value not in known[name]:
        raise typer.BadParameter(f"{name} is one of {', '.join(known[name])}")


def _works(host: HostState) -> Text:
    return {True: Text("yes", "green"), False: Text("no", "red"), None: Text()}[host.works]
