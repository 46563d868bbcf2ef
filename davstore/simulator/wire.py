"""HTTP/1.1 on a loopback socket: keep-alive, resets, and every connection accounted for.

Werkzeug's server closes each connection after one answer; real services do not, and a client
that pools connections must be tried against that. So its request parsing is used, and the
answering is done here.
"""

import contextlib
import errno
import io
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Iterable, Iterator
from socketserver import TCPServer
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

HOST = "127.0.0.1"
_SEND_BUFFER = 256 * 1024


class Counted(Protocol):
    """Where the bytes of one answer's body are counted as the socket takes them."""

    sent: int


class Connection(WSGIRequestHandler):
    """One client's connection; `environ["simulator.connection"]` of each request on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        # Read whole, so that the next request on this connection starts where it should.
        environ["wsgi.input"] = io.BytesIO(
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        )
        environ["simulator.connection"] = self
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            head[:] = [status, headers]

        blocks = self.server.app(environ, start_response)
        try:
            self._answer(head[0], head[1], blocks, environ.get("simulator.counted"))
        except (ConnectionError, TimeoutError, ValueError):
            self.close_connection = True
        finally:
            if hasattr(blocks, "close"):
                blocks.close()

    def _answer(
        self,
        status: str,
        headers: list[tuple[str, str]],
        blocks: Iterable[bytes],
        counted: Counted | None,
    ) -> None:
        code, _, phrase = status.partition(" ")
        bodiless = self.command == "HEAD" or code in {"204", "304"}
        chunked = not bodiless and "content-length" not in {name.lower() for name, _ in headers}
        # The first block may fail on purpose, and then nothing at all is to be sent.
        body: Iterator[bytes] = iter(blocks)
        block = b"" if bodiless else next(body, b"")
        self.send_response(int(code), phrase)
        for name, value in headers:
            if name.lower() != "date":  # sent already
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block:
            if chunked:
                self.wfile.write(f"{len(block):x}\r\n".encode())
            self._send(block, counted)
            if chunked:
                self.wfile.write(b"\r\n")
            block = next(body, b"")
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, block: bytes, counted: Counted | None) -> None:
        rest = memoryview(block)
        while rest:
            taken = self.connection.send(rest)
            if counted is not None:
                counted.sent += taken
            rest = rest[taken:]

    def wait(self, seconds: float) -> bool:
        """Do nothing for so long; True if the client left or the server stopped meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            if not selector.select(seconds):
                return False
        with contextlib.suppress(OSError, ValueError):  # TLS cannot be peeked into
            return not self.connection.recv(1, socket.MSG_PEEK)
        return True

    def reset(self) -> ConnectionResetError:
        """Have the client see a TCP reset, as soon as the answered error is raised."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.server.resets.add(self.connection)
        return ConnectionResetError("on request")

    def log(self, *args: Any) -> None:
        """Calls are recorded by the sites; nobody wants them on the screen."""


class Server(ThreadedWSGIServer):
    """A listening socket and its connections; starts at once.

    `port` 0 takes a free one, `tls` makes it https. Raises `OSError` when a given port is taken.
    """

    def __init__(self, app: WSGIApplication, port: int, tls: ssl.SSLContext | None) -> None:
        self.resets: set[socket.socket] = set()
        self._connections: set[socket.socket] = set()
        self._stopping = False
        try:
            super().__init__(HOST, port, app, Connection, ssl_context=tls)
        except SystemExit:  # werkzeug's way, meant for programs
            raise OSError(errno.EADDRINUSE, f"port {port} is in use") from None
        self._thread = threading.Thread(
            target=self._serve, name=f"simulator:{self.port}", daemon=True
        )
        self._thread.start()

    def server_bind(self) -> None:
        """Bind without the name lookup that `HTTPServer` adds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def _serve(self) -> None:
        while not self._stopping:
            self.handle_request()

    @property
    def open_connections(self) -> int:
        """Clients now connected, idle ones included."""
        return len(self._connections)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection on a thread of its own."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection: politely, or by a reset where that was asked for."""
        if request in self.resets:
            self.resets.discard(request)
            request.close()
        else:
            super().shutdown_request(request)
        self._connections.discard(request)

    def stop(self) -> None:
        """Close the door and every connection, also in the middle of an answer."""
        self._stopping = True
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port), timeout=1).close()
        self._thread.join(timeout=5)
        self.server_close()
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def log(self, *args: Any) -> None:
        """Nothing on the screen."""
