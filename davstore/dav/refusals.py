"""What a client is told where something went wrong: here alone our errors become statuses."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from werkzeug.http import http_date
from wsgidav.mw.base_mw import BaseMiddleware

from davstore import errors
from davstore.dav.transfer import Answer, Headers
from davstore.errors import DavstoreError, StoreError

log = logging.getLogger(__name__)

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]

DEFAULT_RETRY = 15.0

# The first class that fits counts: special ones stand before what they derive from.
STATUS: tuple[tuple[type[DavstoreError], str], ...] = (
    (errors.StateError, "503 Service Unavailable"),
    (errors.Gone, "404 Not Found"),
    (errors.Refused, "404 Not Found"),
    (errors.RateLimited, "503 Service Unavailable"),
    (errors.QuotaExhausted, "503 Service Unavailable"),
    (errors.StoreUnavailable, "503 Service Unavailable"),
    (errors.StoreError, "502 Bad Gateway"),
    (errors.StreamTimeout, "504 Gateway Timeout"),
    (errors.DavstoreError, "502 Bad Gateway"),
)


class Refusals(BaseMiddleware):
    """Answers what an application of WsgiDAV's stack raises instead of an answer."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        """The application's response, or one that says what went wrong."""
        try:
            yield from self.next_app(environ, start_response)
        except DavstoreError as error:
            yield from refuse(start_response, error)


def refuse(start_response: StartResponse, error: DavstoreError) -> Iterable[bytes]:
    """A response that says what went wrong, in one line."""
    said = refusal(error)
    start_response(said.status, said.headers)
    return said.parts


def refusal(error: DavstoreError) -> Answer:
    """What went wrong, in one line."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    extra: Headers = []
    if status.startswith("503"):
        asked = error.retry_after if isinstance(error, StoreError) else None
        extra = [("Retry-After", str(max(1, round(asked or DEFAULT_RETRY))))]
    log.info("%s: %s", status, error)
    return _saying(status, str(error), *extra)


def say(
    start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """A response of one line."""
    said = _saying(status, text, *headers)
    start_response(said.status, said.headers)
    return said.parts


def _saying(status: str, text: str, *headers: tuple[str, str]) -> Answer:
    body = f"{text}\n".encode()
    about = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Date", http_date()),
    ]
    return Answer(status, [*about, *headers], (body,))
