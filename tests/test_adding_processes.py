"""Adding by processes that are killed, and by several that share the work."""

import random
import signal
import time
from collections import Counter
from pathlib import Path

from davstore.catalog import Additions, State, open_database
from davstore.config import Database
from davstore.simulator import Fault, Simulator
from davstore.wanted import of_hash
from tests.programs import Program
from tests.serving import wait_until
from tests.test_workers import One, pair  # noqa: F401 - a fixture
from tests.torrents import link


def test_a_kill_at_any_moment_adds_nothing_twice(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    service = sim.realdebrid
    service.token, service.add_pause = "x", 0.0
    service.faults.add(Fault("slow", "/addMagnet", times=None, seconds=0.05))
    wanted = [of_hash(f"{number:040x}", f"Film {number}") for number in range(15)]
    additions = Additions(open_database(tmp_path, time.time, database=database))
    address = [] if database is None else [database.url.get_secret_value()]
    additions.put("rd", "films.txt", b"films", wanted)
    kills = 0
    while not is_done(additions):
        said = tmp_path / f"said-{kills}"
        process = Program(
            str(tmp_path), service.url, *address, module="tests.catalog.adding_process",
            stdout=str(said),
        )  # fmt: skip
        wait_until(lambda: said.read_text() == "adding\n")  # noqa: B023
        enough = service.count() + random.randint(1, 20)
        wait_until(lambda: service.count() >= enough or is_done(additions), 60)  # noqa: B023
        time.sleep(random.uniform(0, 0.06))  # anywhere between two of its calls
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        kills += 1
        assert kills < 100
    assert kills > 1
    assert Counter(service.taken) == {each.hash: 1 for each in wanted}


def is_done(additions: Additions) -> bool:
    return all(row.state is State.ADDED for row in additions.waiting("rd"))


def test_several_processes_add_once_and_see_the_same(
    pair: tuple[One, One],  # noqa: F811
    sim: Simulator,
) -> None:
    hashes = [f"{number:040x}" for number in range(6)]
    for at, hash_ in enumerate(hashes):
        put(pair[at % 2], f"{at}.magnet", link(hash_))
    for one in pair:
        assert "5.magnet" in one.ask("PROPFIND", "/alldebrid/incoming/", Depth="1").text
    wait_until(lambda: sorted(sim.alldebrid.taken) == hashes, 40)
    assert sim.alldebrid.count("magnet/upload") == len(hashes)


def test_another_process_takes_over_what_waits(
    pair: tuple[One, One],  # noqa: F811
    sim: Simulator,
) -> None:
    hash_ = "a" * 40
    sim.alldebrid.faults.add(Fault("hang", "magnet/upload"))
    put(pair[0], "a.magnet", link(hash_))
    wait_until(lambda: sim.alldebrid.count("magnet/upload") == 1)
    pair[0].send(signal.SIGKILL)
    wait_until(lambda: sim.alldebrid.taken == [hash_], 40)


def put(one: One, name: str, text: str) -> None:
    answer = one.ask("PUT", f"/alldebrid/incoming/{name}", data=text.encode())
    assert answer.status_code == 201
