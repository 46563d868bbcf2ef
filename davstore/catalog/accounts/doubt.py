"""Whether to believe that magnets have gone. Pure bookkeeping: no store, no disk, no clock.

A service that loses its database for a minute answers politely with an empty list; whoever
believes that has a media server throw away its library. So many at once are held back until a
second complete listing, some minutes later, says the same.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

CONFIRM_AFTER = 180.0
"""Seconds until a second listing may confirm the first."""
BELIEVED, NEVER = 0.0, 1e12
"""Moments as if missed first: so long ago that the next complete listing settles it, and never."""
FEW = 5
"""So many may always go."""


class Doubt:
    """What one account is said to have lost and nobody believes yet.

    `share` of the account may go at once, `held_back` are the ids that may not, each with the
    moment at which it was first missed.
    """

    def __init__(self, share: float, held_back: Mapping[str, float]) -> None:
        self.keep(held_back)
        self._share = share
        self._believed: deque[tuple[float, int]] = deque()

    def keep(self, held_back: Mapping[str, float]) -> None:
        """These are held back, and on disk as such."""
        self.held_back = dict(held_back)
        self._saved = dict(held_back)

    @property
    def unsaved(self) -> Mapping[str, float] | None:
        """What is held back, None where that is on disk as it is."""
        return None if self.held_back == self._saved else self.held_back

    def judge(
        self, leaving: Collection[str], total: int, now: float, *, complete: bool
    ) -> set[str]:
        """Those of `leaving` that may go, out of `total` that are known; the rest is held back.

        `complete` where the whole account has just been listed: only that confirms. What went
        within the last minutes counts too, so that nothing drains away in small portions.
        """
        confirmed = {
            id_ for id_ in leaving
            if complete and now - self.held_back.get(id_, now) >= CONFIRM_AFTER
        }  # fmt: skip
        fresh = {id_ for id_ in leaving if id_ not in self.held_back}
        while self._believed and self._believed[0][0] <= now - CONFIRM_AFTER:
            self._believed.popleft()
        before = sum(count for _, count in self._believed)
        many = len(fresh) + before
        if fresh and many > FEW and many > self._share * (total + before):
            self.held_back.update(dict.fromkeys(fresh, now))
            fresh = set()
        elif fresh:
            self._believed.append((now, len(fresh)))
        for id_ in confirmed:
            del self.held_back[id_]
        return confirmed | fresh

    def back(self, ids: Iterable[str]) -> None:
        """These are there after all."""
        for id_ in ids:
            self.held_back.pop(id_, None)

    def due(self, now: float) -> bool:
        """Whether it is time to list the account completely once more."""
        return any(now - since >= CONFIRM_AFTER for since in self.held_back.values())
