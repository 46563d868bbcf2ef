"""How many connections there may be at once, and whose turn it is."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

TURN_PATIENCE = 30.0
BACKGROUND_SHARE = 0.75
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
