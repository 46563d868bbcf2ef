"""Listings while a crowd of slow readers is served, and what the crowd costs.

The servers have the usual limit of open files (1024, see `processes`) and may raise it. rclone as
it comes takes some 17 MiB a reader, so it gets 50 of them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.benchmarks.clients import ask
from tests.benchmarks.origins import FILM, FILM_SIZE
from tests.benchmarks.processes import Unfit
from tests.benchmarks.servers import Bench, Server
from tests.benchmarks.work import Figures, Work, fresh

FEW = 50
LISTINGS = 10


def crowded(bench: Bench, server: Server, number: int) -> Figures:
    """A folder of 1,000 entries listed before and while the crowd reads."""
    del number
    count = FEW if server.name == "rclone" else bench.scale.readers
    url = server.url("wide/")
    listing: dict[str, Any] = {"url": url, "count": LISTINGS}
    ask("listings", **listing, pause=0)
    idle = ask("listings", **listing, pause=0.1)
    alone = server.usage()
    with _crowd(server.url(FILM), count) as readers:
        held = time.monotonic()
        _answer(readers.stdout)
        busy = ask("listings", **listing, pause=0.5)
        time.sleep(max(0.0, held + bench.scale.crowd - time.monotonic()))
        full = server.usage()
        assert readers.stdin is not None
        readers.stdin.close()
        outcome = _answer(readers.stdout)
    return {
        "readers": count,
        "begun": outcome["begun"],
        "not begun": count - outcome["begun"],
        "dropped": outcome["dropped"],
        "speed kept": outcome["speed"],
        "listing ms": busy["ms"],
        "idle ms": idle["ms"],
        "listing/idle": busy["ms"] / idle["ms"],
        "unanswered": LISTINGS - busy["answered"],
        "resident MB": full.resident / 1e6,
        "idle MB": alone.resident / 1e6,
        "threads": full.threads,
    }


def works() -> list[Work]:
    """All of these."""
    title = "PROPFIND of 1,000 entries while slow readers take 128 KiB/s each, https"
    return [
        Work("crowd", title, ("rclone", "rclone off", "davstore"), fresh("https", crowded),
             once=True, against="")
    ]  # fmt: skip


@contextmanager
def _crowd(url: str, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.benchmarks.readers", url, str(FILM_SIZE), str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as readers:
        try:
            yield readers
        finally:
            readers.kill()


def _answer(lines: IO[str] | None) -> dict[str, float]:
    line = lines.readline() if lines is not None else ""
    if not line:
        raise Unfit("the readers ended before their time")
    answer: dict[str, float] = json.loads(line)
    return answer
