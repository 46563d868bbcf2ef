"""What one replica over PostgreSQL costs: memory, rows, and queries a second.

    python -m tests.benchmarks.scaling [--accounts 1 10] [--magnets 10000] [--files 10] [--views]

All accounts are of one simulated service that keeps no limits, and hold the same. An idle replica
is measured, then one of which every folder of one account is listed, and what listing and reading
ask the database; what is asked by an idle one, and what each table takes, is said by itself.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
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
from tests.programs import Fresh
from tests.replicas.balanced import Replica, replicas
from tests.serving import wait_until

IDLE = 60.0
SETTLING = 20.0
STARTED_WITHIN = 900.0
READS = 50
MANY = 100
"""So many rows a table has of which is said what one takes."""
_ASKED = re.compile(r"LOG:  (?:statement|execute [^:]*): ((?:[^\n]|\n\t)*)")
_ABOUT = re.compile(r"(?:FROM|INTO|UPDATE|TABLE|EXISTS) +(?!anon)\"?([a-z_]+)")
_UNCOUNTED = ("BEGIN", "COMMIT", "ROLLBACK", ";")
"""What SQLAlchemy and psycopg say of themselves: transactions, and whether a connection lives."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one replica; queries without BEGIN, COMMIT and asking whether a connection lives.

    `computing` is the share of a core that it takes while idle, `tables` have rows and bytes, and
    what it asks while `idle`, a second, is by what it is about.
    """

    accounts: int
    memory: int
    walked_memory: int
    threads: int
    computing: float
    rows: int
    disk: int
    tables: Mapping[str, tuple[int, int]]
    idle: Mapping[str, float]
    a_walk: float
    a_read: float


def measured(cluster: Cluster, accounts: int, magnets: int, files: int, *, views: bool) -> Cost:
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
                replicas(
                    sim, folder, state_url, count=1, accounts=names, refresh=60,
                    views=None if views else {}, ready=False, kind=Fresh,
                )
            )  # fmt: skip
            replica = made[0]
            wait_until(replica.is_ready, STARTED_WITHIN)
            wait_until_all_is_known(connection, accounts * magnets * files)
            if views:
                wait_until_all_is_arranged(connection, magnets)
            replica.stop()
            replica.begin()
            wait_until(replica.is_ready, STARTED_WITHIN)
            time.sleep(SETTLING)
            before = replica.usage()
            asked = asked_during(cluster, lambda: time.sleep(IDLE))
            idle = replica.usage()
            walked = asked_during(cluster, lambda: walk(replica, names[0], magnets))
            reads = asked_during(cluster, lambda: read(replica, names[0]))
            tables = sizes(connection)
            return Cost(
                accounts, idle.resident, replica.usage().resident, idle.threads,
                (idle.cpu - before.cpu) / IDLE,
                sum(rows for rows, _ in tables.values()), size(connection), tables,
                {about: count / IDLE for about, count in asked.items()},
                walked.total() / magnets, reads.total() / READS,
            )  # fmt: skip


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


def wait_until_all_is_arranged(connection: psycopg.Connection, magnets: int) -> None:
    """Views know where all magnets stand; accounts that hold the same have one place for it."""
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        found = connection.execute("SELECT count(*) FROM places").fetchone()
        if found and found[0] >= magnets:
            return
        time.sleep(2)
    raise SystemExit("the views are never complete")


def asked_during(cluster: Cluster, work: Callable[[], object]) -> Counter[str]:
    """How often the database was asked meanwhile, by what about."""
    path = cluster.folder / "log"
    before = path.stat().st_size
    work()
    with path.open("rb") as log:
        log.seek(before)
        found = _ASKED.findall(log.read().decode("utf-8", "replace"))
    return Counter(
        about(each) for each in map(str.strip, found) if each and not each.startswith(_UNCOUNTED)
    )


def about(statement: str) -> str:
    """The verb and the first table of a statement; the limits of all accounts are one."""
    verb, table = statement.split(None, 1)[0], _ABOUT.search(statement)
    name = table[1] if table else "-"
    return f"{verb} {'limits' if name.startswith('ratelimit') else name}"


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


def sizes(connection: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Rows of each table, and its bytes on disk with all that belongs to it."""
    tables = connection.execute("SELECT relname FROM pg_stat_user_tables").fetchall()
    counting = sql.SQL("SELECT count(*), pg_total_relation_size({}) FROM {}")
    found = {}
    for (name,) in tables:
        query = counting.format(sql.Literal(name), sql.Identifier(name))
        row = connection.execute(query).fetchone()
        assert row is not None
        found[name] = row[0], row[1]
    return found


def size(connection: psycopg.Connection) -> int:
    """Bytes on disk, of all."""
    disk = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert disk is not None
    found: int = disk[0]
    return found


def show(costs: list[Cost], console: Console) -> None:
    """A row each, and what the last one consists of."""
    table = Table("accounts", "MiB", "one walked", "threads", "of a core, idle", "rows",
                  "MiB on disk", "queries/s idle", "a first listing", "a first read",
                  box=None)  # fmt: skip
    for cost in costs:
        table.add_row(
            str(cost.accounts), f"{cost.memory / 2**20:.0f}", f"{cost.walked_memory / 2**20:.0f}",
            str(cost.threads), f"{cost.computing:.3f}", f"{cost.rows:,}",
            f"{cost.disk / 2**20:,.0f}", f"{sum(cost.idle.values()):.2f}", f"{cost.a_walk:.2f}",
            f"{cost.a_read:.2f}",
        )  # fmt: skip
    console.print(table)
    last = costs[-1]
    asked = Table(f"of {last.accounts}: asked while idle", "a second", box=None)
    for name, rate in sorted(last.idle.items(), key=lambda pair: -pair[1]):
        asked.add_row(name, f"{rate:.2f}")
    console.print(asked)
    largest = Table(f"of {last.accounts}: table", "rows", "bytes a row", box=None)
    for name, (rows, taken) in sorted(last.tables.items(), key=lambda pair: -pair[1][1]):
        if rows >= MANY:
            largest.add_row(name, f"{rows:,}", f"{taken / rows:.0f}")
    console.print(largest)


def main() -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling")
    parser.add_argument("--accounts", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--magnets", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--views", action="store_true", help="with those that are there unasked")
    options = parser.parse_args()
    programs = binaries()
    if programs is None:
        parser.error("needs PostgreSQL: apt-get install postgresql")
    costs = []
    for accounts in options.accounts:
        cluster = Cluster(programs)
        try:
            costs.append(
                measured(cluster, accounts, options.magnets, options.files, views=options.views)
            )
        finally:
            cluster.close()
    show(costs, Console(highlight=False, width=130))
    return 0


if __name__ == "__main__":
    sys.exit(main())
