"""cheroot's part: threads that read, understand and answer one request at a time.

They wait for no client but for the rest of large bodies: a request comes to them with its head
read, and what a client does not take at once of an answer is left to the front.
"""

import contextlib
import io
import logging
import select
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from cheroot.server import (  # type: ignore[attr-defined]
    HTTPConnection,
    comma_separated_headers,
)
from cheroot.wsgi import Gateway_10
from cheroot.wsgi import Server as WsgiServer

from davstore.dav.access.gate import REQUEST
from davstore.dav.http.transfer import AGAIN, OFFER, TRANSFER, Again, Transfer
from davstore.server.chunks import Chunked
from davstore.transport import AnySocket, TlsSocket
from davstore.wsgi import Application

log = logging.getLogger(__name__)

# Each proxy of several may add a line of its own; cheroot keeps the last of those that it does not
# know to be lists. https://www.rfc-editor.org/rfc/rfc9110#section-5.3
comma_separated_headers.extend(
    name for name in (b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host")
    if name not in comma_separated_headers
)  # fmt: skip

WORKERS = 16
UPLOADS = 16
"""So many threads more, and so many requests at once of which a body is still on its way: whoever
sends one slowly, or never ends, takes no worker from those who list and read.
"""
BACKLOG = 1024
BODY_TIMEOUT = 60
"""Seconds of silence within a request's body."""
SMALL_BODY = 128 * 1024
"""Bytes; up to so many the front has read before a worker begins."""
SLOWEST_BODY = 1024
"""Bytes a second that a client must send of a larger one, `BODY_TIMEOUT` being given."""
PAUSE_TIMEOUT = 900
"""Seconds for which a client may stop reading."""
MOST_UNSENT = 8 * 1024 * 1024
"""Bytes that a client has not taken, beyond which its worker waits for it after all."""


class Connection(HTTPConnection):
    """A client, while a worker answers it.

    `request` is the name of what it asks, `is_closing` whether that is the last. `unsent` is what
    it has still to be sent, `transfer` what is to be moved to it after that, `again` what answers
    its request again. `released(stays_open)` is called once the worker is done with it.
    """

    def __init__(self, server: "Workers", sock: AnySocket) -> None:
        super().__init__(server, sock, self._file)
        # cheroot's memory of who is at a Unix socket refers to what it is kept by: each client
        # would stay in memory until the collector comes, and for good where that has set it apart.
        del self.resolve_peer_creds, self.get_peer_creds
        self.remote_addr, self.remote_port = sock.getpeername()[:2]
        self.transfer: Transfer | None = None
        self.again: Again | None = None
        self.status = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_last = False
        self.request = ""
        self.is_closing = False
        self.released: Callable[[bool], None] = lambda _: None

    def _file(self, sock: AnySocket, mode: str, _size: int) -> Any:
        if "w" in mode:
            self._outgoing = _Outgoing(sock)
            return self._outgoing
        self._incoming = _Incoming(sock)
        return io.BufferedReader(self._incoming, 4096)

    def feed(self, data: bytes) -> None:
        """What the front has read already."""
        self._incoming.early += data
        self._incoming.begin()

    def left_over(self) -> bytes:
        """What was read and not used: the beginning of the next request."""
        self._incoming.is_frozen = True
        early, self._incoming.early = self._incoming.early, b""
        buffered = self.rfile.peek()
        return bytes(self.rfile.read(len(buffered)) if buffered else b"") + early

    def unsent(self) -> bytes:
        """What the client has not taken yet; taken away."""
        unsent, self._outgoing.unsent = bytes(self._outgoing.unsent), bytearray()
        return unsent

    def close(self) -> None:
        """Cheroot is done with the client, and does not want to hear of it again."""
        self.released(False)  # noqa: FBT003 - as declared above


class _Incoming(io.RawIOBase):
    """A client's bytes: first `early`, then from the socket, which does not block; none at all
    while frozen.
    """

    def __init__(self, sock: AnySocket) -> None:
        self._sock = sock
        self.early = b""
        self.is_frozen = False
        self._deadline = 0.0

    def begin(self) -> None:
        """A request is about to be read."""
        self.is_frozen = False
        self._deadline = time.monotonic() + BODY_TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.early:
            count = min(len(buffer), len(self.early))
            buffer[:count] = self.early[:count]
            self.early = self.early[count:]
            return count
        if self.is_frozen:
            return None
        while True:
            try:
                count = self._sock.recv_into(memoryview(buffer))
            except BlockingIOError:
                left = self._deadline - time.monotonic()
                _wait(self._sock, select.POLLIN, max(0.0, min(left, BODY_TIMEOUT)))
            else:
                self._deadline += count / SLOWEST_BODY
                return count


class _Outgoing:
    """Takes what is to be sent and sends what goes at once."""

    bytes_written = 0

    def __init__(self, sock: AnySocket) -> None:
        self._sock = sock
        self.unsent = bytearray()

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        if not self.unsent:
            rest = self._sent(rest)
        self.unsent += rest
        if len(self.unsent) > MOST_UNSENT:
            waiting, self.unsent = memoryview(bytes(self.unsent)), bytearray()
            while waiting := self._sent(waiting):
                _wait(self._sock, select.POLLOUT, PAUSE_TIMEOUT)
        return len(data)

    def _sent(self, rest: memoryview) -> memoryview:
        """What of it does not go at once."""
        with contextlib.suppress(BlockingIOError):
            while rest:
                rest = rest[self._sock.send(rest) :]
        return rest

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _wait(sock: AnySocket, event: int, seconds: float) -> None:
    """Raises `TimeoutError` where the event does not come within so many `seconds`."""
    poll = select.poll()
    poll.register(sock.fileno(), event)
    if not poll.poll(1000 * seconds):
        raise TimeoutError("timed out")


class _Gateway(Gateway_10):
    """Leaves the bytes of files to the front."""

    def get_environ(self) -> Any:
        environ = super().get_environ()  # type: ignore[no-untyped-call]
        environ[OFFER] = True
        environ[REQUEST] = self.req.conn.request
        if self.req.chunked_read:
            environ["wsgi.input"] = Chunked(self.req.conn.rfile)
        if isinstance(self.req.conn.socket, TlsSocket):
            environ["wsgi.url_scheme"] = "https"
        if environ["REQUEST_METHOD"] == "OPTIONS":  # the only paths that cheroot leaves encoded
            environ["PATH_INFO"] = unquote_to_bytes(environ["PATH_INFO"]).decode("latin-1")
        return environ

    def start_response(self, status: Any, headers: Any, exc_info: Any = None) -> Any:
        write = super().start_response(status, headers, exc_info)
        if self.req.conn.is_closing:
            self.req.close_connection = True
        unread = getattr(self.req.rfile, "remaining", 0)
        if unread > SMALL_BODY or (unread and b"Expect" in self.req.inheaders):
            # cheroot would read all of it first, into memory, from whoever sends it.
            self.req.close_connection = True
        return write

    def respond(self) -> None:
        response = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            for chunk in filter(None, response):
                self.write(chunk)
            self.req.conn.again = self.env.get(AGAIN)
            transfer: Transfer | None = self.env.get(TRANSFER)
            if transfer is None or self.req.sent_headers:
                self.req.ensure_headers_sent()
            else:
                self._hand_over(transfer)
        finally:
            if hasattr(response, "close"):
                response.close()

    def _hand_over(self, transfer: Transfer) -> None:
        request, connection = self.req, self.req.conn
        request.sent_headers = True
        connection.transfer = transfer
        connection.status = request.status
        connection.headers = request.outheaders
        connection.is_last = request.close_connection
        if request.request_protocol == b"HTTP/1.0" and not request.close_connection:
            connection.headers.append((b"Connection", b"Keep-Alive"))
        request.close_connection = False  # the connection goes back to the front, not away


class Workers(WsgiServer):
    """cheroot's socket, threads and WSGI; other processes may have the port too where it
    `is_shared`. Who reads from the socket is the front's business.
    """

    def __init__(
        self, address: tuple[str, int], app: Application, *, is_shared: bool = False
    ) -> None:
        super().__init__(
            address,
            app,
            numthreads=WORKERS + UPLOADS,
            request_queue_size=BACKLOG,
            timeout=BODY_TIMEOUT,
            shutdown_timeout=1,
            server_name="davstore",
            reuse_port=is_shared,
        )
        self.gateway = _Gateway

    @property
    def can_add_keepalive_connection(self) -> bool:
        """An idle connection costs the front next to nothing."""
        return bool(self.ready)

    def put_conn(self, conn: Connection) -> None:
        """A worker is done with `conn`, which stays open."""
        conn.released(True)  # noqa: FBT003 - as declared above

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's signature
        """To our log and without tracebacks: clients that leave are no news."""
        log.log(min(level, logging.INFO), "http: %s", msg)
