"""`davstore ls`: the tree without WebDAV."""

from typing import Annotated

import typer
from rich.table import Table

from davstore.cli.screen import ConfigFile, err, load, minute, out, size
from davstore.dav.overlay import Overlay
from davstore.dav.tree import Tree
from davstore.errors import DavstoreError
from davstore.model import Entry, Folder, Leaf
from davstore.server import Library


class NoSuchPath(DavstoreError):
    """Nothing stands at this path."""


def ls(
    path: Annotated[str, typer.Argument(help="A folder or file, such as /rd/magnets.")] = "/",
    config: ConfigFile = None,
    *,
    recursive: Annotated[bool, typer.Option("--recursive", "-R", help="Folders too.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the stores first.")] = False,
) -> None:
    """List what the server shows, with sizes and dates."""
    library = Library(load(config))
    table = Table("size", "date", "name", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    table.columns[2].overflow = "fold"
    try:
        parts = [part for part in path.split("/") if part]
        top = parts[0] if parts and parts[0] in library.catalog.accounts else None
        _ask(library, top, refresh=refresh)
        arranged, catalog = library.arranged, library.catalog
        folders = arranged.complete if parts or recursive else arranged.folders
        overlay = Overlay(library.sidecars) if library.sidecars else None
        tree = Tree(
            catalog.accounts, catalog.snapshot, views=folders, view_names=arranged.names,
            overlay=overlay,
        )  # fmt: skip
        entry = tree.find(parts)
        if entry is not None:
            _add(table, entry, "", recursive=recursive)
    finally:
        library.close()
    if entry is None:
        raise NoSuchPath(f"nothing stands at {path!r}; `davstore ls /` shows the accounts")
    out.print(table)


def _ask(library: Library, account: str | None, *, refresh: bool) -> None:
    """What the disk does not know must be asked before it can be listed."""
    catalog = library.catalog
    for name in catalog.accounts:
        if account in (None, name) and (refresh or catalog.snapshot(name) is None):
            with err.status(f"asking {name} …"):
                try:
                    catalog.refresh(name)
                except DavstoreError as error:
                    if account == name:
                        raise
                    err.print(f"[yellow]davstore:[/] {error}", soft_wrap=True)


def _add(table: Table, entry: Entry, prefix: str, *, recursive: bool) -> None:
    entries = [entry] if isinstance(entry, Leaf) else list(entry.entries.values())
    for child in entries:
        name = prefix + child.name
        if isinstance(child, Folder):
            table.add_row("", minute(child.modified), f"[bold blue]{_safe(name)}/")
            if recursive:
                _add(table, child, f"{name}/", recursive=True)
        else:
            table.add_row(size(child.size), minute(child.modified), _safe(name))


def _safe(name: str) -> str:
    return name.replace("[", r"\[")
