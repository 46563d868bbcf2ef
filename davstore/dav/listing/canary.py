"""The file by which scripts see that a mount is alive: it stands in the root and costs no upstream.

A folder that nothing is mounted at lacks it.
"""

from davstore.model import File, Text

NAME = ".davstore-canary"
_TEXT = b"davstore is mounted here\n"
_WRITTEN = 1_767_225_600.0  # always the same, or caches would read it again and again

CANARY = Text(
    NAME, "", File(NAME, "canary"), "davstore-canary-1", len(_TEXT), _WRITTEN, content=_TEXT
)
