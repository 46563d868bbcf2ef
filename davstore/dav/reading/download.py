"""GET and HEAD of a file. Whatever can fail fails before the head is sent.

Ranges and conditions are `conditions`' business, the bytes are the stream's, what is said of
errors is `refusals`'.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from davstore.dav.http.conditions import UNSATISFIABLE, Range, Verdict, asked_range, verdict
from davstore.dav.http.times import date, modified
from davstore.dav.http.transfer import OFFER, TRANSFER, Transfer
from davstore.dav.listing.properties import content_type, etag
from davstore.dav.reading.refusals import refusal, refuse, say
from davstore.errors import DavstoreError
from davstore.model import Leaf, Reader
from davstore.wsgi import Environ, Headers, StartResponse

log = logging.getLogger(__name__)


LONGEST_CLIENT = 100


class Body(Protocol):
    """Bytes that are closed when nobody wants them any more."""

    total: int | None

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Let go of the upstream."""


Open: TypeAlias = Callable[[Leaf, int, int | None], Body]


class Download:
    """Answers GET and HEAD of a leaf.

    `open` gives its bytes from `start` to `end` (inclusive, None: the end), the first ones
    already read; it raises `DavstoreError`. Where it `offers`, a server may move them itself.
    """

    def __init__(self, open: Open, *, offers: bool = True) -> None:  # noqa: A002 - the word for it
        self._open = open
        self._offers = offers

    def __call__(
        self, environ: Environ, start_response: StartResponse, leaf: Leaf
    ) -> Iterable[bytes]:
        """A WSGI response."""
        if self._offers and OFFER in environ and environ["REQUEST_METHOD"] == "GET":
            transfer = self.transfer(environ, leaf)
            if transfer is not None:
                start_response(transfer.status, transfer.headers)
                environ[TRANSFER] = transfer
                return []
        return self._respond(environ, start_response, leaf)

    def transfer(self, environ: Environ, leaf: Leaf) -> Transfer | None:
        """What of a GET the server may move itself; None where something else is to be said."""
        size = leaf.size
        if (
            not size
            or leaf.playlist
            or verdict(environ, etag(leaf), leaf.modified) is not Verdict.GO_ON
        ):
            return None
        wanted = asked_range(environ, size, etag(leaf), leaf.modified)
        if wanted == UNSATISFIABLE:
            return None
        headers = [*_facts(leaf), ("Content-Type", content_type(leaf)), ("Date", date())]
        if not isinstance(wanted, Range):
            status, wanted = "200 OK", Range(0, size - 1)
        else:
            status = "206 Partial Content"
            headers.append(("Content-Range", f"bytes {wanted.start}-{wanted.end}/{size}"))
        headers += _length(wanted.end - wanted.start + 1)
        reader = Reader(
            environ.get("wsgidav.auth.user_name") or "",
            environ.get("HTTP_USER_AGENT", "")[:LONGEST_CLIENT],
            environ.get("REMOTE_ADDR", ""),
        )
        return Transfer(leaf, wanted.start, wanted.end, status, headers, refusal, reader)

    def _respond(
        self, environ: Environ, start_response: StartResponse, leaf: Leaf
    ) -> Iterable[bytes]:
        facts = _facts(leaf)
        conditions = verdict(environ, etag(leaf), leaf.modified)
        if conditions is Verdict.FAILED:
            return say(start_response, "412 Precondition Failed", "The file is another one.")
        if conditions is Verdict.NOT_MODIFIED:
            # With the true length, or WsgiDAV takes it for one that it must close behind.
            start_response("304 Not Modified", [*facts, *_length(leaf.size), ("Date", date())])
            return []
        facts += [("Content-Type", content_type(leaf)), ("Date", date())]
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", [*facts, *_length(leaf.size)])
            return []
        try:
            return self._get(environ, start_response, leaf, facts)
        except DavstoreError as error:
            return refuse(start_response, error)

    def _get(
        self, environ: Environ, start_response: StartResponse, leaf: Leaf, facts: Headers
    ) -> Iterable[bytes]:
        if leaf.size is None:
            return self._unmeasured(environ, start_response, leaf, facts)
        return self._measured(environ, start_response, leaf, leaf.size, facts)

    def _measured(
        self,
        environ: Environ,
        start_response: StartResponse,
        leaf: Leaf,
        size: int,
        facts: Headers,
    ) -> Iterable[bytes]:
        wanted = asked_range(environ, size, etag(leaf), leaf.modified)
        if wanted == UNSATISFIABLE:
            return say(
                start_response, "416 Range Not Satisfiable", "The range is beyond the end.",
                ("Content-Range", f"bytes */{size}"),
            )  # fmt: skip
        if size == 0:
            start_response("200 OK", [*facts, *_length(0)])
            return []
        if not isinstance(wanted, Range):
            body = self._open(leaf, 0, size - 1)
            start_response("200 OK", [*facts, *_length(size)])
            return _Sent(body)
        body = self._open(leaf, wanted.start, wanted.end)
        span = ("Content-Range", f"bytes {wanted.start}-{wanted.end}/{size}")
        length = wanted.end - wanted.start + 1
        start_response("206 Partial Content", [*facts, span, *_length(length)])
        return _Sent(body)

    def _unmeasured(
        self, environ: Environ, start_response: StartResponse, leaf: Leaf, facts: Headers
    ) -> Iterable[bytes]:
        """The first read learns the size; where even the host knows none, no range is served."""
        body = self._open(leaf, 0, None)
        size = body.total
        if size is None and _begins_within(environ, leaf):
            body.close()
            # rclone takes the first bytes of a 200 for those that it asked for.
            return say(
                start_response, "416 Range Not Satisfiable",
                "Nobody knows how long this is: it can only be read whole.",
            )  # fmt: skip
        if size is None:
            start_response("200 OK", [*facts, ("Accept-Ranges", "none")])
            return _Sent(body)
        if "HTTP_RANGE" in environ:
            body.close()
            return self._measured(environ, start_response, leaf, size, facts)
        start_response("200 OK", [*facts, *_length(size)])
        return _Sent(body)


def _begins_within(environ: Environ, leaf: Leaf) -> bool:
    """Whether a range is asked for that is not the beginning of a file of unknown length."""
    wanted = asked_range(environ, sys.maxsize, etag(leaf), leaf.modified)
    return wanted == UNSATISFIABLE or (isinstance(wanted, Range) and wanted.start > 0)


class _Sent:
    """A body on its way. One that breaks off is cut: the client must see that it is not whole."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except DavstoreError as error:
            log.warning("stream cut: %s", error)
            raise ConnectionAbortedError("the upstream broke off") from None

    def close(self) -> None:
        self._body.close()


def _length(size: int | None) -> Headers:
    if size is None:
        return [("Accept-Ranges", "none")]
    return [("Content-Length", str(size)), ("Accept-Ranges", "bytes")]


def _facts(leaf: Leaf) -> Headers:
    return [("ETag", etag(leaf)), ("Last-Modified", modified(leaf.modified))]
