"""Delivers a stretch of a file whole, over as many connections, links and hosts as it takes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from davstore.errors import (
    DavstoreError,
    LinkDead,
    Preparing,
    RateLimited,
    StoreUnavailable,
    StreamBroken,
    StreamTimeout,
    UnexpectedReply,
)
from davstore.model import Leaf
from davstore.stream.memory import Memory
from davstore.stream.relay import Flow, Sink, relay
from davstore.stream.source import Source, Upstream, host, place

log = logging.getLogger(__name__)

WORKED = 64 * 1024
"""Bytes after which a link counts as one that works."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, with how many links and how long (seconds) a delivery that does not move is
    tried again, and after which errors.
    """

    tries: int
    links: int
    seconds: float
    passing: tuple[type[DavstoreError], ...]


# A store's own troubles were met with retries before they come here.
BEFORE_THE_FIRST_BYTE = Patience(3, 2, 10.0, (LinkDead, StreamBroken))
WHILE_IT_BUFFERS = Patience(6, 2, 30.0, (Preparing,))
"""Before the first byte too, where no other account has the file."""
UNDER_WAY = Patience(
    8, 4, 60.0, (LinkDead, StreamBroken, StoreUnavailable, RateLimited, UnexpectedReply)
)


class Trouble:
    """Failures since bytes came last; before the first of them a client waits for an answer.

    `may_buffer` is whether it waits for a service that is still buffering.
    """

    def __init__(self, jitter: Callable[[], float], *, may_buffer: bool) -> None:
        self._jitter = jitter
        self._patience = BEFORE_THE_FIRST_BYTE
        self._may_buffer = may_buffer
        self._began = asyncio.get_running_loop().time()
        self._count, self._deaths, self._waited = 0, 0, 0.0

    def begun(self) -> None:
        """The client has its answer: what was begun is worth more patience."""
        self._patience = UNDER_WAY

    def over(self) -> None:
        """Bytes have come."""
        self._count, self._deaths, self._waited = 0, 0, 0.0

    @property
    def is_new(self) -> bool:
        """Whether this is the first in a row."""
        return self._count == 0

    async def passes(self, error: DavstoreError) -> bool:
        """Whether there is to be another try after `error`, once it is time for that."""
        self._count += 1
        self._deaths += isinstance(error, LinkDead)
        wait = 0.0
        if self._count > 1 or not isinstance(error, LinkDead | StreamBroken):
            wait = min(8.0, 0.25 * 2**self._count) * self._jitter()
        patience = self._patience
        if isinstance(error, Preparing) and self._may_buffer and patience is BEFORE_THE_FIRST_BYTE:
            patience = WHILE_IT_BUFFERS
            self._waited = asyncio.get_running_loop().time() - self._began  # it waits itself too
        else:
            wait = max(wait, getattr(error, "retry_after", None) or 0.0)
        self._waited += wait
        spent = self._count >= patience.tries or self._waited > patience.seconds
        if spent or self._deaths >= patience.links or not isinstance(error, patience.passing):
            return False
        if wait:
            await asyncio.sleep(wait)
        return True


class Deliveries:
    """Of one file to one reader. `total` is the file's size in bytes once it is known.

    `worked` is told when a link has proved good, `learn` the size of a file whose size its store
    does not know. `most_connections` is how many the link allows at once, None where it does not
    say. `resumed` counts how often another connection had to go on. One that `is_hasty` has no
    more patience under way than before the first byte.
    """

    def __init__(
        self,
        source: Source,
        leaf: Leaf,
        *,
        worked: Callable[[Leaf], None],
        learn: Callable[[str, int], None],
        memory: Memory,
        first_byte: float,
        jitter: Callable[[], float],
    ) -> None:
        self._source = source
        self._worked = worked
        self._learn = learn
        self._memory = memory
        self._leaf = leaf
        self._first_byte = first_byte
        self._jitter = jitter
        self._known: tuple[str, str] | None = None
        self._is_begun = False
        self.is_hasty = False
        self.total = leaf.size
        self.host, self._place = "", ""
        self.most_connections: int | None = None
        self.resumed = 0

    def trouble(self) -> Trouble:
        """None so far."""
        trouble = Trouble(self._jitter, may_buffer=not self.is_hasty)
        self._begun(trouble)
        return trouble

    def _begun(self, trouble: Trouble) -> None:
        if self._is_begun and not self.is_hasty:
            trouble.begun()

    async def opened(
        self, start: int, until: int | None, trouble: Trouble, *, urgent: bool = True
    ) -> Upstream:
        """Bytes from `start` to `until` (exclusive; None: to the end), the first ones at hand.

        Raises `StoreError`, `LinkDead` or `StreamBroken` once `trouble` has seen enough.
        """
        while True:
            try:
                upstream = await self._try(start, until, urgent=urgent)
            except DavstoreError as error:
                if isinstance(error, StreamBroken):
                    self._blame(self._place, error, is_new=trouble.is_new)
                if not await trouble.passes(error):
                    raise
            else:
                self._is_begun = True
                self._begun(trouble)
                return upstream

    async def deliver(
        self,
        flow: Flow,
        until: int,
        sink: Sink,
        *,
        begun: Upstream | None = None,
        urgent: bool = True,
        trouble: Trouble | None = None,
    ) -> None:
        """Everything from `flow.at` to `until`, the first of it from `begun` where that is given.

        Raises as `opened` does, and `OSError` where the client is gone.
        """
        trouble = trouble or self.trouble()
        while flow.at < until:
            upstream = begun or await self.opened(flow.at, until, trouble, urgent=urgent)
            begun = None
            before = flow.at
            try:
                rest = await self._relayed(upstream, flow, until, sink)
                trouble.over()
                self._source.pool(self._leaf).trust(upstream.place)
            except StreamBroken as error:
                rest = b""
                if flow.at - before >= WORKED:
                    trouble.over()
                self._blame(upstream.place, error, is_new=trouble.is_new)
                if not await trouble.passes(error):
                    raise
                self.resumed += 1
                log.info("%s: %s; going on at byte %d", self._leaf.account, error, flow.at)
            if flow.at > before:
                self._worked(self._leaf)
            if rest:
                await self._send_held(rest, sink)
                flow.at += len(rest)

    async def _send_held(self, rest: bytes, sink: Sink) -> None:
        self._memory.hold(len(rest))
        try:
            await sink.send(rest)
        finally:
            self._memory.give(len(rest))

    async def to_the_end(self, upstream: Upstream, flow: Flow, sink: Sink) -> None:
        """A body whose length nobody knows: it cannot be resumed."""
        try:
            await relay(upstream.answer, 2**62, sink, flow)
        finally:
            upstream.close()

    async def _relayed(self, upstream: Upstream, flow: Flow, until: int, sink: Sink) -> bytes:
        flow.reopened()
        left = upstream.answer.left
        stop = until if left is None else min(until, flow.at + left)
        if stop <= flow.at:
            upstream.close()
            raise StreamBroken(f"{upstream.host} sends nothing")
        try:
            return await relay(upstream.answer, stop, sink, flow)
        finally:
            upstream.close()

    async def _try(self, start: int, until: int | None, *, urgent: bool) -> Upstream:
        leaf = self._leaf
        link = await self._source.link(leaf)
        self.host, self._place = host(link), place(link)
        self.most_connections = link.connections
        end = None if until is None else until - 1
        try:
            upstream = await self._source.open(leaf, link, start, end, urgent=urgent)
            self.host = upstream.host
            try:
                self._compare(upstream)
                await upstream.answer.first(self._first_byte)
            except BaseException:
                upstream.close()
                raise
        except LinkDead as death:
            log.info("%s: the link at %s %s", leaf.account, host(link), death)
            await self._source.forget(leaf, link)
            raise LinkDead(f"{host(link)} {death}") from None
        return upstream

    def _compare(self, upstream: Upstream) -> None:
        """Two files are never spliced: sizes must agree, and one link's tag must not change.

        Tags of two links say nothing of each other: a tag is one resource's own (RFC 9110 section
        8.8.3), and mirrors of a file make up theirs. A size that the store did not tell may be
        learned, and change.
        """
        total, leaf = upstream.total, self._leaf
        if leaf.file.size is None and total is not None and total != leaf.size:
            self._learn(leaf.identity, total)
        if self.total is None:
            self.total = total
        if total != self.total:
            raise LinkDead(f"sends a file of {total} bytes where {self.total} were due")
        known = (upstream.link.url, upstream.tag)
        if self._known and self._known[0] == known[0] and self._known[1] != known[1]:
            raise LinkDead("sends another file than before")
        self._known = known

    def _blame(self, place_: str, error: StreamBroken, *, is_new: bool) -> None:
        """A failure may happen once; a host that stalls, or fails again, is avoided."""
        if isinstance(error, StreamTimeout) or not is_new:
            self._source.pool(self._leaf).avoid(place_, str(error))
