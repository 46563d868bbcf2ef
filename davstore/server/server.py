"""Builds the objects and hands them to each other, starts and stops them."""

import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from pydantic import ByteSize

from davstore import logs
from davstore.catalog.database.revisions import LINKS
from davstore.config import ServerSettings, Settings, StreamSettings
from davstore.dashboard import healthy, ready
from davstore.dav import Incoming, Patience, People, Proxied, Site, Users
from davstore.dav.access.patience import ROOM as FAILURES
from davstore.dav.keeping.keeping import in_folder
from davstore.dav.reading.download import Body
from davstore.dav.tree.tree import Views
from davstore.errors import DavstoreError
from davstore.hooks import Hooks
from davstore.model import Leaf
from davstore.resolver import Failures, Playlists, Resolver
from davstore.server.agreeing import introduced
from davstore.server.certificate import Certificate
from davstore.server.front import Front
from davstore.server.library import Library, upstream
from davstore.server.pages import Again, Pages
from davstore.server.playback import PlaybackTracker
from davstore.server.readiness import Readiness
from davstore.server.reloading import changed, waiting
from davstore.server.watch import Watch
from davstore.server.workers import Workers
from davstore.stream import Streams
from davstore.tally import Tally
from davstore.wanted import is_temporary

log = logging.getLogger(__name__)


class PortUnavailable(DavstoreError):
    """The address cannot be listened on."""


