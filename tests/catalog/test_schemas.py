"""States of every earlier davstore are brought forwards, and what is newer is left alone."""

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from davstore.catalog import SCHEMA, Records, look_into, open_database
from davstore.catalog.database.dialects import alone
from davstore.catalog.database.migrations import number
from davstore.catalog.database.opening import FILE_NAME
from davstore.errors import StateError
from tests.catalog.newer import changed_on_server
from tests.clock import Clock
from tests.postgres import Cluster

SCHEMAS = Path(__file__).parent / "schemas"
"""What davstore itself wrote at each schema, as SQLite's `.dump` gives it."""
KNOWN = """
INSERT INTO accounts (name, source, taken) VALUES ('rd', 'realdebrid https://api.example', 1.6e9);
INSERT INTO magnets (account, id, name, status, fingerprint, hash, added, folder, files_of)
    VALUES ('rd', 'a', 'Sintel', 'ready', '1', 'aaaaaaaa', 1.6e9, 'Sintel (2010)', '1');
INSERT INTO files (account, magnet, position, path, ref, size, mime, video_hash)
    VALUES ('rd', 'a', 0, 'sintel.mkv', 'r1', 5000000000, '', '');
"""


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Tables, columns and indexes."""
    inspector = sa.inspect(engine)
    return {
        table: (
            {(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
            {(i["name"], tuple(i["column_names"])) for i in inspector.get_indexes(table)},
        )
        for table in inspector.get_table_names()
    }


@pytest.mark.parametrize("script", sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
def test_every_earlier_schema_becomes_the_present_one(
    script: Path, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "old").mkdir()
    before = int(script.stem[0])
    with sqlite3.connect(tmp_path / "old" / FILE_NAME) as connection:
        connection.executescript(script.read_text() + KNOWN)
        assert connection.execute("PRAGMA user_version").fetchone() == (before,)
    with pytest.raises(StateError, match="another davstore"):
        look_into(tmp_path / "old")
    with caplog.at_level(logging.INFO, "davstore"):
        engines = [open_database(tmp_path / name, clock) for name in ("old", "new")]
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        f"brought from schema {before} to {SCHEMA}"
    ]
    assert shape(engines[0]) == shape(engines[1])
    records = Records(engines[0])
    assert records.held("rd")["a"].folder == "Sintel (2010)"
    assert records.files_of("rd", ["a"])["a"][0].size == 5_000_000_000
    for engine in engines:
        with engine.connect() as connected:
            assert number(connected) == SCHEMA
        engine.dispose()
    open_database(tmp_path / "old", clock).dispose()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as connection:
        connection.executescript((SCHEMAS / "1.sql").read_text() + KNOWN)
        connection.execute("ALTER TABLE magnets ADD COLUMN trouble TEXT")  # schema 4 makes it
        was = list(connection.iterdump())
    with pytest.raises(StateError, match="duplicate column"):
        open_database(tmp_path, clock)
    with sqlite3.connect(path) as connection:
        assert list(connection.iterdump()) == was


def test_of_several_that_start_at_once_one_makes_the_tables(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    with postgres.empty() as new, ThreadPoolExecutor(4) as pool:
        assert look_into(tmp_path, new) is None
        engines = list(pool.map(lambda _: open_database(tmp_path, clock, database=new), range(4)))
        found = shape(engines[0])
        assert {"accounts", "audit", "kept", "alembic_version"} <= found.keys()
        for engine in engines:
            engine.dispose()


BACKWARDS = {
    8: (
        "DROP INDEX ix_links_revision",
        "DROP INDEX ix_sizes_revision",
        "DROP INDEX ix_audit_ended",
    ),
    7: ("DROP TABLE sidecar_properties",),
    6: (
        "ALTER TABLE magnets DROP COLUMN kind, DROP COLUMN title, DROP COLUMN year",
        "ALTER TABLE files DROP COLUMN season, DROP COLUMN episode",
    ),
}
"""How a PostgreSQL, which has been there since schema 5, becomes what the one before has made."""


@pytest.mark.parametrize("schema", range(5, SCHEMA))
def test_every_earlier_schema_of_a_server_becomes_the_present_one(
    schema: int, postgres: Cluster, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes: here the others, who wait for the one that does it, wait longer than
    for any other answer.
    """
    with postgres.database() as made, ThreadPoolExecutor(2) as pool:
        engine = open_database(tmp_path, clock, database=made)
        expected = shape(engine)
        with engine.begin() as connection:
            for number_ in range(SCHEMA, schema, -1):
                for statement in BACKWARDS[number_]:
                    connection.exec_driver_sql(statement)
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :was"),
                               {"was": f"v{schema}"})  # fmt: skip
            for statement in KNOWN.strip().split(";\n"):
                connection.exec_driver_sql(statement)
        assert shape(engine) != expected
        monkeypatch.setattr("davstore.catalog.database.postgres.SILENCE", 0.3)
        with engine.connect() as busy:
            alone(busy, "schema")
            opening = [pool.submit(open_database, tmp_path, clock, database=made) for _ in range(2)]
            assert wait(opening, 1.0).not_done == set(opening)
        engines = [engine, *(each.result(60) for each in opening)]
        assert [shape(each) for each in engines] == [expected] * 3
        assert Records(engines[1]).files_of("rd", ["a"])["a"][0].size == 5_000_000_000
        for each in engines:
            each.dispose()


def test_a_newer_database_is_refused_in_one_line(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        with engine.begin() as connection:
            for script in changed_on_server(999):
                connection.exec_driver_sql(script)
        engine.dispose()
        with pytest.raises(StateError, match=r"newer davstore \(schema \d+\); start that one"):
            open_database(tmp_path, clock, database=made)


def test_tables_are_the_same_in_both(postgres: Cluster, tmp_path: Path, clock: Clock) -> None:
    with postgres.database() as made:
        engines = [open_database(tmp_path, clock, database=at) for at in (None, made)]
        names = [
            {
                table: ({name for name, _, _ in columns}, key)
                for table, (columns, key, _) in of.items()
            }
            for of in map(shape, engines)
        ]
        assert names[0] == names[1]
        for engine in engines:
            engine.dispose()


def test_what_has_a_nul_is_kept_without_it(
    engine: sa.Engine,
) -> None:
    records = Records(engine)
    records.learn("a\0b", 7)
    assert list(records.sizes().values()) == [7]
