"""Renewing what a login has brought: one at a time, and the database is free for others."""

from contextlib import ExitStack

import sqlalchemy as sa
from sqlalchemy import Engine

from davstore.catalog import PassRecord
from davstore.catalog.database.tables import leases
from davstore.stores.passes import Pass


def test_another_waits_until_it_is_done(engine: Engine) -> None:
    order = []
    with ExitStack() as first:

        def wait(_seconds: float) -> None:
            order.append("waits")
            first.close()

        first.enter_context(PassRecord(engine, "rd", "here").alone())
        with PassRecord(engine, "another", "here").alone():
            order.append("is another's")
        with PassRecord(engine, "rd", "here", sleep=wait).alone():
            order.append("in")
    assert order == ["is another's", "waits", "in"]


def test_the_turn_of_one_that_died_ends(engine: Engine) -> None:
    def wait(_seconds: float) -> None:
        with engine.begin() as connection:
            connection.execute(sa.update(leases).values(until=0.0))

    with PassRecord(engine, "rd", "here").alone():  # which never says that it is done
        entered = False
        with PassRecord(engine, "rd", "here", sleep=wait).alone():
            entered = True
        assert entered


def test_many_accounts_renew_at_once_and_all_can_write(engine: Engine) -> None:
    """More than there are connections: a service that is slow keeps none."""
    records = [PassRecord(engine, f"rd{number}", "here") for number in range(30)]
    with ExitStack() as stack:
        for each in records:
            stack.enter_context(each.alone())
        assert isinstance(engine.pool, sa.QueuePool)
        assert engine.pool.checkedout() == 0
        for each in records:
            each.write(Pass("SIMULATED"))
    assert [each.read() for each in records] == [Pass("SIMULATED")] * 30
    with engine.connect() as connection:
        assert connection.execute(sa.select(leases)).all() == []
