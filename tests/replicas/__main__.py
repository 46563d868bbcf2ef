"""Each of three replicas killed -9 and started again in turn, under load, for as long as wanted.

`python -m tests.replicas --minutes 10` starts PostgreSQL, three davstores over it and the
simulator, HAProxy before them, players, scans and an rclone mount, and compares every byte. With
`--gently` the replicas are told to stop instead, as when they are upgraded. With `--beside COMMIT`
(`schema` is the newest one of another schema) they begin as the davstore of that commit, and become
this one and that one again in turn, while things are done at one and gone on with at another. It
prints what was seen; status 1 where anybody got an error or wrong bytes, or the service was asked
too much.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

from rich.console import Console

from davstore.simulator import Simulator
from tests.postgres import Cluster, binaries
from tests.programs import Fresh
from tests.replicas.balanced import Replica, balanced, replicas
from tests.replicas.deeds import done_across
from tests.replicas.load import FOLDER, Load, Seen, film, mounted, name
from tests.replicas.older import Older, Unfit, checked_out, newest_of_another_schema
from tests.serving import wait_until

FILMS = 40
PLAYERS, SCANS, MOUNTS = 6, 2, 2
PAUSE = 5.0
"""Seconds between a replica's being back and the next one's end."""

out = Console(highlight=False)


def run(seconds: float, *, gently: bool, beside: str = "") -> bool:
    """Whether nobody noticed; prints what was seen. Raises `Unfit`."""
    programs = binaries()
    if programs is None:
        raise SystemExit("needs PostgreSQL: apt-get install postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replicas-")))
        sim = stack.enter_context(Simulator())
        for number in range(FILMS):
            sim.alldebrid.add(film(number))
        older = found(beside, folder / "older") if beside else None
        cluster = Cluster(programs)
        stack.callback(cluster.close)
        state_url = stack.enter_context(cluster.empty()).url.get_secret_value()
        three = stack.enter_context(replicas(
            sim, folder, state_url, code=older.code if older else None, overlay=True, kind=Fresh,
        ))  # fmt: skip
        wait_until(
            lambda: all(each.lists(FOLDER, name(at)) for each in three for at in range(FILMS))
        )
        url = stack.enter_context(balanced(three, folder))
        mount = stack.enter_context(mounted(url, folder))
        seen, ends = Seen(), 0
        with Load(url, FILMS, seen, players=PLAYERS, scans=SCANS, mounts=[mount] * MOUNTS):
            deadline = time.monotonic() + seconds
            for each in cycle(three):
                if time.monotonic() > deadline:
                    break
                (each.stop if gently or older else each.kill)()
                if older:
                    each.code = None if each.code or not older.may_start_again else older.code
                each.start()
                ends += 1
                if older:
                    across(three, sim, seen, ends)
                sim.host.calls.clear()  # minutes of them would fill this process
                progress(seen, ends)
                time.sleep(PAUSE)
        return tell(seen, ends, sim, three)


def found(beside: str, folder: Path) -> Older:
    """The older davstore; says which it is."""
    commit = newest_of_another_schema() if beside == "schema" else beside
    older = checked_out(commit, folder)
    out.print(f"beside {older.commit}: schema {older.schema}, "
              + ("may" if older.may_start_again else "may not")
              + " be started on a newer one's")  # fmt: skip
    return older


def across(three: Sequence[Replica], sim: Simulator, seen: Seen, number: int) -> None:
    """Things done at an older one and gone on with at a newer one, or the reverse in turn; at any
    two where all are of one kind.
    """
    pair = sorted(three, key=lambda each: each.code is None)
    one, two = (pair[0], pair[-1]) if number % 2 else (pair[-1], pair[0])
    try:
        done_across(one, two, sim, number)
    except AssertionError as error:
        seen.is_wrong(f"done at {one.port} ({one.code}), gone on with at {two.port}: {error!r}")
    seen.count("things done across")


def progress(seen: Seen, ends: int) -> None:
    """A line now and then."""
    out.print(f"  {ends} ended, {seen.counts['GET']} GET, {seen.counts['PROPFIND']} PROPFIND, "
              f"{seen.counts['bytes'] / 1e6:.0f} MB, {len(seen.wrong)} wrong")  # fmt: skip


def tell(seen: Seen, ends: int, sim: Simulator, three: Sequence[Replica]) -> bool:
    """The report; whether all is well."""
    counts = ", ".join(f"{what} {count}" for what, count in sorted(seen.counts.items()))
    out.print(f"{ends} replicas ended; {counts}; longest wait {seen.longest:.1f} s", soft_wrap=True)
    links = sim.alldebrid.count("link/unlock")
    out.print(f"{FILMS} files, {links} links generated, {sim.alldebrid.count()} calls in all, "
              f"{sim.alldebrid.refused} refused as too many")  # fmt: skip
    complaints = [*seen.wrong, *(line for each in three for line in each.complaints())]
    if sim.alldebrid.refused:
        complaints.append("the account was asked more than it allows")
    if links > FILMS + ends + seen.counts["things done across"]:
        complaints.append("links were generated again")
    for complaint in complaints[:20]:
        out.print(f"[red]wrong:[/] {complaint}", soft_wrap=True)
    out.print("[green]nobody noticed[/]" if not complaints else "[red]that was noticed[/]")
    return not complaints


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.replicas", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--gently", action="store_true", help="SIGTERM instead of SIGKILL")
    parser.add_argument("--beside", default="", metavar="COMMIT", help="an older davstore")
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server stays behind
    try:
        well = run(wanted.minutes * 60, gently=wanted.gently, beside=wanted.beside)
    except Unfit as why:
        raise SystemExit(str(why)) from None
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
