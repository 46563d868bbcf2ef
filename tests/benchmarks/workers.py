"""How many PROPFINDs a second davstore answers, by one process and by several.

    python -m tests.benchmarks.workers [--workers 1 2] [--rounds 5] [--seconds 5] [--entries 1000]

Sixteen clients, each on a connection of its own, ask for one folder again as soon as they have
the answer (rclone's property set, gzip). They are one small process, which on a machine with as
few cores as processes takes its part of them: `CPU` says how much of a core it took. Rounds take
turns, so that whoever else computes here disturbs all alike.
"""

import argparse
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import tomli_w
from rich.console import Console
from rich.table import Table

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.benchmarks.listings import SETS
from tests.benchmarks.listings_client import Client

CLIENTS = 16
GOAL = 1.6
NAME = "Some Show (2019)"


@contextmanager
def served(sim: Simulator, workers: int, entries: int) -> Iterator[int]:
    """The port of a davstore of so many processes that shows everything."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        server = {"port": port, "state": f"{folder}/state", "refresh": 3600, "workers": workers}
        config = {"server": server, "accounts": {"alldebrid": sim.alldebrid.settings}}
        path = Path(folder) / "davstore.toml"
        path.write_text(tomli_w.dumps(config), "utf-8")
        command = [sys.executable, "-m", "davstore", "serve", "-c", str(path)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            for _ in range(4 * workers):  # each of them is likely to be met
                _wait_until_listed(port, entries)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_listed(port: int, entries: int) -> None:
    body, headers = SETS[0].request()
    for _ in range(600):
        try:
            with Client(port) as client:
                answer = client.ask("PROPFIND", f"/alldebrid/magnets/{NAME}/", body, **headers)
                if answer.status == 207 and answer.body.count(b"href>") == 2 * (entries + 1):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("davstore does not list everything")


def crowd(port: int, seconds: float) -> tuple[float, float]:
    """Answers a second, and the share of a core that asking took; run in a process of its own."""
    body, headers = SETS[0].request()
    lines = [f"PROPFIND {quote(f'/alldebrid/magnets/{NAME}/')} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    selector, buffer = selectors.DefaultSelector(), bytearray(1 << 20)
    left: dict[socket.socket, int] = {}
    for _ in range(CLIENTS):
        sock = socket.create_connection(("127.0.0.1", port), 30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request)
        left[sock] = 0
        selector.register(sock, selectors.EVENT_READ, sock)
    answers, began, computed = 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - began) < seconds:
        for key, _ in selector.select(1):
            sock = key.data
            got = sock.recv_into(buffer)
            left[sock] = (left[sock] or _length(bytes(buffer[: min(got, 1024)]))) - got
            if left[sock] == 0:
                answers += 1
                sock.send(request)
    return answers / passed, (time.process_time() - computed) / passed


def _length(beginning: bytes) -> int:
    """Of a whole answer that begins so."""
    found = re.search(rb"content-length: (\d+)\r\n", beginning, re.IGNORECASE)
    assert found is not None, beginning
    assert beginning.startswith(b"HTTP/1.1 207"), beginning
    return beginning.index(b"\r\n\r\n") + 4 + int(found[1])


def measured(port: int, seconds: float) -> tuple[float, float]:
    """As `crowd`."""
    command = [sys.executable, "-m", __spec__.name, "--crowd", str(port), "--seconds", str(seconds)]
    rate, share = json.loads(subprocess.check_output(command, text=True))
    return rate, share


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--crowd", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crowd:
        print(json.dumps(crowd(options.crowd, options.seconds)))
        return
    console = Console(width=110)
    rates: dict[int, list[float]] = {number: [] for number in options.workers}
    shares: dict[int, list[float]] = {number: [] for number in options.workers}
    content = Content.random("workers", 1000)
    files = [SimFile(f"Some.Show.S01E{at:04}.1080p.mkv", content) for at in range(options.entries)]
    with Simulator() as sim, ExitStack() as stack:
        sim.alldebrid.add(SimMagnet(NAME, files))
        ports = {number: stack.enter_context(served(sim, number, options.entries))
                 for number in options.workers}  # fmt: skip
        for _ in range(options.rounds):
            for number, port in ports.items():
                rate, share = measured(port, options.seconds)
                rates[number].append(rate)
                shares[number].append(share)
    table = Table("processes", "PROPFINDs a second (median)", "least and most", "÷ first", "CPU")
    first = statistics.median(rates[options.workers[0]])
    for number in options.workers:
        rate = statistics.median(rates[number])
        table.add_row(
            str(number), f"{rate:.0f}", f"{min(rates[number]):.0f} to {max(rates[number]):.0f}",
            f"{rate / first:.2f}", f"{100 * statistics.median(shares[number]):.0f} %",
        )  # fmt: skip
    console.print(f"{CLIENTS} clients, {options.entries:,} entries, {os.cpu_count()} cores")
    console.print(table)
    if {1, 2} <= rates.keys():
        ratio = statistics.median(rates[2]) / statistics.median(rates[1])
        best = max(rates[2]) / max(rates[1])
        console.print(f"of the best rounds: {best:.2f} x")
        console.print(f"{'met' if ratio >= GOAL else 'MISSED'}: {ratio:.2f} x, goal {GOAL}")


if __name__ == "__main__":
    main()
