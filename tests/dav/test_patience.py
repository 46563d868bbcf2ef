"""Failed logins that several processes count together."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from davstore.catalog import Kept, open_database
from davstore.config import Database
from davstore.dav.access.patience import KNOWN_FOR, OF_A_NAME, ROOM, Patience
from davstore.dav.keeping.keeping import Keeping, in_folder
from davstore.simulator import Simulator
from tests.commands import free_port
from tests.serving import settings, write_config
from tests.test_workers import One

HERE = "10.0.0.1"


@pytest.fixture
def kept(tmp_path: Path, database: Database | None) -> Iterator[Callable[[], Keeping]]:
    """What keeps failures, as each process opens it."""
    with ExitStack() as stack:

        def opened() -> Keeping:
            if database is None:
                return stack.enter_context(closing(in_folder(tmp_path, 1.0)("logins", ROOM)))
            engine = open_database(tmp_path, lambda: 0.0, database=database)
            stack.callback(engine.dispose)
            return Kept(engine, "logins", room_for=ROOM)

        yield opened


@pytest.fixture
def moment() -> list[float]:
    return [1000.0]


@pytest.fixture
def two(kept: Callable[[], Keeping], moment: list[float]) -> Iterator[tuple[Patience, Patience]]:
    first, second = (Patience(lambda: moment[0], kept()) for _ in range(2))
    yield first, second
    first.close()
    second.close()


def test_what_failed_at_one_counts_at_the_other(
    two: tuple[Patience, Patience], moment: list[float]
) -> None:
    for number in range(OF_A_NAME.limit):
        assert not any(one.wait(HERE, "anna") for one in two)
        two[number % 2].failed(HERE, "anna")
        moment[0] += 1
    assert [one.wait(HERE, "anna") for one in two] == [55, 55]
    assert not any(one.wait(HERE, "berta") or one.wait("10.0.0.2", "anna") for one in two)
    moment[0] += 55
    assert not any(one.wait(HERE, "anna") for one in two)


def test_who_was_let_in_at_one_is_not_locked_out_of_the_other(
    two: tuple[Patience, Patience],
) -> None:
    two[0].succeeded(HERE, "anna")
    for _ in range(20):
        two[0].failed(HERE, "anna")
    assert two[0].wait(HERE, "anna")
    assert two[1].wait(HERE, "anna") == 0
    for _ in range(5):
        two[1].failed(HERE, "anna")
    assert two[1].wait(HERE, "anna"), "guesses have an end there too"


def test_a_moment_of_another_clock_holds_nobody_up(kept: Callable[[], Keeping]) -> None:
    """Another boot's: it may lie ahead."""
    before = Patience(lambda: KNOWN_FOR, kept())
    for _ in range(5):
        before.failed(HERE, "anna")
    assert before.wait(HERE, "anna")
    before.close()
    assert Patience(lambda: 1000.0, kept()).wait(HERE, "anna") == 0


def test_clocks_that_differ_by_less_than_a_minute_give_nobody_more_guesses(
    kept: Callable[[], Keeping],
) -> None:
    ahead = Patience(lambda: 1050.0, kept())
    behind = Patience(lambda: 1000.0, kept())
    for number in range(OF_A_NAME.limit):
        assert not any(one.wait(HERE, "anna") for one in (ahead, behind))
        (ahead, behind)[number % 2].failed(HERE, "anna")
    assert ahead.wait(HERE, "anna")
    assert behind.wait(HERE, "anna")
    for one in (ahead, behind):
        one.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_disk_that_fails_lets_each_count_for_itself(
    two: tuple[Patience, Patience], tmp_path: Path
) -> None:
    two[0].close()
    shutil.rmtree(tmp_path)
    tmp_path.write_text("in the way")
    for _ in range(5):
        assert two[0].wait(HERE, "anna") == 0
        two[0].failed(HERE, "anna")
    assert two[0].wait(HERE, "anna")


def test_processes_count_together(sim: Simulator, tmp_path: Path) -> None:
    server = {"port": free_port(), "workers": 2}
    users = [{"name": "anna", "password": "right"}]
    common = settings(
        write_config(sim, tmp_path, accounts=("alldebrid",), server=server, users=users)
    )
    pair = One(common, 0), One(common, 1)
    try:
        said = [ask(pair[number % 2], "wrong") for number in range(7)]
        assert said == [401] * 5 + [429] * 2
    finally:
        for one in pair:
            one.send(signal.SIGTERM)
            one.process.join(20)


def ask(one: One, password: str) -> int:
    url = f"http://127.0.0.1:{one.port}/"
    return requests.get(url, auth=("anna", password), timeout=30).status_code
