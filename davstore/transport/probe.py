"""How a host is reached from here, step by step, for `davstore doctor`."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import urllib3
from requests.utils import get_environ_proxies, select_proxy
from urllib3.util import parse_url

from davstore.errors import DavstoreError
from davstore.transport.session import USER_AGENT, Reach, ca_bundle, guarded, plain_reason
from davstore.transport.tls import api_context

TIMEOUT = 10.0
_PORTS = {"http": 80, "https": 443}


class Unreachable(DavstoreError):
    """A host that cannot be reached: `step` is name, connection or answer."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step


@dataclass(frozen=True, slots=True)
class Way:
    """How a host was reached: its `addresses`, the one that answered (`there`), our own (`here`),
    the proxy between ("" for none), the version of TLS, until when its certificate holds (unix
    seconds) and how many seconds its clock is ahead of `now`.
    """

    host: str
    addresses: tuple[str, ...]
    there: str
    here: str
    proxy: str
    tls: str
    certificate: float | None
    ahead: float | None


def way(url: str, now: float) -> Way:
    """Ask the host of `url` for its front page. Raises `Unreachable`."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
    if proxy:
        place = parse_url(proxy)
        return Way(host, (), "", "", f"{place.host}:{place.port or 80}", "", None, None)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable("name", plain_reason(error)) from None
    plain, secure = guarded(Reach(url).api)
    connection: urllib3.connection.HTTPConnection
    if parts.scheme == "https":
        connection = secure(host, port, timeout=TIMEOUT, ssl_context=api_context(ca_bundle()))
    else:
        connection = plain(host, port, timeout=TIMEOUT)
    try:
        return _asked(
            connection, host, tuple(dict.fromkeys(str(each[4][0]) for each in found)), now
        )
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise Unreachable("connection", plain_reason(error)) from None
    finally:
        connection.close()


def _asked(
    connection: urllib3.connection.HTTPConnection, host: str, addresses: tuple[str, ...], now: float
) -> Way:
    connection.connect()
    sock = connection.sock
    assert sock is not None
    here, there = str(sock.getsockname()[0]), str(sock.getpeername()[0])
    version, ends = "", None
    if isinstance(sock, ssl.SSLSocket):
        version = sock.version() or ""
        told = str((sock.getpeercert() or {}).get("notAfter", ""))
        ends = datetime.strptime(told, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp()
    connection.request("HEAD", "/", headers={"User-Agent": USER_AGENT})
    date = connection.getresponse().headers.get("Date", "")
    try:
        ahead = parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        ahead = None
    return Way(host, addresses, there, here, "", version, ends, ahead)
