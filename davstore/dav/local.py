"""Bytes that lie on this machine, served as those of a file host are."""

from collections.abc import Iterator
from typing import BinaryIO

from davstore.errors import StreamBroken

BLOCK = 256 * 1024


class Local:
    """Bytes `start` to `end` (inclusive, None: the last) of an open file, which it closes.

    Raises `StreamBroken` where the file has become shorter.
    """

    def __init__(self, file: BinaryIO, start: int, end: int | None, size: int) -> None:
        self.total: int | None = size
        self._file = file
        self._left = (size - 1 if end is None else end) - start + 1
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0:
            data = self._file.read(min(BLOCK, self._left))
            if not data:
                raise StreamBroken("the file has become shorter")
            self._left -= len(data)
            yield data

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
