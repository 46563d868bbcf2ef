"""`davstore views`: what views there are, and why something stands where it does."""

import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.table import Table

from davstore import views as arranging
from davstore.catalog import Arranged, owner
from davstore.cli.paths import NoSuchPath, known, parts_of, tree_of
from davstore.cli.screen import AsJson, ConfigFile, labelled, load, out, print_json
from davstore.config import Settings
from davstore.model import Folder, Leaf
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
        table.add_row(row["view"], row["layout"], row["of"], rule, entries)
    return table


def _magnets(library: Library, path: str) -> list[tuple[str, str]]:
    """Account and id of the magnets at, or below, `path`."""
    tree, parts = tree_of(library), parts_of(path)
    with known():
        entry = tree.find(parts)
        magnet = tree.find(parts[:3]) if parts and tree.is_account(parts[0]) else None
    if entry is None:
        raise NoSuchPath(f"nothing stands at {path!r}; `davstore ls /` shows what does")
    if isinstance(magnet, Folder) and len(parts) > 2:
        return [owner(magnet)]
    leaves = [entry] if isinstance(entry, Leaf) else [leaf for _, leaf in arranging.walked(entry)]
    found = list(dict.fromkeys((leaf.account, leaf.magnet) for leaf in leaves if leaf.magnet))
    if len(found) > MOST:
        out.print(f"{len(found)} magnets are there; the first {MOST}:")
    return found[:MOST]


def _explain(settings: Settings, arranged: Arranged, account: str, magnet: str) -> None:
    standing = arranged.standing(account, magnet)
    if standing is None:
        return
    whole, paths = standing
    said = whole.release
    facts = [said.title, said.year, said.resolution, said.codec, *said.languages]
    told = ", ".join(str(fact) for fact in facts if fact)
    where = " and ".join(whole.accounts)
    out.print(labelled("bold", whole.name, f"{whole.kind} ({told}), in {where}"))
    for view, reasons in arranging.reasons(settings.views, whole, time.time()).items():
        _explain_view(view, whole, reasons, paths.get(view, ("", {}))[1])


def _explain_view(
    view: str, whole: arranging.Facts, reasons: dict[str, str], places: arranging.Places
) -> None:
    if reasons and not any(reasons.values()):
        out.print(f"  {view}: it holds to the rule")
    elif len(set(reasons.values())) == 1:
        out.print(f"  {view}: no, {next(iter(reasons.values()))}")
        return
    else:
        out.print(f"  {view}: some files hold to the rule")
    for piece in whole.pieces:
        name = "/".join(piece.path)
        if reasons[piece.key]:
            out.print(f"    {name}: no, {reasons[piece.key]}")
        elif piece.key in places:
            place = "/".join((view, *places[piece.key]))
            out.print(f"    {name} -> /{place}")
