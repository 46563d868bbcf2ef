"""What the server knows of itself at this moment, for its pages and metrics.

Where several processes serve together each writes its own part into the state folder every few
seconds, so that whichever is asked can tell of all. The files also tell commands beside the server
what it will not read for now.
"""

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from davstore import logs
from davstore.config import Settings
from davstore.dashboard.scene import BUCKET, BUCKETS, Point, Process
from davstore.logs import Remark, recent
from davstore.model import Reader, Reading
from davstore.resolver import Failures
from davstore.stream import Streams
from davstore.tally import BYTES, CALLS, Tally, total

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two looks, and writes where anything has changed."""
FORGOTTEN = 15.0
"""Seconds after which what nobody touches is of a process that is no more."""
FOLDER, LEVEL = "watch", "level"


class Watch:
    """Looks every few seconds between `start` and `stop`. `number` tells this process from the
    others, `clients` says how many are connected. `now` is unix seconds.
    """

    def __init__(
        self,
        tally: Tally,
        streams: Streams,
        failures: Failures,
        clients: Callable[[], int],
        state: Path,
        *,
        number: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tally = tally
        self._streams = streams
        self._failures = failures
        self._clients = clients
        self._folder = state / FOLDER
        self._number = str(number)
        self._now = now
        self._started = now()
        self._history: dict[int, Point] = {}
        self._before = Point()
        self._written = ""
        self._level = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        with contextlib.suppress(OSError):
            (self._folder / LEVEL).unlink(missing_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and take our part away."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def look(self) -> None:
        """Add to the history what has happened since."""
        counted = self._tally.read()
        after = Point(total(counted, BYTES), total(counted, CALLS))
        at = int(self._now() // BUCKET)
        there = self._history.get(at, Point())
        if after != self._before:
            self._history[at] = Point(
                there.bytes + after.bytes - self._before.bytes,
                there.calls + after.calls - self._before.calls,
            )
            self._before = after
        for old in [each for each in self._history if each <= at - BUCKETS]:
            del self._history[old]

    def set_level(self, level: str) -> None:
        """Log so much from now on, in all processes."""
        logs.set_level(level)
        self._level = level
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / LEVEL).write_text(level, "utf-8")

    def follow_level(self) -> None:
        """Log as much as another process was told to."""
        try:
            level = (self._folder / LEVEL).read_text("utf-8")
        except OSError:
            return
        if level != self._level and level in logs.LEVELS:
            self._level = level
            logs.set_level(level)

    def own(self) -> Process:
        """The one we are, as of now."""
        pools = self._streams.pools
        return Process(
            self._number,
            os.getpid(),
            self._started,
            self._tally.read(),
            self._streams.running.readings(),
            self._clients(),
            {name: pool.budget.used for name, pool in pools.items()},
            dict(self._history),
            {name: held.reason for name, held in self._failures.accounts().items()},
            list(recent.remarks),
        )

    def all(self) -> list[Process]:
        """Every process that serves now, this one as of now."""
        return sorted([self.own(), *self._others()], key=lambda each: each.number)

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._number}.json"

    def _others(self) -> Iterator[Process]:
        for written in parts(self._folder.parent, self._now()):
            if written["number"] != self._number:
                yield _process(written)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            try:
                self.look()
                self.follow_level()
                self._write()
            except OSError as error:  # a full disk is no reason to look no more
                log.debug("what others are to know of us cannot be written: %s", error.strerror)
            except Exception:
                log.exception("watching failed")

    def _write(self) -> None:
        files = [
            {"account": account, "identity": identity, **asdict(trouble)}
            for (account, identity), trouble in self._failures.files().items()
        ]
        own = asdict(self.own()) | {"files": files}
        own["counted"] = [[name, labels, value] for (name, labels), value in own["counted"].items()]
        text = json.dumps(own)
        if text == self._written:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._file, (self._now(), self._now()))
                return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(text, "utf-8")
        os.utime(new, (self._now(), self._now()))
        new.replace(self._file)
        self._written = text


def parts(state: Path, now: float) -> Iterator[dict[str, Any]]:
    """What the processes that serve over `state` have last written of themselves."""
    for file in sorted((state / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if now - file.stat().st_mtime < FORGOTTEN:
                yield json.loads(file.read_text("utf-8"))


def told_by_servers(settings: Settings, now: float) -> list[dict[str, Any]]:
    """The same without who reads what, for a report of a problem."""
    private: dict[str, Any] = {"readings": [], "files": []}
    return [part | private for part in parts(settings.server.state, now)]


def _process(written: Mapping[str, Any]) -> Process:
    readings = [
        Reading(**{**each, "reader": Reader(**each["reader"])}) for each in written["readings"]
    ]
    return Process(
        written["number"],
        written["pid"],
        written["started"],
        {(name, tuple(labels)): value for name, labels, value in written["counted"]},
        readings,
        written["clients"],
        written["connections"],
        {int(at): Point(**point) for at, point in written["history"].items()},
        written["held"],
        [Remark(**each) for each in written["remarks"]],
    )
