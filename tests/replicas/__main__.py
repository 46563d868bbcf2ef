"""Each of three replicas killed -9 and started again in turn, under load, for as long as wanted.

`python -m tests.replicas --minutes 10` starts PostgreSQL, three davstores over it and the
simulator, HAProxy before them, players, scans and an rclone mount, and compares every byte. With
`--gently` the replicas are told to stop instead, as when they are upgraded. It prints what was
seen; status 1 where anybody got an error or wrong bytes, or the service was asked too much.
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
from tests.replicas.load import FOLDER, Load, Seen, film, mounted, name
from tests.serving import wait_until

FILMS = 40
PLAYERS, SCANS, MOUNTS = 6, 2, 2
PAUSE = 5.0
"""Seconds between a replica's being back and the next one's end."""

out = Console(highlight=False)


def run(seconds: float, *, gently: bool) -> bool:
    """Whether nobody noticed; prints what was seen."""
    programs = binaries()
    if programs is None:
        raise SystemExit("needs PostgreSQL: apt-get install postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replicas-")))
        sim = stack.enter_context(Simulator())
        for number in range(FILMS):
            sim.alldebrid.add(film(number))
        cluster = Cluster(programs)
        stack.callback(cluster.close)
        state_url = stack.enter_context(cluster.database()).url.get_secret_value()
        three = stack.enter_context(replicas(sim, folder, state_url, kind=Fresh))
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
                (each.stop if gently else each.kill)()
                each.start()
                ends += 1
                sim.host.calls.clear()  # minutes of them would fill this process
                progress(seen, ends)
                time.sleep(PAUSE)
        return tell(seen, ends, sim, three)


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
    if links > FILMS + ends:
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
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server stays behind
    return 0 if run(wanted.minutes * 60, gently=wanted.gently) else 1


if __name__ == "__main__":
    sys.exit(main())
