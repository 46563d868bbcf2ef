"""Connections to file hosts: how many there may be, which are kept, which hosts to avoid."""

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3

from davstore.errors import Busy, StreamBroken, StreamTimeout
from davstore.stream.http1 import Channel
from davstore.stream.wire import Wire
from davstore.transport import Dialer, Line, plain_reason

log = logging.getLogger(__name__)

Origin = tuple[str, str, int]

CONNECT_TIMEOUT = 10.0
KEPT_FOR = 50.0
"""Seconds for which an idle connection is kept: less than hosts usually do."""
TURN_PATIENCE = 30.0
BACKGROUND_SHARE = 0.75
AVOIDED_FOR = 300.0
CROWDED_AFTER, CROWDED_FOR = 0.1, 5.0
"""Who has waited so long shows that connections are few, and for so long."""


class Budget:
    """So many connections at once; people's reads go first, and both kinds in their order."""

    def __init__(self, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self._crowded_until = 0.0
        self.used = 0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._later: deque[asyncio.Future[None]] = deque()

    @property
    def is_crowded(self) -> bool:
        """Whether people wait for a turn, or did so lately."""
        return self.is_wanted() or self._now() < self._crowded_until

    @property
    def has_plenty(self) -> bool:
        """Whether a stream may have more than one without anybody missing them."""
        return self.used <= self.limit // 2 and not self.is_crowded

    def is_wanted(self) -> bool:
        """Whether people wait for a turn."""
        return bool(self._urgent)

    async def take(self, *, urgent: bool, seconds: float = TURN_PATIENCE) -> None:
        """Wait for a turn; `TimeoutError` after `seconds`. Each turn must be given back."""
        if self._has_room(urgent=urgent) and not self._urgent:
            self.used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._urgent if urgent else self._later
        began = self._now()
        queue.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
            if urgent and self._now() - began > CROWDED_AFTER:
                self._crowded_until = self._now() + CROWDED_FOR
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give()
            with suppress(ValueError):
                queue.remove(turn)
            raise

    def give(self) -> None:
        """Give a turn back."""
        self.used -= 1
        for queue, urgent in ((self._urgent, True), (self._later, False)):
            while queue and self._has_room(urgent=urgent):
                turn = queue.popleft()
                if not turn.done():
                    self.used += 1
                    turn.set_result(None)

    def _has_room(self, *, urgent: bool) -> bool:
        share = 1.0 if urgent else BACKGROUND_SHARE
        return self.used < max(1, int(self.limit * share))


@dataclass(slots=True)
class _Avoided:
    until: float
    asked: set[str] = field(default_factory=set)


class Pool:
    """One account's connections: at most `limit` in all, and as many to one host."""

    def __init__(
        self,
        account: str,
        dialer: Dialer,
        threads: Executor,
        *,
        limit: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._dialer = dialer
        self._threads = threads
        self._now = now
        self._idle: dict[Origin, list[Channel]] = defaultdict(list)
        self._avoided: dict[str, _Avoided] = {}
        self.budget = Budget(limit, now)
        self._finishing: set[asyncio.Task[None]] = set()
        self.open = 0

    async def take(self, *, urgent: bool) -> None:
        """Wait for one connection's worth of the budget, to be given back. Raises `Busy`."""
        try:
            await self.budget.take(urgent=urgent)
        except TimeoutError:
            reason = f"all {self.budget.limit} connections are in use; try again soon"
            raise Busy(self._account, reason, retry_after=5) from None

    def kept(self, origin: Origin) -> Channel | None:
        """An idle connection that seems to live."""
        self._reap()
        idle = self._idle.get(origin)
        while idle:
            channel = idle.pop()
            if not channel.wire.has_ended():
                return channel
            self.drop(channel)
        return None

    async def dial(self, origin: Origin) -> Channel:
        """A new connection. Raises `StreamBroken` or `StreamTimeout`."""
        loop = asyncio.get_running_loop()
        dialing = loop.run_in_executor(self._threads, self._dialled, *origin)
        try:
            line = await asyncio.shield(dialing)
        except asyncio.CancelledError:
            dialing.add_done_callback(_hang_up)  # nobody waits for it any more
            raise
        self.open += 1
        return Channel(
            Wire(line.sock), origin, is_forwarded=line.is_forwarded, headers=line.headers
        )

    def _dialled(self, scheme: str, host: str, port: int) -> Line:
        try:
            return self._dialer.dial(scheme, host, port, CONNECT_TIMEOUT)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = plain_reason(error)
            kind = StreamTimeout if reason == "timed out" else StreamBroken
            raise kind(f"{host} cannot be reached ({reason})") from None

    def keep(self, channel: Channel) -> None:
        """For the next request to the same origin."""
        channel.idle_since = self._now()
        self._idle[channel.origin].append(channel)
        if self.open > self.budget.limit:
            oldest = min((c for idle in self._idle.values() for c in idle),
                         key=lambda c: c.idle_since)  # fmt: skip
            self._idle[oldest.origin].remove(oldest)
            self.drop(oldest)

    def drop(self, channel: Channel) -> None:
        """Hang up."""
        self.open -= 1
        channel.close()

    def avoid(self, place: str, why: str) -> None:
        """Prefer other hosts (with their ports) for some minutes."""
        if not self.avoids(place):
            log.warning("%s: avoiding %s for %.0f minutes: %s",
                        self._account, place, AVOIDED_FOR / 60, why)  # fmt: skip
            self._avoided[place] = _Avoided(0.0)
        self._avoided[place].until = self._now() + AVOIDED_FOR

    def avoids(self, place: str) -> bool:
        """Whether `place` lately failed."""
        avoided = self._avoided.get(place)
        return avoided is not None and avoided.until > self._now()

    def is_elsewhere_worth_a_call(self, place: str, file: str) -> bool:
        """Whether another link of `file` should be asked for, as `place` is avoided.

        Once only: where the service gives the same host again, it has no other.
        """
        if not self.avoids(place) or file in self._avoided[place].asked:
            return False
        self._avoided[place].asked.add(file)
        return True

    def trust(self, place: str) -> None:
        """`place` has delivered."""
        if self._avoided.pop(place, None) is not None:
            log.info("%s: %s delivers again", self._account, place)

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def close(self) -> None:
        """Hang up on all idle ones."""
        for idle in self._idle.values():
            while idle:
                self.drop(idle.pop())

    def _reap(self) -> None:
        old = self._now() - KEPT_FOR
        for idle in self._idle.values():
            while idle and idle[0].idle_since < old:
                self.drop(idle.pop(0))


def _hang_up(dialing: "asyncio.Future[Line]") -> None:
    if not dialing.cancelled() and dialing.exception() is None:
        dialing.result().sock.close()
