"""Opens files at the services' file hosts and hands on their bytes, right or not at all.

Here the status codes of the file hosts are read. Log lines name hosts, never URLs.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import requests
import urllib3

from davstore.errors import (
    LinkDead,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    StreamBroken,
    StreamTimeout,
)
from davstore.model import Leaf, Link
from davstore.resolver import Resolver
from davstore.transport import MayReach, Session, plain_reason

log = logging.getLogger(__name__)

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0
FIRST_BLOCK, BLOCK = 64 * 1024, 256 * 1024
NOT_READY_WAIT = 10.0

_DEAD = frozenset({400, 401, 403, 404, 410})
_USED_UP = frozenset(
    {"bandwidth_exceeded", "quota_exceeded", "daily_limit_exceeded", "bytes_limit_reached"}
)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.IGNORECASE)
_NOTICES = ("text/html", "application/json", "application/xhtml")


class Upstream:
    """All accounts' files, at their hosts; one pooled session an account.

    `reach` says for each account which addresses its links may lead to; `learn` is told the
    identity and size of a file whose size its store did not know.
    """

    def __init__(
        self,
        resolver: Resolver,
        reach: Mapping[str, MayReach],
        learn: Callable[[str, int], None],
        *,
        connections: int = 64,
    ) -> None:
        self._resolver = resolver
        self._learn = learn
        self._sessions = {
            account: Session({}, may_reach=may_reach, connections=connections)
            for account, may_reach in reach.items()
        }

    def open(self, leaf: Leaf, start: int, end: int | None) -> "Body":
        """Bytes `start` to `end` (inclusive; None: to the end) of `leaf`, the first ones read.

        Raises `StoreError` where no link can be had, `StreamBroken` (`StreamTimeout`) where
        even a second, newly generated link does not deliver.
        """
        link = self._resolver.link(leaf.account, leaf.file)
        try:
            return self._opened(leaf, link, start, end)
        except LinkDead as death:
            log.info("%s: %s at %s; asking for a new link", leaf.account, death, host(link))
        self._resolver.forget(leaf.account, leaf.file, link)
        link = self._resolver.link(leaf.account, leaf.file)
        try:
            return self._opened(leaf, link, start, end)
        except LinkDead as death:
            self._resolver.forget(leaf.account, leaf.file, link)
            raise StreamBroken(f"{host(link)}: {death}, also with a new link") from None

    def measure(self, leaf: Leaf) -> int | None:
        """The size of `leaf` in bytes as its host tells it, or None where it tells none.

        Raises as `open` does.
        """
        with self.open(leaf, 0, None) as body:
            return body.total

    def close(self) -> None:
        """Close all idle connections."""
        for session in self._sessions.values():
            session.close()

    def _opened(self, leaf: Leaf, link: Link, start: int, end: int | None) -> "Body":
        last = "" if end is None else end
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{last}", **link.headers}
        try:
            response = self._sessions[leaf.account].get(
                link.url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
            )
        except requests.Timeout:
            raise StreamTimeout(f"{host(link)} does not answer") from None
        except (requests.RequestException, OSError) as error:
            raise LinkDead(f"cannot be reached ({plain_reason(error)})") from None
        try:
            total = self._checked(leaf, link, response, start)
            self._compare(leaf, total)
            return Body(response, host(link), start, end, total)
        except BaseException:
            response.close()
            raise

    def _compare(self, leaf: Leaf, total: int | None) -> None:
        """A size that the store did not tell may be learned, and change; others must agree."""
        if leaf.file.size is None and total is not None and total != leaf.size:
            self._learn(leaf.identity, total)
        if leaf.size is not None and total != leaf.size:
            raise LinkDead(f"sends a file of {total} bytes where {leaf.size} were due")

    def _checked(
        self, leaf: Leaf, link: Link, response: requests.Response, start: int
    ) -> int | None:
        """The whole file's size, once sure that the body is this file from byte `start` on."""
        account, status = leaf.account, response.status_code
        if response.headers.get("X-Error", "").strip().lower() in _USED_UP:
            raise QuotaExhausted(account, "the account's traffic is used up for now")
        if link.decoy and link.decoy in urlsplit(response.url).path:
            raise StoreUnavailable(account, "the service sends a notice instead of the file",
                                   retry_after=NOT_READY_WAIT)  # fmt: skip
        if status == 202:
            raise StoreUnavailable(account, "the file is still being prepared",
                                   retry_after=NOT_READY_WAIT)  # fmt: skip
        if status == 429:
            raise RateLimited(account, "its file host is asked too often")
        if status in _DEAD:
            raise LinkDead(f"answers HTTP {status}")
        if status not in {200, 206}:
            raise LinkDead(f"answers HTTP {status} where 206 was due")
        return _size_of(response, start, leaf)


def _size_of(response: requests.Response, start: int, leaf: Leaf) -> int | None:
    headers = response.headers
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise LinkDead("sends the file compressed")
    if headers.get("Content-Type", "").lower().startswith(_NOTICES) and not _is_text(leaf):
        raise LinkDead("sends a page instead of the file")
    total: int | None
    if response.status_code == 206:
        match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != start:
            raise LinkDead("sends another range than was asked")
        total = None if match[3] == "*" else int(match[3])
    else:
        # RFC 9110 section 14.2: Range may be ignored; only from byte 0 is that the same body.
        if start > 0:
            raise LinkDead("ignores the range that was asked")
        length = headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
    return total


def _is_text(leaf: Leaf) -> bool:
    return leaf.name.lower().endswith((".html", ".htm", ".xhtml", ".json"))


def host(link: Link) -> str:
    """The part of a link that may be shown."""
    return urlsplit(link.url).hostname or "?"


class Body:
    """Bytes of an opened file: iterate once, then (or earlier) close.

    `total` is the size of the whole file, None where the host does not tell. Ends exactly at
    the byte asked for; raises `StreamBroken` while iterating if the host stops before it.
    """

    def __init__(
        self, response: requests.Response, host: str, start: int, end: int | None, total: int | None
    ) -> None:
        self.total = total
        self._response = response
        self._host = host
        last = end if end is not None else total - 1 if total is not None else None
        self._left = None if last is None else last - start + 1
        self._first = self._read(FIRST_BLOCK) if self._left != 0 else b""

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        try:
            block, self._first = self._first, b""
            size = FIRST_BLOCK
            while block:
                yield block
                size = min(size * 2, BLOCK)
                block = self._read(size)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the upstream; a connection read to its end is back in the pool already."""
        self._response.close()

    def _read(self, size: int) -> bytes:
        wanted = size if self._left is None else min(size, self._left)
        if wanted == 0:
            return b""
        try:
            block: bytes = self._response.raw.read1(wanted) if size == FIRST_BLOCK else (
                self._response.raw.read(wanted)
            )  # fmt: skip
        except urllib3.exceptions.TimeoutError:
            raise StreamTimeout(f"{self._host} stopped sending") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StreamBroken(f"{self._host} broke off ({plain_reason(error)})") from None
        if self._left is not None:
            if not block:
                raise StreamBroken(f"{self._host} ended {self._left} bytes early")
            self._left -= len(block)
        return block
