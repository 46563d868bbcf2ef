"""What clients write about sidecars, on both kinds of databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from davstore.catalog import Sidecars, Vanished, open_database
from davstore.catalog.database.migrations import SCHEMA, number
from davstore.config import Database
from davstore.errors import Full
from tests.catalog.test_sidecars import HOME, opened, put
from tests.clock import Clock

NFO = ("movie.nfo",)


@pytest.fixture
def sidecars(engine: Engine, tmp_path: Path, clock: Clock) -> Sidecars:
    made = opened(engine, tmp_path, clock)
    put(made, "movie.nfo")
    return made


def written(sidecars: Sidecars, path: str, home: str = HOME) -> dict[str, str]:
    sidecars.follow()
    return dict(sidecars.of(home).all[tuple(path.split("/"))].written)


def test_it_is_common_to_all_and_goes_where_the_sidecar_goes(
    sidecars: Sidecars, engine: Engine, tmp_path: Path, clock: Clock
) -> None:
    other = opened(engine, tmp_path, clock)
    sidecars.describe(HOME, NFO, {"{q}a": "<a/>", "{q}b": "<b/>"}, 1.5)
    assert written(other, "movie.nfo") == {"{q}a": "<a/>", "{q}b": "<b/>"}
    assert other.of(HOME).all[NFO].modified == 1.5
    other.describe(HOME, NFO, {"{q}a": None, "{q}b": "<b>2</b>", "{q}c": None})
    other.copy(HOME, NFO, "view/Movies/", ("copy.nfo",), whole=True)
    other.move(HOME, NFO, HOME, ("film.nfo",))
    for path, home in (("film.nfo", HOME), ("copy.nfo", "view/Movies/")):
        assert written(sidecars, path, home) == {"{q}b": "<b>2</b>"}
    sidecars.remove(HOME, ("film.nfo",))
    put(sidecars, "film.nfo")
    assert written(sidecars, "film.nfo") == {}


def test_it_is_bounded_and_takes_room(sidecars: Sidecars) -> None:
    with pytest.raises(Full):
        sidecars.describe(HOME, NFO, {"{q}a": "x" * 20_000})
    with pytest.raises(Vanished):
        sidecars.describe(HOME, ("none.nfo",), {"{q}a": "<a/>"})
    for number_ in range(70):
        put(sidecars, f"{number_}.nfo")
    with pytest.raises(Full):
        for number_ in range(70):
            sidecars.describe(HOME, (f"{number_}.nfo",), {"{q}a": "x" * 15_000})


def test_a_database_that_has_no_place_for_it_is_given_one(
    engine: Engine, database: Database | None, tmp_path: Path, clock: Clock
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sidecar_properties")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v6'")
        if database is None:
            connection.exec_driver_sql("PRAGMA user_version = 6")
    again = open_database(tmp_path, clock, database=database)
    with again.connect() as connection:
        assert number(connection) == SCHEMA
    columns = sa.inspect(again).get_columns("sidecar_properties")
    assert [each["name"] for each in columns] == ["home", "path", "properties"]
    again.dispose()
