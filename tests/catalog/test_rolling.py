"""Old and new side by side on one schema: what a migration may do, and how the older one lives."""

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from davstore.catalog import SCHEMA, copied, look_into, open_database
from davstore.catalog.database import migrations
from davstore.catalog.database.leases import SECONDS
from davstore.catalog.database.migrations import READABLE_FROM
from davstore.catalog.database.opening import FILE_NAME
from davstore.config import Database
from davstore.errors import StateError
from tests.catalog.newer import ADDING, NEWER, changed_by_a_newer, changed_on_server
from tests.catalog.process import Process
from tests.catalog.scripted import ScriptedStore, film, magnet, names, snapshot
from tests.clock import Clock

OLDEST = Path(__file__).parent / "schemas" / "4.sql"
"""The last one before Alembic; every later schema is made from it by the scripts."""


def upgraded(path: Path, schema: int) -> None:
    """Bring the file to this schema."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, f"v{schema}")
    engine.dispose()


def made(path: Path, schema: int) -> Path:
    """A file of this schema."""
    with sqlite3.connect(path) as connection:
        connection.executescript(OLDEST.read_text("utf-8"))
        connection.execute("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('v4')")
    upgraded(path, schema)
    return path


def taken_away(before: Path, after: Path) -> list[str]:
    """What an older davstore would miss, or not be let do, once `before` has become `after`."""
    old, new = (sa.inspect(sa.create_engine(f"sqlite:///{path}")) for path in (before, after))
    found = []
    for table in set(old.get_table_names()) - {"alembic_version"}:
        if table not in new.get_table_names():
            found.append(f"the table {table} is gone")
            continue
        was = {each["name"]: each for each in old.get_columns(table)}
        now = {each["name"]: each for each in new.get_columns(table)}
        found += [f"the column {table}.{name} is gone" for name in was.keys() - now.keys()]
        found += [
            f"the column {table}.{name} is another"
            for name in was.keys() & now.keys()
            if _kind(was[name]) != _kind(now[name])
        ]
        found += [
            f"the column {table}.{name} wants a value"
            for name in now.keys() - was.keys()
            if not now[name]["nullable"] and now[name]["default"] is None
        ]
        if _rules(old, table) != _rules(new, table):
            found.append(f"the table {table} has other rules")
    return found


def _kind(column: Any) -> tuple[str, bool]:
    return str(column["type"]), column["nullable"]


def _rules(inspector: sa.Inspector, table: str) -> list[object]:
    """What may not be written there."""
    unique = {
        tuple(each["column_names"]) for each in inspector.get_indexes(table) if each["unique"]
    }
    return [
        inspector.get_pk_constraint(table)["constrained_columns"],
        unique,
        inspector.get_unique_constraints(table),
        inspector.get_foreign_keys(table),
        inspector.get_check_constraints(table),
    ]


@pytest.mark.parametrize("schema", range(READABLE_FROM + 1, SCHEMA + 1))
def test_a_migration_only_adds(schema: int, tmp_path: Path) -> None:
    """Where this fails, change the script: what the davstore before needs stays for good."""
    before = made(tmp_path / "before", schema - 1)
    after = tmp_path / "after"
    shutil.copy(before, after)
    upgraded(after, schema)
    assert taken_away(before, after) == []


def test_the_davstore_before_can_always_go_on() -> None:
    assert READABLE_FROM < SCHEMA


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("ALTER TABLE magnets DROP COLUMN trouble", "magnets.trouble is gone"),
        ("ALTER TABLE magnets RENAME COLUMN trouble TO problem", "magnets.trouble is gone"),
        ("DROP TABLE sizes", "the table sizes is gone"),
        ("ALTER TABLE sizes RENAME TO lengths", "the table sizes is gone"),
        ("CREATE UNIQUE INDEX one ON magnets (account, hash)", "magnets has other rules"),
        (
            "DROP TABLE sizes; CREATE TABLE sizes (identity TEXT NOT NULL PRIMARY KEY, "
            "size INTEGER NOT NULL, revision INTEGER NOT NULL DEFAULT 0, unit TEXT NOT NULL)",
            "sizes.unit wants a value",
        ),
        (
            "DROP TABLE sizes; CREATE TABLE sizes (identity TEXT NOT NULL PRIMARY KEY, size TEXT "
            "NOT NULL, revision INTEGER NOT NULL DEFAULT 0)",
            "sizes.size is another",
        ),
        (
            "DROP TABLE sizes; CREATE TABLE sizes (identity TEXT NOT NULL PRIMARY KEY, "
            "size INTEGER NOT NULL CHECK (size > 0), revision INTEGER NOT NULL DEFAULT 0)",
            "sizes has other rules",
        ),
        ("; ".join(ADDING), ""),
    ],
)
def test_a_migration_that_takes_away_is_refused(script: str, said: str, tmp_path: Path) -> None:
    before = made(tmp_path / "before", SCHEMA)
    after = tmp_path / "after"
    shutil.copy(before, after)
    with sqlite3.connect(after) as connection:
        connection.executescript(script)
    found = taken_away(before, after)
    assert [said in each for each in found] == ([True] if said else []), found


def upgrade(pair: Sequence[Process], readable_from: int) -> None:
    """As a newer davstore does that starts beside these."""
    with pair[0].engine.begin() as connection:
        if pair[0].leases.spans_machines:
            scripts = [*ADDING, *changed_on_server(NEWER, readable_from)]
        else:
            scripts = [*ADDING, *changed_by_a_newer(NEWER, readable_from).split(";")]
        for script in filter(str.strip, scripts):
            connection.exec_driver_sql(script)


def test_older_ones_go_on_beside_a_newer_one_and_may_be_started_again(
    pair: list[Process], store: ScriptedStore, clock: Clock, tmp_path: Path,
    database: Database | None,
) -> None:  # fmt: skip
    first, second = pair
    store.put(magnet("a", "Sintel"), film("sintel"))
    store.put(magnet("b", "Charge"), film("charge"))
    first.catalog.refresh("rd")
    upgrade(pair, SCHEMA)
    with second.engine.begin() as connection:  # the newer one at work
        connection.exec_driver_sql("UPDATE magnets SET invented = 'by the newer one'")
    store.put(magnet("a", "Sintel", fingerprint="2"), film("sintel"), film("more"))
    store.put(magnet("c", "Spring"), film("spring"))
    store.rows = [row for row in store.rows if row.id != "b"]
    first.catalog.refresh("rd")
    second.look()
    started = Process(tmp_path, store, clock, database)
    for one in (first, second, started):
        assert names(one.catalog) == ["Sintel", "Spring"]
        found = snapshot(one.catalog).magnets.entries["Sintel"]
        assert len(found.entries) == 2  # type: ignore[union-attr]
    clock.time += SECONDS + 1
    started.look()
    store.put(magnet("d", "Charge"), film("charge"))
    started.catalog.refresh("rd")
    for one in pair:
        one.look()
        assert names(one.catalog) == ["Charge", "Sintel", "Spring"]
    with started.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT id, invented FROM magnets ORDER BY id").all()
    assert [tuple(row) for row in kept] == [("a", "by the newer one"), ("c", ""), ("d", "")]
    started.close()


def test_an_older_one_reads_a_newer_state_and_leaves_copying_it_to_that_one(
    pair: list[Process], tmp_path: Path, database: Database | None, clock: Clock
) -> None:
    upgrade(pair, SCHEMA)
    looked = look_into(tmp_path, database)
    assert looked is not None
    target = open_database(tmp_path / "to", clock)
    with pytest.raises(StateError, match="copy it with that one"):
        copied(looked, target, replace=False)
    for engine in (looked, target):
        engine.dispose()


def test_an_older_one_does_not_start_where_the_newer_one_says_so(
    pair: list[Process], tmp_path: Path, database: Database | None, clock: Clock
) -> None:
    upgrade(pair, NEWER)
    with pytest.raises(StateError, match="another davstore"):
        look_into(tmp_path, database)
    with pytest.raises(StateError, match=rf"newer davstore \(schema {NEWER}\); start"):
        open_database(tmp_path, clock, database=database, is_shared=True)
    assert (tmp_path / FILE_NAME).exists() is (database is None)
