"""Outward HTTP: one session an account, paced, retried, decoded with care, kept in bounds.

Here alone the status codes of the services' APIs are read. Nothing that leaves this module as
an error or a log line holds a query, a header or a body.
"""

import ipaddress
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from pyrate_limiter import Duration, Limiter, Rate
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter
from urllib3.connection import HTTPConnection, HTTPSConnection

from davstore import __version__, errors
from davstore.errors import StoreError, StoreUnavailable, UnexpectedReply

log = logging.getLogger(__name__)

USER_AGENT = f"davstore/{__version__} (+https://pypi.org/project/davstore/)"
CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0
TRIES = 4
LONGEST_WAIT = 20.0
MAX_REDIRECTS = 5
MAX_BODY = 256 * 1024 * 1024
BACKGROUND_SHARE = 0.75
"""How much of an account's pace background work may take, so that people always find room."""

Json: TypeAlias = Any
Complaint: TypeAlias = Callable[[Json], StoreError | None]
"""Reads a decoded body and says what error the service reports in it, if any."""

_BY_STATUS: Mapping[int, tuple[type[StoreError], str]] = {
    401: (errors.NotAuthorized, "the service refuses the login; check the token or password"),
    402: (errors.AccountProblem, "the service asks for payment"),
    403: (errors.AccountProblem, "the service forbids this to the account"),
    404: (errors.Gone, "no longer known to the service"),
    410: (errors.Gone, "no longer known to the service"),
    423: (errors.StoreUnavailable, "locked at the service"),
    425: (errors.StoreUnavailable, "not ready at the service"),
    429: (errors.RateLimited, "too many requests"),
    447: (errors.RateLimited, "too many requests"),
    451: (errors.Refused, "refused for legal reasons"),
    509: (errors.QuotaExhausted, "too many active downloads"),
}


def error_of_status(account: str, status: int) -> StoreError | None:
    """What a bare HTTP status means, for services that say no more; None for success."""
    if status < 400:
        return None
    if status in _BY_STATUS:
        kind, reason = _BY_STATUS[status]
        return kind(account, f"{reason} (HTTP {status})")
    if status >= 500:
        return StoreUnavailable(account, f"the service fails (HTTP {status})")
    return UnexpectedReply(account, f"the service rejects our request (HTTP {status})")


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: its decoded body and headers; `empty` for HTTP 204 (no content)."""

    body: Json = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    empty: bool = False


class Transport:
    """One account's way to its service.

    `secrets` are headers that go to this service alone, never along a redirect to another host.
    `rates` are kept for all calls together. `complaint` reads the service's own error bodies;
    where it finds nothing, the HTTP status decides. `sleep` and `jitter` serve retries only.
    """

    def __init__(
        self,
        account: str,
        base_url: str,
        *,
        rates: Sequence[Rate] = (),
        secrets: Mapping[str, str] | None = None,
        complaint: Complaint = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: float = 1.0,
    ) -> None:
        self.account = account
        self.base_url = base_url.rstrip("/")
        self.sleep = sleep
        self._complaint = complaint
        self._session = Session(secrets or {}, may_reach=Reach(base_url).api)
        self._everything = Limiter(list(rates)) if rates else None
        self._background = Limiter([_share(rate) for rate in rates]) if rates else None
        self._jitter = jitter

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False
    ) -> Reply:
        """GET `path` below the base URL; `urgent` where a person waits. Raises `StoreError`."""
        return self.call("GET", path, params=params, urgent=urgent)

    def post(
        self,
        path: str,
        form: Mapping[str, Any] | None = None,
        *,
        json_body: Json = None,
        headers: Mapping[str, str] | None = None,
        urgent: bool = False,
    ) -> Reply:
        """POST a form or JSON to `path`; all our POSTs may be repeated. Raises `StoreError`."""
        return self.call("POST", path, data=form, json=json_body, headers=headers, urgent=urgent)

    def call(self, method: str, path: str, *, urgent: bool = False, **options: Any) -> Reply:
        """One call with pacing and retries; `options` as for `requests.request`."""
        retrying = Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=stop_after_attempt(TRIES if not urgent else TRIES - 1),
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(self._once, method, path, urgent=urgent, options=options)

    def use(self, **secrets: str) -> None:
        """Send these headers from now on (a renewed session)."""
        self._session.secrets.update(secrets)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()
        for limiter in (self._everything, self._background):
            if limiter is not None:
                limiter.close()

    def _once(self, method: str, path: str, *, urgent: bool, options: dict[str, Any]) -> Reply:
        self._take_turn(urgent=urgent)
        began = time.monotonic()
        try:
            with self._session.request(
                method,
                self.base_url + path,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                stream=True,
                **options,
            ) as response:
                content = _content(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = f"cannot be reached ({plain_reason(error)})"
            raise StoreUnavailable(self.account, reason) from None
        status = response.status_code
        log.debug(
            "%s: %s %s -> %d, %d bytes, %.0f ms",
            self.account, method, _shown(path), status, len(content),
            1000 * (time.monotonic() - began),
        )  # fmt: skip
        return self._judge(response, content)

    def _judge(self, response: requests.Response, content: bytes) -> Reply:
        status = response.status_code
        failure = error_of_status(self.account, status)
        try:
            body = decoded(content)
        except ValueError as error:
            raise self._told(
                failure or UnexpectedReply(self.account, f"unexpected reply: {error}"), response
            ) from None
        complaint = self._complaint(body)
        if complaint or failure:
            raise self._told(complaint or failure, response)  # type: ignore[arg-type]
        if not content.strip() and status != 204:
            raise self._told(
                StoreUnavailable(self.account, f"the service answered nothing (HTTP {status})"),
                response,
            )
        return Reply(body, response.headers, response.cookies.get_dict(), empty=status == 204)

    def _told(self, error: StoreError, response: requests.Response) -> StoreError:
        if error.retry_after is None:
            error.retry_after = _retry_after(response.headers)
        return error

    def _take_turn(self, *, urgent: bool) -> None:
        if not urgent and self._background is not None:
            self._background.try_acquire(self.account)
        if self._everything is not None:
            self._everything.try_acquire(self.account)

    def _wait(self, state: RetryCallState) -> float:
        assert state.outcome is not None
        error = state.outcome.exception()
        backoff = wait_exponential_jitter(multiplier=0.5, max=8, jitter=self._jitter)(state)
        asked = error.retry_after if isinstance(error, StoreError) else None
        return max(backoff, asked or 0.0)


def _worth_another_try(error: BaseException) -> bool:
    """Only what may pass soon; a long wait is the caller's to decide."""
    if not isinstance(error, errors.StoreUnavailable | errors.RateLimited):
        return False
    return (error.retry_after or 0.0) <= LONGEST_WAIT


