"""What one replica over PostgreSQL costs: memory, rows, and queries a second.

    python -m tests.benchmarks.scaling [--accounts 1 10] [--magnets 10000] [--files 10]

All accounts are of one simulated service that keeps no limits. An idle replica is measured, then
one of which every folder of one account is listed, and what listing and reading ask the database.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.benchmarks.catalog import NAME
from tests.postgres import Cluster, binaries
from tests.replicas.balanced import Replica, replicas

IDLE = 60.0
SETTLING = 20.0
READS = 50
_ASKED = re.compile(rb"LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|ROLLBACK|;?\n)")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one replica; queries without BEGIN, COMMIT and asking whether a connection lives."""

    accounts: int
    memory: int
    walked_memory: int
    rows: int
    disk: int
    idle: float
    a_walk: float
    a_read: float


def measured(cluster: Cluster, accounts: int, magnets: int, files: int) -> Cost:
    """One replica with so many accounts of so many magnets."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="scaling-")))
        sim = stack.enter_context(Simulator())
        sim.alldebrid.strict = False
        content = Content.random("scaling", 1_000_000)
        for number in range(magnets):
            name = NAME.format(number)
            sim.alldebrid.add(SimMagnet(
                name, [SimFile(f"Season 01/{name}.S01E{at:02}.mkv", content) for at in range(files)]
            ))  # fmt: skip
        state_url = stack.enter_context(cluster.database()).url.get_secret_value()
        with psycopg.connect(address(state_url), autocommit=True) as connection:
            connection.execute("ALTER ROLE davstore SET log_statement = 'all'")
            names = [f"account{number}" for number in range(accounts)]
            made = stack.enter_context(
                replicas(sim, folder, state_url, count=1, accounts=names, refresh=60)
            )
            replica = made[0]
            wait_until_all_is_known(connection, accounts * magnets * files)
            replica.stop()
            replica.start()
            time.sleep(SETTLING)
            idle = asked_during(cluster, lambda: time.sleep(IDLE)) / IDLE
            memory = replica.memory()
            a_walk = asked_during(cluster, lambda: walk(replica, names[0], magnets)) / magnets
            a_read = asked_during(cluster, lambda: read(replica, names[0])) / READS
            rows, disk = size(connection)
            return Cost(accounts, memory, replica.memory(), rows, disk, idle, a_walk, a_read)


def address(state_url: str) -> str:
    """As PostgreSQL's own tools know it."""
    return state_url.replace("postgresql+psycopg", "postgresql")


def wait_until_all_is_known(connection: psycopg.Connection, files: int) -> None:
    """All files of all accounts are there."""
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        found = connection.execute("SELECT count(*) FROM files").fetchone()
        if found and found[0] >= files:
            return
        time.sleep(2)
    raise SystemExit("the catalog is never complete")


def asked_during(cluster: Cluster, work: Callable[[], object]) -> int:
    """How many queries the database was asked meanwhile."""
    path = cluster.folder / "log"
    before = path.stat().st_size
    work()
    with path.open("rb") as log:
        log.seek(before)
        return len(_ASKED.findall(log.read()))


def walk(replica: Replica, account: str, magnets: int) -> None:
    """List the folder of every file of an account."""
    for number in range(magnets):
        path = f"/{account}/magnets/{quote(NAME.format(number))}/Season%2001/"
        assert replica.ask("PROPFIND", path, Depth="1").status_code == 207


def read(replica: Replica, account: str) -> None:
    """The first bytes of some files, none of which has a link yet."""
    for number in range(READS):
        name = NAME.format(number)
        path = quote(f"/{account}/magnets/{name}/Season 01/{name}.S01E00.mkv")
        assert replica.ask("GET", path, Range="bytes=0-99").status_code == 206


def size(connection: psycopg.Connection) -> tuple[int, int]:
    """Rows, and bytes on disk."""
    tables = connection.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
    counting = sql.SQL("SELECT count(*) FROM {}")
    counts = [
        connection.execute(counting.format(sql.Identifier(name))).fetchone() for (name,) in tables
    ]
    disk = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert disk is not None
    return sum(found[0] for found in counts if found), disk[0]


def main() -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling")
    parser.add_argument("--accounts", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--magnets", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=10)
    options = parser.parse_args()
    programs = binaries()
    if programs is None:
        parser.error("needs PostgreSQL: apt-get install postgresql")
    table = Table("accounts", "MiB", "MiB, one walked", "rows", "MiB on disk", "queries/s idle",
                  "a first listing", "a first read", box=None)  # fmt: skip
    for accounts in options.accounts:
        cluster = Cluster(programs)
        try:
            cost = measured(cluster, accounts, options.magnets, options.files)
        finally:
            cluster.close()
        table.add_row(
            str(cost.accounts), f"{cost.memory / 2**20:.0f}", f"{cost.walked_memory / 2**20:.0f}",
            f"{cost.rows:,}", f"{cost.disk / 2**20:,.0f}", f"{cost.idle:.2f}",
            f"{cost.a_walk:.2f}", f"{cost.a_read:.2f}",
        )  # fmt: skip
    Console(highlight=False, width=110).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
