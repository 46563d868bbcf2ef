"""`davstore ls`: the tree without WebDAV."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from davstore.cli.screen import AsJson, ConfigFile, err, load, minute, out, print_json, size
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
    as_json: AsJson = False,
) -> None:
    """List what the server shows, with sizes and dates."""
    library = Library(load(config))
    rows: list[tuple[str, Entry]] = []
    try:
        parts = [part for part in path.split("/") if part]
        top = parts[0] if parts and parts[0] in library.catalog.accounts else None
        _ask(library, top, refresh=refresh)
        arranged, catalog = library.arranged, library.catalog
        folders = arranged.complete if parts or recursive else arranged.folders
        tree = Tree(
            catalog.accounts, catalog.snapshot, views=folders, view_names=arranged.names,
            beside=library.lookups,
        )  # fmt: skip
        entry = tree.find(parts, asking=True)
        if entry is not None:
            rows = list(_rows(entry, "", recursive=recursive))
    finally:
        library.close()
    if entry is None:
        raise NoSuchPath(f"nothing stands at {path!r}; `davstore ls /` shows the accounts")
    if as_json:
        print_json([_json(name, each) for name, each in rows])
    else:
        out.print(_table(rows))


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


def _rows(entry: Entry, prefix: str, *, recursive: bool) -> Iterator[tuple[str, Entry]]:
    """Paths below `entry`, and what stands there."""
    entries = [entry] if isinstance(entry, Leaf) else list(entry.entries.values())
    for child in entries:
        name = prefix + child.name
        yield name, child
        if isinstance(child, Folder) and recursive:
            yield from _rows(child, f"{name}/", recursive=True)


def _json(name: str, entry: Entry) -> dict[str, Any]:
    kind = {"type": "folder"} if isinstance(entry, Folder) else {"type": "file", "size": entry.size}
    return {"path": name, "modified": entry.modified, **kind}


def _table(rows: Sequence[tuple[str, Entry]]) -> Table:
    table = Table("size", "date", "name", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    table.columns[2].overflow = "fold"
    for name, entry in rows:
        if isinstance(entry, Folder):
            table.add_row("", minute(entry.modified), f"[bold blue]{_safe(name)}/")
        else:
            table.add_row(size(entry.size), minute(entry.modified), _safe(name))
    return table


def _safe(name: str) -> str:
    return name.replace("[", r"\[")
