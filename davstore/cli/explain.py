"""`davstore explain`: everything known of a path."""

import time
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from davstore.cli.screen import AsJson, ConfigFile, load, out, print_json
from davstore.server.explaining import Explainer
from davstore.server.library import Library


def explain(
    path: Annotated[str, typer.Argument(help="A path, such as /rd/magnets/Sintel (2010).")],
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what a path is, why it stands there, what went wrong, and what the next read would do."""
    settings = load(config)
    library = Library(settings)
    try:
        rows = Explainer(settings, library, time.time, patient=True)(path)
    finally:
        library.close()
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, text in rows:
        table.add_row(key, Text(text))
    out.print(table)
