"""A catalog over a scripted store, on a disk of its own and by a clock that is moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from davstore.catalog import Catalog, open_database
from davstore.config import Database
from tests.catalog.process import Process, begun
from tests.catalog.scripted import ScriptedStore, reopened
from tests.clock import Clock


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def engine(tmp_path: Path, clock: Clock, database: Database | None) -> Iterator[Engine]:
    engine = open_database(tmp_path, clock, database=database)
    yield engine
    engine.dispose()


@pytest.fixture
def catalog(store: ScriptedStore, engine: Engine, clock: Clock) -> Catalog:
    return reopened(store, engine, clock)


@pytest.fixture
def pair(
    tmp_path: Path, store: ScriptedStore, clock: Clock, database: Database | None
) -> Iterator[list[Process]]:
    with begun(2, tmp_path, store, clock, database) as both:
        yield both
