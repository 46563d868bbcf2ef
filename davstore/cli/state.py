"""`davstore migrate` and `davstore state`: what is known, brought up to date, or somewhere else."""

import re
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from davstore.catalog import SCHEMA, copied, look_into, open_database, server_of
from davstore.cli.screen import ConfigFile, load, out
from davstore.config import Database
from davstore.errors import StateError
from davstore.server.beside import Place, copy_beside

CONFIGURED: Final = "configured"


class Deed(StrEnum):
    """What is done with the state."""

    COPY = "copy"


def migrate(config: ConfigFile = None) -> None:
    """Bring the state up to this davstore, as every start does by itself."""
    server = load(config).server
    open_database(server.state, time.time, database=server.database).dispose()
    where = server.state if server.database is None else "the database of server.state_url"
    out.print(f"{where} has schema {SCHEMA}")


def state(
    deed: Annotated[Deed, typer.Argument(help="What to do.", metavar="copy")],
    source: Annotated[str, typer.Argument(metavar="FROM", help="A state folder, or an address.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A state folder, or an address.")],
    config: ConfigFile = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let go of what stands at TO already.")
    ] = False,
) -> None:
    """Copy everything that is known, from a state folder into a PostgreSQL or back.

    `configured` stands for the database of server.state_url. Stop the servers first.
    """
    assert deed is Deed.COPY
    (folder, database), (to_folder, to_database) = _place(source, config), _place(target, config)
    for each in filter(None, (folder, to_folder)):
        if running := server_of(each):
            raise StateError(f"{each}: davstore is running there (process {running}); stop it")
    reading = look_into(folder or Path(), database)
    if reading is None:
        raise StateError(f"{folder or 'FROM'}: there is no state")
    writing = open_database(to_folder or Path(), time.time, database=to_database)
    try:
        counts = copied(reading, writing, replace=replace)
        counts |= copy_beside(Place(reading, folder), Place(writing, to_folder))
    finally:
        reading.dispose()
        writing.dispose()
    for name, count in counts.items():
        if count:
            out.print(f"{count:>9} {name}")


def _place(said: str, config: Path | None) -> tuple[Path | None, Database | None]:
    """A folder or a database; never both."""
    if said == CONFIGURED:
        database = load(config).server.database
        if database is None:
            raise StateError("server.state_url is not set; name a folder or an address")
        return None, database
    if re.match(r"postgresql(\+\w+)?://", said):
        return None, Database(SecretStr(said))
    return Path(said), None
