"""What a large catalog costs: start, memory, and calls to the services.

    python -m tests.benchmarks.catalog [MAGNETS [FILES_EACH]]

Prints a table; exits with 1 where a goal is missed. No clock is waited for: an idle hour is the
hour of a clock that is moved.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import tomli_w

from davstore.catalog import Catalog, Records, open_database
from davstore.catalog.accounts.records import Held, Standing, Unsaved
from davstore.model import File, Folder, Magnet, Status
from davstore.server.server import Server
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.stores import STORES, alldebrid, plank, realdebrid, stremthru
from davstore.stores.base import Means
from davstore.stores.memory import Memory
from tests.clock import Clock
from tests.serving import settings, write_config

MAGNETS, FILES = 20_000, 10
OLD_SHOWS = 2_000
IDLE = {"realdebrid": 70, "alldebrid": 70, "torz": 70, "magnets": 70, "plank": 130}
NAME = "A.Film.With.A.Long.Enough.Name.{:05}.2160p.WEB-DL.x265-GROUP"


@dataclass
class Report:
    """What was measured, and whether all of it was good enough."""

    good: bool = True

    def row(self, what: str, value: float, goal: float, unit: str = "") -> None:
        fine = value <= goal
        self.good = self.good and fine
        print(f"{what:<62}{value:>10.2f} {unit:<6} <= {goal:>8g} {'' if fine else 'MISSED'}",
              flush=True)  # fmt: skip


def resident(pid: int) -> float:
    """MiB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def fill_disk(state: Path, account: str, source: str, magnets: int, files: int) -> None:
    """A catalog as a davstore left it that has known everything for long."""
    engine = open_database(state, time.time)
    unsaved = Unsaved()
    for number in range(magnets):
        name = NAME.format(number)
        magnet = Magnet(f"{number:013}", name, Status.READY, f"downloaded {files} {number} {name}",
                        f"{number:040x}", 10**9, 100.0, 1_600_000_000.0 + 60 * number)  # fmt: skip
        unsaved.put(Held(magnet, name, magnet.fingerprint, files, 0))
        unsaved.files[magnet.id] = tuple(
            File(f"Season 01/{name}.S01E{at:02}.mkv", f"https://real-debrid.com/d/{number:011}{at:02}",
                 10**8 + at, at)
            for at in range(files)
        )  # fmt: skip
    Records(engine).save(account, Standing(source, taken=time.time()), unsaved, {})
    engine.dispose()


