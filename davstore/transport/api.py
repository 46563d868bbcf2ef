"""An account's way to its service's API: paced, retried, decoded with care.

Here alone the status codes of the services' APIs are read.
"""

import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import requests
import urllib3
from pyrate_limiter import Duration, Rate
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from davstore import errors
from davstore.errors import RateLimited, StoreError, StoreUnavailable, UnexpectedReply
from davstore.tally import CALLS, WAITS, Tally
from davstore.transport.session import Reach, Session, pieces, plain_reason
from davstore.transport.turns import Together, Turns

log = logging.getLogger(__name__)

TIMEOUTS = (10.0, 30.0)
"""Seconds for connecting, and for each silence after that."""
LONGEST_REPLY = 300.0
"""Seconds that a whole reply may take, so that a trickle does not hold a thread for good."""
TRIES = 4
LONGEST_WAIT = 20.0
LONGEST_TOLD = 24 * 3600.0
MAX_BODY = 256 * 1024 * 1024

Json: TypeAlias = Any
Complaint: TypeAlias = Callable[[Json], StoreError | None]
"""Reads a decoded body and says what error the service reports in it, if any."""
Decode: TypeAlias = Callable[[bytes], Any]
"""Reads a body; None if it is empty. Raises `ValueError` that says what stood there instead."""

