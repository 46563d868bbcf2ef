"""`davstore media`: what a film's picture and sound are, and where to watch it transcoded."""

from typing import Annotated

import typer

from davstore.cli.paths import leaf_at
from davstore.cli.screen import AsJson, ConfigFile, load, out, print_json
from davstore.errors import DavstoreError
from davstore.server.library import Library
from davstore.stores.desk import Transcoding


class NotTranscoded(DavstoreError):
    """The file's service does not look into files."""


def media(
    path: Annotated[str, typer.Argument(help="A file, such as /rd/magnets/Sintel/Sintel.mkv.")],
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what is in a video, and print the address of its transcoded stream (HLS)."""
    library = Library(load(config))
    try:
        leaf = leaf_at(library, path)
        store = library.stores[leaf.account]
        if not isinstance(store, Transcoding):
            raise NotTranscoded(f"account {leaf.account!r}: its service does not look into files")
        lines, url = store.media(leaf.file), store.transcoded(leaf.file)
    finally:
        library.close()
    if as_json:
        print_json({"tracks": lines, "hls": url})
        return
    for line in lines:
        out.print(line)
    out.print(f"transcoded: {url}")
