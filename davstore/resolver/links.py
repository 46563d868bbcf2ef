"""How long a link is believed, one call for many askers, forgetting, and a bound on asking.

Which links outlive a restart is the shelf's business.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from cachetools import LRUCache, TLRUCache

from davstore.errors import Busy, DavstoreError, StoreUnavailable, anew
from davstore.logs import Threads
from davstore.model import Leaf, Link
from davstore.stores.base import Store
from davstore.tally import GENERATED, LINKS, Tally

log = logging.getLogger(__name__)

LONGEST_LIFE = 12 * 3600.0
MARGIN = 300.0
"""Seconds before its end at which a link is no longer handed out, so that a read can begin."""
CAPACITY = 50_000
PATIENCE = 90.0
MOST_CALLS, CALLS_WITHIN = 3, 60.0
"""So many links of one file, none of which has delivered, may be generated within these seconds."""
THREADS = 8
STOPPED = "davstore is being stopped"
LOOK_EVERY = 0.1
"""Seconds between two looks whether another process has generated the link."""


class Shelf(Protocol):
    """Links kept on disk, by account and ref."""

    def get(self, account: str, ref: str) -> Link | None:
        """The link put there last, fresh or stale."""

    def put(self, account: str, ref: str, link: Link) -> None:
        """Keep `link` in place of an older one."""

    def drop(self, account: str, ref: str, url: str) -> None:
        """Keep this one no longer; a newer one stays."""

    def changed(self) -> Iterable[tuple[str, str, str]]:
        """Account, ref and URL ("" for none) of what anybody has changed since last asked."""


class Turns(Protocol):
    """Whose turn it is to generate a link, where several processes share the shelf."""

    def take(self, account: str, ref: str) -> bool:
        """Whether it is ours; not for ever, should we die."""

    def give(self, account: str, ref: str) -> None:
        """We are done."""


Key = tuple[str, str]


class Resolver:
    """Fresh links of files, each generated once however many readers wait for it."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        shelf: Shelf,
        *,
        turns: Turns | None = None,
        tally: Tally | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stores = stores
        self._tally = tally or Tally()
        self._turns = turns
        self._sleep = sleep
        self._shelf = shelf
        self._now = now
        self._lock = threading.Lock()
        self._fresh: TLRUCache[Key, Link] = TLRUCache(
            CAPACITY, ttu=lambda _key, link, _now: link.expires, timer=now
        )
        self._flights: dict[Key, Future[Link]] = {}
        self._calls: LRUCache[Key, deque[float]] = LRUCache(CAPACITY)
        # A store that hangs holds its own threads and nobody else's.
        self._threads = {
            name: Threads(THREADS, thread_name_prefix=f"link-{name}") for name in stores
        }

    def known(self, leaf: Leaf) -> Link | None:
        """A link of `leaf` that is at hand and fresh for a while."""
        with self._lock:
            link = self._fresh.get(_key(leaf))
        if link is not None:
            self._tally.count(LINKS, leaf.account, "known")
        return link

    def ask(self, leaf: Leaf) -> Future[Link]:
        """A link that is fresh for a while; its `expires` is when we stop believing it.

        Fails as the store does, for all who wait for that answer, and with `StoreUnavailable`
        where too many links of this file were asked for in vain.
        """
        key = _key(leaf)
        with self._lock:
            link = self._fresh.get(key)
            if link is not None:
                done: Future[Link] = Future()
                done.set_result(link)
                return done
            flight = self._flights.get(key)
            if flight is None:
                flight = Future()
                try:
                    self._threads[leaf.account].submit(self._fly, key, leaf, flight)
                except RuntimeError:  # closed
                    flight.set_exception(StoreUnavailable(leaf.account, STOPPED))
                else:
                    self._flights[key] = flight
            else:
                self._tally.count(LINKS, leaf.account, "joined")
        return flight

    def link(self, leaf: Leaf) -> Link:
        """As `ask`, waiting for it, 90 s at most."""
        try:
            return self.ask(leaf).result(PATIENCE)
        except TimeoutError:
            raise StoreUnavailable(
                leaf.account, "the link takes too long to generate; try again later"
            ) from None

    def forget(self, leaf: Leaf, dead: Link) -> None:
        """Never hand out `dead` again; a newer link of the same file stays."""
        key = _key(leaf)
        with self._lock:
            known = self._fresh.get(key)
            if known is not None and known.url != dead.url:
                return
            self._fresh.pop(key, None)
        self._shelf.drop(*key, dead.url)

    def follow(self) -> None:
        """Let go of the links that another process has forgotten or replaced."""
        for account, ref, url in self._shelf.changed():
            with self._lock:
                known = self._fresh.get((account, ref))
                if known is not None and known.url != url:
                    del self._fresh[account, ref]

    def worked(self, leaf: Leaf) -> None:
        """A link of `leaf` has delivered: what was asked for before was not in vain."""
        with self._lock:
            self._calls.pop(_key(leaf), None)

    def close(self) -> None:
        """Generate no more links; who still waits is told so."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            waiting = [(key, each) for key, each in self._flights.items() if not each.running()]
        for (account, _), flight in waiting:
            flight.set_exception(StoreUnavailable(account, STOPPED))

    def _fly(self, key: Key, leaf: Leaf, flight: Future[Link]) -> None:
        flight.set_running_or_notify_cancel()
        outcome = self._outcome(key, leaf)
        with self._lock:
            if isinstance(outcome, Link):
                self._fresh[key] = outcome
            del self._flights[key]
        if isinstance(outcome, Link):
            flight.set_result(outcome)
        else:
            flight.set_exception(outcome)

    def _outcome(self, key: Key, leaf: Leaf) -> Link | BaseException:
        """A link, or what is to be handed on to all who wait for it."""
        try:
            link = self._shelved(key)
            self._tally.count(LINKS, leaf.account, "kept" if link else "generated")
            return link or self._in_turn(key, leaf)
        except DavstoreError as error:
            return anew(error)
        except BaseException as error:  # noqa: BLE001 - with its traceback: it is a fault of ours
            return error

    def _shelved(self, key: Key) -> Link | None:
        link = self._shelf.get(*key)
        return link if link is not None and link.expires > self._now() else None

    def _in_turn(self, key: Key, leaf: Leaf) -> Link:
        """Generated here, or by another process that is at it already."""
        if self._turns is None:
            return self._generated(key, leaf)
        until = self._now() + PATIENCE
        while not self._turns.take(*key):
            if self._now() > until:
                raise StoreUnavailable(leaf.account, "the link takes too long; try again later")
            self._sleep(LOOK_EVERY)
            if (link := self._shelved(key)) is not None:
                return link
        try:
            return self._shelved(key) or self._generated(key, leaf)
        finally:
            self._turns.give(*key)

    def _generated(self, key: Key, leaf: Leaf) -> Link:
        account, asked = leaf.account, self._now()
        self._count(key, account, asked)
        try:
            link = self._stores[account].link(leaf.file)
        except Exception as error:
            self._tally.count(GENERATED, account, type(error).__name__)
            if isinstance(error, Busy):
                self._uncount(key, asked)
            raise
        self._tally.count(GENERATED, account, "ok")
        life = min(link.expires - asked, LONGEST_LIFE)
        link = replace(link, expires=asked + life - min(MARGIN, life / 10))
        self._shelf.put(*key, link)
        log.debug("%s: generated a link, good for %.0f s", account, link.expires - asked)
        return link

    def _count(self, key: Key, account: str, asked: float) -> None:
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            while calls and calls[0] <= asked - CALLS_WITHIN:
                calls.popleft()
            if len(calls) >= MOST_CALLS:
                wait = calls[0] + CALLS_WITHIN - asked
                raise StoreUnavailable(
                    account, f"{len(calls)} links of this file were of no use", retry_after=wait
                )
            calls.append(asked)

    def _uncount(self, key: Key, asked: float) -> None:
        """The service was not asked, after all."""
        with self._lock, suppress(KeyError, ValueError):
            self._calls[key].remove(asked)


def _key(leaf: Leaf) -> Key:
    return leaf.account, leaf.file.ref
