"""What a login has brought: kept in a file that its owner alone can read, never in a configuration.

Threads and processes of one server share it; who renews it does that alone.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol

from davstore.errors import StateError

FOLDER: Final = "logins"


@dataclass(frozen=True, slots=True)
class Pass:
    """A token, good until `expires` (0: until it is revoked), and what it is renewed with."""

    token: str = field(repr=False)
    expires: float = 0.0
    renewal: Mapping[str, str] = field(default_factory=dict, repr=False)


class Passes(Protocol):
    """Where the pass of one account is kept, for the service at one address alone."""

    def read(self) -> Pass | None:
        """The pass, None where nobody has logged in."""

    def write(self, got: Pass) -> None:
        """Keep `got` in place of an older one; whole or not at all. Raises `StateError`."""

    def drop(self) -> None:
        """Forget it; it may not be there. Raises `StateError`."""

    def alone(self) -> AbstractContextManager[None]:
        """No other thread, process or machine is in here meanwhile. Raises `StateError`."""


def passes_in(state: Path) -> Iterator[tuple[str, str, Pass]]:
    """Account, source and pass of every file of the state folder `state`."""
    for path in sorted((state / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            source = str(json.loads(path.read_text("utf-8"))["source"])
            got = PassFile(state, path.stem, source).read()
            if got is not None:
                yield path.stem, source, got


class PassFile:
    """The pass of one account, in the state folder `state`.

    It is good for the service at `source` alone: where the account is configured to be at another,
    there is none, lest that one be sent our token.
    """

    def __init__(self, state: Path, account: str, source: str) -> None:
        self._path = state / FOLDER / f"{account}.json"
        self._source = source
        self._lock = threading.Lock()

    def read(self) -> Pass | None:
        """The pass, None where nobody has logged in."""
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            if kept["source"] != self._source:
                return None
            return Pass(str(kept["token"]), float(kept["expires"]), dict(kept["renewal"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, got: Pass) -> None:
        """Keep `got` in place of an older one; whole or not at all. Raises `StateError`."""
        kept = {"source": self._source} | asdict(got) | {"renewal": dict(got.renewal)}
        new = self._path.with_suffix(".new")
        try:
            self._make_folder()
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from None

    def drop(self) -> None:
        """Forget it; it may not be there. Raises `StateError`."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other thread or process is in here meanwhile. Raises `StateError`."""
        with self._lock:
            try:
                self._make_folder()
                lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
            except OSError as error:
                raise self._unusable(error) from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    def _make_folder(self) -> None:
        """Both folders, where they are missing, for their owner alone."""
        self._path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.parent.mkdir(mode=0o700, exist_ok=True)

    def _unusable(self, error: OSError) -> StateError:
        return StateError(
            f"{str(self._path.parent)!r}: {error.strerror}; make it writable or set server.state"
        )
