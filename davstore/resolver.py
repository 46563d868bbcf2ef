"""ref -> fresh link: how long a link is believed, one call for many askers, forgetting.

Alone knows cachetools. Which links outlive a restart is the shelf's business.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from cachetools import TLRUCache

from davstore.errors import StoreUnavailable
from davstore.model import File, Link
from davstore.stores.base import Store

log = logging.getLogger(__name__)

LONGEST_LIFE = 12 * 3600.0
MARGIN = 300.0
"""Seconds before its end at which a link is no longer handed out, so that a read can begin."""
CAPACITY = 50_000
PATIENCE = 90.0


class Shelf(Protocol):
    """Links kept on disk, by account and ref."""

    def get(self, account: str, ref: str) -> Link | None:
        """The link put there last, fresh or stale."""

    def put(self, account: str, ref: str, link: Link) -> None:
        """Keep `link` in place of an older one."""

    def drop(self, account: str, ref: str) -> None:
        """Keep none."""


Key = tuple[str, str]


class Resolver:
    """Fresh links of files, each generated once however many readers wait for it."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        shelf: Shelf,
        *,
        now: Callable[[], float] = time.time,
        capacity: int = CAPACITY,
    ) -> None:
        self._stores = stores
        self._shelf = shelf
        self._now = now
        self._lock = threading.Lock()
        self._fresh: TLRUCache[Key, Link] = TLRUCache(
            capacity, ttu=lambda _key, link, _now: link.expires, timer=now
        )
        self._flights: dict[Key, Future[Link]] = {}

    def link(self, account: str, file: File) -> Link:
        """A link of `file` that is fresh for a while; its `expires` is when we stop believing it.

        Raises what the store raises, to every reader who waited for that answer, and
        `StoreUnavailable` when the answer takes longer than 90 s.
        """
        key = (account, file.ref)
        with self._lock:
            link = self._fresh.get(key)
            if link is not None:
                return link
            flight = self._flights.get(key)
            pilot = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if pilot:
            self._fly(key, file, flight)
        try:
            return flight.result(PATIENCE)
        except TimeoutError:
            raise StoreUnavailable(account, "the link takes too long to generate") from None

    def forget(self, account: str, file: File, dead: Link) -> None:
        """Never hand out `dead` again; a newer link of the same file stays."""
        key = (account, file.ref)
        with self._lock:
            known = self._fresh.get(key)
            if known is not None and known.url != dead.url:
                return
            self._fresh.pop(key, None)
            self._shelf.drop(*key)

    def _fly(self, key: Key, file: File, flight: Future[Link]) -> None:
        try:
            link = self._shelved(key) or self._generated(key, file)
        except BaseException as error:  # noqa: BLE001 - handed on to all who wait
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            return
        with self._lock:
            self._fresh[key] = link
            del self._flights[key]
        flight.set_result(link)

    def _shelved(self, key: Key) -> Link | None:
        link = self._shelf.get(*key)
        return link if link is not None and link.expires > self._now() else None

    def _generated(self, key: Key, file: File) -> Link:
        account = key[0]
        asked = self._now()
        link = self._stores[account].link(file)
        life = min(link.expires - asked, LONGEST_LIFE)
        link = replace(link, expires=asked + life - min(MARGIN, life / 10))
        self._shelf.put(*key, link)
        log.debug("%s: generated a link, good for %.0f s", account, link.expires - asked)
        return link
