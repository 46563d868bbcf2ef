"""How fast davstore lists, beside rclone, Apache and lighttpd, in one run on one machine.

    python -m tests.benchmarks.listings [--rounds 7] [--only lsjson] [--json FILE] [--quick]

Each round asks every server in turn, for the same folder of 10,000 files (`files`) and of 10,000
folders (`folders`). Trust the ratios of one run, not the absolute figures. Four
property sets are asked for, as their clients do: rclone's and Kodi's accept gzip (no other server
here compresses as it comes), Finder's and allprop do not.

`rclone lsjson -R` runs with `--webdav-pacer-min-sleep 1us`: rclone's own pause of 10 ms between
requests would otherwise be all that is measured (2,001 requests: 20 s from any server). rclone then
computes 0.3 ms a request itself, on the same cores: what the server takes is in `CPU ms`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.table import Table

from davstore.dav.listing import canary
from tests.benchmarks.listings_client import Client
from tests.benchmarks.listings_servers import Listed, Missing, grow, rclone, running, versions

PARTS = ("files", "folders", "lsjson")
SERVERS = ("davstore", "rclone", "lighttpd", "apache")


@dataclass(frozen=True)
class PropertySet:
    """What a client asks for."""

    client: str
    names: tuple[str, ...] | None
    body: str
    gzip: bool

    def request(self, *more: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers; `more` are further properties that nobody has."""
        body = self.body
        if more:
            extra = "".join(f"<D:{name}/>" for name in more)
            known = "".join(f"<D:{name}/>" for name in self.names or ("getetag",))
            body = f'<D:propfind xmlns:D="DAV:"><D:prop>{known}{extra}</D:prop></D:propfind>'
        headers = {"Depth": "1", "Content_Type": "application/xml" if body else "text/plain"}
        return body.encode(), {**headers, **({"Accept_Encoding": "gzip"} if self.gzip else {})}


def _named(client: str, *names: str, gzip: bool) -> PropertySet:
    elements = "".join(f"<D:{name}/>" for name in names)
    body = f'<D:propfind xmlns:D="DAV:"><D:prop>{elements}</D:prop></D:propfind>'
    return PropertySet(client, names, body, gzip)


_COMMON = ("getlastmodified", "getcontentlength", "resourcetype")
SETS = (
    _named("rclone's set", "displayname", *_COMMON, gzip=True),
    _named("Finder's set", "creationdate", *_COMMON, gzip=False),
    PropertySet("Kodi's empty body", None, "", gzip=True),
    PropertySet(
        "allprop", None, '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>', gzip=False
    ),
)


@dataclass(frozen=True)
class Goal:
    """davstore must be `factor` times faster than `other` in works whose names begin so."""

    work: str
    other: str
    factor: float


GOALS = (
    Goal("warm: ", "rclone", 30),
    Goal("warm: ", "lighttpd", 4),
    Goal("after a change: ", "rclone", 10),
    Goal("first of a set: ", "rclone", 1),
    Goal("first of all", "rclone", 1),
    Goal("lsjson", "rclone", 1.5),
)


