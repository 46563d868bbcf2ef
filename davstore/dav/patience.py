"""Failed logins, counted by address and name; who fails often has to wait.

Only failures count. A login that was right before is let in at the same address whatever others
there do, and guessing one name does not hold up another.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

OF_A_NAME = Rate(5, Duration.MINUTE)
OF_AN_ADDRESS = Rate(60, Duration.MINUTE)
MOST = 4096
"""Addresses and names remembered; who has been silent longest is forgotten first."""


class Patience:
    """Knows who has failed too often; `now` in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[tuple[str, str | None], InMemoryBucket] = OrderedDict()
        self._let_in: OrderedDict[tuple[str, str | None], None] = OrderedDict()
        self._lock = threading.Lock()
        self.count = 0

    def wait(self, address: str, name: str) -> int:
        """Seconds until a login from there as `name` is looked at again; 0: at once."""
        moment = self._milliseconds()
        with self._lock:
            return max(self._wait(key, moment) for key in _keys(address, name))

    def failed(self, address: str, name: str) -> None:
        """A login failed."""
        moment = self._milliseconds()
        with self._lock:
            self.count += 1
            for key in _keys(address, name):
                rate = OF_AN_ADDRESS if key[1] is None else OF_A_NAME
                bucket = self._failures.pop(key, None) or InMemoryBucket([rate])
                bucket.leak(moment)
                bucket.put(RateItem("", moment))
                self._failures[key] = bucket
            while len(self._failures) > MOST:
                self._failures.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """A login was right."""
        key = _keys(address, name)[0]
        with self._lock:
            self._let_in[key] = None
            self._let_in.move_to_end(key)
            while len(self._let_in) > MOST:
                self._let_in.popitem(last=False)

    def trusts(self, address: str, name: str) -> bool:
        """Whether a login from there as `name` was right before."""
        return _keys(address, name)[0] in self._let_in

    def _wait(self, key: tuple[str, str | None], moment: int) -> int:
        bucket = self._failures.get(key)
        if bucket is None:
            return 0
        bucket.leak(moment)
        rate = bucket.rates[0]
        oldest = bucket.peek(rate.limit - 1)  # of as many as are forgiven, counted from the newest
        if oldest is None:
            return 0
        return max(0, -(-(oldest.timestamp + rate.interval - moment) // 1000))

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)


def _keys(address: str, name: str) -> tuple[tuple[str, str | None], ...]:
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
