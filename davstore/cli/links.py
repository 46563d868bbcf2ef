"""`davstore unlock` and `davstore links`: files at other hosts, by way of an account."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from davstore.cli.accounts import AccountName, NotOffered, opened
from davstore.cli.screen import AsJson, ConfigFile, day, out, print_json, size
from davstore.errors import DavstoreError, Gone, Refused
from davstore.model import Saved, Unlocked
from davstore.stores.base import Store
from davstore.stores.desk import Linking, Opening, Purging, Unlocking

LARGEST_CONTAINER = 10 * 1024 * 1024


class NoSuchLink(DavstoreError):
    """The account keeps no such link."""


def unlock(
    account: AccountName,
    links: Annotated[list[str], typer.Argument(
        metavar="LINK…", help="Links of files, folders or containers; or container files (.dlc).",
        show_default=False,
    )],
    config: ConfigFile = None,
    *,
    password: Annotated[str, typer.Option(help="What the host asks for.")] = "",
    look: Annotated[
        bool, typer.Option("--look", help="Only say what the files are; costs no traffic.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Print direct addresses of files at other hosts. Whoever has one can read the file."""
    with opened(config, account) as (store, _):
        if not isinstance(store, Unlocking):
            raise NotOffered(store, "way to unlock links of other hosts")
        found: list[Unlocked] = []
        if look:
            found += store.look_up(links, password)
        else:
            for link in links:
                for each in (link,) if "://" in link else _inside(store, link):
                    found += _unlocked(store, each, password)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        if one.problem:
            out.print(f"{one.link}: {one.problem}", style="red")
        else:
            out.print(f"{one.name or one.link} ({size(one.size)})")
        if one.url:
            out.print(f"  {one.url}")
    if any(one.problem for one in found):
        raise typer.Exit(1)


def _unlocked(store: Unlocking, link: str, password: str) -> tuple[Unlocked, ...]:
    """One that fails costs none of the others."""
    try:
        return store.unlock(link, password)
    except (Gone, Refused) as error:
        return (Unlocked(link, problem=error.reason),)


def _inside(store: Store, path: str) -> tuple[str, ...]:
    """The links in a container file."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_CONTAINER + 1)
    except OSError as error:
        raise NoSuchLink(
            f"{path!r} is no link with https://, and no file: {error.strerror}"
        ) from None
    if len(content) > LARGEST_CONTAINER:
        raise NoSuchLink(f"{path!r} is too large to be a container of links")
    if not isinstance(store, Opening):
        raise NotOffered(store, "way to open container files")
    return store.inside(content)


def links(
    account: AccountName,
    config: ConfigFile = None,
    *,
    save: Annotated[
        list[str] | None, typer.Option(metavar="LINK", help="Have the account keep this link.")
    ] = None,
    forget: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Keep the link of this file no longer.")
    ] = None,
    purge: Annotated[bool, typer.Option("--purge", help="Forget all recent links.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the links that an account keeps beside magnets, or change them."""
    with opened(config, account) as (store, _):
        if not isinstance(store, Linking):
            raise NotOffered(store, "links beside magnets")
        if purge:
            _purge(store)
        if save:
            store.take(save)
        for name in forget or ():
            store.forget(_named(store.links(), name))
        found = store.links()
    if as_json:
        print_json(found)
        return
    table = Table("size", "date", "list", "host", "name", box=None, pad_edge=False)
    table.columns[4].overflow = "fold"
    for one in found:
        table.add_row(size(one.file.size), day(one.added), one.kind, one.host,
                      one.file.path)  # fmt: skip
    out.print(table)


def _purge(store: Store | Linking) -> None:
    if not isinstance(store, Purging):
        raise NoSuchLink("this account's service has no list of recent links")
    store.purge()


def _named(saved: tuple[Saved, ...], name: str) -> Saved:
    for one in saved:
        if name in (one.file.path, one.file.ref, one.id):
            return one
    raise NoSuchLink(f"the account keeps no link named {name!r}; `davstore links` lists them")