class Figures:
    """Milliseconds by work and server."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    @contextmanager
    def timed(self, work: str, server: str) -> Iterator[None]:
        """Take down how long it takes."""
        began = time.perf_counter()
        yield
        self.all[work][server].append(1000 * (time.perf_counter() - began))

    def median(self, work: str, server: str) -> float | None:
        """Of all rounds."""
        found = self.all[work].get(server)
        return statistics.median(found) if found else None


def listings(figures: Figures, kind: str, servers: list[Listed], entries: int, rounds: int) -> None:
    """PROPFIND Depth 1 of one folder with so many entries."""
    for server in servers:
        _ask(figures, f"first of all: {kind}", server, SETS[0].request())
    for asked in SETS:
        for server in servers:
            length = _checked_length(server, asked, entries)
            figures.all[f"KiB: {kind}, {asked.client}"][server.name].append(length / 1024)
    for number in range(rounds):
        for place, asked in enumerate(SETS):
            what, change = f"{kind}, {asked.client}", number * len(SETS) + place
            for server in servers:
                _ask(figures, "", server, asked.request())
                _ask(figures, f"warm: {what}", server, asked.request(), times=3)
                _ask(figures, f"first of a set: {what}", server, asked.request(f"new{change}"))
            for server in servers:
                server.change(entries + change)
            for server in servers:
                _ask(figures, f"after a change: {what}", server, asked.request())


def _ask(
    figures: Figures,
    work: str,
    server: Listed,
    request: tuple[bytes, dict[str, str]],
    times: int = 1,
) -> None:
    body, headers = request
    with Client(server.port) as client:
        for _ in range(times):
            with figures.timed(work, server.name):
                client.ask("PROPFIND", server.path, body, **headers)


def _checked_length(server: Listed, asked: PropertySet, entries: int) -> int:
    """The length of an answer that is whole."""
    body, headers = asked.request()
    with Client(server.port) as client:
        answer = client.ask("PROPFIND", server.path, body, **headers)
    assert answer.status == 207, answer.head
    assert answer.body.count(b"href>") == 2 * (entries + 1)
    return len(answer.data)


def whole_trees(figures: Figures, servers: list[Listed], files: int, rounds: int) -> None:
    """`rclone lsjson -R` of everything; `lsjson: CPU` is what the server computed meanwhile."""
    for _ in range(rounds):
        for server in servers:
            before = server.cpu()
            with tempfile.TemporaryFile() as written:
                with figures.timed("lsjson -R", server.name):
                    _lsjson(server.url, written)
                figures.all["CPU ms: lsjson -R"][server.name].append(1000 * (server.cpu() - before))
                written.seek(0)
                found = json.load(written)
            listed = [row for row in found if not row["IsDir"] and row["Name"] != canary.NAME]
            assert len(listed) == files


def _lsjson(url: str, to: IO[bytes]) -> None:
    options = ["--webdav-url", url, "--webdav-vendor", "other", "--webdav-pacer-min-sleep", "1us"]
    command = [rclone(), "lsjson", "-R", "--config", "", ":webdav:", *options]
    subprocess.run(command, stdout=to, stderr=subprocess.DEVNULL, check=True)


def show(figures: Figures, console: Console) -> None:
    """All medians, and how many times faster davstore is."""
    table = Table("work (ms, median)", *SERVERS, *(f"{name} ÷" for name in SERVERS[1:]))
    for work in sorted(filter(None, figures.all)):
        medians = {name: figures.median(work, name) for name in SERVERS}
        own = medians["davstore"]
        ratios = [medians[name] for name in SERVERS[1:]]
        table.add_row(
            work,
            *(_figure(value) for value in medians.values()),
            *(f"{value / own:.1f}" if value and own else "" for value in ratios),
        )
    console.print(table)
    for goal in GOALS:
        for work in figures.all:
            if work.startswith(goal.work):
                _say_goal(figures, goal, work, console)


def _say_goal(figures: Figures, goal: Goal, work: str, console: Console) -> None:
    own, other = figures.median(work, "davstore"), figures.median(work, goal.other)
    if own and other:
        met = other / own >= goal.factor
        text = f"{work}: {other / own:.1f} x faster than {goal.other}, goal {goal.factor}"
        console.print(f"{'met   ' if met else 'MISSED'} {text}", style="" if met else "red")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def measure(
    figures: Figures, parts: list[str], console: Console, *, rounds: int, quick: bool
) -> None:
    """Each of the parts; servers that are not installed are left out."""
    many = 1000 if quick else 10_000
    shapes = {"files": (1, many), "folders": (many, 1), "lsjson": (many // 5, 10)}
    for part in parts:
        magnets, files = shapes[part]
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.chmod(0o755)
            tree = folder / "tree"
            grow(tree, magnets, files)
            servers = []
            for name in SERVERS[:2] if part == "lsjson" else SERVERS:
                console.print(f"{part}: starting {name}")
                try:
                    servers.append(stack.enter_context(running(name, tree, magnets, files)))
                except Missing as missing:
                    console.print(f"{name} is left out: {missing}", style="red")
            if part == "lsjson":
                whole_trees(figures, servers, magnets * files, rounds)
            else:
                listings(figures, part, servers, many, rounds)


def main() -> int:
    """Measure and show; 0 also where goals are missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.listings")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--json", type=Path, help="a file to write the figures to")
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries")
    options = parser.parse_args()
    console, figures = Console(width=130), Figures()
    console.print(versions())
    parts = [options.only] if options.only else list(PARTS)
    measure(figures, parts, console, rounds=options.rounds, quick=options.quick)
    show(figures, console)
    if options.json:
        options.json.write_text(json.dumps({"versions": versions(), "ms": figures.all}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
