"""`davstore position`: where playing a file has stopped, and where it is to go on."""

import re
from contextlib import closing
from typing import Annotated

import typer

from davstore.cli.paths import leaf_at
from davstore.cli.screen import AsJson, ConfigFile, load, out, print_json
from davstore.errors import DavstoreError
from davstore.model import Position
from davstore.server.library import Library
from davstore.stores.plank.playing import player_of


class NoPosition(DavstoreError):
    """There is none, or it cannot be written so."""


def position(
    path: Annotated[str, typer.Argument(help="A file, such as /home/magnets/Sintel/Sintel.mp4.")],
    seconds: Annotated[
        str | None, typer.Argument(help="Where to go on: seconds, or as in 1:02:03.")
    ] = None,
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say where playing a file has stopped, or have it go on somewhere else."""
    wanted = None if seconds is None else _parsed(seconds)
    with closing(Library(load(config))) as library:
        leaf = leaf_at(library, path)
        found = player_of(leaf, library.players)
        if found is None:
            raise NoPosition(f"no account knows positions in {path!r}; Plank's do")
        player, copy = found
        known = player.position(copy.file)
        if wanted is not None:
            known = Position(wanted, known.duration)
            player.move(copy.file, known)
    if as_json:
        print_json({"path": path, "position": known.seconds, "duration": known.duration})
    else:
        whole = "" if known.duration is None else f" of {_clock(known.duration)}"
        out.print(f"{leaf.name}: {_clock(known.seconds)}{whole}")


def _parsed(text: str) -> float:
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", text, re.ASCII) or len(text) > 20:
        raise NoPosition(f"{text!r} is no position; write seconds, or as in 1:02:03")
    found = 0.0
    for part in text.split(":"):
        found = found * 60 + float(part)
    return found


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
