"""Connections to file hosts: how many there may be, which are kept, which hosts to avoid."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3

from davstore.errors import Busy, StreamBroken, StreamTimeout
from davstore.stream.budget import Budget
from davstore.stream.http1 import Channel
from davstore.stream.wire import Wire
from davstore.transport import Dialer, Line, plain_reason

log = logging.getLogger(__name__)

Origin = tuple[str, str, int]

CONNECT_TIMEOUT = 10.0
KEPT_FOR = 50.0
"""Seconds for which an idle connection is kept: less than hosts usually do."""
AVOIDED_FOR = 300.0


@dataclass(slots=True)
class Host:
    """One file host, to all accounts that read from it: together they have no more connections
    there than the one of them that may have most, since hosts count by address.
    """

    turns: Budget
    open: int = 0
    pools: "list[Pool]" = field(default_factory=list)

    def admit(self, pool: "Pool") -> None:
        """Let `pool` read from it too."""
        if pool not in self.pools:
            self.pools.append(pool)
            self.turns.limit = max(self.turns.limit, pool.budget.limit)

    def make_room(self) -> None:
        """Hang up on an idle connection where there are as many as may be."""
        if self.open >= self.turns.limit:
            any(pool.drop_idle_at(self) for pool in self.pools)


@dataclass(slots=True)
class _Avoided:
    until: float
    asked: set[str] = field(default_factory=set)


class Pool:
    """One account's connections: at most `limit` in all. `hosts` are shared with other accounts."""

    def __init__(
        self,
        account: str,
        dialer: Dialer,
        threads: Executor,
        hosts: dict[str, Host],
        *,
        limit: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._dialer = dialer
        self._threads = threads
        self._hosts = hosts
        self._now = now
        self._idle: list[Channel] = []
        self._avoided: dict[str, _Avoided] = {}
        self.budget = Budget(limit, now)
        self._finishing: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self.open = 0

    async def take(self, *, urgent: bool) -> None:
        """Wait for one connection's worth of the budget, to be given back. Raises `Busy`."""
        await self._turn(self.budget, "connections", urgent=urgent)

    async def channel(self, origin: Origin, *, urgent: bool) -> Channel:
        """A connection to `origin`, kept or new, to be given back by `keep` or `drop`.

        Raises `Busy` where the host has none to spare, `StreamBroken` or `StreamTimeout`.
        """
        host = self._host(origin)
        await self._turn(host.turns, f"connections to {origin[1]}", urgent=urgent)
        try:
            return self._kept(origin) or await self._dial(origin, host)
        except BaseException:
            self._given(origin)
            raise

    def keep(self, channel: Channel) -> None:
        """For the next request to the same origin."""
        self._given(channel.origin)
        channel.idle_since = self._now()
        self._idle.append(channel)
        if self.open > self.budget.limit:
            self._hang_up(self._idle.pop(0))
        elif self._reaper is None:
            self._reap_in(KEPT_FOR)

    def drop(self, channel: Channel) -> None:
        """Hang up."""
        self._hang_up(channel)
        self._given(channel.origin)

    def drop_idle_at(self, host: Host) -> bool:
        """Hang up on the connection to `host` that was idle for longest; whether there was one."""
        for channel in self._idle:
            if self._host(channel.origin) is host:
                self._idle.remove(channel)
                self._hang_up(channel)
                return True
        return False

    def is_wanted(self, host: str) -> bool:
        """Whether people wait for a turn to read from `host`."""
        return any(budget.is_wanted() for budget in self._budgets(host))

    def is_crowded(self, host: str) -> bool:
        """Whether they do, or did so lately."""
        return any(budget.is_crowded for budget in self._budgets(host))

    def has_plenty(self, host: str) -> bool:
        """Whether a stream from `host` may have several without anybody missing them."""
        return all(budget.has_plenty for budget in self._budgets(host))

    def used(self, host: str) -> int:
        """Connections in use by this account, or by all to `host` if those are more."""
        return max(budget.used for budget in self._budgets(host))

    def _budgets(self, host: str) -> tuple[Budget, ...]:
        known = self._hosts.get(host)
        return (self.budget,) if known is None else (self.budget, known.turns)

    def _host(self, origin: Origin) -> Host:
        name = origin[1]
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(Budget(1, self._now))
        host.admit(self)
        return host

    async def _turn(self, budget: Budget, what: str, *, urgent: bool) -> None:
        try:
            await budget.take(urgent=urgent)
        except TimeoutError:
            reason = f"all {budget.limit} {what} are in use; try again soon"
            raise Busy(self._account, reason, retry_after=5) from None

    def _kept(self, origin: Origin) -> Channel | None:
        """An idle connection that seems to live, the last used first."""
        for channel in reversed(self._idle):
            if channel.origin == origin:
                self._idle.remove(channel)
                if not channel.wire.has_ended():
                    return channel
                self._hang_up(channel)
        return None

    async def _dial(self, origin: Origin, host: Host) -> Channel:
        host.make_room()
        self.open += 1
        host.open += 1
        dialing = self._threads.submit(self._dialled, *origin)
        try:
            line = await asyncio.wrap_future(dialing)
        except BaseException:
            self.open -= 1
            host.open -= 1
            # Nobody waits for it any more, and the loop may have ended before it comes.
            dialing.add_done_callback(_hang_up)
            del dialing  # it holds its error, which holds this frame
            raise
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

    def _hang_up(self, channel: Channel) -> None:
        self.open -= 1
        self._host(channel.origin).open -= 1
        self._forget_unused(channel.origin)
        channel.close()

    def _given(self, origin: Origin) -> None:
        self._host(origin).turns.give()
        self._forget_unused(origin)

    def _forget_unused(self, origin: Origin) -> None:
        host = self._host(origin)
        if not host.open and not host.turns.used:
            del self._hosts[origin[1]]

    def avoid(self, place: str, why: str) -> None:
        """Prefer other hosts (with their ports) for some minutes."""
        if not self.avoids(place):
            log.warning("%s: avoiding %s for %.0f minutes: %s",
                        self._account, place, AVOIDED_FOR / 60, why)  # fmt: skip
            self._avoided = {k: v for k, v in self._avoided.items() if v.until > self._now()}
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
        """Hang up on all idle ones, and keep none any more."""
        self.budget.limit = 0
        while self._idle:
            self._hang_up(self._idle.pop())

    def _reap_in(self, seconds: float) -> None:
        self._reaper = asyncio.get_running_loop().call_later(seconds, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        old = self._now() - KEPT_FOR
        while self._idle and self._idle[0].idle_since <= old:
            self._hang_up(self._idle.pop(0))
        if self._idle:
            self._reap_in(self._idle[0].idle_since - old)


def _hang_up(dialing: Future[Line]) -> None:
    if not dialing.cancelled() and dialing.exception() is None:
        dialing.result().sock.close()
