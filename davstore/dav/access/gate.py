"""The outermost layer: what WsgiDAV should not see, and what it forgets to say.

Refuses paths and logins that cannot be decoded, completes 401s and 405s, closes connections whose
body nobody read, writes one log line a request, and lets no exception's text reach a client.
"""

import base64
import binascii
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from davstore import logs
from davstore.dav.access.digest import STALE, Digest
from davstore.dav.access.proxied import Proxied
from davstore.dav.access.rights import READING, WRITING
from davstore.dav.http.transfer import AGAIN, TRANSFER, Again, Answer, Request, Transfer
from davstore.tally import REQUEST_SECONDS, REQUESTS, Tally
from davstore.wsgi import Application, Environ, StartResponse

log = logging.getLogger(__name__)


METHODS = "OPTIONS, GET, HEAD, PROPFIND"
LONGEST_PATH = 8192
ASKED = "davstore.asked"
"""Where the path stays as the client sent it; WsgiDAV takes it apart."""
REQUEST = "davstore.request"
"""Where a server may say by which name the log knows a request."""
_KNOWN = frozenset((*READING, *WRITING, "POST"))


class Gate:
    """A WSGI application around another; `public` ones answer single paths, login or not."""

    def __init__(
        self,
        application: Application,
        proxied: Proxied | None = None,
        digest: Digest | None = None,
        *,
        public: Mapping[str, Application] = MappingProxyType({}),
        tally: Tally | None = None,
    ) -> None:
        self._application = application
        self._digest = digest
        self._proxied = proxied or Proxied()
        self._public = public
        self._tally = tally or Tally()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        """A response to every request, whatever happens within."""
        logs.begin_request(environ.get(REQUEST) or logs.new_request())
        self._proxied.settle(environ)
        head = _Head(environ, start_response, self._digest, self._tally)
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        refusal = _refusal(environ)
        if refusal:
            said = head.say(refusal)
            yield from () if is_head else said
            return
        _settle_login(environ)
        environ[ASKED] = environ.get("PATH_INFO", "")
        body: Iterable[bytes] = ()
        try:
            answer = self._public.get(environ.get("PATH_INFO", ""), self._application)
            body = answer(environ, head)
            for part in body:
                if not is_head:  # WsgiDAV's refusals have one: it would be the next answer
                    yield part
        except (ConnectionError, GeneratorExit):
            raise
        except Exception:
            log.exception("%s failed", environ["REQUEST_METHOD"])
            if head.status:
                raise ConnectionAbortedError("failed after the head was sent") from None
            said = head.say("500 Internal Server Error")
            yield from () if is_head else said
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
            head.ended()
        if AGAIN in environ:
            environ[AGAIN] = head.repeated(environ[AGAIN])


class _Head:
    """Stands between application and server when a response begins."""

    def __init__(
        self, environ: Environ, start_response: StartResponse, digest: Digest | None, tally: Tally
    ) -> None:
        self._digest = digest
        self._tally = tally
        self._environ = environ
        self._start_response = start_response
        self._began = time.monotonic()
        self.status = ""

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        self.status = status
        names = {name.lower() for name, _ in headers}
        if status.startswith("405") and "allow" not in names:
            headers = [*headers, ("Allow", METHODS)]
        digest = self._digest
        if status.startswith("401") and digest is not None and digest.suits(self._environ):
            # A header of its own beside Basic's: few clients can read two challenges in one.
            said = digest.challenge(stale=STALE in self._environ)
            headers = [("WWW-Authenticate", said), *headers]
        if "HTTP_TRANSFER_ENCODING" in self._environ and "connection" not in names:
            # Nobody may have read the chunks: they would be taken for the next request.
            headers = [*headers, ("Connection", "close")]
        if status.startswith("5"):
            headers = [*headers, ("X-Request-Id", logs.request())]
        write: Callable[[bytes], object] = self._start_response(status, headers, exc_info)
        return write

    def say(self, status: str) -> list[bytes]:
        body = f"{status}\n".encode()
        kind = ("Content-Type", "text/plain; charset=utf-8")
        self(status, [kind, ("Content-Length", str(len(body)))])
        return [body]

    def ended(self) -> None:
        environ = self._environ
        is_counted = TRANSFER not in environ  # else its end is known, and counted, elsewhere
        _count(self._tally, environ["REQUEST_METHOD"], self.status, self._began, is_counted)
        _log_line(_who(environ), environ.get("PATH_INFO", ""), environ.get("HTTP_RANGE", ""),
                  self.status, self._began)  # fmt: skip

    def repeated(self, again: Again) -> Again:
        """`again` counted and with its line in the log, and with nothing but answers or None."""
        who, tally = _who(self._environ), self._tally

        def answered(request: Request) -> Answer | Transfer | None:
            began = time.monotonic()
            try:
                answer = again(request)
            except Exception:  # who answers from scratch will meet it, and say it
                log.debug("%s %s cannot be repeated", *who, exc_info=True)
                return None
            if answer is not None:
                _count(tally, who[1], answer.status, began, not isinstance(answer, Transfer))
                _log_line(who, request.target, request.range or "", answer.status, began)
            return answer

        return answered


def _who(environ: Environ) -> tuple[str, str]:
    return environ.get("REMOTE_ADDR", "-"), environ["REQUEST_METHOD"]


def _count(tally: Tally, method: str, status: str, began: float, is_answered: bool) -> None:  # noqa: FBT001 - one call each
    method = method if method in _KNOWN else "other"
    if is_answered:
        tally.count(REQUESTS, method, status[:3])
    tally.time(REQUEST_SECONDS, time.monotonic() - began, method)


def _log_line(who: tuple[str, str], path: str, range_: str, status: str, began: float) -> None:
    if log.isEnabledFor(logging.DEBUG):
        took = 1000 * (time.monotonic() - began)
        log.debug("%s %s %r %s -> %s in %.0f ms", *who, path, range_, status[:3], took)


def _refusal(environ: Environ) -> str | None:
    """Why a path cannot be looked up at all. PATH_INFO is latin-1 as PEP 3333 has it."""
    path = environ.get("PATH_INFO", "")
    if len(path) > LONGEST_PATH:
        return "414 URI Too Long"
    try:
        decoded = path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return "400 Bad Request"
    if "\0" in decoded or ".." in decoded.split("/"):
        return "400 Bad Request"
    return None


def _settle_login(environ: Environ) -> None:
    """Take away a Basic login that cannot be read: it counts as none and is asked for."""
    scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        readable = ":" in base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        readable = False
    if not readable:
        del environ["HTTP_AUTHORIZATION"]
