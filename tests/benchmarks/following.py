"""How soon a replica shows what another has found at a service.

    python -m tests.benchmarks.following [--samples 50] [--magnets 1000]

Two davstores over one PostgreSQL, which is started for it. A magnet is added to the service, and
the replica that refreshes the account is told to; both are asked for its folder again and again,
each on a connection of its own. First where they tell each other of changes (NOTIFY), then where
the database does not let them, so that each looks for itself every second.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
from rich.console import Console
from rich.table import Table

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.benchmarks.scaling import address
from tests.postgres import PASSWORD, Cluster, binaries
from tests.programs import Fresh
from tests.replicas.balanced import Replica, replicas, session
from tests.serving import wait_until

GOAL: Final = 2.0
ACCOUNT: Final = "alldebrid"
BETWEEN: Final = 0.002
"""Seconds between two questions; the figures are as exact as that, and an answer's time."""
LOOK_EVERY: Final = 1.0
"""Seconds in which a davstore looks that is told of nothing: samples are to come at any of them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds from the wish to refresh until the replica that does shows what is new (`first`), and
    from then until the other shows it too (`behind`).
    """

    first: float
    behind: float


@contextmanager
def telling(cluster: Cluster) -> Iterator[str]:
    """The URL of a database as it is usual."""
    with cluster.database() as made:
        yield made.url.get_secret_value()


@contextmanager
def silent(cluster: Cluster) -> Iterator[str]:
    """The URL of one that lets nobody tell anything, as some that speak PostgreSQL's language."""
    with cluster.database() as made:
        url = made.url.get_secret_value()
        with psycopg.connect(address(url), autocommit=True) as connection:
            for statement in (
                "REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC",
                f"CREATE ROLE silent LOGIN PASSWORD '{PASSWORD}'",
                "GRANT ALL ON SCHEMA public TO silent",
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO silent",
                "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO silent",
            ):
                connection.execute(statement)
        yield url.replace("//davstore:", "//silent:")


WAYS: Final[dict[str, Callable[[Cluster], AbstractContextManager[str]]]] = {
    "told by the others": telling,
    "looking for itself": silent,
}


def magnet(number: int) -> SimMagnet:
    """One of two files."""
    name = f"Debian {number:05d}"
    content = Content.random("following", 1000)
    return SimMagnet(name, [SimFile(f"{part} {name}.iso", content) for part in ("DVD", "CD")])


def folder(of: SimMagnet) -> str:
    """Where it stands."""
    return f"/{ACCOUNT}/magnets/{of.name}/"


def measured(state_url: str, magnets: int, samples: int) -> list[Sample]:
    """So many samples with an account of so many magnets."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="following-")))
        sim = stack.enter_context(Simulator())
        sim.alldebrid.strict = False
        for number in range(magnets):
            sim.alldebrid.add(magnet(number))
        both = stack.enter_context(
            replicas(sim, place, state_url, count=2, refresh=3600, ready=False, kind=Fresh)
        )
        wait_until(lambda: all(each.is_ready() for each in both), 300)
        some = [folder(magnet(number)) for number in (0, magnets - 1)]
        wait_until(lambda: all(status(each, path) == 207 for each in both for path in some), 300)
        wait_until(lambda: any(each.refreshes(ACCOUNT) for each in both), 60)
        both.sort(key=lambda each: each.refreshes(ACCOUNT))
        other, holder = both
        found = []
        for number in range(samples):
            time.sleep(random.uniform(0, LOOK_EVERY))
            new = magnet(magnets + number)
            sim.alldebrid.add(new)
            found.append(sample(holder, other, folder(new)))
        return found


def sample(holder: Replica, other: Replica, path: str) -> Sample:
    """Once."""
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(shown, each, path) for each in (holder, other))
        asked = time.perf_counter()
        holder.refresh()
        return Sample(first.result() - asked, second.result() - first.result())


def status(of: Replica, path: str) -> int:
    """What it answers of a folder."""
    return of.ask("PROPFIND", path, Depth="1").status_code


def shown(by: Replica, path: str) -> float:
    """The moment at which it answers that the folder is there."""
    with session() as asking:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            answer = asking.request("PROPFIND", by.url + path, headers={"Depth": "1"}, timeout=60)
            if answer.status_code == 207:
                return time.perf_counter()
            if answer.status_code != 404:
                raise SystemExit(f"a replica answers {answer.status_code}")
            time.sleep(BETWEEN)
    raise SystemExit("a replica never shows what is new")


def show(found: dict[str, Sequence[Sample]], console: Console) -> bool:
    """Medians and worst; whether the goal is met."""
    table = Table("a replica that is", "the one that refreshes, median", "worst",
                  "the other behind it, median", "worst", "goal", box=None)  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    good = True
    for way, samples in found.items():
        behind = [each.behind for each in samples]
        is_met = max(behind) <= GOAL
        good = good and is_met
        figures = ([each.first for each in samples], behind)
        cells = [f"{f(each):.3f} s" for each in figures for f in (statistics.median, max)]
        table.add_row(way, *cells, "met" if is_met else "MISSED")
    console.print(table)
    return good


def main() -> int:
    """Measure and show; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.following")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--magnets", type=int, default=1000)
    options = parser.parse_args()
    programs = binaries()
    if programs is None:
        parser.error("needs PostgreSQL: apt-get install postgresql")
    found: dict[str, Sequence[Sample]] = {}
    cluster = Cluster(programs)
    try:
        for way, opened in WAYS.items():
            with opened(cluster) as state_url:
                found[way] = measured(state_url, options.magnets, options.samples)
    finally:
        cluster.close()
    return 0 if show(found, Console(highlight=False, width=110)) else 1


if __name__ == "__main__":
    sys.exit(main())
