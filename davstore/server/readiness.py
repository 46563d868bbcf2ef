"""Whether a read could be served now, asked of those who would serve it. Names no account: the
answer is for everybody.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TooLate

from davstore.catalog import Catalog
from davstore.errors import StateError
from davstore.resolver import Failures
from davstore.stream import Streams

LOOP_SECONDS = 2.0
"""How late the streams' event loop may be; a healthy one is by milliseconds."""


class Readiness:
    """Asks the streams' loop, the disk and what is known of the accounts."""

    def __init__(self, catalog: Catalog, failures: Failures, streams: Streams) -> None:
        self._catalog = catalog
        self._failures = failures
        self._streams = streams
        self._is_leaving = False

    def leave(self) -> None:
        """From now on, have others asked instead: the server is about to stop."""
        self._is_leaving = True

    def __call__(self) -> Sequence[str]:
        """The reasons why not, each with its cure where there is one."""
        asked: tuple[Callable[[], str], ...] = (self._loop, self._disk, self._accounts)
        return [reason for ask in asked if (reason := ask())]

    def _loop(self) -> str:
        if self._is_leaving or self._streams.loop.is_closed:
            return "stopping"
        waiting = self._streams.loop.submit(asyncio.sleep(0))
        try:
            waiting.result(LOOP_SECONDS)
        except TooLate:
            waiting.cancel()
            return f"streams answer later than {LOOP_SECONDS:.0f} s: the machine is overloaded"
        return ""

    def _disk(self) -> str:
        try:
            self._catalog.check_disk()
        except StateError:
            return "the catalog on disk cannot be read; see server.state and the log"
        return ""

    def _accounts(self) -> str:
        accounts = self._catalog.accounts
        known = [name for name in accounts if self._catalog.known(name) is not None]
        if not known:
            return "no account has been listed yet; `davstore check` says what is wrong"
        held = self._failures.accounts()
        if all(name in held for name in known):
            return "no account may be read for now; `davstore doctor` says what is wrong"
        return ""
