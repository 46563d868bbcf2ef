"""Replicas whose connections a PgBouncer lends them, for a transaction each."""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from davstore.simulator import Simulator
from tests.pooler import LENT, pooled
from tests.postgres import Cluster
from tests.replicas.balanced import replicas
from tests.replicas.deeds import done_across
from tests.replicas.load import FOLDER, film, name
from tests.serving import wait_until

pytestmark = pytest.mark.client


def test_replicas_share_all_through_a_pooler(
    sim: Simulator, postgres: Cluster, need: Callable[..., None], tmp_path: Path
) -> None:
    """The tables are made through it too, and nothing is said to be wrong."""
    need("pgbouncer")
    sim.alldebrid.add(film(0))
    with (
        postgres.empty() as database,
        pooled(postgres, database) as through,
        replicas(sim, tmp_path, through.url.get_secret_value(), count=2, overlay=True) as (
            one,
            two,
        ),
    ):
        wait_until(lambda: one.lists(FOLDER, name(0)) and two.lists(FOLDER, name(0)))
        done_across(one, two, sim, 1)
        done_across(two, one, sim, 2)
        assert sum(each.refreshes("alldebrid") for each in (one, two)) == 1
        for each in (one, two):
            assert each.complaints() == []
            assert re.findall(r"^\S+ WARNING (?!users:).*", each.said, re.MULTILINE) == []
        with psycopg.connect(database.url.get_secret_value().replace("+psycopg", "")) as asking:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            found = asking.execute(query).fetchone()
        assert found is not None
        assert found[0] <= LENT + 1
        assert sim.alldebrid.refused == 0
