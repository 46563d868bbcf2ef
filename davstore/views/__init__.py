"""Magnets -> folder trees. Pure functions over values.

`folders` makes the tree of one magnet, as its account shows it. For views across accounts,
`releases` reads names, `facts` says what a magnet is, `rules` whether a condition holds,
`choosing` which views a file is in, `arranging` where it should stand there, and `placing` gives
it a path that stays. What is remembered of all that is the catalog's business.
"""

from davstore.views.choosing import chosen, digest, next_turn, reasons
from davstore.views.facts import Facts, Piece, facts, keyed, looks
from davstore.views.folders import (
    PLAYLIST_SIZE,
    find,
    folder_name,
    links_folder,
    listed,
    listed_with,
    magnet_folder,
    rearranged,
    walked,
)
from davstore.views.placing import Path, Places, placed
from davstore.views.releases import year, year_of_show

__all__ = [
    "PLAYLIST_SIZE",
    "Facts",
    "Path",
    "Piece",
    "Places",
    "chosen",
    "digest",
    "facts",
    "find",
    "folder_name",
    "keyed",
    "links_folder",
    "listed",
    "listed_with",
    "looks",
    "magnet_folder",
    "next_turn",
    "placed",
    "rearranged",
    "reasons",
    "walked",
    "year",
    "year_of_show",
]
