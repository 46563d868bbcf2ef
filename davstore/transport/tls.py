"""TLS over memory: ciphertext is received in large pieces and decrypted from there.

Python's own SSL sockets read one record of 16 KiB at a time with two system calls each; this way
costs half the system time of a fast stream, and never blocks where its socket would not.
"""

import socket
import ssl
import threading
from typing import Any

CIPHERTEXT = 256 * 1024
_RECORD = 16 * 1024


class _Scratch(threading.local):
    """Where ciphertext passes through on its way to be decrypted; one a thread."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(CIPHERTEXT))


_scratch = _Scratch()


class TlsSocket:
    """A connected socket that speaks TLS; what it shares with a plain socket is named the same.

    Where the socket below does not block, `recv_into` and `send` raise `BlockingIOError` as it
    does. Raises `ssl.SSLError` (an `OSError`) for what is wrong with the peer's TLS.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        server_hostname: str | None = None,
        *,
        server_side: bool = False,
    ) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname=server_hostname
        )
        self._unsent = memoryview(b"")

    def do_handshake(self) -> None:
        """Greet the peer; the socket must block (with a time-out) meanwhile."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._sock.sendall(self._outgoing.read())
                data = self._sock.recv(_RECORD)
                if not data:
                    raise ConnectionResetError("closed during the TLS handshake") from None
                self._incoming.write(data)
            else:
                self._sock.sendall(self._outgoing.read())
                return

    def recv_into(self, buffer: memoryview) -> int:
        """Fill `buffer` with as much as is there; 0 is the end."""
        got = 0
        while got < len(buffer):
            try:
                got += int(self._tls.read(len(buffer) - got, buffer[got:]))
            except ssl.SSLWantReadError:
                try:
                    if not self._receive():
                        break
                except BlockingIOError:
                    if got == 0:
                        raise
                    break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                break
        if self._outgoing.pending:  # an answer that the protocol itself owes
            self._flush()
        return got

    def send(self, data: bytes | memoryview) -> int:
        """How many bytes of `data` were taken."""
        self._flush()
        if self._unsent:
            raise BlockingIOError
        taken = self._tls.write(data[: 4 * _RECORD])
        self._flush()
        return taken

    def _receive(self) -> int:
        count = self._sock.recv_into(_scratch.view)
        if count:
            self._incoming.write(_scratch.view[:count])
        return count

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._unsent = memoryview(bytes(self._unsent) + self._outgoing.read())
        while self._unsent:
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except BlockingIOError:
                return

    @property
    def unsent(self) -> int:
        """Bytes that were taken and still wait for the socket."""
        return len(self._unsent)

    def recv(self, count: int, flags: int = 0) -> bytes:
        """Ciphertext as the socket has it: only to be peeked at for the end."""
        return self._sock.recv(count, flags)

    def fileno(self) -> int:
        """The socket's."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as a socket has it
        """Whether the socket below waits."""
        self._sock.setblocking(flag)

    def settimeout(self, seconds: float | None) -> None:
        """How long the socket below waits."""
        self._sock.settimeout(seconds)

    def setsockopt(self, *option: Any) -> None:
        """Of the socket below."""
        self._sock.setsockopt(*option)

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: FBT001, FBT002 - as ssl has it
        """The peer's certificate."""
        return self._tls.getpeercert(binary_form)

    def selected_alpn_protocol(self) -> str | None:
        """What the peer chose."""
        return self._tls.selected_alpn_protocol()

    def close(self) -> None:
        """Leave without a word: whoever reads to the end knows the length."""
        self._sock.close()


class TlsContext(ssl.SSLContext):
    """A client's context whose sockets are `TlsSocket`s; verifies, TLS 1.2 and newer."""

    def wrap_socket(  # type: ignore[override]
        self, sock: socket.socket, server_hostname: str | None = None
    ) -> TlsSocket:
        """A greeted connection."""
        secured = TlsSocket(sock, self, server_hostname)
        secured.do_handshake()
        return secured


def client_context(bundle: str, *, is_folder: bool) -> TlsContext:
    """A context that trusts the authorities in `bundle`."""
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if is_folder:
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
