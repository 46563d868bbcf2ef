"""Places that many want and few can have at once, shared out fairly between people."""

import asyncio
from collections import Counter


class Slots:
    """So many places. Nobody has more of them than are left over: one person alone has half, the
    next half of what is left, so that there nearly always is one for who comes with nothing.

    For one event loop.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._held: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def acquire(self, person: str, within: float) -> bool:
        """Whether there was a place within so many seconds: of those who wait, who has least is
        next, and then who came first.
        """
        if self._may(person):
            self._give(person)
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((person, turn))
        try:
            await asyncio.wait([turn], timeout=within)
        except asyncio.CancelledError:
            if turn.done():
                self.release(person)
            else:
                self._waiting.remove((person, turn))
            raise
        if not turn.done():
            self._waiting.remove((person, turn))
        return turn.done()

    def release(self, person: str) -> None:
        """Give a place back."""
        self._free += 1
        self._held[person] -= 1
        self._held += Counter()  # without those who have none
        while self._waiting:
            following = min(self._waiting, key=lambda waiting: self._held[waiting[0]])
            if not self._may(following[0]):
                return
            self._waiting.remove(following)
            self._give(following[0])
            following[1].set_result(None)

    def _may(self, person: str) -> bool:
        return self._held[person] < self._free

    def _give(self, person: str) -> None:
        self._free -= 1
        self._held[person] += 1