@contextmanager
def served(folder: Path, account: dict[str, Any], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`davstore serve` in a process of its own."""
    config = folder / "davstore.toml"
    server = {"port": port, "state": str(folder / "state")}
    config.write_text(tomli_w.dumps({"server": server, "accounts": {"acc": account}}), "utf-8")
    command = [sys.executable, "-m", "davstore", "serve", "--config", str(config)]
    with (folder / "log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


def first_answer(url: str) -> float:
    """Seconds until a PROPFIND of a magnet's folder shows its files."""
    began = time.perf_counter()
    while True:
        try:
            answer = requests.request("PROPFIND", url, headers={"Depth": "1"}, timeout=60)
        except requests.ConnectionError:
            time.sleep(0.005)
            continue
        if answer.status_code == 207 and b"S01E00" in answer.content:
            return time.perf_counter() - began
        time.sleep(0.005)


def restart(report: Report, magnets: int, files: int) -> None:
    """A start over a full disk, while the service does not answer."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), 18_481
        account = {"store": "realdebrid", "token": "x", "url": "http://127.0.0.1:9/rest/1.0"}
        fill_disk(folder / "state", "acc", "realdebrid http://127.0.0.1:9/rest/1.0", magnets, files)
        url = f"http://127.0.0.1:{port}/acc/magnets/{NAME.format(magnets // 2)}/Season%2001/"
        with served(folder, account, port) as process:
            report.row("restart: first right PROPFIND", first_answer(url), 2, "s")
            report.row("restart: resident", resident(process.pid), 200, "MiB")
            session = requests.Session()
            for number in range(magnets):
                place = f"http://127.0.0.1:{port}/acc/magnets/{NAME.format(number)}/Season%2001/"
                session.request("PROPFIND", place, headers={"Depth": "1"}, timeout=60)
            report.row("restart: resident after every folder was listed",
                       resident(process.pid), 400, "MiB")  # fmt: skip


def library(magnets: int, files: int) -> Iterator[SimMagnet]:
    content = Content.random("film", 10**6)
    for number in range(magnets):
        name = NAME.format(number)
        yield SimMagnet(
            name, [SimFile(f"Season 01/{name}.S01E{at:02}.mp4", content) for at in range(files)],
            title=name, year=2000,
        )  # fmt: skip


def first_start(report: Report, sim: Simulator, magnets: int, files: int) -> None:
    """AllDebrid's first start in a process of its own, and a hundred refreshes after it."""
    for magnet in library(magnets, files):
        sim.alldebrid.add(magnet)
    with TemporaryDirectory() as name:
        folder, port = Path(name), 18_482
        with served(folder, sim.alldebrid.settings, port) as process:
            oldest = f"http://127.0.0.1:{port}/acc/magnets/{NAME.format(0)}/Season%2001/"
            report.row("alldebrid: first start, all files known", first_answer(oldest), 3600, "s")
            report.row("alldebrid: calls of a first start", sim.alldebrid.count(),
                       magnets / 50 + 10)  # fmt: skip
            report.row("alldebrid: calls refused as too many", sim.alldebrid.refused, 0)
            report.row("alldebrid: resident after a first start", resident(process.pid), 300, "MiB")
            before = sim.alldebrid.count()
            for _ in range(100):
                process.send_signal(1)
                wanted = before + 1
                while sim.alldebrid.count() < wanted:
                    time.sleep(0.01)
                before = sim.alldebrid.count()
            report.row("alldebrid: resident after 100 refreshes", resident(process.pid), 300, "MiB")


def idle_hours(report: Report, sim: Simulator, magnets: int) -> None:
    """Every service with its large account, refreshed each minute while nothing moves."""
    sim.alldebrid.strict = False  # the hour is over in a second
    for name, goal in IDLE.items():
        service = getattr(sim, name)
        for magnet in library(magnets - len(service.library), 1):
            service.add(magnet)
        with unstarted(sim, name) as (server, clock):
            server.library.catalog._keepers[name].look()
            settled(server.library.catalog, name)
            report.row(f"{name}: calls in an idle hour", idle_hour(sim, server, clock), goal)


def idle_hour_of_shows(report: Report) -> None:
    """The older Plank, whose list does not tell of further episodes: the shows are asked."""
    with Simulator() as sim:
        sim.plank.generation = "old"
        for magnet in library(OLD_SHOWS, 1):
            sim.plank.add(replace(magnet, kind="show"))
        with unstarted(sim, "plank") as (server, clock):
            catalog = server.library.catalog
            while catalog._schedules["plank"].turn(server.streams.measure, lambda: False) == 0.0:
                clock.time += 1
            assert len(catalog._learned) == OLD_SHOWS
            what = f"plank: calls in an idle hour with {OLD_SHOWS} shows of the older one"
            report.row(what, idle_hour(sim, server, clock), IDLE["plank"])


@contextmanager
def unstarted(sim: Simulator, name: str) -> Iterator[tuple[Server, Clock]]:
    """A server with this account that does nothing by itself."""
    clock = Clock(time.time())
    every = dict.fromkeys(("refresh", "refresh_quick", "refresh_slow"), 60)
    with TemporaryDirectory() as folder:
        table = {"port": 0, "state": f"{folder}/state", **every}
        path = write_config(sim, Path(folder), accounts=(name,), server=table)
        server = Server(settings(path), now=clock, sleep=lambda _: None)
        try:
            yield server, clock
        finally:
            server.stop()


def idle_hour(sim: Simulator, server: Server, clock: Clock) -> int:
    """All calls, to the service and to the file hosts, of an hour of refreshes."""
    services = (sim.realdebrid, sim.alldebrid, sim.torz, sim.magnets, sim.plank, sim.host)
    before, until = sum(each.count() for each in services), clock.time + 3600
    catalog = server.library.catalog
    (name,) = catalog.accounts
    while clock.time < until:
        clock.time += max(1.0, catalog._schedules[name].turn(server.streams.measure, lambda: False))
    return sum(each.count() for each in services) - before


def realdebrid_first_start(report: Report, sim: Simulator, magnets: int) -> None:
    """Unpaced: at the service's limits twenty thousand magnets take more than two hours."""
    service = sim.realdebrid
    for magnet in library(magnets - len(service.library), 1):
        service.add(magnet)
    clock = Clock(time.time())
    kind = STORES["realdebrid"]
    store = kind.open("rd", kind.settings.model_validate(service.settings), Means(now=clock))
    with TemporaryDirectory() as state:
        engine = open_database(Path(state), clock)
        catalog = Catalog.opened({"rd": store}, {"rd": "rd"}, Records(engine), interval=60,
                                 now=clock)  # fmt: skip
        before, known = service.count(), 0
        schedule = catalog._schedules["rd"]
        while schedule.turn(lambda _: None, lambda: False) == 0.0:
            snapshot = catalog.snapshot("rd")
            assert snapshot is not None
            assert len(snapshot.magnets.entries) > known
            clock.time += (len(snapshot.magnets.entries) - known) / 2.5  # as long as it takes
            known = len(snapshot.magnets.entries)
        report.row("realdebrid: calls of a first start", service.count() - before,
                   magnets + magnets / 100 + 10)  # fmt: skip
        engine.dispose()
    store.close()


def churn(report: Report, magnets: int, files: int) -> None:
    """Three hundred refreshes at each of which fifty magnets go, come and are read."""
    clock, store = Clock(time.time()), Memory("acc")

    def put(number: int) -> None:
        name = NAME.format(number)
        magnet = Magnet(str(number), name, Status.READY, "1", f"{number:040x}", added=float(number))
        tree = {File(f"{name}.{at}.mkv", f"ref/{number}/{at}", 1000): "u" for at in range(files)}
        store.put(magnet, tree)

    for number in range(magnets):
        put(number)
    with TemporaryDirectory() as state:
        engine = open_database(Path(state), clock)
        catalog = Catalog.opened({"acc": store}, {"acc": "s"}, Records(engine), interval=60,
                                 now=clock)  # fmt: skip
        catalog.refresh("acc")
        after = 0.0
        for turn in range(300):
            for number in range(50 * turn, 50 * turn + 50):
                store.forget(str(number))
                put(magnets + number)
            clock.time += 60
            catalog.refresh("acc")
            snapshot = catalog.snapshot("acc")
            assert snapshot is not None
            assert len(snapshot.magnets.entries) == magnets
            for folder in list(snapshot.magnets.entries.values())[:: magnets // 200]:
                assert isinstance(folder, Folder)
                assert len(folder.entries) == files
            if turn == 100:
                after = resident(os.getpid())
        report.row("churn: resident more after 300 refreshes than after 100",
                   resident(os.getpid()) - after, 10, "MiB")  # fmt: skip
        engine.dispose()


def settled(catalog: Catalog, name: str) -> None:
    """Spare ourselves the calls for the files: as if all had been asked."""
    holding = catalog._keepers[name].holding
    for magnet in holding.wanting():
        holding.settle(magnet, (File("film.mkv", "ref", 1),))


def main() -> None:
    """All of it."""
    numbers = [int(argument) for argument in sys.argv[1:]] + [MAGNETS, FILES][len(sys.argv) - 1 :]
    magnets, files = numbers
    report = Report()
    os.environ["NO_PROXY"] = "127.0.0.1"
    print(f"{magnets} magnets with {magnets * files} files")
    restart(report, magnets, files)
    churn(report, magnets, files)
    with Simulator() as sim:
        first_start(report, sim, magnets, files)
        for module in (alldebrid.api, plank.store, realdebrid.api, stremthru.store):
            module.RATES = ()  # type: ignore[attr-defined]
        realdebrid_first_start(report, sim, magnets)
        idle_hours(report, sim, magnets)
    idle_hour_of_shows(report)
    sys.exit(not report.good)


if __name__ == "__main__":
    main()
