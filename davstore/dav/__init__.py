"""The WebDAV face; alone knows WsgiDAV.

`tree` finds entries, `provider` shows them to WsgiDAV, `properties` tells their properties.
`listing` answers PROPFIND (what it asks: `propfind`; the answer: `prepared`, `multistatus`,
`compression`, `kept`), `download` GET and HEAD of files (`conditions`, `media_types`), `pages`
those of folders (`playlist`). `login` asks who comes (`people`, `patience`), `rights` says what
they may, and what nobody may; `noise` keeps what desktops write. `scratch` is a share to write in
(`disk`, `moving`, `room`, `local`), `remembered` its locks and properties, `bodies` the XML that
clients send. `canary` is a file for mounts to look
for, `annex` lets in to pages beside the tree. `gate` stands before it all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from wsgidav.dav_provider import DAVProvider
from wsgidav.error_printer import ErrorPrinter
from wsgidav.http_authenticator import HTTPAuthenticator
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from davstore.config import Share
from davstore.dav.annex import NAME as ANNEX
from davstore.dav.annex import Annex
from davstore.dav.canary import CANARY
from davstore.dav.download import Download, Open
from davstore.dav.gate import Application, Environ, Gate, StartResponse
from davstore.dav.login import DomainController, Users
from davstore.dav.noise import Noise
from davstore.dav.people import People
from davstore.dav.provider import Provider
from davstore.dav.remembered import DeadProperties, Locks
from davstore.dav.scratch import Scratch
from davstore.dav.tree import Tree, Views, no_views
from davstore.model import Snapshot
from davstore.tally import Tally

__all__ = ["Application", "People", "Site", "Users"]


class Site:
    """The WSGI application: `accounts` in order, what each holds, how a file is opened; beside
    them the `shares`, and the folders of `view_names`, as `views` gives them. Locks, properties
    and notes are kept in `state`, which shares need; there are none without. `annex` answers
    what begins with `/-/`, and `public` single paths, of which nobody is asked who they are.
    Requests are counted in `tally`.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        open_: Open,
        users: Users,
        shares: Mapping[str, Share] = MappingProxyType({}),
        state: Path | None = None,
        views: Views = no_views,
        view_names: Sequence[str] = (),
        *,
        annex: Application | None = None,
        public: Mapping[str, Application] = MappingProxyType({}),
        tally: Tally | None = None,
    ) -> None:
        assert state is not None or not shares
        self._kept = None if state is None else _Kept(state)
        noise = None if self._kept is None else self._kept.noise
        paths = {name: share.path.expanduser() for name, share in shares.items()}
        tree = Provider(
            Tree(accounts, snapshot, paths, views, view_names, CANARY),
            Download(open_), users, noise, tally,
        )  # fmt: skip
        providers: dict[str, DAVProvider] = {"/": tree}
        for name, share in shares.items():
            providers[f"/{name}"] = Scratch(name, share, users, tree)
        if annex is not None:
            providers[f"/{ANNEX}"] = Annex(annex, users)
        app = _wsgidav(providers, users)
        if self._kept is not None:
            for provider in providers.values():
                provider.set_lock_manager(self._kept.locks)
                provider.set_prop_manager(self._kept.properties)
        self._gate = Gate(app, public, tally)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response."""
        return self._gate(environ, start_response)

    def close(self) -> None:
        """Let go of what is kept."""
        if self._kept is not None:
            self._kept.close()


class _Kept:
    def __init__(self, state: Path) -> None:
        self.locks = Locks(state / "locks")
        self.properties = DeadProperties(state / "properties")
        self.noise = Noise(state / "noise")

    def close(self) -> None:
        self.locks.close()
        self.properties.close()
        self.noise.close()


def _wsgidav(providers: Mapping[str, DAVProvider], users: Users) -> Application:
    app: Application = WsgiDAVApp(
        {
            "provider_mapping": dict(providers),
            "davstore": {"users": users},
            "http_authenticator": {
                "domain_controller": DomainController,
                "accept_digest": False,
                "default_to_digest": False,
            },
            "middleware_stack": [ErrorPrinter, HTTPAuthenticator, RequestResolver],
            "lock_storage": None,
            "block_size": 256 * 1024,
            "honor_mtime_header": True,
            "logging": {"enable": False},
            "suppress_version_info": True,
            "verbose": 1,
        }
    )
    return app