class Server:
    """One process of davstore, listening once `start` has returned.

    Where several are configured it shares port and state with the others, told apart by `number`.
    `reload` has the settings read again.
    Raises `StateError`, `CertificateProblem` or `PortUnavailable`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        number: int = 0,
        reload: Callable[[], object] | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        processes = settings.server.workers
        self._settings = self._latest = settings
        self._number = number
        self.restart: list[str] = []
        self.tally = Tally()
        certificate = _certificate(settings.server)
        self.library = Library(
            settings, processes=processes, tally=self.tally, now=now, sleep=sleep
        )
        catalog = self.library.catalog
        self.resolver = Resolver(
            self.library.stores, self.library.links, turns=self.library.turns, tally=self.tally,
            now=now,
        )  # fmt: skip
        self._playback = PlaybackTracker(self.library.players)
        self._playlists = Playlists(self.library.stores, now=now)
        self.failures = Failures(now)
        self.streams = Streams(
            self.resolver,
            self.failures,
            {name: upstream(a, processes) for name, a in settings.accounts.items()},
            catalog.learn,
            settings.server.state / "edges",
            _part(settings.stream, processes),
            tally=self.tally,
            told=self._playback.began,
        )
        self.watch = Watch(
            self.tally, self.streams, self.failures, lambda: self.front.open_connections,
            settings.server.state, number=number, now=now,
        )  # fmt: skip
        self.pages = Pages(
            settings, self.library, self.watch, Again(reload, lambda: self.restart), now=now
        )
        self._readiness = Readiness(catalog, self.failures, self.streams)
        arranged = self.library.arranged
        incoming = Incoming(
            self.library.adders.takes, self.library.additions,
            catalog.snapshot, catalog.has, self.library.adders.wake,
        )  # fmt: skip
        self._users = Users(
            settings.users, settings.server.users_file, self._patience(), tally=self.tally
        )
        self._site = Site(
            catalog.accounts, catalog.snapshot, self._open, self._users,
            settings.shares, settings.server.state,
            Views(arranged.names, self.library.views, arranged.settled),
            links=self.library.linked,
            incoming=incoming, sidecars=self.library.sidecars,
            proxied=Proxied(settings.server.proxies, settings.server.prefix),
            editor=self.library.editor, deletable=self.library.deletable,
            lookups=self.library.lookups, players=self.library.players,
            dashboard=self.pages.dashboard,
            keep=self.library.keep, tally=self.tally,
            public={
                "/-/healthz": healthy,
                "/-/readyz": ready(self._readiness),
            },
        )  # fmt: skip
        self._address = (settings.server.host, settings.server.port)
        self._scheme = settings.server.scheme
        self._notice, self._drain = settings.server.notice, settings.server.drain
        self._sleep = sleep
        self._workers = Workers(
            self._address, self._site, is_shared=processes > 1 and settings.server.port > 0
        )
        self.front = Front(self._workers, self.streams, certificate, self.tally)
        self.hooks = Hooks(
            settings.hooks, self.library.outbox, self.library.tree, self.library.tells_hooks,
            clock=now,
        )  # fmt: skip

    def _patience(self) -> Patience:
        """Several machines count failed logins together, and several processes of one."""
        keep, server = self.library.keep, self._settings.server
        if keep is not None:
            return Patience(time.time, keep("logins", FAILURES))
        if server.workers > 1:
            return Patience(together=in_folder(server.state, timeout=1.0)("logins", FAILURES))
        return Patience()

    def _open(self, leaf: Leaf, start: int, end: int | None) -> Body:
        """The bytes of a file, wherever they come from."""
        opener = self._playlists if leaf.playlist else self.streams
        return opener.open(leaf, start, end)

    @property
    def url(self) -> str:
        """Where the server listens."""
        return address_url(self._scheme, *self._workers.bind_addr[:2])

    def start(self) -> None:
        """Listen, and refresh every account in the background."""
        try:
            self._workers.prepare()
        except OSError as error:
            self._close()
            raise PortUnavailable(listening_problem(self._address, error)) from None
        self.hooks.start()
        self.front.start()
        self.watch.start()
        self._playback.start()
        own = introduced(self._settings, self._number)
        self.library.catalog.start(self.streams.measure, self._follow, own)
        self.library.adders.start(partial(self.library.additions.sweep, temporary=is_temporary))
        self.library.arranged.start()
        self.library.remover.start()
        if self.library.sweeper is not None:
            self.library.sweeper.start()

    def take_over(self, settings: Settings) -> None:
        """Settings that were read again: in force from now on, but for those in `restart`."""
        news = changed(self._latest, settings)
        self._latest = settings
        server = settings.server
        if {"users", "server.users_file"} & set(news):
            self._users.replace(People(settings.users, server.users_file))
        if "log.level" in news:
            logs.set_level(settings.log.level)
        self.library.catalog.keep_to(server.refresh, server.refresh_quick, server.refresh_slow)
        self._notice, self._drain = server.notice, server.drain
        self.restart = waiting(self._settings, settings)
        if news:
            log.info("settings changed: %s", ", ".join(news))
        if self.restart:
            log.warning("these settings wait for a restart: %s", ", ".join(self.restart))

    def stop(self) -> None:
        """Give notice, then listen no more; responses under way may go on for the configured time,
        then end.

        May be called twice.
        """
        if self.streams.loop.is_closed:
            return
        self._readiness.leave()
        self.front.leave()
        if self._notice:
            self._sleep(self._notice)
        self.watch.stop()
        self.front.stop(self._drain)
        self._workers.stop()
        if self.library.sweeper is not None:
            self.library.sweeper.stop()
        self.hooks.stop()
        self._playback.stop()
        self.library.remover.stop()
        self.library.adders.stop()
        self.library.catalog.stop()
        self._close()

    def _follow(self, changed: Collection[str]) -> None:
        """Take over what other processes have changed, which has these names."""
        self.library.follow(changed)
        if LINKS in changed:
            self.resolver.follow()

    def _close(self) -> None:
        self.pages.close()
        self.resolver.close()
        self.streams.close()
        self._site.close()
        self._users.close()
        self.library.close()


def _certificate(settings: ServerSettings) -> Certificate | None:
    if settings.tls_cert is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key)


def address_url(scheme: str, host: str, port: int) -> str:
    """Where a server listens, as a URL."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


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
