"""Has what was dropped added in the background: one thread an account, in one process of all."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog.adding import IDLE, Adder
from davstore.catalog.leases import Leases
from davstore.errors import StateError
from davstore.wanted import Takes

log = logging.getLogger(__name__)

TASK: Final = "add"
LOOK_EVERY: Final = 2.0
"""Seconds between two looks whether another process was given something, or has died."""
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

    def start(self, sweep: Callable[[str], object]) -> None:
        """Begin; `sweep` is called now and then for each account."""
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

    def _run(self, name: str, sweep: Callable[[str], object]) -> None:
        adder, woken, ours = self._adders[name], self._woken[name], False
        longest = IDLE if self._leases is None else LOOK_EVERY
        while not self._stopping.is_set():
            pause = longest
            try:
                before, ours = ours, self._is_ours(name)
                if ours and not before:
                    adder.recover()
                if ours:
                    woken.clear()
                    pause = min(adder.turn(), longest)
                    if pause > 0:
                        sweep(name)
            except StateError as error:
                log.warning("%s: %s", name, error)
                pause, ours = AFTER_TROUBLE, False  # what was claimed is taken over anew
            except Exception:
                log.exception("%s: adding failed", name)
                pause, ours = AFTER_TROUBLE, False
            if pause > 0 and woken.wait(pause):
                woken.clear()

    def _is_ours(self, name: str) -> bool:
        try:
            return self._leases is None or self._leases.take(name, TASK)
        except SQLAlchemyError:
            return False
