"""The contents of sidecars as files in a folder: whole under a name of their own, or not there.

What is on its way lies in a folder of its own, as long as it will become: so every process sees
what room is taken already.
"""

import contextlib
import os
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from davstore.errors import StateError

AT_ONCE: Final = 1024 * 1024
"""Bytes that are kept free for a content of unknown length whenever what was kept is used up."""
ABANDONED: Final = 86_400.0
"""Seconds after which what nobody knows is removed."""

Check = Callable[[], object]
"""Raises `Full` where what is kept free by now is too much."""


class Coming:
    """A content on its way: of `expected` bytes, which are kept free, where that is known."""

    def __init__(self, path: Path, file: BinaryIO, check: Check) -> None:
        self.path = path
        self.size = 0
        self._file = file
        self._check = check
        self._kept = 0

    def reserve(self, count: int) -> None:
        """Keep room for `count` bytes in all. Raises `Full` or `StateError`.

        They are taken first and checked then: of two who do so at once, both see both.
        """
        with disk():
            self._file.truncate(count)
        self._check()
        self._kept = count

    def write(self, data: bytes) -> None:
        """The next bytes. Raises `Full` or `StateError`."""
        if self.size + len(data) > self._kept:
            self.reserve(max(self.size + len(data), self._kept + AT_ONCE))
        with disk():
            self._file.write(data)
        self.size += len(data)

    def finish(self) -> None:
        """It is whole. Raises `StateError`."""
        with disk():
            self._file.flush()
            self._file.truncate(self.size)
            os.fsync(self._file.fileno())


class Contents:
    """The files in `folder`. Raises `StateError` where the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / "partial"
        with disk():
            self._partial.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, content: str) -> Path:
        """Where a content lies."""
        return self._folder / content[:2] / content

    @property
    def coming(self) -> int:
        """Bytes that are kept for what is on its way."""
        with disk():
            return sum(_size(path) for path in self._partial.iterdir())

    @contextlib.contextmanager
    def writing(self, check: Check) -> Iterator[Coming]:
        """A content on its way; what has not been kept afterwards is removed."""
        path = self._partial / uuid.uuid4().hex
        with disk():
            file = path.open("xb")
        try:
            with file:
                yield Coming(path, file, check)
        finally:
            path.unlink(missing_ok=True)

    def keep(self, coming: Coming) -> str:
        """Give it its place; its name."""
        content = uuid.uuid4().hex
        self.place(coming, content)
        return content

    def place(self, coming: Coming, content: str) -> None:
        """Have it lie where a content of this name does."""
        place = self.path(content)
        with disk():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            coming.path.replace(place)

    def fetch(self, content: str) -> None:
        """Have it lie here: it does."""

    def copy(self, content: str, coming: Coming) -> None:
        """Write a content once more."""
        with disk():
            source = self.path(content).open("rb")
        with source:
            for block in iter(lambda: source.read(AT_ONCE), b""):
                coming.write(block)

    def remove(self, contents: Collection[str]) -> None:
        """They are needed no more; who reads one just now may go on."""
        for content in contents:
            if content:
                with contextlib.suppress(OSError):
                    self.path(content).unlink(missing_ok=True)

    def sweep(self, known: Callable[[], Collection[str]], now: float) -> None:
        """Remove what was left by a process that was killed."""
        with disk():
            old = [path for path in self._folder.glob("*/*") if _age(path, now) > ABANDONED]
        names = frozenset(known()) if old else frozenset()
        for path in old:
            if path.name not in names:
                with contextlib.suppress(OSError):
                    path.unlink()


@contextlib.contextmanager
def disk() -> Iterator[None]:
    """What the disk says, as `StateError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StateError(f"sidecars cannot be read or written: {reason}") from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it has been kept, or given up
        return 0


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0
