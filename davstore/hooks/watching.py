"""Notices which folders have changed and has every hook told, each on a thread of its own.

What is to be told is on disk first (`Outbox`): neither a restart nor a receiver that is away loses
it. Of several processes one notes and tells; another takes over from it, and begins with what it
saw a while ago, so that nothing falls between the two.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

from davstore.catalog import Deafness, Outbox, Untold, differences, folded
from davstore.config.hooks import AnyHook
from davstore.errors import HookError, StateError
from davstore.hooks.paths import mapped
from davstore.hooks.receivers import Message, receiver
from davstore.model import Folder

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds between two looks for changes; snapshots come no oftener."""
TELL_EVERY: Final = 1.0
"""Seconds between two looks whether a hook is due."""
KEPT_BACK: Final = 10.0
"""Seconds, and up to twice as many, by which what a standing-by process knows is behind."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""Seconds before a hook that failed is told again; doubling."""
GIVEN_UP: Final = 86400.0
"""Seconds after which what a hook could not be told is dropped."""

Tree = Callable[[], Mapping[str, Folder]]
"""The folders to watch as of now, by path."""


class Hooks:
    """All hooks, from `start` to `stop`. `is_ours` says whether this process tells them.

    `look` and `tell` are what the threads do over and over; `clock` is unix seconds.
    """

    def __init__(
        self,
        hooks: Sequence[AnyHook],
        outbox: Outbox,
        tree: Tree,
        is_ours: Callable[[], bool] = lambda: True,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hooks = tuple(hooks)
        self._outbox = outbox
        self._tree = tree
        self._is_ours = is_ours
        self._clock = clock
        self._telling = False
        self._noted = 0
        self._all_told: dict[str, int] = {}
        self._known: Mapping[str, Folder] | None = None
        self._next: tuple[float, Mapping[str, Folder]] | None = None
        self._receivers = {hook.called: receiver(hook) for hook in hooks}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Watch and tell in the background, if there is anybody to be told."""
        if not self._hooks:
            return
        try:
            self._outbox.keep_only([hook.called for hook in self._hooks])
        except StateError as error:
            log.warning("%s", error)
        self._run("hooks", self.look, LOOK_EVERY)
        for hook in self._hooks:
            self._run(f"hook-{hook.called}", partial(self.tell, hook), TELL_EVERY)

    def stop(self, timeout: float = 3.0) -> None:
        """Tell no more; one that is being told is not waited for longer than `timeout` seconds."""
        self._stopping.set()
        for each in self._receivers.values():
            each.close()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def look(self) -> None:
        """Note what has changed since the last look; a process that stands by only remembers."""
        now = self._clock()
        after = self._tree()
        if self._known is None:
            self._known = after
        self._telling = self._is_ours()
        if not self._telling:
            self._noted += 1  # by others, for all we know
            self._fall_behind(after, now)
            return
        self._next = None
        found = differences(self._known, after)
        for hook in self._hooks if found else ():
            if theirs := [c for c in found if mapped([c], hook.map)]:
                self._outbox.put(hook.called, theirs, now)
                self._noted += 1
        self._known = after

    def tell(self, hook: AnyHook) -> None:
        """Tell a hook what it has not heard yet, if it is time."""
        noted = self._noted
        if not self._telling or self._all_told.get(hook.called) == noted:
            return
        now = self._clock()
        waiting = self._outbox.untold(hook.called)
        if not waiting:
            self._all_told[hook.called] = noted
        if not waiting or now < _due(hook, waiting):
            return
        deafness = self._outbox.deafness(hook.called)
        if deafness is not None and now < deafness.again:
            return
        try:
            self._receivers[hook.called].tell(message(hook, waiting, now))
        except HookError as error:
            self._failed(hook, waiting, deafness, str(error))
            return
        self._outbox.told(hook.called, waiting)
        log.log(logging.INFO if deafness else logging.DEBUG,
                "hook %r: told of %d changed folders", hook.called, len(waiting))  # fmt: skip

    def _failed(
        self, hook: AnyHook, waiting: Sequence[Untold], before: Deafness | None, reason: str
    ) -> None:
        now = self._clock()
        tries = before.tries + 1 if before else 1
        since = before.since if before else now
        if now - since > GIVEN_UP:
            self._outbox.told(hook.called, waiting)
            log.warning("hook %r: could not be told for a day (%s); %d changes dropped",
                        hook.called, reason, len(waiting))  # fmt: skip
            return
        pause = wait_before(tries)
        self._outbox.failed(hook.called, Deafness(since, tries, now + pause, reason))
        if before is None or before.error != reason:
            log.warning("hook %r: %s; trying again", hook.called, reason)

    def _fall_behind(self, after: Mapping[str, Folder], now: float) -> None:
        """Whoever tells may die before it has noted the last changes: they are kept for us."""
        if self._next is None:
            self._next = now, after
        elif now - self._next[0] >= KEPT_BACK:
            self._known, self._next = self._next[1], (now, after)

    def _run(self, name: str, work: Callable[[], object], pause: float) -> None:
        thread = threading.Thread(target=self._over, args=(work, pause), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _over(self, work: Callable[[], object], pause: float) -> None:
        said = ""
        while not self._stopping.is_set():
            try:
                work()
                said = ""
            except StateError as error:
                if said != str(error):
                    log.warning("%s", error)
                said = str(error)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("hooks: something was not told; trying again")
            self._stopping.wait(pause)


def message(hook: AnyHook, waiting: Sequence[Untold], now: float) -> Message:
    """What a hook is told of what waits for it; the same again where that is the same."""
    marks = "\n".join(f"{w.change.was} {w.change.path} {w.first} {w.times}" for w in waiting)
    digest = blake2b(marks.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return Message(digest, now, mapped(folded(w.change for w in waiting), hook.map))


def wait_before(tries: int) -> float:
    """Seconds before a hook is told again that has failed so often."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 16))


def _due(hook: AnyHook, waiting: Sequence[Untold]) -> float:
    """When it has been quiet for long enough, or has waited for too long."""
    quiet = max(each.last for each in waiting) + hook.quiet
    return min(quiet, min(each.first for each in waiting) + hook.latest)
