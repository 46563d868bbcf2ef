"""Has what was dropped added in the background: one thread an account, in one process of all."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.adding.adding import IDLE, Adder
from davstore.catalog.database import revisions
from davstore.catalog.database.leases import Leases
from davstore.errors import StateError
from davstore.wanted import Takes

log = logging.getLogger(__name__)

TASK: Final = "add"
LOOK_EVERY: Final = 60.0
"""Seconds between two looks at the queue of an account, where nobody tells of what a command has
put there.
"""
AFTER_TROUBLE: Final = 10.0


class Adders:
    """The adders of all accounts, at work between start and stop.

    `leases` say which process is at work on an account, where there are several; somebody else
    renews them.
    """

    def __init__(self, adders: Mapping[str, Adder], leases: Leases | None = None) -> None:
        self._adders = adders
        self._leases = leases
        self._woken = {name: threading.Event() for name in adders}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def takes(self) -> dict[str, Takes]:
        """The accounts that magnets can be added to, and what else."""
        return {name: adder.takes for name, adder in self._adders.items()}

    def wake(self, account: str) -> None:
        """Something was dropped there."""
        self._woken[account].set()

    def follow(self, changed: Collection[str]) -> None:
        """Another process was given something, or has let go of an account."""
        for name in self._adders:
            if revisions.LEASES in changed or revisions.of_queue(name) in changed:
                self.wake(name)

    def start(self, sweep: Callable[[str], float]) -> None:
        """Begin; `sweep` is called now and then for each account, and says in how many seconds it
        is to be called again.
        """
        for name in self._adders:
            thread = threading.Thread(
                target=self._run, args=(name, sweep), name=f"add-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Begin nothing more; a call under way is not waited for longer than `timeout` seconds."""
        self._stopping.set()
        for event in self._woken.values():
            event.set()
        for thread in self._threads:
            thread.join(timeout / max(1, len(self._threads)))

    def _run(self, name: str, sweep: Callable[[str], float]) -> None:
        adder, woken = self._adders[name], self._woken[name]
        longest = LOOK_EVERY if self._leases is None else IDLE
        while True:
            woken.clear()
            if self._stopping.is_set():
                return
            pause = longest
            try:
                if self._is_ours(name):
                    pause = min(adder.turn(), longest)
                    if pause > 0:
                        pause = min(pause, max(1.0, sweep(name)))
            except SQLAlchemyError:  # of leases; who renews them says so
                pause = AFTER_TROUBLE
            except StateError as error:
                log.warning("%s: %s", name, error)
                pause = AFTER_TROUBLE
            except Exception:
                log.exception("%s: adding failed", name)
                pause = AFTER_TROUBLE
            if pause > 0:
                woken.wait(pause)

    def _is_ours(self, name: str) -> bool:
        return self._leases is None or self._leases.take(name, TASK)
