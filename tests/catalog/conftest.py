"""A catalog over a scripted store, on a disk of its own and by a clock that is moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from davstore.catalog import Catalog, open_database
from davstore.config import Database
from tests.catalog.scripted import Clock, ScriptedStore, reopened


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
