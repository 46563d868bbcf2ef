"""What may happen to a disk and to a process, and what is still true then."""

import logging
import random
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from davstore.catalog import (
    Catalog,
    Overviews,
    Records,
    look_into,
    only_server,
    open_database,
    server_of,
)
from davstore.catalog.database.migrations import SCHEMA
from davstore.catalog.database.opening import FILE_NAME
from davstore.catalog.database.tables import accounts, files, magnets
from davstore.config import Database
from davstore.errors import StateError
from davstore.model import File, Folder, Snapshot, Status
from davstore.stores.shapes import LARGEST
from tests.catalog.scripted import ScriptedStore, film, magnet, many, reopened
from tests.catalog.stepping import SOURCE, Stepping, truth
from tests.clock import Clock
from tests.programs import Program
from tests.serving import wait_until


def now() -> float:
    return 1_700_000_000.0


def checked(state: Path, database: Database | None) -> int:
    """The step at which a killed davstore stood; fails where the disk tells anything else."""
    engine = open_database(state, now, database=database)
    records = Records(engine)
    standing = records.standing("steps", SOURCE)
    step = int(standing.marker or 0)
    held = records.held("steps")
    if step:
        assert {id_: int(h.magnet.fingerprint) for id_, h in held.items()} == truth(step)
    for id_, one in held.items():
        refs = [file.ref for file in records.files_of("steps", [id_]).get(id_, ())]
        assert len(refs) == one.count
        assert refs == [f"{id_} {one.files_of} {at}" for at in range(one.count)]
    with engine.connect() as connection:
        owners = set(connection.execute(sa.select(files.c.magnet)).scalars())
    assert owners <= set(held)
    engine.dispose()
    return step


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path, database: Database | None) -> None:
    steps = [0]
    address = [] if database is None else [database.url.get_secret_value()]
    for at in range(8):
        said, complained = tmp_path / f"said-{at}", tmp_path / f"complained-{at}"
        process = Program(
            str(tmp_path), *address, module="tests.catalog.stepping", stdout=str(said),
            stderr=str(complained),
        )  # fmt: skip
        wait_until(lambda: said.read_text() == "stepping\n")  # noqa: B023
        with pytest.raises(TimeoutError):
            process.wait(random.uniform(0.02, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert "set-aside" not in complained.read_text()
        steps.append(checked(tmp_path, database))
    assert steps == sorted(steps)
    assert steps[-1] > 0


def test_the_killed_catalog_goes_on_where_it_stood(
    tmp_path: Path, database: Database | None
) -> None:
    for _ in range(2):
        engine = open_database(tmp_path, now, database=database)
        catalog = Catalog.opened({"steps": Stepping()}, {"steps": SOURCE}, Records(engine),
                                 interval=60, removal_share=1)  # fmt: skip
        for _ in range(30):
            catalog.refresh("steps")
        engine.dispose()
    assert checked(tmp_path, database) == 60


def shown(catalog: Catalog) -> dict[str, list[str]]:
    snapshot = catalog.snapshot("rd")
    assert isinstance(snapshot, Snapshot)
    return {name: list(folder.entries) for name, folder in snapshot.magnets.entries.items()
            if isinstance(folder, Folder)}  # fmt: skip


def test_a_full_disk_is_said_once_and_serves_from_memory(
    tmp_path: Path, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_database(tmp_path, clock)
    caplog.set_level(logging.INFO)

    @sa.event.listens_for(engine, "checkout")
    def limit(connection: sa.PoolProxiedConnection, *_: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {pages}")

    pages = 1
    catalog = reopened(store, engine, clock)
    many(store, 300)
    for _ in range(3):
        catalog.refresh("rd")
        clock.time += 60
    assert len(shown(catalog)) == 300
    assert shown(catalog)["Caminandes 07"] == ["c7.mkv"]
    assert caplog.text.count("cannot be written: database or disk is full") == 1
    pages = 10_000
    catalog.refresh("rd")
    assert "is written again" in caplog.text
    assert len(shown(reopened(store, engine, clock))) == 300
    assert len(store.files_asked) == 300
    engine.dispose()


def test_a_catalog_that_breaks_while_serving_is_an_error_and_no_empty_folder(
    engine: sa.Engine, store: ScriptedStore, clock: Clock
) -> None:
    catalog = reopened(store, engine, clock)
    many(store, 3)
    catalog.refresh("rd")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE files")
    with pytest.raises(StateError, match="cannot be read"):
        shown(catalog)


OLD = """
CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, source TEXT NOT NULL, taken FLOAT NOT NULL);
CREATE TABLE magnets (account TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    status TEXT NOT NULL, fingerprint TEXT NOT NULL, hash TEXT NOT NULL, size INTEGER,
    progress FLOAT, added FLOAT NOT NULL, folder TEXT, files_of TEXT,
    PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE files (account TEXT NOT NULL, magnet TEXT NOT NULL, position INTEGER NOT NULL,
    path TEXT NOT NULL, ref TEXT NOT NULL, size INTEGER, number INTEGER, mime TEXT NOT NULL,
    video_hash TEXT NOT NULL, PRIMARY KEY (account, magnet, position)) WITHOUT ROWID;
INSERT INTO accounts VALUES ('rd', 'realdebrid https://api.example', 1600000000.0);
INSERT INTO magnets VALUES ('rd', 'a', 'Sintel', 'ready', '1', 'aaaaaaaa', NULL, NULL,
    1600000000.0, 'Sintel (2010)', '1');
INSERT INTO files VALUES ('rd', 'a', 0, 'one.mkv', 'r1', 1000, NULL, '', '');
INSERT INTO files VALUES ('rd', 'a', 1, 'two.mkv', 'r2', NULL, NULL, '', '');
PRAGMA user_version = 1;
"""


def test_a_catalog_of_the_first_schema_is_brought_up_to_date(
    tmp_path: Path, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.executescript(OLD)
    with caplog.at_level(logging.INFO):
        engine = open_database(tmp_path, clock)
    assert f"from schema 1 to {SCHEMA}" in caplog.text
    store.put(magnet("a", "Sintel"), film("one"))
    catalog = reopened(store, engine, clock)
    assert shown(catalog) == {"Sintel (2010)": ["one.mkv", "two.mkv"]}
    assert Records(engine).held("rd")["a"].unsized == 1
    catalog.refresh("rd")
    assert store.files_asked == []
    assert shown(catalog) == {"Sintel (2010)": ["one.mkv", "two.mkv"]}
    engine.dispose()


def test_the_migrated_tables_are_the_new_ones(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with sqlite3.connect(tmp_path / "old" / FILE_NAME) as connection:
        connection.executescript(OLD)
    columns = []
    for folder in ("old", "new"):
        engine = open_database(tmp_path / folder, now)
        inspector = sa.inspect(engine)
        columns.append({
            table.name: {(c["name"], str(c["type"]), c["nullable"])
                         for c in inspector.get_columns(table.name)}
            for table in (accounts, magnets, files)
        })  # fmt: skip
        engine.dispose()
    assert columns[0] == columns[1]


def test_looking_changes_nothing_and_makes_nothing(tmp_path: Path) -> None:
    assert look_into(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(StateError, match="cannot be read"):
        look_into(tmp_path)


def test_a_standing_account_is_told_with_what_is_held_back(
    engine: sa.Engine, tmp_path: Path, database: Database | None, store: ScriptedStore, clock: Clock
) -> None:
    catalog = reopened(store, engine, clock)
    many(store, 20)
    catalog.refresh("rd")
    store.rows = []
    catalog.refresh("rd")
    looked = look_into(tmp_path, database)
    assert looked is not None
    [found] = Overviews(looked).accounts()
    looked.dispose()
    assert (found.name, found.magnets, found.shown, found.files, found.bytes, found.waiting,
            found.doubted) == ("rd", 20, 20, 20, 20_000, 0, 20)  # fmt: skip
    assert found.standing.taken == clock.time


def test_sizes_that_no_disk_has_can_be_summed_up(engine: sa.Engine, clock: Clock) -> None:
    stores = {"rd": ScriptedStore(), "ad": ScriptedStore()}
    for name, store in stores.items():
        store.name = name
        huge = replace(magnet("a", "Sintel"), size=LARGEST)
        store.put(huge, File("a", "a", LARGEST), File("b", "b", LARGEST))
        store.put(magnet("b", "Coming", Status.QUEUED))
    sources = dict.fromkeys(stores, "memory")
    catalog = Catalog.opened(stores, sources, Records(engine), interval=60, now=clock)
    for name in stores:
        catalog.refresh(name)
    found = {each.name: each for each in Overviews(engine).accounts()}
    assert found["rd"].bytes == found["ad"].bytes > LARGEST
    assert found["ad"].by_status == {"queued": 1, "ready": 1}
    assert [each.name for each in found["rd"].coming] == ["Coming"]
    assert [each.bytes >= LARGEST for each in Overviews(engine).growth()] == [True]


def test_a_state_folder_has_one_server(tmp_path: Path) -> None:
    assert server_of(tmp_path) is None
    with only_server(tmp_path):
        assert server_of(tmp_path)
        with (
            pytest.raises(StateError, match=r"running there already \(process \d+\)"),
            only_server(tmp_path),
        ):
            pass
    assert server_of(tmp_path) is None
    with only_server(tmp_path):
        pass


def test_a_locked_catalog_is_waited_for_and_then_served_from_memory(
    tmp_path: Path, store: ScriptedStore, clock: Clock, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("davstore.catalog.database.opening.BUSY_TIMEOUT", 0.05)
    engine = open_database(tmp_path, clock)
    catalog = reopened(store, engine, clock)
    many(store, 3)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    catalog.refresh("rd")
    assert len(shown(catalog)) == 3
    assert "cannot be written: database is locked" in caplog.text
    holder.execute("COMMIT")
    holder.close()
    catalog.refresh("rd")
    assert len(shown(reopened(store, engine, clock))) == 3
    engine.dispose()
