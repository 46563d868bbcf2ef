"""The WebDAV face; alone knows WsgiDAV.

`tree` finds entries, `provider` shows them to WsgiDAV, `properties` tells their properties.
`listing` answers PROPFIND (what it asks: `propfind`; the answer: `prepared`, `multistatus`,
`compression`, `kept`), `download` GET and HEAD of files (`conditions`, `media_types`), `pages`
those of folders (`playlist`). `login` asks who comes, `gate` stands before it all.
"""

from collections.abc import Callable, Sequence

from wsgidav.error_printer import ErrorPrinter
from wsgidav.http_authenticator import HTTPAuthenticator
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from davstore.dav.download import Download, Open
from davstore.dav.gate import Application, Gate
from davstore.dav.login import DomainController, Users
from davstore.dav.provider import Provider
from davstore.dav.tree import Tree, Views, no_views
from davstore.model import Snapshot

__all__ = ["Application", "Users", "application"]


def application(
    accounts: Sequence[str],
    snapshot: Callable[[str], Snapshot | None],
    open_: Open,
    users: Users,
    views: Views = no_views,
    view_names: Sequence[str] = (),
) -> Application:
    """The WSGI application: `accounts` in order, what each holds, how a file is opened.

    `views` gives the folders of `view_names`, which stand beside the accounts.
    """
    provider = Provider(Tree(accounts, snapshot, views, view_names), Download(open_))
    app: Application = WsgiDAVApp(
        {
            "provider_mapping": {"/": provider},
            "davstore": {"users": users},
            "http_authenticator": {
                "domain_controller": DomainController,
                "accept_digest": False,
                "default_to_digest": False,
            },
            "middleware_stack": [ErrorPrinter, HTTPAuthenticator, RequestResolver],
            "lock_storage": None,
            "logging": {"enable": False},
            "suppress_version_info": True,
            "verbose": 1,
        }
    )
    return Gate(app)
