"""The same file in several accounts: from which of them it is read, and from which next."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from davstore.errors import DavstoreError
from davstore.model import Leaf
from davstore.resolver import Failures
from davstore.stream.delivery import Deliveries
from davstore.stream.pool import Pool

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A file in one account; `lanes` is over how many connections at once it may be read."""

    leaf: Leaf
    deliveries: Deliveries
    pool: Pool
    lanes: int


class Copies:
    """All copies of a file of one size, in the order in which they are to be used.

    `current` is the one in use; it is not clung to while there are others.
    """

    def __init__(self, copies: Sequence[Copy], failures: Failures) -> None:
        self.current = copies[0]
        self._others = deque(copies[1:])
        self._failures = failures
        self._settle()

    def is_wanted(self) -> bool:
        """Whether others wait for a connection to the host that is read from."""
        return self.current.pool.is_wanted(self.current.deliveries.host)

    def check(self) -> None:
        """Raises what is held against the current one."""
        self._failures.check(self.current.leaf)

    def failed(self, error: DavstoreError) -> DavstoreError:
        """Remember that the current one cannot be read, and what clients are to be told of it."""
        return self._failures.failed(self.current.leaf, error)

    def next(self) -> bool:
        """Go over to the next copy that is not known to fail; whether there is one."""
        before = self.current
        while self._others:
            self.current = self._others.popleft()
            try:
                self.check()
            except DavstoreError:
                continue
            log.info("%s: reading %s from account %s instead",
                     before.leaf.account, before.leaf.name, self.current.leaf.account)  # fmt: skip
            self._settle()
            return True
        self.current = before
        return False

    def cling(self) -> bool:
        """Have more patience with the current one, as there is no other; whether that is news."""
        was_hasty, self.current.deliveries.is_hasty = self.current.deliveries.is_hasty, False
        return was_hasty

    def _settle(self) -> None:
        self.current.deliveries.is_hasty = bool(self._others)
