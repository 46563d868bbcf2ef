"""Mixed use with faults, for as long as wanted, and what became of the server meanwhile.

`python -m tests.soak --minutes 60` starts davstore as an owner does, over the simulator, and has
it played from, scanned, written to, refreshed and reloaded while magnets come and go, links expire
and services break. Every byte that is read is compared. It prints latencies, errors, and how many
descriptors (and of what), threads and bytes the server has at rest before and after; status 1 where
bytes were wrong, the log holds an error, or something leaks.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.hooks.receivers import Taking, Told, running
from tests.soaking.load import Load, Tally
from tests.soaking.served import Figures, Served

ACCOUNTS = ("realdebrid", "alldebrid", "torz", "magnets")
FILMS = 40
REST = 20.0
"""Seconds of rest before the server is measured: keep-alive connections end meanwhile."""
MOST_DESCRIPTORS, MOST_THREADS, MOST_MEMORY = 16, 8, 64 * 1024**2
"""By how much a server may have grown between two rests."""

out = Console(highlight=False)


def film(number: int) -> SimMagnet:
    """The bytes hang on the name alone, so that whoever reads knows them."""
    name = f"Film {number:04d} (20{number % 25:02d}) 1080p"
    return SimMagnet(name, files=[SimFile(f"{name}.mkv", content(f"{name}.mkv"))])


def content(name: str) -> Content:
    """Of the file of this name."""
    number = int(name.split()[1])
    return Content.random(f"film {number % 32}", 8_000_000 + 1_000_003 * (number % 23))


def soak(seconds: float, seed: int, rest: float) -> bool:
    """Whether all was well; prints what was found."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davstore-soak-")))
        sim = stack.enter_context(Simulator())
        told = stack.enter_context(running(Taking))
        for at, account in enumerate(ACCOUNTS):
            for number in range(FILMS):
                getattr(sim, account).add(film(at * 5 + number))
        served = stack.enter_context(Served(sim, folder, ACCOUNTS, told.url))
        tally = Tally()
        load = Load(served, sim, ACCOUNTS, tally, content, film, random.Random(seed))
        out.print(f"warming up for {max(rest, seconds / 10):.0f} s, then {seconds:.0f} s of use")
        load.run(max(rest, seconds / 10))
        first = rested(served, rest)
        tally.clear()
        load.run(seconds, every=max(10.0, seconds / 10), tell=lambda: progress(served, tally))
        last = rested(served, rest)
        tell(tally, told, first, last)
        return well(tally, served, first, last)


def rested(served: Served, rest: float) -> Figures:
    """What the server has when nobody has asked anything for a while."""
    time.sleep(rest)
    return served.figures()


def progress(served: Served, tally: Tally) -> None:
    """A line now and then."""
    now = served.figures()
    out.print(f"  {tally.requests} requests, {tally.bytes / 1e6:.0f} MB, "
              f"{now.memory / 2**20:.0f} MiB, {now.descriptors} descriptors, "
              f"{now.threads} threads")  # fmt: skip


def tell(tally: Tally, told: Told, first: Figures, last: Figures) -> None:
    """The report."""
    table = Table("what", "times", "median ms", "95 %", "99 %", "longest", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for what, times in sorted(tally.times.items()):
        ordered = sorted(times)
        marks = [ordered[min(len(ordered) - 1, int(len(ordered) * share))]
                 for share in (0.5, 0.95, 0.99, 1)]  # fmt: skip
        table.add_row(what, str(len(ordered)), *(f"{1000 * mark:.0f}" for mark in marks))
    out.print(table)
    counts = ", ".join(f"{what} {count}" for what, count in sorted(tally.counts.items()))
    out.print(f"answers: {counts}", soft_wrap=True)
    out.print(f"{tally.bytes / 1e6:.0f} MB read, wrong: {len(tally.wrong)}; "
              f"hooks told {len(told.calls)} times")  # fmt: skip
    for what, before, after, unit in (
        ("memory", first.memory / 2**20, last.memory / 2**20, " MiB"),
        ("descriptors", first.descriptors, last.descriptors, ""),
        ("threads", first.threads, last.threads, ""),
    ):
        out.print(f"{what} at rest: {before:.0f}{unit} before, {after:.0f}{unit} after")
    for what in sorted(first.open | last.open):
        out.print(f"  {what}: {first.open[what]} before, {last.open[what]} after", soft_wrap=True)


def well(tally: Tally, served: Served, first: Figures, last: Figures) -> bool:
    """Whether nothing is wrong; says what is."""
    complaints = [*tally.wrong[:5], *served.complaints()[:5]]
    for what, before, after, most in (
        ("descriptors", first.descriptors, last.descriptors, MOST_DESCRIPTORS),
        ("threads", first.threads, last.threads, MOST_THREADS),
        ("bytes of memory", first.memory, last.memory, MOST_MEMORY),
    ):
        if after - before > most:
            complaints.append(f"{after - before} more {what} than before")
    for complaint in complaints:
        out.print(f"[red]wrong:[/] {complaint}", soft_wrap=True)
    out.print("[green]all is well[/]" if not complaints else "[red]all is not well[/]")
    return not complaints


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rest", type=float, default=REST, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server stays behind
    return 0 if soak(wanted.minutes * 60, wanted.seed, wanted.rest) else 1


if __name__ == "__main__":
    sys.exit(main())
