"""The file by which scripts see that a mount is alive: it stands in the root and costs no upstream.

A folder that nothing is mounted at lacks it.
"""

import io

from davstore.dav.local import Local
from davstore.model import File, Leaf

NAME = ".davstore-canary"
_TEXT = b"davstore is mounted here\n"
_WRITTEN = 1_767_225_600.0  # always the same, or caches would read it again and again

CANARY = Leaf(NAME, "", File(NAME, "canary"), "davstore-canary-1", len(_TEXT), _WRITTEN)


def opened(_leaf: Leaf, start: int, end: int | None) -> Local:
    """Its bytes from `start` to `end`, as of any file."""
    return Local(io.BytesIO(_TEXT), start, end, len(_TEXT))
