"""`davstore rename`: have back the name that something had before it was renamed."""

from contextlib import closing
from typing import Annotated

import typer

from davstore.catalog import owner
from davstore.cli.paths import NoSuchPath, known, parts_of
from davstore.cli.screen import ConfigFile, load, out
from davstore.dav.tree.tree import MAGNETS, Tree
from davstore.model import Folder
from davstore.server.library import Library


def rename(
    reset: Annotated[
        str,
        typer.Option(
            "--reset",
            metavar="PATH",
            help="A magnet's folder, or what is in it, as it is called now.",
        ),
    ],
    config: ConfigFile = None,
) -> None:
    """Give a magnet or a file the name that it had before it was renamed."""
    with closing(Library(load(config))) as library:
        catalog = library.catalog
        tree = Tree(catalog.accounts, catalog.snapshot)
        parts = parts_of(reset)
        with known():
            entry, folder = tree.find(parts), tree.find(parts[:3])
        if entry is None or len(parts) < 3 or parts[1] != MAGNETS or not isinstance(folder, Folder):
            raise NoSuchPath(
                f"{reset!r} is no magnet's folder, nor in one; `davstore ls /` shows what there is"
            )
        account, magnet = owner(folder)
        library.editor.reset(account, magnet, tuple(parts[3:]))
    out.print("it has the name that it had first")
