"""The event loop on which all streams run, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time is told by `now` (monotonic seconds)."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def time(self) -> float:
        """Seconds."""
        return self._now()


class Loop:
    """Runs coroutines for other threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.asyncio = Clock(now)
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns or raises; never to be called on the loop itself."""
        return self.submit(work).result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """`work`, begun."""
        return asyncio.run_coroutine_threadsafe(work, self.asyncio)

    def soon(self, callback: Callable[..., object], *args: object) -> None:
        """Call back on the loop."""
        self.asyncio.call_soon_threadsafe(callback, *args)

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """Cancel what runs and end; may be called twice."""
        if self.is_closed:
            return
        self.call(_cancel_all())
        self.asyncio.call_soon_threadsafe(self.asyncio.stop)
        self._thread.join()
        self.asyncio.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.asyncio)
        self.asyncio.run_forever()


async def _cancel_all() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:  # some begin others as they end
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
