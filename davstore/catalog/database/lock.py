"""One server a state folder: who it is stands in a file that the system locks for its life."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from davstore.errors import StateError

FILE_NAME = "davstore.pid"


@contextlib.contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Be the server of the state folder; however the process ends, the lock ends with it.

    Raises `StateError` where another is, or the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(folder / FILE_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"state folder {str(folder)!r}: {error.strerror}; make it writable or set server.state"
        ) from None
    try:
        if not _locked(file):
            raise StateError(
                f"state folder {str(folder)!r}: davstore is running there already "
                f"(process {_written(file) or '?'}); stop it, or set another server.state"
            )
        # A full disk must not keep a server from starting.
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def server_of(folder: Path) -> int | None:
    """The process that is the server of the state folder, None where there is none."""
    try:
        file = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _locked(file) else _written(file)
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(file: int) -> int | None:
    text = os.pread(file, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdecimal() else None
