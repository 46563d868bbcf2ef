"""Bytes that lie on this machine, served as those of a file host are."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from davstore.errors import Gone, StreamBroken
from davstore.model import Leaf
from davstore.wsgi import StartResponse

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


def opened(leaf: Leaf, start: int, end: int | None) -> Local:
    """The bytes of a leaf whose `ref` is where it lies; raises `Gone`."""
    try:
        file = Path(leaf.file.ref).open("rb")  # noqa: SIM115 - closed by who reads it
    except OSError:
        raise Gone("", "the file is no more") from None
    return Local(file, start, end, leaf.size or 0)


def of_bytes(data: bytes) -> Callable[[Leaf, int, int | None], Local]:
    """What opens a leaf of which all bytes are known."""

    def open_(_leaf: Leaf, start: int, end: int | None) -> Local:
        return Local(io.BytesIO(data), start, end, len(data))

    return open_


def harmless(start_response: StartResponse) -> StartResponse:
    """What a user has written must not run in a browser as if it were davstore's own page."""

    def start(status: str, headers: Sequence[tuple[str, str]], *rest: Any) -> Any:
        kind = dict(headers).get("Content-Type", "")
        guard = [("X-Content-Type-Options", "nosniff")]
        if any(word in kind for word in ("html", "xml", "svg")):
            guard.append(("Content-Security-Policy", "sandbox"))
        return start_response(status, [*headers, *guard], *rest)

    return start
