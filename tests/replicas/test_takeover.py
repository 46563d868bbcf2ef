"""The replica that refreshes an account dies, and another does so from then on."""

import time
from pathlib import Path

import pytest

from davstore.simulator import Simulator
from tests.postgres import Cluster
from tests.replicas.balanced import replicas
from tests.replicas.load import FOLDER, film, name
from tests.serving import wait_until

pytestmark = pytest.mark.client

ACCOUNT = FOLDER.split("/")[1]


def test_another_refreshes_where_the_first_was_killed(
    sim: Simulator, postgres: Cluster, tmp_path: Path
) -> None:
    sim.alldebrid.add(film(0))
    with (
        postgres.database() as database,
        replicas(sim, tmp_path, database.url.get_secret_value()) as three,
    ):
        wait_until(lambda: all(each.lists(FOLDER, name(0)) for each in three))
        first = next(each for each in three if each.refreshes(ACCOUNT))
        others = [each for each in three if each is not first]
        first.kill()
        killed = time.monotonic()
        wait_until(lambda: any(each.refreshes(ACCOUNT) for each in others), 60)
        print(f"taken over after {time.monotonic() - killed:.1f} s")
        sim.alldebrid.add(film(1))
        wait_until(lambda: all(each.lists(FOLDER, name(1)) for each in others), 60)
        first.start()
        wait_until(lambda: first.lists(FOLDER, name(1)))
        assert sum(each.refreshes(ACCOUNT) for each in others) == 1
        assert [each.complaints() for each in three] == [[], [], []]
