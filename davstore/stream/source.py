"""Opens files at the services' file hosts and makes sure that what answers is the file.

Here the status codes of the file hosts are read. Log lines name hosts, never URLs.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from davstore.errors import (
    DavstoreError,
    LinkDead,
    Preparing,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    StreamBroken,
    anew,
)
from davstore.model import Leaf, Link
from davstore.resolver import Resolver
from davstore.stream.http1 import Answer, Channel, Stale
from davstore.stream.pool import Origin, Pool
from davstore.transport import MAX_REDIRECTS, USER_AGENT

log = logging.getLogger(__name__)

NOT_READY_WAIT = 10.0
SHORT_REST = 1024 * 1024
"""So few unread bytes, mostly on their way already, cost less than a new connection."""
REST_PATIENCE = 0.5
BUFFER = 64 * 1024
KNOWN_PLACES = 1024
"""Links whose parts are at hand: each is asked for many times in a row."""

_DEAD = frozenset({400, 401, 403, 404, 410, 416})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USED_UP = frozenset(
    {"bandwidth_exceeded", "quota_exceeded", "daily_limit_exceeded", "bytes_limit_reached"}
)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)
_NOTICES = ("text/html", "application/json", "application/xhtml")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Upstream:
    """An opened file from byte `start` on; to be given back with `close`.

    `total` is the whole file's size in bytes, None where the host does not tell; `tag` changes
    with its content.
    """

    answer: Answer
    link: Link
    start: int
    total: int | None
    tag: str
    pool: Pool

    @property
    def host(self) -> str:
        """Who sends."""
        return self.answer.channel.host

    @property
    def place(self) -> str:
        """Where the link leads to."""
        return place(self.link)

    def close(self) -> None:
        """Keep the connection if little is left on it, hang up otherwise; give the turn back."""
        if self.answer.is_complete or not self.answer.left or self.answer.left > SHORT_REST:
            _let_go(self.answer, self.pool)
            self.pool.budget.give()
        else:
            self.pool.finish(self._drain())

    async def _drain(self) -> None:
        try:
            await _finish(self.answer, self.pool)
        finally:
            self.pool.budget.give()


class Source:
    """All accounts' files, at their hosts. Lives on the streams' loop."""

    def __init__(
        self,
        resolver: Resolver,
        pools: Mapping[str, Pool],
        threads: Executor,
        *,
        first_byte: float,
    ) -> None:
        self._resolver = resolver
        self._pools = pools
        self._threads = threads
        self._first_byte = first_byte

    def pool(self, leaf: Leaf) -> Pool:
        """The connections of the account of `leaf`."""
        return self._pools[leaf.account]

    async def link(self, leaf: Leaf) -> Link:
        """A fresh link, at a host that is not avoided if another can be had.

        Raises `StoreError` where no link can be had.
        """
        link = self._resolver.known(leaf) or await self._asked(leaf)
        if not self.pool(leaf).is_elsewhere_worth_a_call(place(link), leaf.identity):
            return link
        await self.forget(leaf, link)
        try:
            return await self._asked(leaf)
        except StoreUnavailable as error:
            log.info("%s: no other link than one at %s: %s", leaf.account, host(link), error.reason)
            return link

    async def forget(self, leaf: Leaf, link: Link) -> None:
        """Never use `link` again."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._resolver.forget, leaf, link)

    async def open(
        self, leaf: Leaf, link: Link, start: int, end: int | None, *, urgent: bool
    ) -> Upstream:
        """Bytes `start` to `end` (inclusive; None: to the end) of `leaf` at `link`.

        Raises `LinkDead` where the link is to blame, `StreamBroken` (`StreamTimeout`) where the
        host is, `StoreError` where neither helps.
        """
        pool = self.pool(leaf)
        await pool.take(urgent=urgent)
        try:
            answer = await self._redirected(leaf, link, start, end, urgent=urgent)
            try:
                total = _checked(leaf, answer, start)
            except BaseException:
                pool.drop(answer.channel)
                raise
        except BaseException:
            pool.budget.give()
            raise
        tag = answer.headers.get("etag", "")
        return Upstream(answer, link, start, total, "" if tag.startswith("W/") else tag, pool)

    async def _asked(self, leaf: Leaf) -> Link:
        try:  # others wait for the same: who leaves must not cancel it
            return await asyncio.shield(asyncio.wrap_future(self._resolver.ask(leaf)))
        except DavstoreError as error:
            raise anew(error) from None

    async def _redirected(
        self, leaf: Leaf, link: Link, start: int, end: int | None, *, urgent: bool
    ) -> Answer:
        pool = self.pool(leaf)
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Range": f"bytes={start}-{'' if end is None else end}",
        }
        secret: Mapping[str, str] = link.headers
        url, origin = _place(link.url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._got(pool, url, origin, {**headers, **secret}, urgent=urgent)
            where = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not where:
                return answer
            await _finish(answer, pool)
            url, target = _place(_joined(url, where))
            if link.decoy and link.decoy in (url.path or ""):
                raise StoreUnavailable(
                    leaf.account, "the service sends a notice instead of the file",
                    retry_after=NOT_READY_WAIT,
                )  # fmt: skip
            if target != origin:
                origin, secret = target, {}
        raise LinkDead("redirects without end")

    async def _got(
        self, pool: Pool, url: Url, origin: Origin, headers: Mapping[str, str], *, urgent: bool
    ) -> Answer:
        while True:
            channel = await pool.channel(origin, urgent=urgent)
            try:
                return await channel.get(_target(channel, url), _with_host(url, headers),
                                         self._first_byte)  # fmt: skip
            except Stale:
                pool.drop(channel)
            except BaseException:
                pool.drop(channel)
                raise


async def _finish(answer: Answer, pool: Pool) -> None:
    """Read what little is left of an answer that nobody wants, so that its connection is kept."""
    view = memoryview(bytearray(BUFFER))
    try:
        async with asyncio.timeout(REST_PATIENCE):
            while answer.left and answer.left <= SHORT_REST:
                count = answer.receive(view)
                if count == 0:
                    break
                if count is None:
                    await answer.channel.wire.readable()
    except (OSError, TimeoutError):
        answer.may_be_kept = False
    finally:
        _let_go(answer, pool)


def _let_go(answer: Answer, pool: Pool) -> None:
    if answer.is_complete and answer.may_be_kept:
        pool.keep(answer.channel)
    else:
        pool.drop(answer.channel)


def _joined(url: Url, where: str) -> str:
    try:
        return urljoin(url.url, where)
    except ValueError:
        raise LinkDead("redirects to what is no URL") from None


@lru_cache(KNOWN_PLACES)
def _place(text: str) -> tuple[Url, Origin]:
    try:
        url = parse_url(text)
    except LocationParseError:
        raise LinkDead("is no URL") from None
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise LinkDead("does not lead to a web server")
    host = url.host.strip("[]")
    return url, (url.scheme, host, url.port or _DEFAULT_PORTS[url.scheme])


def _target(channel: Channel, url: Url) -> str:
    if not channel.is_forwarded:
        return url.request_uri
    return url._replace(auth=None, fragment=None).url


def _with_host(url: Url, headers: Mapping[str, str]) -> Mapping[str, str]:
    return {"Host": url.netloc or "", **headers}


def _checked(leaf: Leaf, answer: Answer, start: int) -> int | None:
    """The whole file's size, once sure that the body is this file from byte `start` on."""
    account, status, headers = leaf.account, answer.status, answer.headers
    if headers.get("x-error", "").strip().lower() in _USED_UP:
        raise QuotaExhausted(account, "the account's traffic is used up for now")
    if status == 202:
        raise Preparing(account, "the file is still being prepared", retry_after=NOT_READY_WAIT)
    if status == 429:
        raise RateLimited(account, "its file host is asked too often")
    if status in _DEAD:
        raise LinkDead(f"answers HTTP {status}")
    if status not in {200, 206}:
        raise StreamBroken(f"{answer.channel.host}: answers HTTP {status}")
    return _size_of(answer, start, leaf)


def _size_of(answer: Answer, start: int, leaf: Leaf) -> int | None:
    headers = answer.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise LinkDead("sends the file compressed")
    if headers.get("content-type", "").lower().startswith(_NOTICES) and not _is_text(leaf):
        raise LinkDead("sends a page instead of the file")
    if answer.status == 206:
        match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
        if match is None or int(match[1]) != start:
            raise LinkDead("sends another range than was asked")
        if answer.left is not None and answer.left > int(match[2]) - start + 1:
            raise LinkDead("sends more than the range that it names")
        return None if match[3] == "*" else int(match[3])
    # RFC 9110 section 14.2: Range may be ignored; only from byte 0 is that the same body.
    if start > 0:
        raise LinkDead("ignores the range that was asked")
    return answer.left


def _is_text(leaf: Leaf) -> bool:
    return leaf.name.lower().endswith((".html", ".htm", ".xhtml", ".json"))


def place(link: Link) -> str:
    """The host of a link and its port, as one to be avoided is known."""
    _, (_, name, port) = _place(link.url)
    return f"{name}:{port}"


def host(link: Link) -> str:
    """The part of a link that may be shown."""
    return _place(link.url)[1][1]
