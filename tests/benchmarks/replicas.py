"""One davstore over PostgreSQL beside one over SQLite, in turn, round by round.

    python -m tests.benchmarks.replicas [--rounds 4] [--seconds 4]

Needs nginx and PostgreSQL, and starts both; five minutes where nothing else runs. What is listed
and read again is answered from memory on both; each folder for the first time after a start is not.
Trust the ratios of one run.
"""

import argparse
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import tomli_w
from rich.console import Console
from rich.table import Table

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.benchmarks import ranges, throughput
from tests.benchmarks.listings import SETS
from tests.benchmarks.listings_client import Client
from tests.benchmarks.origins import REEL, Origins, scratch
from tests.benchmarks.processes import Program
from tests.benchmarks.servers import Bench, Scale
from tests.benchmarks.workers import NAME, measured
from tests.commands import free_port
from tests.postgres import Cluster, binaries

ENGINES: Final = ("SQLite", "PostgreSQL")
GOAL = 0.9
FOLDERS, FILES, ENTRIES = 2000, 10, 1000
SLICES = 10
QUIET = 0.03
"""Seconds of the processor in a second: who takes less has nothing to do."""
MAGNETS = "/alldebrid/magnets/"

Rounds: TypeAlias = dict[str, dict[str, list[tuple[float, float]]]]
"""By work and engine: how much of it a second, and what the server computes for one of it, in each
round. The second holds also where other programs take the machine.
"""


def settings_of(cluster: Cluster, stack: ExitStack) -> dict[str, dict[str, str]]:
    """Of the server, by engine; a new database for as long as the stack stands."""
    database = stack.enter_context(cluster.database())
    return {"SQLite": {}, "PostgreSQL": {"state_url": database.url.get_secret_value()}}


def streaming(cluster: Cluster, scale: Scale, rounds: int, found: Rounds) -> None:
    """Whole files, parts of one, and first bytes."""
    folder = scratch()
    try:
        with Origins(folder, videos=0) as origins, Simulator() as sim, ExitStack() as stack:
            bench = Bench(origins, sim, scale)
            servers = {
                engine: stack.enter_context(bench.davstore(bench.folder(engine), "http", **more))
                for engine, more in settings_of(cluster, stack).items()
            }
            reels = [REEL.format(number) for number in range(1, 5)]
            for engine in ENGINES:
                throughput.downloaded(reels, bench, servers[engine], 0)
            for number in range(rounds):
                for engine in in_turn(number):
                    server = servers[engine]
                    whole = throughput.downloaded(reels, bench, server, number)
                    found["4 streams, MB/s"][engine].append((whole["MB/s"], whole["CPU s/GiB"]))
                    parts = ranges.random_ranges(16, bench, server, number)
                    found["64 KiB ranges, 16 at once, a second"][engine].append(
                        (parts["requests/s"], parts["CPU ms"])
                    )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def listing(cluster: Cluster, seconds: float, rounds: int, found: Rounds) -> None:
    """One large folder again and again, and small ones for the first time; slice by slice at both,
    since what the machine has left for one of them changes from second to second.
    """
    content = Content.random("replicas", 1000)
    large = [SimFile(f"Some.Show.S01E{at:04}.1080p.mkv", content) for at in range(ENTRIES)]
    with Simulator() as sim, ExitStack() as stack:
        sim.alldebrid.add(SimMagnet(NAME, large))
        for number in range(FOLDERS):
            files = [SimFile(f"{at}.mkv", content) for at in range(FILES)]
            sim.alldebrid.add(SimMagnet(small(number), files))
        opened = {
            engine: partial(serving, sim, Path(stack.enter_context(scratched())), more)
            for engine, more in settings_of(cluster, stack).items()
        }
        for serve in opened.values():  # everything is asked, and put into views
            with serve() as (port, program):
                wait_until_all_is_listed(port)
                wait_until_quiet(program)
        for _ in range(rounds):
            with ExitStack() as both:
                running = {engine: both.enter_context(serve()) for engine, serve in opened.items()}
                for port, program in running.values():
                    wait_until_all_is_listed(port)
                    wait_until_quiet(program)
                in_slices("folders for the first time, a second", running, walked, found)
                for port, _ in running.values():
                    measured(port, 1)
                again = partial(listed_again, seconds=seconds / SLICES)
                in_slices("a folder of 1,000 again, a second", running, again, found)


def in_slices(
    work: str,
    running: Mapping[str, tuple[int, Program]],
    do: Callable[[int, int], tuple[float, float]],
    found: Rounds,
) -> None:
    """`do(port, number)` one slice after the other, at both; it says how much was done, and in how
    many seconds.
    """
    done, passed = dict.fromkeys(ENGINES, 0.0), dict.fromkeys(ENGINES, 0.0)
    before = {engine: program.usage().cpu for engine, (_, program) in running.items()}
    for number in range(SLICES):
        for engine in in_turn(number):
            count, seconds = do(running[engine][0], number)
            done[engine] += count
            passed[engine] += seconds
    for engine, (_, program) in running.items():
        cpu = (program.usage().cpu - before[engine]) / done[engine]
        found[work][engine].append((done[engine] / passed[engine], cpu))


