"""What breaks between HAProxy, three real replicas and their database; and replacing them."""

import hashlib
import random
import re
import threading
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import requests
import sqlalchemy as sa

from davstore.catalog import SCHEMA
from davstore.config import Database
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.cables import cable
from tests.catalog.newer import ADDING, NEWER, changed_on_server
from tests.postgres import Cluster
from tests.replicas.balanced import Replica, balanced, replicas, session, wired
from tests.replicas.conftest import FILMS
from tests.replicas.load import FOLDER, Load, Seen, content, film, name, place
from tests.serving import wait_until

pytestmark = pytest.mark.client

FIXED = {name(number) for number in (*range(FILMS + 1), 90)}


def test_a_download_ends_in_peace_while_its_replica_is_replaced(
    three: Sequence[Replica], url: str
) -> None:
    """First it is not ready and still answers, then it listens no more, then its streams end."""
    whole, digest = content(0), hashlib.sha256()
    seen = Seen()
    with session() as player, player.get(url + place(0), stream=True, timeout=60) as film_:
        digest.update(film_.raw.read(1_000_000))
        leaving = next(each for each in three if each.streams())
        stopping = threading.Thread(target=leaving.stop)
        with Load(url, FILMS, seen, players=2, scans=1):
            stopping.start()
            wait_until(lambda: leaving.ask("GET", "/-/readyz").status_code == 503)
            assert leaving.ask("PROPFIND", FOLDER, Depth="1").status_code == 207
            wait_until(lambda: not listens(leaving), 30)
            assert stopping.is_alive(), "it waits for its stream"
        while block := film_.raw.read(1_000_000):
            digest.update(block)
    assert digest.hexdigest() == whole.sha256()
    stopping.join(60)
    assert not stopping.is_alive()
    assert seen.wrong == []
    assert seen.counts["streams cut and read on"] == 0
    leaving.start()


def listens(one: Replica) -> bool:
    try:
        one.ask("GET", "/-/healthz")
    except requests.ConnectionError:
        return False
    return True


def test_players_and_scans_go_on_while_one_cable_after_the_other_fails(
    three: Sequence[Replica], tmp_path: Path
) -> None:
    seen = Seen()
    with (
        wired(three) as ways,
        balanced(ways, tmp_path, hasty=True) as url,
        Load(url, FILMS, seen, players=3, scans=2),
    ):
        for way in ways:
            for deed in (way.cable.reset, way.cable.cut, way.cable.hang):
                goal = seen.counts["PROPFIND"] + 60
                deed()
                wait_until(lambda goal=goal: seen.counts["PROPFIND"] > goal, 60)  # type: ignore[misc]
                way.cable.mend()
    print(dict(seen.counts), f"longest wait {seen.longest:.2f} s")
    assert seen.wrong == []


def test_one_that_starts_before_its_database_waits_for_it(
    library: Simulator, postgres: Cluster, common: Database, tmp_path: Path
) -> None:
    with cable(postgres.port) as between:
        url = common.url.get_secret_value().replace(f":{postgres.port}/", f":{between.port}/")
        between.cut()
        with replicas(library, tmp_path, url, count=1, ready=False) as [early]:
            wait_until(lambda: "waiting for it" in early.said, 60)
            assert not listens(early)
            early.stop()
            early.begin()
            wait_until(lambda: early.said.count("waiting for it") == 2, 60)
            between.mend()
            wait_until(early.is_ready, 60)
            assert early.lists(FOLDER, name(0))
            assert "Traceback" not in early.said


@pytest.fixture
def upgraded(three: Sequence[Replica], common: Database) -> Iterator[sa.Engine]:
    """The database of the three, as a newer davstore leaves it that has started beside them."""
    engine = sa.create_engine(common.url.get_secret_value())
    with engine.begin() as connection:
        for script in (*ADDING, *changed_on_server(NEWER, SCHEMA)):
            connection.exec_driver_sql(script)
    yield engine
    with engine.begin() as connection:
        for script in (
            "ALTER TABLE magnets DROP COLUMN invented", "ALTER TABLE accounts DROP COLUMN guessed",
            "DROP TABLE inventions", *changed_on_server(SCHEMA, SCHEMA),
        ):  # fmt: skip
            connection.exec_driver_sql(script)
    engine.dispose()


def test_older_ones_go_on_and_start_again_beside_a_newer_one(
    three: Sequence[Replica], library: Simulator, upgraded: sa.Engine
) -> None:
    number = library.alldebrid.add(film(90))
    one, two, other = three
    one.refresh()
    wait_until(lambda: all(each.lists(FOLDER, name(90)) for each in three), 60)
    with upgraded.begin() as connection:
        connection.exec_driver_sql("UPDATE magnets SET invented = 'by the newer one'")
    two.kill()
    two.start()
    assert "newer davstore's" in two.said
    for each in three:
        assert each.ask("GET", place(90), Range="bytes=0-9").content == content(90).read(0, 10)
    renamed = {"Destination": f"{two.url}{FOLDER}Renamed"}
    assert two.ask("MOVE", place(90).rpartition("/")[0], **renamed).status_code == 201
    wait_until(lambda: all(each.lists(FOLDER, "Renamed") for each in three), 60)
    library.alldebrid.remove(number)
    other.refresh()
    wait_until(lambda: not any(each.lists(FOLDER, "Renamed") for each in three), 60)


def test_after_each_step_all_show_the_same(
    three: Sequence[Replica], library: Simulator, url: str
) -> None:
    """The account, its service, its people and its replicas change at random."""
    dice = random.Random(8)
    there: dict[str, str] = {}
    numbers = count(1)

    def add() -> None:
        called = f"Caminandes {next(numbers)}"
        files = [SimFile("film.mkv", Content.random(called, 1000))]
        there[called] = library.alldebrid.add(SimMagnet(called, files=files))

    def lose() -> None:
        library.alldebrid.remove(there.pop(dice.choice(list(there))))

    def fail() -> None:
        library.alldebrid.faults.add(
            Fault(dice.choice(["html", "reset", "truncated_json"]), "magnet/status")
        )

    def kill() -> None:
        one = dice.choice(three)
        one.kill()
        one.start()

    def rename() -> None:
        old = dice.choice(list(there))
        new = f"Film of {old}"
        headers = {"Destination": f"{url}{FOLDER}{quote(new)}"}
        answer = asked("MOVE", f"{FOLDER}{quote(old)}", headers)
        assert answer.status_code == 201, answer.text
        there[new] = there.pop(old)

    def delete() -> None:
        old = dice.choice(list(there))
        del there[old]
        assert asked("DELETE", f"{FOLDER}{quote(old)}", {}).status_code == 204

    def asked(method: str, path: str, headers: dict[str, str]) -> requests.Response:
        with session() as asking:
            return asking.request(method, url + path, headers=headers, timeout=60)

    # What the service loses is few: more at once would be doubted.
    steps = [*[add] * 5, *[lose, fail, kill, rename, delete] * 2]
    for step in (add, add, add, *dice.sample(steps, len(steps))):
        step()
        dice.choice(three).refresh()
        for one in three:
            wait_until(lambda one=one: shown(one) == set(there), 60)  # type: ignore[misc]


def shown(one: Replica) -> set[str]:
    """What stands beside the films of all tests."""
    text = unquote(one.ask("PROPFIND", FOLDER, Depth="1").text)
    return {
        found for found in re.findall(rf"<D:href>{FOLDER}([^/]+)/<", text) if found not in FIXED
    }
