"""Several processes as one server: real ones, over the simulator."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests

from davstore.cli.serve import _be_one_of_several
from davstore.config import Database, Settings
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.commands import free_port
from tests.programs import forks
from tests.serving import settings, wait_until, write_config

PATH = "/alldebrid/magnets/Sintel/Sintel.mkv"
MAGNETS = "/alldebrid/magnets/"


class One:
    """One process on a port of its own, so that it can be asked alone."""

    def __init__(self, common: Settings, number: int) -> None:
        self.port = free_port()
        server = common.server.model_copy(update={"port": self.port})
        reports, theirs = forks.Pipe(duplex=False)
        self.process = forks.Process(
            target=partial(_be_one_of_several, config=None, verbose=False),
            args=(common.model_copy(update={"server": server}), theirs, number),
        )
        self.process.start()
        theirs.close()
        assert reports.poll(60)
        assert reports.recv() == ""

    def ask(
        self, method: str, path: str, data: bytes | None = None, **headers: str
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://127.0.0.1:{self.port}{path}"
            return session.request(method, url, data=data, headers=headers, timeout=60)

    def lists(self, name: str) -> bool:
        return f"/{name}/" in self.ask("PROPFIND", MAGNETS, Depth="1").text

    def read(self, path: str, start: int = 0, end: int = 99) -> bytes:
        answer = self.ask("GET", path, Range=f"bytes={start}-{end}")
        assert answer.status_code == 206, answer.text
        return answer.content

    def send(self, number: int) -> None:
        assert self.process.pid
        os.kill(self.process.pid, number)


def film(name: str) -> SimMagnet:
    return SimMagnet(name, files=[SimFile(f"{name}.mkv", Content.random(name, 300_000))])


def shared(sim: Simulator, folder: Path) -> Path:
    server = {"port": free_port(), "state": str(folder / "state"), "refresh": 3600, "workers": 2,
              "overlay": True}  # fmt: skip
    changes = {"alldebrid": {"delete": True}}
    return write_config(sim, folder, accounts=("alldebrid",), server=server, changes=changes)


def machine(common: Settings, database: Database, number: int) -> Settings:
    """One of several machines: each has a state folder of its own, and one process."""
    state = common.server.state.with_name(f"state-{number}")
    its = {"state": state, "state_url": database.url, "workers": 1}
    return common.model_copy(update={"server": common.server.model_copy(update=its)})


@pytest.fixture
def pair(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[tuple[One, One]]:
    """Two processes of one machine, or of two; the first refreshes, the second follows."""
    sim.alldebrid.add(film("Sintel"))
    common = settings(shared(sim, tmp_path))
    each = [common, common]
    if database is not None:
        each = [machine(common, database, number) for number in range(2)]
    first = One(each[0], 0)
    wait_until(lambda: first.lists("Sintel"))
    second = One(each[1], 1)
    yield first, second
    for one in (first, second):
        one.process.terminate()
        one.process.join(20)
        assert one.process.exitcode is not None


def test_the_second_answers_what_the_first_has_asked(pair: tuple[One, One], sim: Simulator) -> None:
    wait_until(lambda: pair[1].lists("Sintel"))
    answers = [one.ask("PROPFIND", PATH, Depth="0") for one in pair]
    tags = [re.findall(r"<D:getetag>.*?</D:getetag>", answer.text) for answer in answers]
    assert tags[0] == tags[1] != []
    assert sim.alldebrid.count("magnet/status") == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_each_tells_of_both(pair: tuple[One, One]) -> None:
    one, other = pair
    other.read(PATH)

    def read(asked: One) -> bool:
        said = asked.ask("GET", "/-/metrics").text
        return 'stream_starts_total{account="alldebrid",process="1"} 1.0' in said

    wait_until(lambda: read(other))
    wait_until(lambda: read(one))
    page = one.ask("GET", "/-/").text
    assert len(re.findall("up, process [0-9]+", page)) == 2


def test_a_new_magnet_and_one_that_goes_are_followed(pair: tuple[One, One], sim: Simulator) -> None:
    number = sim.alldebrid.add(film("Charge"))
    pair[1].send(signal.SIGHUP)  # the one that does not refresh has it done
    wait_until(lambda: pair[0].lists("Charge"))
    began = time.monotonic()
    wait_until(lambda: pair[1].lists("Charge"))
    print(f"followed after {time.monotonic() - began:.1f} s")
    sim.alldebrid.remove(number)
    pair[1].send(signal.SIGHUP)
    wait_until(lambda: not pair[1].lists("Charge"))
    assert pair[1].read(PATH) == Content.random("Sintel", 300_000).read(0, 100)


def test_two_that_want_the_same_cold_file_generate_one_link(
    pair: tuple[One, One], sim: Simulator
) -> None:
    sim.alldebrid.faults.add(Fault("slow", "link/unlock", times=None, seconds=1.5))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda at: pair[at % 2].read(PATH), range(8)))
    assert set(got) == {Content.random("Sintel", 300_000).read(0, 100)}
    assert sim.alldebrid.count("link/unlock") == 1


def test_a_link_that_died_is_replaced_once_for_all(pair: tuple[One, One], sim: Simulator) -> None:
    whole = Content.random("Sintel", 300_000).read(0, 300_000)
    assert [one.read(PATH, 0, 299_999) for one in pair] == [whole, whole]
    assert sim.alldebrid.count("link/unlock") == 1


def test_limits_of_calls_hold_for_both_together(pair: tuple[One, One], sim: Simulator) -> None:
    """Ten a second: the last of 25 cannot come before two seconds are over."""
    names = [f"Film {number}" for number in range(25)]
    for name in names:
        sim.alldebrid.add(film(name))
    sim.alldebrid.strict = False  # calls that a busy machine hands over together would be refused
    pair[0].send(signal.SIGHUP)
    wait_until(lambda: all(pair[1].lists(name.replace(" ", "%20")) for name in names))
    began = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(
            lambda at: pair[at % 2].read(f"{MAGNETS}{names[at]}/{names[at]}.mkv"), range(25)
        ))  # fmt: skip
    assert time.monotonic() - began > 1.9
    assert sim.alldebrid.count("link/unlock") == 25


def test_when_the_refreshing_one_is_stopped_the_other_takes_over_at_once(
    pair: tuple[One, One], sim: Simulator
) -> None:
    before = sim.alldebrid.count("magnet/status")
    pair[0].process.terminate()
    wait_until(lambda: sim.alldebrid.count("magnet/status") > before)
    sim.alldebrid.add(film("Charge"))
    pair[1].send(signal.SIGHUP)
    wait_until(lambda: pair[1].lists("Charge"))


class Served:
    """`davstore serve` with one process or several, and what it logs."""

    def __init__(self, config: Path) -> None:
        self.port = settings(config).server.port
        self.log: list[str] = []
        self.parent = subprocess.Popen(
            [sys.executable, "-m", "davstore", "serve", "-c", str(config)],
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        wait_until(lambda: self.said("serving alldebrid at "), 60)

    def _listen(self) -> None:
        assert self.parent.stderr
        for line in self.parent.stderr:
            self.log.append(line)

    def said(self, pattern: str) -> list[str]:
        return re.findall(pattern, "".join(self.log))

    @property
    def pids(self) -> set[int]:
        """Its processes that serve."""
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = re.search(r"^PPid:\t(\d+)$", (entry / "status").read_text(), re.MULTILINE)
                is_ours = parent is not None and int(parent[1]) == self.parent.pid
                if is_ours and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
        return found

    @property
    def refreshing(self) -> list[int]:
        """Which processes have said that they refresh the account, the last one last. On a busy
        machine one may come too late to keep it.
        """
        return [int(pid) for pid in self.said(r"\[(\d+)\] alldebrid: refreshed by this process")]

    def accepting(self) -> int:
        """How many sockets listen on the port."""
        table = Path("/proc/net/tcp").read_text()
        return len(re.findall(rf":{self.port:04X} 00000000:0000 0A ", table))

    def lists(self, name: str) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://127.0.0.1:{self.port}{MAGNETS}"
            try:
                text = session.request("PROPFIND", url, headers={"Depth": "1"}, timeout=30).text
            except requests.RequestException:  # who had accepted it was killed
                return False
        return f"/{name}/" in text


@contextlib.contextmanager
def serving(config: Path) -> Iterator[Served]:
    served = Served(config)
    try:
        yield served
        served.parent.terminate()
        assert served.parent.wait(30) == 0
        assert served.pids == set()
    finally:
        served.parent.kill()
        served.parent.wait(10)


def test_the_one_that_is_killed_is_replaced_and_its_work_taken_over(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.alldebrid.add(film("Sintel"))
    with serving(shared(sim, tmp_path)) as served:
        wait_until(lambda: served.lists("Sintel") and served.refreshing, 60)
        assert served.accepting() == 2
        before = served.pids
        killed = served.refreshing[-1]
        assert killed in before
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        wait_until(lambda: served.refreshing[-1] != killed, 60)
        print(f"taken over after {time.monotonic() - began:.1f} s")
        wait_until(lambda: served.accepting() == 2, 60)
        assert len(served.pids) == 2
        assert killed not in served.pids
        sim.alldebrid.add(film("Charge"))
        served.parent.send_signal(signal.SIGHUP)
        wait_until(lambda: all(served.lists("Charge") for _ in range(8)), 60)


def test_processes_end_with_the_one_that_started_them(sim: Simulator, tmp_path: Path) -> None:
    config = shared(sim, tmp_path)
    with pytest.raises(AssertionError), serving(config) as served:
        served.parent.kill()
        served.parent.wait(10)
        wait_until(lambda: served.accepting() == 0, 60)
    with serving(config):
        pass


def test_a_port_in_use_is_said_also_by_several(sim: Simulator, tmp_path: Path) -> None:
    config = shared(sim, tmp_path)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", settings(config).server.port))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "davstore", "serve", "-c", str(config)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "is in use" in done.stderr


def test_what_one_deletes_and_renames_the_other_shows_within_two_seconds(
    pair: tuple[One, One], sim: Simulator
) -> None:
    sim.alldebrid.add(film("Charge"))
    pair[0].send(signal.SIGHUP)
    wait_until(lambda: all(one.lists(name) for one in pair for name in ("Sintel", "Charge")))
    assert pair[1].ask("DELETE", f"{MAGNETS}Charge").status_code == 204
    began = time.monotonic()
    wait_until(lambda: not pair[0].lists("Charge"))
    target = f"http://127.0.0.1:{pair[0].port}{MAGNETS}Film"
    assert pair[0].ask("MOVE", f"{MAGNETS}Sintel", Destination=target).status_code == 201
    wait_until(lambda: pair[1].lists("Film"))
    print(f"both followed after {time.monotonic() - began:.1f} s")
    assert pair[0].ask("DELETE", "/alldebrid/trash/Charge").status_code == 204
    wait_until(lambda: len(sim.alldebrid.library) == 1)
    assert sim.alldebrid.count("magnet/delete") == 1


def test_a_sidecar_that_one_takes_the_other_shows_within_two_seconds(
    pair: tuple[One, One],
) -> None:
    path = "/alldebrid/magnets/Sintel/movie.nfo"
    first, second = pair
    for at in range(3):
        assert second.ask("GET", path).status_code == (404 if at == 0 else 200)
        text = str(at).encode()
        assert first.ask("PUT", path, text).status_code == (201 if at == 0 else 204)
        assert second.ask("GET", path).content == text, "at once"
        assert "movie.nfo" in second.ask("PROPFIND", path, Depth="0").text
    folder = "/alldebrid/magnets/Sintel/"
    assert second.ask("PUT", f"{folder}poster.jpg", b"x").status_code == 201
    wait_until(lambda: "poster.jpg" in first.ask("PROPFIND", folder, Depth="1").text)
