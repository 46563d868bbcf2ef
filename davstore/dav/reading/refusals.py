"""What a client is told where something went wrong: one line that says why, or the condition as
RFC 4918 section 16 names it. Here alone our errors become statuses.
"""

import errno
import logging
from collections.abc import Iterable, Iterator
from http import HTTPStatus

from wsgidav.dav_error import (
    ERROR_RESPONSES,
    HTTP_FORBIDDEN,
    HTTP_NO_CONTENT,
    HTTP_NOT_FOUND,
    HTTP_NOT_MODIFIED,
    DAVError,
)
from wsgidav.mw.base_mw import BaseMiddleware
from wsgidav.util import SubAppStartResponse

from davstore import errors
from davstore.catalog import NameTaken, NotThere, Vanished
from davstore.dav.access.gate import ASKED
from davstore.dav.http.times import date
from davstore.dav.http.transfer import Answer
from davstore.errors import DavstoreError, StoreError
from davstore.wsgi import Environ, Headers, StartResponse

log = logging.getLogger(__name__)


DEFAULT_RETRY = 15.0
_BODILESS = frozenset({HTTP_NOT_MODIFIED, HTTP_NO_CONTENT})
_TEXT = "text/plain; charset=utf-8"
_PAGE = "text/html; charset=utf-8"
"""What WsgiDAV's own methods answer where no client looks for more than the status."""

# The first class that fits counts: special ones stand before what they derive from.
STATUS: tuple[tuple[type[DavstoreError], str], ...] = (
    (NotThere, "404 Not Found"),
    (Vanished, "404 Not Found"),
    (NameTaken, "409 Conflict"),
    (errors.NotReady, "503 Service Unavailable"),
    (errors.Full, "507 Insufficient Storage"),
    (errors.WrongKind, "415 Unsupported Media Type"),
    (errors.NotAccepted, "422 Unprocessable Content"),
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
    """In place of WsgiDAV's own, which shows a page and what went wrong inside."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        """What is within answers, or else why it does not. Other exceptions are the gate's."""
        begun = SubAppStartResponse()
        asked = environ[ASKED]
        answer: Iterable[bytes] = ()
        try:
            answer = self.next_app(environ, begun)
            parts = iter(answer)
            first = next(parts, b"")
        except DAVError as error:
            yield from _said(_dav_refusal(error, asked), start_response)
        except DavstoreError as error:
            yield from refuse(start_response, error)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            forbidden = DAVError(HTTP_FORBIDDEN, error.strerror)
            yield from _said(_dav_refusal(forbidden, asked), start_response)
        else:
            headers = begun.response_headers
            if begun.status.startswith("201") and ("Content-Type", _PAGE) in headers:
                first, parts, headers = b"", iter(()), _without_page(headers)
            start_response(begun.status, headers, begun.exc_info)
            yield first
            yield from parts
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()


def _without_page(headers: Headers) -> Headers:
    """Those of an answer without WsgiDAV's page about what it has made."""
    of_body = {"Content-Type", "Content-Length"}
    return [*(each for each in headers if each[0] not in of_body), ("Content-Length", "0")]


def refuse(start_response: StartResponse, error: DavstoreError) -> Iterable[bytes]:
    """A response that says what went wrong, in one line."""
    return _said(refusal(error), start_response)


def refusal(error: DavstoreError) -> Answer:
    """What went wrong, in one line."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    extra: Headers = []
    if status.startswith("503"):
        asked = error.retry_after if isinstance(error, StoreError) else None
        extra = [("Retry-After", str(max(1, round(asked or DEFAULT_RETRY))))]
    log.info("%s: %s", status, error)
    return _answer(status, f"{error}\n".encode(), _TEXT, extra)


def say(
    start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """A response of one line."""
    return _said(_answer(status, f"{text}\n".encode(), _TEXT, list(headers)), start_response)


def _said(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    start_response(answer.status, answer.headers)
    return answer.parts


def _answer(status: str, body: bytes, kind: str, headers: Headers) -> Answer:
    about = [("Content-Length", str(len(body))), ("Date", date())]
    if body:
        about.insert(0, ("Content-Type", kind))
    return Answer(status, [*about, *headers], (body,))


def _dav_refusal(error: DAVError, asked: str) -> Answer:
    status = f"{error.value} {HTTPStatus(error.value).phrase}"
    kind, body = _TEXT, f"{status}{_reason(error, asked)}\n".encode()
    if error.err_condition:
        kind, body = error.get_response_page()
    if error.value in _BODILESS or not error.add_body:
        body = b""
    return _answer(status, body, kind, list(error.add_headers or ()))


def _reason(error: DAVError, asked: str) -> str:
    why = error.context_info or ERROR_RESPONSES.get(error.value, "")
    if error.value == HTTP_NOT_FOUND and (error.context_info or "/").startswith("/"):
        # Where WsgiDAV names a path it is the share's in its own letters, whoever may see that.
        why = f"there is nothing at {asked.encode('latin-1').decode('utf-8', 'replace')}"
    return f": {why}" if why else ""
