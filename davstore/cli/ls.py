"""`davstore ls`: the tree without WebDAV."""

from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from davstore.cli.paths import NoSuchPath, known, parts_of, tree_of
from davstore.cli.screen import (
    AsJson,
    ConfigFile,
    err,
    labelled,
    load,
    minute,
    out,
    print_json,
    size,
)
from davstore.dav.tree.tree import LINKS
from davstore.errors import DavstoreError
from davstore.model import Entry, Folder, Leaf
from davstore.server.library import Library

Row: TypeAlias = dict[str, Any]


def ls(
    path: Annotated[str, typer.Argument(help="A folder or file, such as /rd/magnets.")] = "/",
    config: ConfigFile = None,
    *,
    recursive: Annotated[bool, typer.Option("--recursive", "-R", help="Folders too.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the stores first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what the server shows, with sizes and dates."""
    with closing(Library(load(config))) as library:
        parts = parts_of(path)
        top = parts[0] if parts and parts[0] in library.catalog.accounts else None
        _ask(library, top, refresh=refresh)
        if top and parts[1:2] == [LINKS] and top in library.linked.accounts:
            library.linked.refresh(top)
        views = library.arranged.complete if parts or recursive else library.arranged.folders
        with known():
            entry = tree_of(library, views).find(parts, asking=True)
        if entry is None:
            raise NoSuchPath(f"nothing stands at {path!r}; `davstore ls /` shows the accounts")
        rows = list(_rows(entry, "", recursive=recursive))
    if as_json:
        print_json(rows)
        return
    table = Table("size", "date", "name", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    table.columns[2].overflow = "fold"
    for row in rows:
        is_folder = row["name"].endswith("/")
        table.add_row("" if is_folder else size(row["size"]), minute(row["modified"]),
                      Text(row["name"], "bold blue" if is_folder else ""))  # fmt: skip
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
                    err.print(labelled("yellow", "davstore", error))


def _rows(entry: Entry, prefix: str, *, recursive: bool) -> Iterator[Row]:
    """A folder's name ends with a slash."""
    entries = [entry] if isinstance(entry, Leaf) else list(entry.entries.values())
    for child in entries:
        name = prefix + child.name
        if isinstance(child, Folder):
            yield {"name": f"{name}/", "size": None, "modified": child.modified}
            if recursive:
                yield from _rows(child, f"{name}/", recursive=True)
        else:
            yield {"name": name, "size": child.size, "modified": child.modified}
