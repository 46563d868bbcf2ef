"""How a refusal looks: one line that says why, or the condition as RFC 4918 section 16 names it."""

import errno
from collections.abc import Iterable, Iterator
from typing import Any

from wsgidav import util
from wsgidav.dav_error import (
    ERROR_RESPONSES,
    HTTP_FORBIDDEN,
    HTTP_NO_CONTENT,
    HTTP_NOT_FOUND,
    HTTP_NOT_MODIFIED,
    DAVError,
    get_http_status_string,
)
from wsgidav.mw.base_mw import BaseMiddleware

from davstore.dav.gate import ASKED
from davstore.dav.rights import Environ, StartResponse

_BODILESS = frozenset({HTTP_NOT_MODIFIED, HTTP_NO_CONTENT})


class Refusals(BaseMiddleware):
    """In place of WsgiDAV's own, which shows a page and what went wrong inside."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        """What is within answers, or else why it does not. Other exceptions are the gate's."""
        begun = util.SubAppStartResponse()
        asked = environ[ASKED]
        answer: Iterable[bytes] = ()
        try:
            answer = self.next_app(environ, begun)
            parts = iter(answer)
            first = next(parts, b"")
        except DAVError as refusal:
            yield from _said(refusal, asked, start_response)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            yield from _said(DAVError(HTTP_FORBIDDEN, error.strerror), asked, start_response)
        else:
            start_response(begun.status, begun.response_headers, begun.exc_info)
            yield first
            yield from parts
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()


def _said(refusal: DAVError, asked: str, start_response: StartResponse) -> Iterator[bytes]:
    status = get_http_status_string(refusal)
    headers: list[tuple[str, Any]] = [("Date", util.get_rfc1123_time())]
    body = b""
    if refusal.value in _BODILESS:
        pass
    elif refusal.err_condition:
        kind, body = refusal.get_response_page()
        headers.append(("Content-Type", kind))
    else:
        body = f"{status}{_reason(refusal, asked)}\n".encode()
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    headers += [("Content-Length", str(len(body))), *(refusal.add_headers or ())]
    start_response(status, headers)
    yield body if refusal.add_body else b""


def _reason(refusal: DAVError, asked: str) -> str:
    why = refusal.context_info or ERROR_RESPONSES.get(refusal.value, "")
    if refusal.value == HTTP_NOT_FOUND and (refusal.context_info or "/").startswith("/"):
        # Where WsgiDAV names a path it is the share's in its own letters, whoever may see that.
        why = f"there is nothing at {asked.encode('latin-1').decode('utf-8', 'replace')}"
    return f": {why}" if why else ""
