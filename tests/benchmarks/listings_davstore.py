"""davstore in a process of its own, over the simulator, for the benchmark of listings.

    python -m tests.benchmarks.listings_davstore MAGNETS FILES

Prints its URL once everything is listed. For each line on its standard input it adds one entry
(where there is one magnet: a file; else a magnet), refreshes, and says so.
"""

import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from davstore.model import Folder
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving

ACCOUNT = "alldebrid"
CONTENT = Content.random("listings", 1_000_000)


def magnet_name(number: int) -> str:
    """As release names are: words, dots, and now and then something to encode."""
    return f"Some.Film.or Other {number:05d} (2019) [1080p] & more é"


def magnet(number: int, files: int) -> SimMagnet:
    """A magnet with small files."""
    names = [f"Some.Film.{number:05d}.S01E{place:05d}.1080p.mkv" for place in range(files)]
    return SimMagnet(magnet_name(number), [SimFile(name, CONTENT) for name in names])


def listed(tree: Path, magnets: int) -> str:
    """The path of the large folder: the one magnet, or that of all magnets; below `tree`."""
    place = tree / ACCOUNT / "magnets"
    return f"{place / magnet_name(0) if magnets == 1 else place}/"


def added(number: int, magnets: int) -> str:
    """The name of the entry that is added to it as number `number`."""
    return magnet(0, number + 1).files[-1].path if magnets == 1 else magnet_name(number)


def wait_until_listed(served: Serving, magnets: int, files: int) -> None:
    """Everything is shown; the service's pace is kept."""
    while True:
        snapshot = served.server.library.catalog.snapshot(ACCOUNT)
        folders = list(snapshot.magnets.entries.values()) if snapshot else []
        if len(folders) >= magnets and (
            magnets > 1 or (isinstance(folders[0], Folder) and len(folders[0].entries) >= files)
        ):
            return
        time.sleep(0.1)


def main() -> None:
    """Serve until standard input ends."""
    magnets, files = map(int, sys.argv[1:])
    logging.disable()
    with Simulator() as sim, TemporaryDirectory() as folder:
        ids = [sim.alldebrid.add(magnet(number, files)) for number in range(magnets)]
        with serving(sim, Path(folder), accounts=(ACCOUNT,), ready=False) as served:
            wait_until_listed(served, magnets, files)
            print(served.url, flush=True)
            for _ in sys.stdin:
                if len(ids) == 1:
                    files += 1
                    sim.alldebrid.change(ids[0], files=magnet(0, files).files)
                else:
                    ids.append(sim.alldebrid.add(magnet(len(ids), files)))
                served.refresh(ACCOUNT)
                wait_until_listed(served, len(ids), files)
                print("changed", flush=True)


if __name__ == "__main__":
    main()
