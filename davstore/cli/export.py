"""`davstore export`: hashes and names of everything, from which a library can be rebuilt."""

import time
from pathlib import Path
from typing import Annotated

import typer

from davstore.catalog.adding.export import export as exported
from davstore.cli.opening import known_of
from davstore.cli.screen import ConfigFile, err, load
from davstore.errors import StateError


def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write; to the standard output without.")
    ] = None,
    config: ConfigFile = None,
    *,
    files: Annotated[bool, typer.Option("--files", help="With the files of each magnet.")] = False,
) -> None:
    """Write hashes and names of everything, as JSON."""
    settings = load(config)
    with known_of(settings) as engine:
        if engine is None:
            raise StateError("nothing is known of any account yet; `davstore refresh` asks")
        stores = {name: account.store for name, account in settings.accounts.items()}
        whole = exported(engine, stores, time.time(), with_files=files)
    text = whole.model_dump_json(indent=1, exclude_defaults=False, exclude_none=True)
    if file is None:
        typer.echo(text)
        return
    try:
        file.write_text(f"{text}\n", "utf-8")
    except OSError as error:
        raise StateError(f"{file}: {error.strerror}; choose a file that can be written") from None
    magnets = [magnet for account in whole.accounts for magnet in account.magnets]
    err.print(f"{len(magnets)} magnets written to {file}")
    if missing := sum(not magnet.hash for magnet in magnets):
        err.print(f"{missing} of them have no hash: their services do not tell it")
