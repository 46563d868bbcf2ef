"""How long to wait: between two looks at an account, and for what has failed. Pure arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass

LIVELY = 600.0
"""Seconds for which something unfinished that does not move still counts as about to."""
SETTLED = 1800.0
"""Seconds without any change after which an account counts as being at rest."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two refreshes: as a rule, while something is downloading, at rest."""

    usual: float
    quick: float
    slow: float

    def next(self, *, unfinished: bool, still: float) -> float:
        """How long to wait where nothing has moved for `still` seconds."""
        if unfinished and still < LIVELY:
            return min(self.quick, self.usual)
        return self.usual if still < SETTLED else max(self.slow, self.usual)


class Patience:
    """How long to leave alone what failed: doubling, by key."""

    def __init__(self, first: float, longest: float, now: Callable[[], float]) -> None:
        self._first, self._longest, self._now = first, longest, now
        self._until: dict[str, tuple[float, float]] = {}
        self._forgot = now()

    def spent(self, key: str) -> bool:
        """Whether `key` may be tried again."""
        return self._until.get(key, (0.0, 0.0))[0] <= self._now()

    def failed(self, key: str, asked: float | None = None) -> None:
        """Leave `key` alone for twice as long as the last time, or longer where that was `asked`
        for (seconds).
        """
        pause = min(self._until.get(key, (0.0, self._first / 2))[1] * 2, self._longest)
        self._until[key] = (self._now() + max(pause, asked or 0.0), pause)
        self._sweep()

    def rest(self, key: str, seconds: float) -> None:
        """Leave `key` alone for so long, though nothing has failed."""
        self._until[key] = (self._now() + seconds, self._first / 2)
        self._sweep()

    def forget(self, key: str) -> None:
        """It has not failed this time."""
        self._until.pop(key, None)

    def _sweep(self) -> None:
        """What has not failed again for long is gone, or has another key by now.

        It is not looked for with each of the many thousands that may fail at once.
        """
        now = self._now()
        if now < self._forgot + self._longest:
            return
        self._forgot, old = now, now - 2 * self._longest
        self._until = {key: each for key, each in self._until.items() if each[0] >= old}
