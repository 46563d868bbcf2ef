"""The garbage collector, as a process needs it that holds a large library for weeks.

It looks for cycles, and walks all that lives to find them: with 20,000 magnets a full collection
stops every thread for a second, to find next to nothing, since what is loaded is neither cyclic
nor goes. So that is frozen: set apart, where it is never walked again. (What is no longer referred
to goes at once as ever.) What comes later, such as the first listing of a new account, is found by
the time that a full collection takes, and frozen after it.

All of this is for the whole process: only `davstore serve` and `demo` settle it.
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

YOUNG: Final = 5_000
"""Objects with which the youngest are looked through (700 is usual): a listing makes thousands,
which are mostly gone before their turn comes.
"""
LONG: Final = 0.05
"""Seconds of the processor; what lives on after a full collection that took so much is frozen.

Not of the clock: on a busy machine each takes long, and what is frozen again and again is what
clients and streams have just now, which is no longer found where it is cyclic.
"""


class _Watch:
    """Freezes what a collection was slow to walk."""

    def __init__(self) -> None:
        self.is_settled = False
        self._began = 0.0

    def __call__(self, phase: str, told: dict[str, Any]) -> None:
        if told["generation"] < 2:
            return
        if phase == "start":
            self._began = time.thread_time()
        elif time.thread_time() - self._began > LONG:
            gc.freeze()  # and no word to the log: it may be its lock that this came upon


_watch: Final = _Watch()


def settle() -> None:
    """For a process that serves; to be called before anything is loaded."""
    _watch.is_settled = True
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    if _watch not in gc.callbacks:
        gc.callbacks.append(_watch)


@contextmanager
def loading() -> Iterator[None]:
    """While very many things are made that stay: the collector would walk them over and over, for
    more than half of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
        if _watch.is_settled:
            gc.freeze()
    finally:
        if was:
            gc.enable()
