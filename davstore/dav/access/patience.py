"""Failed logins, counted by address and name; who fails often has to wait.

Only failures count. A login that was right before is let in at the same address whatever others
there do, and guessing one name does not hold up another.

Several processes count together, on disk, which is looked at only for who is not let in at once.
Where somebody logged in rightly at one of them, the others, who cannot know the password again
without looking at it, count for themselves: guesses do not lock that one out of the rest.
"""

import ipaddress
import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from davstore.dav.keeping.keeping import Keeping
from davstore.errors import StateError
from davstore.pooled import Timeout

Key = tuple[str, str | None]
"""An address, and a name; None: any."""

OF_A_NAME = Rate(5, Duration.MINUTE)
OF_AN_ADDRESS = Rate(60, Duration.MINUTE)
ROOM = 8 * 2**20
"""Bytes for the failures that all processes know of."""
MOST = 4096
"""Addresses and names remembered; who has been silent longest is forgotten first."""
KNOWN_FOR = 30 * 24 * 3600.0
"""Seconds for which the other processes know of a login that was right."""

log = logging.getLogger(__name__)


class Patience:
    """Knows who has failed too often; `now` in seconds. All processes that keep it
    `together` know it of each other.
    """

    def __init__(
        self, now: Callable[[], float] = time.monotonic, together: Keeping | None = None
    ) -> None:
        self._now = now
        self._together = None if together is None else _Together(together)
        self._failures: OrderedDict[Key, InMemoryBucket] = OrderedDict()
        self._let_in: OrderedDict[Key, None] = OrderedDict()
        self._lock = threading.Lock()
        self.count = 0

    def wait(self, address: str, name: str) -> int:
        """Seconds until a login from there as `name` is looked at again; 0: at once."""
        moment = self._milliseconds()
        keys = _keys(address, name)
        with self._lock:
            own = max(self._wait(key, moment) for key in keys)
        if own or self._together is None or self._together.trusts(keys[0]):
            return own
        return max(self._together.wait(key, _rate(key), moment) for key in keys)

    def failed(self, address: str, name: str) -> None:
        """A login failed."""
        moment = self._milliseconds()
        with self._lock:
            self.count += 1
            for key in _keys(address, name):
                bucket = self._failures.pop(key, None) or InMemoryBucket([_rate(key)])
                bucket.leak(moment)
                bucket.put(RateItem("", moment))
                self._failures[key] = bucket
            while len(self._failures) > MOST:
                self._failures.popitem(last=False)
        if self._together is not None:
            for key in _keys(address, name):
                self._together.failed(key, _rate(key), moment)

    def succeeded(self, address: str, name: str) -> None:
        """A login was right."""
        key = _keys(address, name)[0]
        with self._lock:
            self._let_in[key] = None
            self._let_in.move_to_end(key)
            while len(self._let_in) > MOST:
                self._let_in.popitem(last=False)
        if self._together is not None:
            self._together.succeeded(key)

    def trusts(self, address: str, name: str) -> bool:
        """Whether a login from there as `name` was right before."""
        return _keys(address, name)[0] in self._let_in

    def close(self) -> None:
        """Let go of it."""
        if self._together is not None:
            self._together.close()

    def _wait(self, key: Key, moment: int) -> int:
        bucket = self._failures.get(key)
        if bucket is None:
            return 0
        bucket.leak(moment)
        rate = bucket.rates[0]
        oldest = bucket.peek(rate.limit - 1)  # of as many as are forgiven, counted from the newest
        if oldest is None:
            return 0
        return _seconds(oldest.timestamp + rate.interval - moment)

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)


class _Together:
    """The failures of all processes; where they cannot be `kept`, there are none."""

    def __init__(self, kept: Keeping) -> None:
        self._kept = kept

    def wait(self, key: Key, rate: Rate, moment: int) -> int:
        """Seconds until a login is looked at again."""
        moments = self._moments(key, rate, moment)
        if len(moments) < rate.limit:
            return 0
        return _seconds(moments[-rate.limit] + rate.interval - moment)

    def failed(self, key: Key, rate: Rate, moment: int) -> None:
        """A login failed."""
        with _disk(), self._kept.transact():
            moments = [*self._moments(key, rate, moment), moment][-rate.limit :]
            self._kept.set(key, moments, expire=rate.interval / 1000)

    def succeeded(self, key: Key) -> None:
        """A login was right."""
        with _disk():
            self._kept.set(("let in", *key), 1, expire=KNOWN_FOR)

    def trusts(self, key: Key) -> bool:
        """Whether one was right before."""
        with _disk():
            return ("let in", *key) in self._kept
        return False

    def close(self) -> None:
        """Let go of it."""
        self._kept.close()

    def _moments(self, key: Key, rate: Rate, moment: int) -> list[int]:
        with _disk():
            said: list[int] = self._kept.get(key) or []
            # Another machine's clock may be a little ahead.
            return [min(each, moment) for each in said if abs(moment - each) < rate.interval]
        return []


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, Timeout, StateError) as error:
        log.warning("failed logins cannot be counted together: %s", type(error).__name__)


def _rate(key: Key) -> Rate:
    return OF_AN_ADDRESS if key[1] is None else OF_A_NAME


def _seconds(milliseconds: int) -> int:
    return max(0, -(-milliseconds // 1000))


def _keys(address: str, name: str) -> tuple[Key, ...]:
    place = _network(address)
    return (place, name[:100]), (place, None)


def _network(address: str) -> str:
    """An IPv6 address counts with its neighbours: who has one has all of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
