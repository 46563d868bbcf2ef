"""`davstore views`: what views there are, and why something stands where it does."""

import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from davstore import views as arranging
from davstore.catalog import Arranged, owner
from davstore.cli.ls import NoSuchPath
from davstore.cli.screen import AsJson, ConfigFile, load, out, print_json
from davstore.config import Settings
from davstore.dav.tree import NotReady, Tree
from davstore.model import Entry, Folder, Leaf
from davstore.server.library import Library

MOST = 10
"""So many magnets of a folder are explained."""


def views(
    config: ConfigFile = None,
    *,
    explain: Annotated[
        str,
        typer.Option(
            "--explain",
            metavar="PATH",
            show_default=False,
            help="A path in a view or an account: which rule put it where, or why not.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the views, or say why something is in them, or is not."""
    settings = load(config)
    library = Library(settings)
    try:
        folders = library.arranged.complete() or ()
        if explain:
            for account, magnet in _magnets(library, explain):
                _explain(settings, library.arranged, account, magnet)
        elif as_json:
            print_json(_rows(settings, folders))
        else:
            out.print(_table(_rows(settings, folders)))
    finally:
        library.close()


def _rows(settings: Settings, folders: Iterable[Folder]) -> list[dict[str, Any]]:
    """Name, layout, of, rule (its keys), and entries (None: not known yet) of each view."""
    count = {folder.name: len(folder.entries) for folder in folders}
    return [
        {
            "view": name, "layout": view.layout, "of": view.of, "entries": count.get(name),
            "rule": view.model_dump(mode="json", by_alias=True, exclude_defaults=True,
                                    exclude={"layout", "of"}),
        }
        for name, view in settings.views.items()
    ]  # fmt: skip


def _table(rows: Iterable[dict[str, Any]]) -> Table:
    table = Table("view", "layout", "of", "rule", "entries", box=None, pad_edge=False)
    for row in rows:
        rule = ", ".join(f"{key} = {value}" for key, value in row["rule"].items())
        entries = "?" if row["entries"] is None else str(row["entries"])
        table.add_row(row["view"], row["layout"], row["of"], escape(rule), entries)
    return table


def _magnets(library: Library, path: str) -> list[tuple[str, str]]:
    """Account and id of the magnets at, or below, `path`."""
    catalog, arranged = library.catalog, library.arranged
    tree = Tree(
        catalog.accounts, catalog.snapshot, views=arranged.complete, view_names=arranged.names
    )
    parts = [part for part in path.split("/") if part]
    try:
        entry = tree.find(parts)
        magnet = tree.find(parts[:3]) if parts[0:1] and parts[0] in catalog.accounts else None
    except NotReady as name:
        raise NoSuchPath(f"nothing is known of {name} yet; `davstore refresh` asks") from None
    if entry is None:
        raise NoSuchPath(f"nothing stands at {path!r}; `davstore ls /` shows what does")
    if isinstance(magnet, Folder) and len(parts) > 2:
        return [owner(magnet)]
    found = list(dict.fromkeys((leaf.account, leaf.magnet) for leaf in _leaves(entry)))
    if len(found) > MOST:
        out.print(f"{len(found)} magnets are there; the first {MOST}:")
    return found[:MOST]


def _leaves(entry: Entry) -> Iterator[Leaf]:
    if isinstance(entry, Leaf):
        yield entry
        return
    for inner in entry.entries.values():
        yield from _leaves(inner)


def _explain(settings: Settings, arranged: Arranged, account: str, magnet: str) -> None:
    standing = arranged.standing(account, magnet)
    if standing is None:
        return
    whole, paths = standing
    said = whole.release
    facts = [said.title, said.year, said.resolution, said.codec, *said.languages]
    told = ", ".join(str(fact) for fact in facts if fact)
    out.print(f"[bold]{escape(whole.name)}[/]: {whole.kind} ({escape(told)}), "
              f"in {' and '.join(whole.accounts)}", soft_wrap=True)  # fmt: skip
    for view, reasons in arranging.reasons(settings.views, whole, time.time()).items():
        _explain_view(view, whole, reasons, paths.get(view, ("", {}))[1])


def _explain_view(
    view: str, whole: arranging.Facts, reasons: dict[str, str], places: arranging.Places
) -> None:
    if reasons and not any(reasons.values()):
        out.print(f"  {view}: it holds to the rule")
    elif len(set(reasons.values())) == 1:
        out.print(f"  {view}: no, {escape(next(iter(reasons.values())))}", soft_wrap=True)
        return
    else:
        out.print(f"  {view}: some files hold to the rule")
    for piece in whole.pieces:
        name = escape("/".join(piece.path))
        if reasons[piece.key]:
            out.print(f"    {name}: no, {escape(reasons[piece.key])}", soft_wrap=True)
        elif piece.key in places:
            place = escape("/".join((view, *places[piece.key])))
            out.print(f"    {name} -> /{place}", soft_wrap=True)
