"""Builds the objects and hands them to each other, starts and stops them.

Alone knows cheroot's server, with the settings that real WebDAV clients were found to need.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable

from cheroot.wsgi import Gateway_10
from cheroot.wsgi import Server as WsgiServer

from davstore.catalog import Catalog, Links, Records, open_database
from davstore.config import Settings
from davstore.dav import Application, Users, application
from davstore.errors import DavstoreError
from davstore.resolver import Resolver
from davstore.stores import STORES
from davstore.stores.base import Store
from davstore.stream import Upstream
from davstore.transport import Reach

log = logging.getLogger(__name__)

WORKERS = 100
BACKLOG = 256
KEPT_ALIVE = 300
HEAD_TIMEOUT = 120
PAUSE_TIMEOUT = 900
"""Seconds for which a player may pause: with a response under way the client need not read."""
GRACE = 5


class PortUnavailable(DavstoreError):
    """The address cannot be listened on."""


def open_stores(settings: Settings) -> dict[str, Store]:
    """A store for each configured account."""
    return {
        name: STORES[account.store].open(name, account)
        for name, account in settings.accounts.items()
    }


class Library:
    """The accounts without a server: stores and the catalog over the state folder.

    Raises `StateError` where the folder cannot be used.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self._engine = open_database(settings.server.state, now)
        self.stores = open_stores(settings)
        self.records = Records(self._engine)
        self.links = Links(self._engine)
        self.links.sweep(now())
        sources = {name: f"{a.store} {a.url}" for name, a in settings.accounts.items()}
        self.catalog = Catalog.opened(
            self.stores,
            sources,
            self.records,
            interval=settings.server.refresh,
            quick=settings.server.refresh_quick,
            slow=settings.server.refresh_slow,
            removal_share=settings.server.removal_share,
            now=now,
        )

    def close(self) -> None:
        """Let go of the stores' connections and the catalog's file."""
        for store in self.stores.values():
            store.close()
        self.records.close()


class Server:
    """davstore, listening once `start` has returned.

    Raises `StateError` or `PortUnavailable`.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self.library = Library(settings, now=now)
        catalog = self.library.catalog
        self.resolver = Resolver(self.library.stores, self.library.links, now=now)
        self.upstream = Upstream(
            self.resolver,
            {name: Reach(str(a.url)).link for name, a in settings.accounts.items()},
            catalog.learn,
        )
        users = Users({u.name: u.password.get_secret_value() for u in settings.users})
        app = application(catalog.accounts, catalog.snapshot, self.upstream.open, users)
        self._address = (settings.server.host, settings.server.port)
        self._http = _Http(self._address, app)
        self._loop = threading.Thread(target=self._http.serve, name="http")

    @property
    def url(self) -> str:
        """Where the server listens."""
        host, port = self._http.bind_addr[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def start(self) -> None:
        """Listen, and refresh every account in the background."""
        try:
            self._http.prepare()
        except OSError as error:
            self.library.close()
            raise PortUnavailable(_listening_problem(self._address, error)) from None
        self._loop.start()
        self.library.catalog.start(self.upstream.measure)

    def stop(self) -> None:
        """Stop within about ten seconds; responses under way have a few of them to end."""
        cut = threading.Timer(GRACE, _Gateway.cut_all)
        cut.daemon = True
        cut.start()
        self._http.stop()
        self._loop.join()
        cut.cancel()
        self.library.catalog.stop()
        self.upstream.close()
        self.library.close()


class _Gateway(Gateway_10):
    """Gives a client that reads a response more patience than one that owes a request."""

    answering: set[socket.socket] = set()  # noqa: RUF012 - of all threads

    def respond(self) -> None:
        sock = self.req.conn.socket
        self.answering.add(sock)
        sock.settimeout(PAUSE_TIMEOUT)
        try:
            super().respond()
        finally:
            self.answering.discard(sock)
            sock.settimeout(HEAD_TIMEOUT)

    @classmethod
    def cut_all(cls) -> None:
        """End every response under way."""
        for sock in list(cls.answering):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended meanwhile


class _Http(WsgiServer):
    """cheroot with what real clients need; the defaults starve or cut them."""

    keep_alive_conn_limit = KEPT_ALIVE

    def __init__(self, address: tuple[str, int], app: Application) -> None:
        super().__init__(
            address,
            app,
            numthreads=WORKERS,
            request_queue_size=BACKLOG,
            timeout=HEAD_TIMEOUT,
            shutdown_timeout=GRACE,
            server_name="davstore",
        )
        self.gateway = _Gateway

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's signature
        """To our log and without tracebacks: clients that leave are no news."""
        log.log(min(level, logging.INFO), "http: %s", msg)


def _listening_problem(address: tuple[str, int], error: OSError) -> str:
    host, port = address
    text = str(error)
    if "in use" in text:
        return f"port {port} of {host} is in use; stop what listens there or set server.port"
    if "ermission" in text:
        return f"port {port} of {host} may not be used; set server.port to 1024 or more"
    return f"cannot listen on {host} port {port}; set server.host to an address of this machine"