def in_turn(number: int) -> Sequence[str]:
    """The engines in this turn: who comes first in one comes last in the next."""
    return ENGINES if number % 2 else ENGINES[::-1]


def small(number: int) -> str:
    """The name of a magnet with few files."""
    return f"Film {number:05d}"


@contextmanager
def scratched() -> Iterator[str]:
    """A folder for a while."""
    folder = scratch()
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(sim: Simulator, folder: Path, more: dict[str, str]) -> Iterator[tuple[int, Program]]:
    """A davstore, and its port, whose state is in `folder`, where its settings do not say else."""
    port = free_port()
    server = {"port": port, "state": str(folder / "state"), "refresh": 3600, **more}
    accounts = {"alldebrid": sim.alldebrid.settings}
    config = folder / "davstore.toml"
    config.write_text(tomli_w.dumps({"server": server, "accounts": accounts}), "utf-8")
    command = [sys.executable, "-m", "davstore", "serve", "-c", str(config)]
    with Program(command, folder / "log") as program:
        program.await_that(partial(answers, port), "davstore", 60)
        yield port, program


def answers(port: int) -> bool:
    """Whether it knows all magnets."""
    try:
        return asked(port, MAGNETS).count(b"href>") == 2 * (FOLDERS + 2)
    except OSError:
        return False


def asked(port: int, path: str) -> bytes:
    """What stands in a folder."""
    body, headers = SETS[0].request()
    with Client(port) as client:
        return client.ask("PROPFIND", path, body, **headers).body


def wait_until_all_is_listed(port: int) -> None:
    """The last magnet and the large one have their files."""
    for path, files in ((f"{MAGNETS}{small(FOLDERS - 1)}/", FILES), (f"{MAGNETS}{NAME}/", ENTRIES)):
        for _ in range(1200):
            if asked(port, path).count(b"href>") == 2 * (files + 1):
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"davstore does not list all of {path}")


def wait_until_quiet(program: Program) -> None:
    """It has nothing to do any more, such as putting magnets into views."""
    before = program.usage().cpu
    for _ in range(300):
        time.sleep(1)
        now = program.usage().cpu
        if now - before < QUIET:
            return
        before = now
    raise SystemExit("davstore does not come to rest")


def walked(port: int, number: int) -> tuple[float, float]:
    """Folders that nobody has listed since the start, in how many seconds."""
    body, headers = SETS[0].request()
    count = FOLDERS // SLICES
    with Client(port) as client:
        began = time.perf_counter()
        for at in range(number * count, (number + 1) * count):
            answer = client.ask("PROPFIND", f"{MAGNETS}{small(at)}/", body, **headers)
            assert answer.status == 207
        return count, time.perf_counter() - began


def listed_again(port: int, _number: int, seconds: float) -> tuple[float, float]:
    """How often a large folder was listed that was listed before, in how many seconds."""
    rate = measured(port, seconds)[0]
    return rate * seconds, seconds


def show(found: Rounds, console: Console) -> bool:
    """Medians and their ratios; whether the goal is met by all."""
    table = Table("work", *ENGINES, "ratio", "goal", "CPU", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    good = True
    for work, rounds in found.items():
        pairs = list(zip(rounds["PostgreSQL"], rounds["SQLite"], strict=True))
        ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
        cpu = statistics.median(ours[1] / theirs[1] for ours, theirs in pairs)
        good = good and ratio >= GOAL
        medians = [
            f"{statistics.median(rate for rate, _ in rounds[engine]):,.0f}" for engine in ENGINES
        ]
        table.add_row(
            work, *medians, f"{ratio:.2f}", "met" if ratio >= GOAL else "MISSED", f"{cpu:.2f}"
        )
    console.print(table)
    console.print(
        "CPU: what davstore computes over PostgreSQL for the same, as a share of SQLite's"
    )
    return good


def main() -> int:
    """Measure and show; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replicas")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    programs = binaries()
    if programs is None:
        parser.error("needs PostgreSQL: apt-get install postgresql")
    found: Rounds = defaultdict(lambda: defaultdict(list))
    cluster = Cluster(programs)
    try:
        streaming(cluster, Scale(download=options.seconds), options.rounds, found)
        listing(cluster, options.seconds, options.rounds, found)
    finally:
        cluster.close()
    return 0 if show(found, Console(highlight=False, width=110)) else 1


if __name__ == "__main__":
    sys.exit(main())
