"""The benchmark of streaming: davstore beside rclone and nginx, in turn, round by round.

    python -m tests.benchmarks.streams --quick
    python -m tests.benchmarks.streams --only one-,ranges --json result.json

Needs nginx, ffmpeg and (for the mount) FUSE from the system, rclone and trustme from
`pip install -e ".[bench]"`. Trust the ratios of one run, not the absolute figures: machines are
noisy, and differ.
"""

import argparse
import shutil
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from davstore.simulator import Simulator
from tests.benchmarks import crowd, probes, ranges, report, throughput
from tests.benchmarks.origins import Origins, scratch
from tests.benchmarks.processes import Unfit
from tests.benchmarks.servers import QUICK, Bench, Scale, versions
from tests.benchmarks.work import Round, Work

WORKS = [*throughput.works(), *ranges.works(), *crowd.works(), *probes.works()]


def measure(work: Work, bench: Bench, rounds: int, results: report.Results, said: Console) -> None:
    """All servers in turn, round after round; one that fails takes no further part."""
    results.works.append(work)
    with ExitStack() as stack:
        ready: dict[str, Round] = {}
        for server in work.servers:
            try:
                ready[server] = stack.enter_context(work.opened(bench, server))
            except Unfit as reason:
                results.fail(work, server, str(reason))
                said.print(f"{work.name}: {server} failed: {reason}", style="red")
        for number in range(1, 1 + (1 if work.once else rounds)):
            for server, measured in ready.items():
                if results.failed(work, server):
                    continue
                try:
                    figures = measured(number)
                except Unfit as reason:
                    results.fail(work, server, str(reason))
                    said.print(f"{work.name}: {server} failed: {reason}", style="red")
                else:
                    results.add(work, server, figures)
                    said.print(f"{work.name} {number}: {server} {report.brief(figures)}")


def chosen_works(only: str) -> list[Work]:
    """Those whose names begin with any of `only`'s, which are separated by commas; or all."""
    wanted = tuple(word.strip() for word in only.split(",") if word.strip())
    return [work for work in WORKS if not wanted or work.name.startswith(wanted)]


def main() -> int:
    """Measure what was chosen; 0 also where goals are missed, 1 where nothing can be measured."""
    names = ", ".join(work.name for work in WORKS)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.streams", epilog=names)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--only", default="", help="beginnings of names, separated by commas")
    parser.add_argument("--json", type=Path, help="a file to write the figures to")
    parser.add_argument("--quick", action="store_true", help="one short round, fewer files")
    options = parser.parse_args()
    works = chosen_works(options.only)
    if not works:
        parser.error(f"there is only {names}")
    scale = QUICK if options.quick else Scale()
    # An exception, so that every server is ended on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    said = Console(stderr=True, highlight=False, soft_wrap=True)
    folder = scratch()
    try:
        results = report.Results(versions())
        videos = scale.videos if any("probe" in work.name for work in works) else 0
        with Origins(folder, videos=videos) as origins, Simulator() as simulator:
            bench = Bench(origins, simulator, scale)
            for work in works:
                measure(work, bench, 1 if options.quick else options.rounds, results, said)
    except Unfit as reason:
        said.print(f"nothing can be measured: {reason}", style="red")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        report.write(results, options.json)
    screen = Console(highlight=False)
    report.show(results, screen if screen.is_terminal else Console(highlight=False, width=120))
    return 0


if __name__ == "__main__":
    sys.exit(main())
