"""The server's certificate: read when it is needed, and again when it was renewed."""

import logging
import ssl
from pathlib import Path
from typing import TypeAlias

from davstore.errors import DavstoreError
from davstore.transport import server_context

log = logging.getLogger(__name__)

_State: TypeAlias = tuple[tuple[int, int, int], ...]


class CertificateProblem(DavstoreError):
    """The certificate or its key cannot be used."""


class Certificate:
    """A certificate and its `key` (None: it stands in the same file) as files that may change.

    Raises `CertificateProblem` where they cannot be used from the beginning.
    """

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._certificate = certificate.expanduser()
        self._key = None if key is None else key.expanduser()
        try:
            self._seen = self._state()
            self._context = server_context(self._certificate, self._key)
        except (OSError, ValueError) as error:
            raise CertificateProblem(
                f"server.tls_cert: {self._certificate}: {_reason(error)}; "
                "`davstore certificate` makes one"
            ) from None

    def context(self) -> ssl.SSLContext:
        """What the next connection is secured with: that of before where the new one is wrong."""
        try:
            state = self._state()
        except OSError:  # between two names: it is looked for again at the next connection
            return self._context
        if state != self._seen:
            self._seen = state
            try:
                self._context = server_context(self._certificate, self._key)
            except (OSError, ValueError) as error:
                log.warning("tls_cert was changed and cannot be used (%s): the one of before "
                            "serves on", _reason(error))  # fmt: skip
            else:
                log.info("tls_cert was renewed")
        return self._context

    def _state(self) -> _State:
        files = [self._certificate, self._key or self._certificate]
        found = [file.stat() for file in files]
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if "MISMATCH" in (error.reason or ""):
            return "its key is another one's"
        return "it holds no certificate and key in PEM, or the key wants a password"
    return getattr(error, "strerror", None) or type(error).__name__
