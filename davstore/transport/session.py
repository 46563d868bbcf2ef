"""Where requests may go, and with what: the pooled session below all outward HTTP."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection

from davstore import __version__
from davstore.transport.tls import api_context

USER_AGENT = f"davstore/{__version__} (+https://pypi.org/project/davstore/)"
MAX_REDIRECTS = 5

MayReach: TypeAlias = Callable[[str, str], bool]
"""Whether a connection to (host, numeric address) may be used."""


class NotAllowed(requests.exceptions.InvalidURL):
    """A link or redirect leads where this account has no business."""


class Reach:
    """Which addresses an account's links may lead to.

    Private and loopback ones only where the account's own URL is private too: otherwise a
    hostile answer could make us read the owner's router.
    """

    def __init__(self, base_url: str) -> None:
        self._host = urlsplit(base_url).hostname or ""
        self._private: bool | None = None

    def api(self, host: str, address: str) -> bool:
        """The owner named this host; anything else is a link."""
        return host == self._host or self.link(host, address)

    def link(self, host: str, address: str) -> bool:  # noqa: ARG002 - same signature as api
        """Whether a link may lead to this `address` (a numeric IP)."""
        return not _is_private(address) or self._is_at_home()

    def _is_at_home(self) -> bool:
        if self._private is None:
            try:
                found = socket.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
            except OSError:
                return False
            self._private = any(_is_private(str(info[4][0])) for info in found)
        return self._private


def _is_private(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return not (mapped or ip).is_global


class Session(requests.Session):
    """A pooled session that honours the environment's CA bundles and proxies, and nothing else.

    `secrets` go to the host that was asked, not along redirects to another; nor does a body.
    Every new connection's address is shown to `may_reach(host, address)` before a byte is sent.
    """

    def __init__(
        self,
        secrets: Mapping[str, str],
        *,
        may_reach: MayReach,
        connections: int = 16,
    ) -> None:
        super().__init__()
        self.secrets = dict(secrets)
        self.max_redirects = MAX_REDIRECTS
        self.headers["User-Agent"] = USER_AGENT
        self.auth = self._authenticate  # also keeps requests from reading ~/.netrc
        self.verify = ca_bundle()
        adapter = _GuardedAdapter(may_reach, pool_maxsize=connections)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update({name: value for name, value in self.secrets.items() if value})
        return request

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Drop every secret where a redirect leaves the host (or falls back to plain http).

        A body may hold a password, so it is not sent on at all.
        """
        asked, headers = response.request, prepared_request.headers
        if not self.should_strip_auth(asked.url or "", prepared_request.url or ""):  # type: ignore[no-untyped-call]
            if cookie := asked.headers.get("Cookie"):  # requests drops it on every redirect
                headers["Cookie"] = cookie
            return
        if prepared_request.body:
            raise NotAllowed("a redirect would hand our request to another host")
        for name in ("Authorization", "Cookie", *self.secrets):
            headers.pop(name, None)


class _GuardedAdapter(HTTPAdapter):
    """Connections that look where they have arrived before they speak."""

    def __init__(self, may_reach: MayReach, **options: Any) -> None:
        self._may_reach = may_reach
        super().__init__(pool_connections=16, **options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain, secure = guarded(self._may_reach)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("Pool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("Pools", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """With the context that all share; requests would read the authorities each time."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": api_context(verify)} if host["scheme"] == "https" else tls

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As above, where the proxy itself is asked over TLS."""
        if proxy.lower().startswith("https:"):
            options["proxy_ssl_context"] = api_context(ca_bundle())
        return super().proxy_manager_for(proxy, **options)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """What is trusted stands in the context."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """A proxied connection arrives at the owner's proxy, so numeric hosts are judged here."""
        host = urlsplit(request.url or "").hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return super().send(request, **options)
        check(self._may_reach, host, host)
        return super().send(request, **options)


class _Guarded:
    may_reach: MayReach

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        host, address = str(self.host).strip("[]"), sock.getpeername()[0]  # type: ignore[attr-defined]
        try:
            check(self.may_reach, host, address)
        except NotAllowed:
            sock.close()
            raise
        return sock


def guarded(may_reach: MayReach) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """Kinds of connections, plain and secure, that look where they have arrived."""
    rule = {"may_reach": staticmethod(may_reach)}
    return (
        type("Plain", (_Guarded, HTTPConnection), rule),
        type("Secure", (_Guarded, HTTPSConnection), rule),
    )


def ca_bundle() -> str:
    """The file or folder of trusted authorities: the environment's, or requests' own."""
    named = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next(filter(None, map(os.environ.get, named)), DEFAULT_CA_BUNDLE_PATH)


def check(may_reach: MayReach, host: str, address: str) -> None:
    """Raises `NotAllowed` where the account has no business at `address`."""
    if not may_reach(host, address):
        raise NotAllowed(f"{host} leads to the private address {address}")


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Its body, in pieces as they come: requests waits for whole blocks, in which a trickle is not
    noticed. Raises urllib3's `HTTPError`.
    """
    while piece := response.raw.read1(64 * 1024, decode_content=True):
        yield piece


def plain_reason(error: BaseException) -> str:
    """Why a connection failed, in words that hold no URL."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        cause = cause if isinstance(cause, BaseException) else None
    for link in chain:
        if isinstance(link, NotAllowed):
            return str(link)
        if isinstance(link, requests.TooManyRedirects):
            return "redirects without end"
        if isinstance(link, socket.gaierror | urllib3.exceptions.NameResolutionError):
            return "its host name is not known"
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {link.verify_message}"
    for link in reversed(chain):
        if isinstance(link, TimeoutError | urllib3.exceptions.TimeoutError):
            return "timed out"
        if isinstance(link, OSError) and link.strerror and not isinstance(link, requests.Timeout):
            return link.strerror.lower()
    return type(chain[-1]).__name__
