"""Proof that a form comes from our own page (OWASP: HMAC-based token, bound to the user).

Browsers send a Basic login along with whatever another site has them post.
"""

import contextlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

GOOD_FOR = 12 * 3600.0
KEY_BYTES = 32


def new_key() -> bytes:
    """One that nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


def kept_key(path: Path) -> bytes:
    """The key that all processes of a server use: the file's, which is made where it is missing.

    Where the disk refuses, one of our own.
    """
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            new = path.with_suffix(f".{os.getpid()}")
            new.touch(mode=0o600)
            new.write_bytes(new_key())
            try:
                os.link(new, path)  # whole, or not there
            finally:
                new.unlink()
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    return new_key()


class Tokens:
    """Gives each user a token that is good for some hours. `now` is unix seconds."""

    def __init__(self, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self.now = now

    def of(self, user: str) -> str:
        """The present one."""
        return self._made(user, int(self.now() // GOOD_FOR))

    def fits(self, user: str, token: str) -> bool:
        """Whether it is the present one, or was lately."""
        span = int(self.now() // GOOD_FOR)
        due = [self._made(user, each).encode() for each in (span, span - 1)]
        return any(hmac.compare_digest(token.encode(), each) for each in due)

    def _made(self, user: str, span: int) -> str:
        return hmac.new(self._key, f"{span}\n{user}".encode(), "sha256").hexdigest()
