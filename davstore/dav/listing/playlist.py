"""A folder's playable files as an M3U playlist, for players that are not a browser."""

from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

from davstore.dav.listing.multistatus import PATH_SAFE
from davstore.dav.listing.properties import content_type
from davstore.model import Folder, Leaf

MEDIA_TYPE = "audio/x-mpegurl; charset=utf-8"
LONGEST = 10_000
"""Files; a player that is given more stops being one."""


def playlist(folder: Folder, url: str) -> str:
    """The playable files of `folder`, which stands at `url` (encoded, with its slash), and of
    all folders below, as extended M3U.
    """
    lines = ["#EXTM3U"]
    for place, leaf in islice(_playable(folder, url), LONGEST):
        lines += [f"#EXTINF:-1,{leaf.name}", place]
    return "\n".join([*lines, ""])


def playable(leaf: Leaf) -> bool:
    """Whether a player would play it."""
    kind = content_type(leaf)
    return kind.startswith(("video/", "audio/")) and "mpegurl" not in kind


def _playable(folder: Folder, url: str) -> Iterator[tuple[str, Leaf]]:
    for entry in folder.entries.values():
        place = url + quote(entry.name, safe=PATH_SAFE)
        if isinstance(entry, Folder):
            yield from _playable(entry, f"{place}/")
        elif playable(entry):
            yield place, entry
