"""Accepts the clients' connections, all on the streams' event loop; `conversation` is with each."""

import asyncio
import contextlib
import errno
import logging
import socket

from davstore.server.certificate import Certificate
from davstore.server.conversation import Conversation, Shared
from davstore.server.repeats import Repeats
from davstore.server.slots import Slots
from davstore.server.workers import UPLOADS, Workers
from davstore.stream import Streams
from davstore.tally import Tally
from davstore.transport import TlsSocket

log = logging.getLogger(__name__)


class Front:
    """Accepts clients and keeps each of them company; over TLS where there is a certificate. Files
    that are sent count in `tally`.
    """

    def __init__(
        self,
        workers: Workers,
        streams: Streams,
        certificate: Certificate | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._certificate = certificate
        self._workers = workers
        self._loop = streams.loop
        self._listener: socket.socket | None = None
        self._shared = Shared(workers, streams, Repeats(), Slots(UPLOADS), tally or Tally())
        self._clients: dict[asyncio.Task[None], Conversation] = {}
        self._is_leaving = False

    @property
    def open_connections(self) -> int:
        """Clients connected now."""
        return len(self._clients)

    def start(self) -> None:
        """Accept clients on the workers' socket, from now on."""
        self._loop.call(self._start())

    def leave(self) -> None:
        """Go on accepting clients, but have each answer be the last of its connection."""
        self._loop.call(self._leave())

    def stop(self, drain: float) -> None:
        """Accept no more; after `drain` seconds nobody is connected."""
        self._loop.call(self._stop(drain))

    async def _start(self) -> None:
        self._listener = self._workers.socket
        self._listener.setblocking(False)  # noqa: FBT003 - as a socket has it
        self._listen()

    def _listen(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    async def _leave(self) -> None:
        self._is_leaving = True
        for client in self._clients.values():
            client.is_closing = True

    async def _stop(self, drain: float) -> None:
        loop = asyncio.get_running_loop()
        if self._listener is not None:
            loop.remove_reader(self._listener.fileno())
            self._listener.close()  # else who comes now waits for one that is about to end
            self._listener = None
        await self._leave()
        for task, client in list(self._clients.items()):
            if client.is_idle:
                task.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=drain)
        for task in list(self._clients):
            task.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=1)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._listener is not None
        for _ in range(64):
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE}:
                    log.warning("no more clients for now: %s", error.strerror)
                loop.remove_reader(self._listener.fileno())
                loop.call_later(0.5, self._listen)
                return
            self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secured = self._certificate and TlsSocket(
                sock, self._certificate.context(), server_side=True
            )
            client = Conversation(secured or sock, self._shared)
        except OSError:  # gone already
            sock.close()
            return
        client.is_closing = self._is_leaving
        task = asyncio.get_running_loop().create_task(client.run())
        self._clients[task] = client
        task.add_done_callback(self._farewell)

    def _farewell(self, task: "asyncio.Task[None]") -> None:
        self._clients.pop(task).close()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection failed", exc_info=error)
