"""The WebDAV face; alone knows WsgiDAV.

The way down:
    provider  which of the following answers what is asked of a path
    writing   PUT, DELETE, MOVE and COPY: in accounts (`editing`), `incoming` (`dropping`), beside
              videos (`overlaying`), in shares (`scratch`, `disk`), and `noise` of desktops
    reading   GET and HEAD (`download`), requests that come again (`repeats`), `refusals`
    listing   PROPFIND (`propfind`, `listing`, `properties`) and pages for browsers (`pages`)
    tree      path -> folder or file, with sidecars (`overlay`)
    access    who asks (`login`, `people`), what they may (`rights`), how they came (`gate`)
    keeping   locks and what is kept by key      http   bodies, conditions, dates, media types
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from wsgidav.dav_provider import DAVProvider
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from davstore.catalog import Editor, Sidecars
from davstore.config import Share
from davstore.dav.access.dashboard_pages import NAME as DASHBOARD
from davstore.dav.access.dashboard_pages import DashboardPages, Pages
from davstore.dav.access.gate import Gate
from davstore.dav.access.login import Authenticator, DomainController, Users
from davstore.dav.access.patience import Patience
from davstore.dav.access.people import People
from davstore.dav.access.proxied import Proxied
from davstore.dav.keeping.keeping import Keep, in_folder
from davstore.dav.keeping.locks import DeadProperties, Locks
from davstore.dav.keeping.refused_writes import ROOM as REFUSALS
from davstore.dav.keeping.refused_writes import RefusedWrites
from davstore.dav.listing.canary import CANARY
from davstore.dav.listing.playback import Playback
from davstore.dav.provider import Provider
from davstore.dav.reading.download import Download, Open
from davstore.dav.reading.refusals import Refusals
from davstore.dav.tree.overlay import Overlay
from davstore.dav.tree.tree import Links, Lookups, Tree, Views, nothing
from davstore.dav.writing.editing import Editing
from davstore.dav.writing.incoming import Incoming
from davstore.dav.writing.noise import Noise
from davstore.dav.writing.overlaying import Overlaying
from davstore.dav.writing.scratch import Scratch
from davstore.model import Snapshot
from davstore.pooled import Pooled
from davstore.stores.plank.playing import Playing
from davstore.tally import Tally
from davstore.wsgi import Application, Environ, StartResponse

__all__ = ["Incoming", "Patience", "People", "Proxied", "Site", "Users"]


class Site:
    """The WSGI application: `accounts` in order, what each holds, how a file is opened; beside
    them the `shares`, the accounts' `links`, and the `views`. Locks, properties and notes are kept
    in `state`, or by what is to `keep` them; there are none without `state`, which shares need too.
    What people do to the accounts is the `editor`'s, what they write beside files is among the
    `sidecars`; things may be deleted in those that are `deletable`, and magnets dropped into
    `incoming`. `lookups` are folders beside magnets that ask when they are opened, `players` know
    positions. `proxied` says through whom clients come. The `dashboard` answers below `/-/`, and
    `public` single paths, of which nobody is asked who they are. Requests are counted in `tally`.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        open_: Open,
        users: Users,
        shares: Mapping[str, Share] = MappingProxyType({}),
        state: Path | None = None,
        views: Views = Views(),  # noqa: B008 - a frozen value
        *,
        proxied: Proxied | None = None,
        lookups: Lookups | None = None,
        players: Mapping[str, Playing] = MappingProxyType({}),
        links: Links | None = None,
        editor: Editor | None = None,
        deletable: Collection[str] = (),
        incoming: Incoming | None = None,
        sidecars: Sidecars | None = None,
        dashboard: Pages | None = None,
        public: Mapping[str, Application] = MappingProxyType({}),
        keep: Keep | None = None,
        tally: Tally | None = None,
    ) -> None:
        assert state is not None or not shares
        self._kept = None if state is None else _Kept(state, keep or in_folder(state))
        noise = None if self._kept is None else self._kept.noise
        paths = {name: share.path.expanduser() for name, share in shares.items()}
        beside = nothing if incoming is None else incoming.beside
        overlay = None if sidecars is None else Overlay(sidecars)
        entries = Tree(
            accounts, snapshot, paths, views, deletable,
            beside=beside, lookups=lookups, links=links, overlay=overlay, canary=CANARY,
        )  # fmt: skip
        editing = None
        if editor is not None and self._kept is not None:
            editing = Editing(entries, editor, deletable, self._kept.refusals, links)
        overlaying = None
        if overlay is not None and self._kept is not None:
            overlaying = Overlaying(entries, overlay, self._kept.refusals)
        tree = Provider(
            entries, Download(open_), users, noise, editing=editing, incoming=incoming,
            playback=Playback(players), overlaying=overlaying, has_dashboard=dashboard is not None,
            tally=tally,
        )  # fmt: skip
        providers: dict[str, DAVProvider] = {"/": tree}
        for name, share in shares.items():
            assert self._kept is not None  # as above
            providers[f"/{name}"] = Scratch(name, share, users, tree, self._kept.rooms)
        if dashboard is not None:
            providers[f"/{DASHBOARD}"] = DashboardPages(dashboard, users)
        proxied = proxied or Proxied()
        app = _wsgidav(providers, users, proxied.prefix)
        if self._kept is not None:
            for provider in providers.values():
                provider.set_lock_manager(self._kept.locks)
                provider.set_prop_manager(self._kept.properties)
        self._gate = Gate(app, proxied, users.digest, public=public, tally=tally)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response."""
        return self._gate(environ, start_response)

    def close(self) -> None:
        """Let go of what is kept."""
        if self._kept is not None:
            self._kept.close()


class _Kept:
    """What is kept; shares are folders of this machine, and so is what is taken of them."""

    def __init__(self, state: Path, keep: Keep) -> None:
        self.locks = Locks(keep("locks", None))
        self.properties = DeadProperties(keep("properties", None))
        self.noise = Noise(keep)
        self.rooms = Pooled(state / "rooms")
        self.refusals = RefusedWrites(keep("refusals", REFUSALS))

    def close(self) -> None:
        self.locks.close()
        self.properties.close()
        self.noise.close()
        self.rooms.close()
        self.refusals.close()


def _wsgidav(providers: Mapping[str, DAVProvider], users: Users, mount_path: str) -> Application:
    app: Application = WsgiDAVApp(
        {
            "provider_mapping": dict(providers),
            "mount_path": mount_path,
            "davstore": {"users": users},
            "http_authenticator": {
                "domain_controller": DomainController,
                "accept_digest": True,
                "default_to_digest": False,
            },
            "middleware_stack": [Refusals, Authenticator, RequestResolver],
            "lock_storage": None,
            "block_size": 256 * 1024,
            "honor_mtime_header": True,
            "logging": {"enable": False},
            "suppress_version_info": True,
            "verbose": 1,
        }
    )
    # It says something of every request for a share's root: that takes time, which would tell who
    # may not see the share that it is there.
    logging.getLogger("wsgidav").setLevel(logging.WARNING)
    return app
