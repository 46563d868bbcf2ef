"""davstore in a process of its own, over the simulator, for the benchmark of listings.

    python -m tests.benchmarks.listings_davstore MAGNETS FILES

Prints its URL once every magnet is listed; for each line on its standard input it adds one
magnet, refreshes, and says so.
"""

import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving

ACCOUNT = "alldebrid"
CONTENT = Content.random("listings", 1_000_000)


def magnet_name(number: int) -> str:
    """As release names are: words, dots, and now and then something to encode."""
    return f"Some.Film.or Other {number:05d} (2019) [1080p] & more é"


def magnet(number: int, files: int) -> SimMagnet:
    """A magnet with small files."""
    names = [f"Some.Film.{number:05d}.S01E{place:02d}.1080p.mkv" for place in range(files)]
    return SimMagnet(magnet_name(number), [SimFile(name, CONTENT) for name in names])


def wait_until_listed(served: Serving, count: int) -> None:
    """All magnets of a first start are shown; the service's pace is kept."""
    while True:
        snapshot = served.server.library.catalog.snapshot(ACCOUNT)
        if snapshot is not None and len(snapshot.magnets.entries) >= count:
            return
        time.sleep(0.1)


def main() -> None:
    """Serve until standard input ends."""
    magnets, files = map(int, sys.argv[1:])
    logging.disable()
    with Simulator() as sim, TemporaryDirectory() as folder:
        for number in range(magnets):
            sim.alldebrid.add(magnet(number, files))
        with serving(sim, Path(folder), accounts=(ACCOUNT,), ready=False) as served:
            wait_until_listed(served, magnets)
            print(served.url, flush=True)
            for number, _ in enumerate(sys.stdin):
                sim.alldebrid.add(magnet(magnets + number, files))
                served.refresh(ACCOUNT)
                wait_until_listed(served, magnets + number + 1)
                print("changed", flush=True)


if __name__ == "__main__":
    main()
