"""TLS over memory: ciphertext is received in large pieces and decrypted from there.

Python's own SSL sockets read one record of 16 KiB at a time with two system calls each; this way
costs half the system time of a fast stream, and never blocks where its socket would not.
"""

import contextlib
import socket
import ssl
import threading
from functools import cache
from pathlib import Path
from typing import Any

from urllib3.util import create_urllib3_context

CIPHERTEXT = 64 * 1024
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
        self._early = b""

    def do_handshake(self) -> None:
        """Greet the peer. Where the socket does not block it raises `BlockingIOError`, and is to
        be called again when there is something to receive.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._receive():
                    raise ConnectionResetError("closed during the TLS handshake") from None
            except ssl.SSLError:
                self._flush()  # the alert that says what is wrong
                raise
            else:
                self._flush()
                return

    def recv_into(self, buffer: memoryview) -> int:
        """Fill `buffer` with as much as is there; 0 is the end."""
        got = min(len(self._early), len(buffer))
        if got:
            buffer[:got], self._early = self._early[:got], self._early[got:]
        while got < len(buffer):
            try:
                count = int(self._tls.read(len(buffer) - got, buffer[got:]))
                if not count:  # the peer has said goodbye
                    break
                got += count
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
    def below(self) -> socket.socket:
        """The socket itself, for a peer that speaks no TLS."""
        return self._sock

    def flush(self) -> int:
        """Send what was taken and still waits; how many bytes wait on."""
        self._flush()
        return len(self._unsent)

    def has_ended(self) -> bool:
        """Whether the peer has closed or said goodbye, with nothing left to receive before that.

        The socket must not block.
        """
        while not self._early:
            try:
                self._early = self._tls.read(_RECORD)
                if not self._early:  # the peer has said goodbye
                    return True
            except ssl.SSLWantReadError:
                try:
                    if not self._receive():
                        return True
                except BlockingIOError:
                    return False
            except OSError:
                return True
        return False

    def say_goodbye(self) -> None:
        """Tell the peer that nothing follows: what it has is whole."""
        with contextlib.suppress(OSError):
            try:
                self._tls.unwrap()
            except ssl.SSLWantReadError:  # it need not say so too
                pass
            finally:
                self._flush()

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

    def getsockopt(self, *option: Any) -> Any:
        """Of the socket below."""
        return self._sock.getsockopt(*option)

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: FBT001, FBT002 - as ssl has it
        """The peer's certificate."""
        return self._tls.getpeercert(binary_form)

    def selected_alpn_protocol(self) -> str | None:
        """What the peer chose."""
        return self._tls.selected_alpn_protocol()

    def shutdown(self, how: int) -> None:
        """Of the socket below."""
        self._sock.shutdown(how)

    def getpeername(self) -> Any:
        """The socket's."""
        return self._sock.getpeername()

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


@cache
def stream_context(bundle: str) -> TlsContext:
    """For all connections of this process to file hosts; trusts the authorities in `bundle`, a
    file or a folder. Reading them takes 19 ms and 0.7 MiB. Raises `OSError`.
    """
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(context, bundle)
    return context


@cache
def api_context(bundle: str) -> ssl.SSLContext:
    """The same for all connections that urllib3 drives, which has its own idea of a context."""
    context = create_urllib3_context()
    _trust(context, bundle)
    return context


def _trust(context: ssl.SSLContext, bundle: str) -> None:
    is_folder = Path(bundle).is_dir()
    context.load_verify_locations(**{"capath" if is_folder else "cafile": bundle})


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A context that serves HTTP/1.1 with this certificate; its key may stand in the same file.

    Raises `OSError` (`ssl.SSLError` among them) where they cannot be read or do not fit together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    # Without a password to give, a key that wants one would ask on the terminal.
    context.load_cert_chain(certificate, key, password=lambda: "")
    return context
