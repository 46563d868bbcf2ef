"""The davstore of the schema before ours, out of the history of this checkout, beside this one."""

import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from davstore.catalog import SCHEMA
from davstore.simulator import Simulator
from tests.postgres import Cluster
from tests.replicas.balanced import Replica, replicas
from tests.replicas.deeds import done_across
from tests.replicas.load import FOLDER, film, name
from tests.replicas.older import Older, Unfit, checked_out, newest_of_another_schema
from tests.serving import wait_until

pytestmark = pytest.mark.client

ACCOUNT = FOLDER.split("/")[1]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Older:
    try:
        return checked_out(newest_of_another_schema(), tmp_path_factory.mktemp("older"))
    except Unfit as why:
        pytest.skip(f"no older davstore to be run beside this one: {why}")


def test_the_davstore_before_goes_on_beside_this_one(
    older: Older, sim: Simulator, postgres: Cluster, tmp_path: Path
) -> None:
    sim.alldebrid.add(film(0))
    with ExitStack() as stack:
        url = stack.enter_context(postgres.empty()).url.get_secret_value()
        begin = partial(replicas, sim, tmp_path, url, count=1, overlay=True, notice=1)
        (one,) = stack.enter_context(begin(code=older.code))
        wait_until(lambda: one.lists(FOLDER, name(0)))
        (two,) = stack.enter_context(begin(first=2))
        assert f"brought from schema {older.schema} to {SCHEMA}" in two.said
        assert one.refreshes(ACCOUNT)
        done_across(one, two, sim, 1)
        gives_notice_and_ends(one)
        wait_until(lambda: two.refreshes(ACCOUNT))
        sim.alldebrid.add(film(1))
        two.refresh()
        wait_until(lambda: two.lists(FOLDER, name(1)))
        if older.may_start_again:
            one.start()
            done_across(two, one, sim, 2)
        else:
            one.begin()
            wait_until(lambda: f"newer davstore (schema {SCHEMA})" in one.said, 60)
        assert [each.complaints() for each in (one, two)] == [[], []]


def gives_notice_and_ends(replica: Replica) -> None:
    ending = threading.Thread(target=replica.stop)
    ending.start()
    wait_until(lambda: replica.ask("GET", "/-/readyz").status_code == 503)
    ending.join()