def _share(rate: Rate) -> Rate:
    return Rate(max(1, int(rate.limit * BACKGROUND_SHARE)), rate.interval)


def per_second(limit: int) -> Rate:
    """At most `limit` calls in any second."""
    return Rate(limit, Duration.SECOND)


def per_minute(limit: int) -> Rate:
    """At most `limit` calls in any minute."""
    return Rate(limit, Duration.MINUTE)


def _content(response: requests.Response) -> bytes:
    pieces, size = [], 0
    for piece in response.iter_content(64 * 1024):
        size += len(piece)
        if size > MAX_BODY:
            raise requests.exceptions.ContentDecodingError("the reply is too long")
        pieces.append(piece)
    return b"".join(pieces)


def decoded(content: bytes) -> Json:
    """JSON, even behind a byte order mark or rubbish that PHP printed first; None if empty.

    Raises `ValueError` that says what stood there instead, without quoting it.
    """
    text = content.decode("utf-8-sig", "replace").strip()
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        start = min((at for at in (text.find("{"), text.find("[")) if at > 0), default=-1)
    if not text.startswith(("<", "{", "[")) and start > 0:
        try:
            return json.loads(text[start:])
        except (ValueError, RecursionError):
            pass
    kind = "HTML" if text.startswith("<") else "broken JSON" if text[0] in "{[" else "text"
    raise ValueError(f"{kind} of {len(content)} bytes instead of JSON") from None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds or an HTTP date, RFC 9110 section 10.2.3; `X-Retry-After` as Plank has it."""
    value = headers.get("Retry-After") or headers.get("X-Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _shown(path: str) -> str:
    """Ids in a path may be as good as a login; the log needs only which call it was."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    return "/".join(p if p.replace("-", "").replace(".", "").isalnum() and len(p) < 16 else "…"
                    for p in parts if p)  # fmt: skip


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
    if any(isinstance(link, socket.gaierror | urllib3.exceptions.NameResolutionError)
           for link in chain):  # fmt: skip
        return "its host name is not known"
    for link in reversed(chain):
        if isinstance(link, TimeoutError | urllib3.exceptions.TimeoutError):
            return "timed out"
        if isinstance(link, OSError) and link.strerror and not isinstance(link, requests.Timeout):
            return link.strerror.lower()
    return type(chain[-1]).__name__


# --- the session: where requests may go, and with what --------------------------------------


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


MayReach: TypeAlias = Callable[[str, str], bool]


class Session(requests.Session):
    """A pooled session that honours the environment's CA bundles and proxies, and nothing else.

    `secrets` go to the host that was asked, not along redirects to another. Every new
    connection's address is shown to `may_reach(host, address)` before a byte is sent.
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
        if not (os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")):
            self.verify = os.environ.get("SSL_CERT_FILE") or True
        adapter = _GuardedAdapter(may_reach, pool_maxsize=connections)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.secrets)
        return request

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Drop every secret where a redirect leaves the host (or falls back to plain http)."""
        old, new = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]
            for name in ("Authorization", "Cookie", *self.secrets):
                prepared_request.headers.pop(name, None)


class _GuardedAdapter(HTTPAdapter):
    """Connections that look where they have arrived before they speak."""

    def __init__(self, may_reach: MayReach, **options: Any) -> None:
        self._may_reach = may_reach
        super().__init__(pool_connections=16, **options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain = type("Plain", (_Guarded, HTTPConnection), {"may_reach": self._may_reach})
        secure = type("Secure", (_Guarded, HTTPSConnection), {"may_reach": self._may_reach})
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("Pool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("Pools", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }


class _Guarded:
    may_reach: MayReach

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        host, address = str(self.host).strip("[]"), sock.getpeername()[0]  # type: ignore[attr-defined]
        # A proxied connection has arrived at the owner's proxy, which looks up names itself.
        if not type(self).may_reach(host, address):
            sock.close()
            raise NotAllowed(f"{host} leads to the private address {address}")
        return sock
