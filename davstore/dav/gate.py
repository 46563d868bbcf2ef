"""The outermost layer: what WsgiDAV should not see, and what it forgets to say.

Refuses paths and logins that cannot be decoded, completes 405s, closes connections whose body
nobody read, writes one log line a request, and lets no exception's text reach a client.
"""

import base64
import binascii
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from davstore import logs
from davstore.dav.rights import READING, WRITING
from davstore.dav.transfer import TRANSFER
from davstore.tally import REQUEST_SECONDS, REQUESTS, Tally

log = logging.getLogger(__name__)

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

METHODS = "OPTIONS, GET, HEAD, PROPFIND"
LONGEST_PATH = 8192
REQUEST = "davstore.request"
"""Where a server may say by which name the log knows a request."""
_KNOWN = frozenset((*READING, *WRITING, "POST"))


class Gate:
    """A WSGI application around another; `public` ones answer single paths, login or not."""

    def __init__(
        self,
        application: Application,
        public: Mapping[str, Application] = MappingProxyType({}),
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally or Tally()
        self._application = application
        self._public = public

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        """A response to every request, whatever happens within."""
        logs.begin_request(environ.get(REQUEST) or logs.new_request())
        head = _Head(environ, start_response, self._tally)
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        refusal = _refusal(environ)
        if refusal:
            said = head.say(refusal)
            yield from () if is_head else said
            return
        _settle_login(environ)
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


class _Head:
    """Stands between application and server when a response begins."""

    def __init__(self, environ: Environ, start_response: StartResponse, tally: Tally) -> None:
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
        environ, seconds = self._environ, time.monotonic() - self._began
        method = environ["REQUEST_METHOD"]
        method = method if method in _KNOWN else "other"
        if TRANSFER not in environ:  # what becomes of it is known, and counted, elsewhere
            self._tally.count(REQUESTS, method, self.status[:3])
        self._tally.time(REQUEST_SECONDS, seconds, method)
        log.debug(
            "%s %s %r %s -> %s in %.0f ms", environ.get("REMOTE_ADDR", "-"),
            environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""),
            environ.get("HTTP_RANGE", ""), self.status[:3],
            1000 * seconds,
        )  # fmt: skip


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
