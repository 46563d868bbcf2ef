"""What seems to have vanished all at once, and when that is believed."""

import threading

import pytest
from sqlalchemy import Engine

from davstore.catalog import Catalog
from davstore.model import Magnet, Status
from tests.catalog.scripted import (
    ScriptedStore,
    magnet,
    many,
    names,
    reopened,
)
from tests.clock import Clock


def test_an_empty_answer_empties_nothing_until_a_second_one_agrees(
    catalog: Catalog, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    many(store, 20)
    catalog.refresh("rd")
    store.rows = []
    catalog.refresh("rd")
    assert len(names(catalog)) == 20
    assert "20 of 20 magnets are said to be gone" in caplog.text
    clock.time += 60
    catalog.refresh("rd")
    assert len(names(catalog)) == 20
    clock.time += 180
    catalog.refresh("rd")
    assert names(catalog) == []


def test_a_service_that_recovers_loses_nothing(
    catalog: Catalog, store: ScriptedStore, clock: Clock
) -> None:
    many(store, 20)
    catalog.refresh("rd")
    rows, store.rows = store.rows, []
    catalog.refresh("rd")
    store.rows = rows
    clock.time += 300
    catalog.refresh("rd")
    store.rows = []
    catalog.refresh("rd")
    assert len(names(catalog)) == 20
    assert len(store.files_asked) == 20


def test_what_is_held_back_is_remembered_over_a_restart(
    catalog: Catalog, store: ScriptedStore, engine: Engine, clock: Clock
) -> None:
    many(store, 20)
    catalog.refresh("rd")
    store.rows = []
    catalog.refresh("rd")
    clock.time += 180
    again = reopened(store, engine, clock)
    assert len(names(again)) == 20
    again.refresh("rd")
    assert names(again) == []


def test_who_settles_what_is_held_back_waits_for_no_service(
    catalog: Catalog, store: ScriptedStore
) -> None:
    many(store, 20)
    catalog.refresh("rd")
    store.rows = []
    catalog.refresh("rd")
    settling = threading.Thread(
        target=catalog.decide, args=("rd",), kwargs={"believe": True}, daemon=True
    )

    def settle() -> None:
        settling.start()
        settling.join(20)
        assert not settling.is_alive()

    store.meanwhile = settle
    catalog.refresh("rd")
    store.meanwhile = lambda: None
    catalog.refresh("rd")
    assert names(catalog) == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.QUEUED])
def test_magnets_that_are_all_no_longer_ready_at_once_are_not_believed(
    catalog: Catalog, store: ScriptedStore, clock: Clock, status: Status
) -> None:
    many(store, 20)
    catalog.refresh("rd")
    store.rows = [magnet(row.id or "", row.name, status) for row in store.rows
                  if isinstance(row, Magnet)]  # fmt: skip
    catalog.refresh("rd")
    assert len(names(catalog)) == 20
    clock.time += 180
    catalog.refresh("rd")
    assert names(catalog) == []