_BY_STATUS: Mapping[int, tuple[type[StoreError], str]] = {
    401: (errors.NotAuthorized, "the service refuses the login; check the token or password"),
    402: (errors.AccountProblem, "the service asks for payment"),
    403: (errors.AccountProblem, "the service forbids this to the account"),
    404: (errors.Gone, "no longer known to the service"),
    410: (errors.Gone, "no longer known to the service"),
    414: (errors.TooLong, "our request is too long for the service"),
    418: (errors.StoreUnavailable, "not ready at the service"),
    423: (errors.StoreUnavailable, "locked at the service"),
    425: (errors.StoreUnavailable, "not ready at the service"),
    429: (errors.RateLimited, "too many requests"),
    431: (errors.TooLong, "our request is too long for the service"),
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
    """A successful answer: its decoded body and headers; `empty` for HTTP 204 (no content).

    `unchanged` for HTTP 304, which has no body either: what was known by its ETag still holds.
    """

    body: Json = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    empty: bool = False
    unchanged: bool = False


class Transport:
    """One account's way to its service.

    `secrets` are headers that go to this service alone, never along a redirect to another host.
    `rates` are kept for all calls, of all processes that call `together`. `complaint` reads the
    service's own error bodies; where it finds nothing, the HTTP status decides. `timeouts` are as
    `TIMEOUTS`. `sleep` and `jitter` serve retries only, `now` (monotonic seconds) a service that
    asked for silence.
    """

    def __init__(
        self,
        account: str,
        base_url: str,
        *,
        rates: Sequence[Rate] = (),
        together: Together | None = None,
        tally: Tally | None = None,
        secrets: Mapping[str, str] | None = None,
        complaint: Complaint = lambda _: None,
        timeouts: tuple[float, float] = TIMEOUTS,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        jitter: float = 1.0,
    ) -> None:
        self.account = account
        self.base_url = base_url.rstrip("/")
        self._complaint = complaint
        self._session = Session(secrets or {}, may_reach=Reach(base_url).api)
        self._tally = tally or Tally()
        self._turns = Turns(account, rates, together)
        self._timeouts = timeouts
        self._sleep = sleep
        self._now = now
        self._jitter = jitter
        self._silent_until = -math.inf

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

    def call(
        self,
        method: str,
        path: str,
        *,
        urgent: bool = False,
        once: bool = False,
        decode: Decode | None = None,
        **options: Any,
    ) -> Reply:
        """One call with pacing and retries; `options` as for `requests.request`.

        What must not happen twice is tried `once`. `decode` reads what is not JSON.
        """
        tries = 1 if once else TRIES - urgent
        retrying = Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=stop_after_attempt(tries),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(
            self._once, method, path, urgent=urgent, decode=decode or decoded, options=options
        )

    def use(self, **secrets: str) -> None:
        """Send these headers from now on (a renewed session), or no longer where empty."""
        self._session.secrets.update(secrets)

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._session.close()
        self._turns.close()

    def _once(
        self, method: str, path: str, *, urgent: bool, decode: Decode, options: dict[str, Any]
    ) -> Reply:
        asked = time.monotonic()
        self._keep_silence()
        self._turns.take(urgent=urgent)
        self._tally.time(WAITS, time.monotonic() - asked, self.account)
        try:
            reply = self._answered(method, path, decode, options)
        except StoreError as error:
            self._tally.count(CALLS, self.account, type(error).__name__)
            raise
        self._tally.count(CALLS, self.account, "ok")
        return reply

    def _answered(self, method: str, path: str, decode: Decode, options: dict[str, Any]) -> Reply:
        began = time.monotonic()
        try:
            with self._session.request(
                method, self.base_url + path, timeout=self._timeouts, stream=True, **options
            ) as response:
                content = self._content(response, began + LONGEST_REPLY)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = f"cannot be reached ({plain_reason(error)}); check its url and the network"
            raise StoreUnavailable(self.account, reason) from None
        except UnicodeEncodeError:
            reason = "the login has characters that HTTP cannot send; copy it again"
            raise errors.NotAuthorized(self.account, reason) from None
        except ValueError:  # what requests lets through of a redirect that it cannot read
            reason = "unexpected reply: a redirect to what is no address"
            raise UnexpectedReply(self.account, reason) from None
        status = response.status_code
        log.debug(
            "%s: %s %s -> %d, %d bytes, %.0f ms",
            self.account, method, _shown(path), status, len(content),
            1000 * (time.monotonic() - began),
        )  # fmt: skip
        return self._judge(response, content, decode)

    def _content(self, response: requests.Response, deadline: float) -> bytes:
        found, size = [], 0
        for piece in pieces(response):
            size += len(piece)
            if size > MAX_BODY:
                raise UnexpectedReply(self.account, "the reply is longer than any listing")
            if time.monotonic() > deadline:
                raise StoreUnavailable(self.account, "the reply does not come to an end")
            found.append(piece)
        return b"".join(found)

    def _judge(self, response: requests.Response, content: bytes, decode: Decode) -> Reply:
        status = response.status_code
        if status == 304:
            return Reply(None, response.headers, response.cookies.get_dict(), unchanged=True)
        failure = error_of_status(self.account, status)
        try:
            body = decode(content)
        except ValueError as error:
            unread = UnexpectedReply(self.account, f"unexpected reply: {error}")
            raise self._told(failure or unread, response) from None
        if failure := self._complaint(body) or failure:
            raise self._told(failure, response)
        if not content.strip() and status != 204:
            nothing = f"the service answered nothing (HTTP {status})"
            raise self._told(StoreUnavailable(self.account, nothing), response)
        return Reply(body, response.headers, response.cookies.get_dict(), empty=status == 204)

    def _told(self, error: StoreError, response: requests.Response) -> StoreError:
        """`error` with the wait that the service asked for; too many requests concern all."""
        if error.retry_after is None:
            error.retry_after = _retry_after(response.headers)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self._silent_until = max(self._silent_until, self._now() + error.retry_after)
        return error

    def _keep_silence(self) -> None:
        left = self._silent_until - self._now()
        if left > LONGEST_WAIT:
            raise RateLimited(
                self.account, "too many requests; waiting as we were asked", retry_after=left
            )
        if left > 0:
            self._sleep(left)

    def _wait(self, state: RetryCallState) -> float:
        """Longer after too many requests, since refused ones are counted too."""
        assert state.outcome is not None
        error = state.outcome.exception()
        first = 2.0 if isinstance(error, RateLimited) else 0.5
        backoff = wait_exponential_jitter(multiplier=first, max=8, jitter=self._jitter)(state)
        asked = error.retry_after if isinstance(error, StoreError) else None
        return max(backoff, asked or 0.0)


def _worth_another_try(error: BaseException) -> bool:
    """Only what may pass soon; a long wait is the caller's to decide."""
    if not isinstance(error, StoreUnavailable | RateLimited):
        return False
    return (error.retry_after or 0.0) <= LONGEST_WAIT


def per_second(limit: int) -> Rate:
    """At most `limit` calls in any second."""
    return Rate(limit, Duration.SECOND)


def per_minute(limit: int) -> Rate:
    """At most `limit` calls in any minute."""
    return Rate(limit, Duration.MINUTE)


def decoded(content: bytes) -> Json:
    """JSON, even behind a byte order mark or rubbish that PHP printed first; None if empty.

    Raises `ValueError` that says what stood there instead, without quoting it.
    """
    text = content.decode("utf-8-sig", "replace").strip()
    if not text:
        return None
    try:
        return _parsed(text)
    except (ValueError, RecursionError):
        start = min((at for at in (text.find("{"), text.find("[")) if at > 0), default=-1)
    if not text.startswith(("<", "{", "[")) and start > 0:
        try:
            return _parsed(text[start:])
        except (ValueError, RecursionError):
            pass
    kind = "HTML" if text.startswith("<") else "broken JSON" if text[0] in "{[" else "text"
    raise ValueError(f"{kind} of {len(content)} bytes instead of JSON") from None


def _parsed(text: str) -> Json:
    value = json.loads(text)
    return _encodable(value) if re.search(r"\\u[dD][89a-fA-F]", text) else value


def _encodable(value: Json) -> Json:
    r"""JSON can escape half a character (\ud83c), which no file system or database takes."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds or an HTTP date, RFC 9110 section 10.2.3; `X-Retry-After` as Plank has it."""
    value = headers.get("Retry-After") or headers.get("X-Retry-After")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(0.0, seconds), LONGEST_TOLD) if math.isfinite(seconds) else None


def _shown(path: str) -> str:
    """Ids in a path may be as good as a login; the log needs only which call it was."""
    parts = path.split("?", maxsplit=1)[0].split("/")
    return "/".join(p if p.replace("-", "").replace(".", "").isalnum() and len(p) < 16 else "…"
                    for p in parts if p)  # fmt: skip
