"""Bodies in chunks, RFC 9112 section 7.1, read strictly: one that is cut must never seem whole."""

import re
from typing import BinaryIO

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
LONGEST_LINE = 4096
MOST_TRAILERS = 64


class Chunked:
    """The bytes of such a body, as `wsgi.input`. Raises `ConnectionAbortedError` where it ends too
    early or is none.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0
        self._ended = False

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or fewer at the end; all of them without `size`."""
        wanted = None if size is None or size < 0 else size
        parts: list[bytes] = []
        while (wanted is None or wanted > 0) and self._more():
            count = self._left if wanted is None else min(self._left, wanted)
            part = self._file.read(min(count, 65536))
            if not part:
                raise ConnectionAbortedError("the body was cut")
            parts.append(part)
            self._left -= len(part)
            if wanted is not None:
                wanted -= len(part)
            if not self._left:
                self._expect_line_end()
        return b"".join(parts)

    def _more(self) -> bool:
        """Whether a chunk has begun that is not read to its end."""
        if self._left or self._ended:
            return not self._ended
        found = _SIZE.fullmatch(self._line())
        if found is None:
            raise ConnectionAbortedError("that is no chunk")
        self._left = int(found[1], 16)
        if self._left == 0:
            self._pass_trailers()
            self._ended = True
        return not self._ended

    def _pass_trailers(self) -> None:
        for _ in range(MOST_TRAILERS):
            if self._line() == b"\r\n":
                return
        raise ConnectionAbortedError("too much stands behind the last chunk")

    def _expect_line_end(self) -> None:
        if self._file.read(2) != b"\r\n":
            raise ConnectionAbortedError("a chunk is longer than it said")

    def _line(self) -> bytes:
        line = self._file.readline(LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise ConnectionAbortedError("the body was cut")
        return line
