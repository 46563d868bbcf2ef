"""Builds the objects and hands them to each other, starts and stops them."""

import logging
import time
from collections.abc import Callable

from pydantic import ByteSize

from davstore import logs
from davstore.config import Settings, StreamSettings
from davstore.dashboard import healthy, ready
from davstore.dav import People, Site, Users
from davstore.errors import DavstoreError
from davstore.resolver import Failures, Resolver
from davstore.server.front import Front
from davstore.server.library import Library, upstream
from davstore.server.pages import Again, Pages
from davstore.server.readiness import Readiness
from davstore.server.reloading import changed, waiting
from davstore.server.watch import Watch
from davstore.server.workers import Workers
from davstore.stream import Streams
from davstore.tally import Tally

log = logging.getLogger(__name__)


class PortUnavailable(DavstoreError):
    """The address cannot be listened on."""


class Server:
    """One process of davstore, listening once `start` has returned.

    Where several are configured it shares port and state with the others, told apart by `number`.
    `reload` has the settings read again.
    Raises `StateError` or `PortUnavailable`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        number: int = 0,
        reload: Callable[[], object] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        processes = settings.server.workers
        self._settings = self._latest = settings
        self.restart: list[str] = []
        self.tally = Tally()
        self.library = Library(settings, processes=processes, tally=self.tally, now=now)
        catalog = self.library.catalog
        self.resolver = Resolver(
            self.library.stores, self.library.links, turns=self.library.turns, tally=self.tally,
            now=now,
        )  # fmt: skip
        self.failures = Failures(now)
        self.streams = Streams(
            self.resolver,
            self.failures,
            {name: upstream(a, processes) for name, a in settings.accounts.items()},
            catalog.learn,
            settings.server.state / "edges",
            _part(settings.stream, processes),
            tally=self.tally,
        )
        self.watch = Watch(
            self.tally, self.streams, self.failures, lambda: self.front.open_connections,
            settings.server.state, number=number, now=now,
        )  # fmt: skip
        self.pages = Pages(
            settings, self.library, self.watch, Again(reload, lambda: self.restart), now=now
        )
        arranged = self.library.arranged
        self._users = Users(settings.users, settings.server.users_file, tally=self.tally)
        self._site = Site(
            catalog.accounts, catalog.snapshot, self.streams.open,
            self._users,
            settings.shares, settings.server.state, arranged.folders, arranged.names,
            annex=self.pages.dashboard,
            tally=self.tally,
            public={
                "/-/healthz": healthy,
                "/-/readyz": ready(Readiness(catalog, self.failures, self.streams)),
            },
        )  # fmt: skip
        self._address = (settings.server.host, settings.server.port)
        self._drain = settings.server.drain
        self._workers = Workers(
            self._address, self._site, is_shared=processes > 1 and settings.server.port > 0
        )
        self.front = Front(self._workers, self.streams, self.tally)

    @property
    def url(self) -> str:
        """Where the server listens."""
        host, port = self._workers.bind_addr[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def start(self) -> None:
        """Listen, and refresh every account in the background."""
        try:
            self._workers.prepare()
        except OSError as error:
            self._close()
            raise PortUnavailable(listening_problem(self._address, error)) from None
        self.front.start()
        self.watch.start()
        self.library.catalog.start(self.streams.measure, self.resolver.follow)

    def take_over(self, settings: Settings) -> None:
        """Settings that were read again: in force from now on, but for those in `restart`."""
        news = changed(self._latest, settings)
        self._latest = settings
        server = settings.server
        if {"users", "server.users_file"} & set(news):
            self._users.people = People(settings.users, server.users_file)
        if "log.level" in news:
            logs.set_level(settings.log.level)
        self.library.catalog.keep_to(server.refresh, server.refresh_quick, server.refresh_slow)
        self._drain = server.drain
        self.restart = waiting(self._settings, settings)
        if news:
            log.info("settings changed: %s", ", ".join(news))
        if self.restart:
            log.warning("these settings wait for a restart: %s", ", ".join(self.restart))

    def stop(self) -> None:
        """Listen no more; responses under way may go on for the configured time, then end.

        May be called twice.
        """
        if self.streams.loop.is_closed:
            return
        self.watch.stop()
        self.front.stop(self._drain)
        self._workers.stop()
        self.library.catalog.stop()
        self._close()

    def _close(self) -> None:
        self.pages.close()
        self.resolver.close()
        self.streams.close()
        self._site.close()
        self.library.close()


def _part(settings: StreamSettings, processes: int) -> StreamSettings:
    """What of the memory is one process's."""
    memory = ByteSize(settings.read_ahead_memory // processes)
    return settings.model_copy(update={"read_ahead_memory": memory})


def listening_problem(address: tuple[str, int], error: OSError) -> str:
    """What is wrong with the address, and what to do."""
    host, port = address
    text = str(error)
    if "in use" in text:
        return f"port {port} of {host} is in use; stop what listens there or set server.port"
    if "ermission" in text:
        return f"port {port} of {host} may not be used; set server.port to 1024 or more"
    return f"cannot listen on {host} port {port}; set server.host to an address of this machine"
