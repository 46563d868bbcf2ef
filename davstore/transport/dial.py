"""Connects to file hosts: names, addresses, proxies, certificates are urllib3's business here.

What is dialled is driven by the streams; it stands under the same rules as a `Session`.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import requests
from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy, urldefragauth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

from davstore.transport.session import MayReach, NotAllowed, ca_bundle, check, guarded
from davstore.transport.tls import TlsContext, TlsSocket, stream_context

AnySocket: TypeAlias = socket.socket | TlsSocket


@dataclass(frozen=True, slots=True)
class Line:
    """A fresh connection.

    Where `is_forwarded`, a proxy takes the requests: they name the whole URL and carry `headers`.
    """

    sock: AnySocket
    is_forwarded: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Dialer:
    """Connects for one account; `may_reach` judges every address before a byte is sent."""

    def __init__(self, may_reach: MayReach) -> None:
        self._may_reach = may_reach
        self._plain, self._secure = guarded(may_reach)

    def dial(self, scheme: str, host: str, port: int, timeout: float) -> Line:
        """A connection for requests to `scheme://host:port`; `timeout` in seconds a step.

        Blocks. Raises `NotAllowed`, `OSError` and urllib3's `HTTPError`.
        """
        origin = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
        proxy = select_proxy(origin, get_environ_proxies(origin, no_proxy=None))
        if proxy:
            return self._through(proxy, scheme, host, port, timeout)
        return Line(_connected(self._connection(scheme, host, port, timeout)))

    def _connection(self, scheme: str, host: str, port: int, timeout: float) -> HTTPConnection:
        if scheme == "https":
            return self._secure(host, port, timeout=timeout, ssl_context=_context())
        return self._plain(host, port, timeout=timeout)

    def _through(self, proxy: str, scheme: str, host: str, port: int, timeout: float) -> Line:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass  # the owner's proxy looks names up
        else:
            check(self._may_reach, host, host)
        headers = _login(proxy)
        place = parse_url(urldefragauth(proxy))
        if place.scheme not in {None, "http"} or not place.host:
            raise NotAllowed("only http:// proxies can carry streams; change the proxy variable")
        at = (place.host, place.port or 80)
        if scheme == "http":
            connection = HTTPConnection(*at, timeout=timeout, proxy=place)
            return Line(_connected(connection), is_forwarded=True, headers=headers)
        tunnel = HTTPSConnection(*at, timeout=timeout, proxy=place, ssl_context=_context())
        tunnel.set_tunnel(host, port, headers=headers, scheme="http")
        return Line(_connected(tunnel))


def _context() -> TlsContext:
    return stream_context(ca_bundle())


def _connected(connection: HTTPConnection) -> AnySocket:
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    sock: AnySocket | None = connection.sock
    if sock is None:
        raise requests.ConnectionError("no connection came about")
    return sock


def _login(proxy: str) -> Mapping[str, str]:
    user, password = get_auth_from_url(proxy)
    return make_headers(proxy_basic_auth=f"{user}:{password}") if user else {}
