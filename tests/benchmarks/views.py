"""What views cost over a large catalog: the first time, at a start, and per change.

    python -m tests.benchmarks.views [MAGNETS [FILES_EACH]]

Prints a table; exits with 1 where a goal is missed.
"""

import os
import resource
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from davstore import collector
from davstore.catalog import Arranged, Catalog, PlaceRecords, Records, open_database
from davstore.catalog.accounts.records import Held, Standing, Unsaved
from davstore.config.views import DEFAULT_VIEWS
from davstore.model import File, Folder, Magnet, Status
from davstore.stores.memory import Memory
from tests.benchmarks.catalog import Report, resident

MAGNETS, FILES = 20_000, 10


def magnet(number: int, files: int, *, again: str = "") -> tuple[Magnet, tuple[File, ...]]:
    """Every other one a film, the others seasons of shows."""
    if number % 2:
        name = f"The.Film.Of.Number.{number}.{1920 + number % 100}.1080p.BluRay.x264-FREE"
        paths = [f"{name}.mkv", *(f"Subs/{name}.{at}.srt" for at in range(files - 1))]
    else:
        name = f"A.Show.Of.Number.{number // 8}.S{number % 8 // 2 + 1:02}.720p.WEB-DL.x264-FREE"
        paths = [f"{name.replace('.720p', f'E{at + 1:02}.720p')}.mkv" for at in range(files)]
    known = Magnet(f"{number:07}", name, Status.READY, f"{files} {again}", f"{number:040x}",
                   10**9, 100.0, 1_600_000_000.0 + number)  # fmt: skip
    return known, tuple(
        File(path, f"ref/{number}/{at}", 10**8 * (at == 0) + 10**6 + at, at)
        for at, path in enumerate(paths)
    )


def fill(state: Path, magnets: int, files: int) -> None:
    """Two accounts; every tenth magnet is in both."""
    engine = open_database(state, time.time)
    for account, numbers in (("one", range(magnets)), ("two", range(0, magnets, 10))):
        unsaved = Unsaved()
        for number in numbers:
            known, tree = magnet(number, files)
            unsaved.put(Held(known, known.name, known.fingerprint, files, 0))
            unsaved.files[known.id] = tree
        Records(engine).save(account, Standing(account, taken=time.time()), unsaved, {})
    engine.dispose()


class Library:
    """Accounts and views over a state folder, without a server."""

    def __init__(self, state: Path) -> None:
        self.engine = open_database(state, time.time)
        self.stores = {name: Memory(name) for name in ("one", "two")}
        self.catalog = Catalog.opened(self.stores, {"one": "one", "two": "two"},
                                      Records(self.engine), interval=3600)  # fmt: skip
        self.before = resident(os.getpid())
        self.arranged = Arranged(DEFAULT_VIEWS, ("one", "two"), self.catalog.snapshot,
                                 PlaceRecords(self.engine))  # fmt: skip


def main() -> None:
    """Measure all."""
    magnets, files = (int(sys.argv[1]) if sys.argv[1:] else MAGNETS,
                      int(sys.argv[2]) if sys.argv[2:] else FILES)  # fmt: skip
    report = Report()
    collector.settle()  # as a process that serves does
    with TemporaryDirectory() as folder:
        state = Path(folder)
        fill(state, magnets, files)
        plain = (state / "catalog.db").stat().st_size
        library = Library(state)
        began = time.perf_counter()
        library.arranged.complete()
        took = time.perf_counter() - began
        report.row("the first time, once (in the background)", took, 600, "s")
        report.row("  a magnet of these", took / magnets * 1000, 50, "ms")
        library.arranged.close()
        library.engine.dispose()
        grown = (state / "catalog.db").stat().st_size - plain
        report.row("on disk, a magnet", grown / magnets, 2048, "bytes")

        library = Library(state)
        before = library.before
        began = time.perf_counter()
        folders = library.arranged.folders()
        report.row(f"{magnets} magnets arranged at a start", time.perf_counter() - began, 3, "s")
        report.row("in memory, a magnet", (resident(os.getpid()) - before) * 2**20 / magnets, 4096,
                   "bytes")  # fmt: skip
        assert folders
        changes(library, report, files)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report.row("  peak of the process", peak, 1000, "MiB")
    sys.exit(0 if report.good else 1)


def changes(library: Library, report: Report, files: int) -> None:
    """One magnet changes, as the catalog tells it."""
    keeper = library.catalog._keepers["one"]
    took = []
    for turn in range(20):
        known, tree = magnet(turn * 37 + 1, files, again=str(turn))
        keeper.holding._put(Held(known, known.name, known.fingerprint, files, 0))
        keeper._unsaved.files[known.id] = tree
        keeper._publish(time.time())
        began = time.perf_counter()
        folders = library.arranged.folders()
        took.append(time.perf_counter() - began)
        assert folders
    report.row("one change, median", statistics.median(took) * 1000, 50, "ms")
    report.row("one change, worst of 20", max(took) * 1000, 100, "ms")
    folders = library.arranged.folders()
    assert folders
    film = folders[0].entries["The Film Of Number 1 (1921)"]
    assert isinstance(film, Folder)
    began = time.perf_counter()
    assert len(film.entries) == files
    report.row(
        "a folder touched for the first time", (time.perf_counter() - began) * 1000, 20, "ms"
    )


if __name__ == "__main__":
    main()
