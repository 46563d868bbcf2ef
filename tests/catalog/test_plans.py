"""What is asked of a PostgreSQL again and again is found by an index, however much there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from davstore.catalog import Links, Overviews, PlaceRecords, Records, Sidecars, open_database
from davstore.catalog.changes import audit
from davstore.catalog.changes.edits import BLANK
from davstore.model import Link, Magnet, Status
from tests.clock import Clock
from tests.postgres import Cluster

MANY: Final = 20_000
LARGE: Final = (
    "INSERT INTO accounts (name, source, taken) "
    "SELECT 'rd' || n, 'x', 1 FROM generate_series(0, 9) n",
    "INSERT INTO magnets (account, id, name, status, fingerprint, hash, added) SELECT "
    "'rd' || n % 10, n, 'Sintel', 'ready', '1', md5(n::text), 1 FROM generate_series(1, {many}) n",
    "INSERT INTO files (account, magnet, position, path, ref, mime, video_hash) SELECT "
    "'rd' || n % 10, n, 0, 'sintel.mkv', n, '', '' FROM generate_series(1, {many}) n",
    "INSERT INTO links (account, ref, url, expires, headers, decoy, revision) SELECT "
    "'rd' || n % 10, n, 'https://host.example/', 2e9, '{{}}', '', n "
    "FROM generate_series(1, {many}) n",
    "INSERT INTO sizes SELECT md5(n::text), n, n FROM generate_series(1, {many}) n",
    "INSERT INTO edits SELECT "
    "'rd' || n % 10, n, n, '', '', '', 1, 1, 'anna', '' FROM generate_series(1, {many}) n",
    "INSERT INTO audit (account, magnet, hash, name, who, why, deleted, began, ended, outcome) "
    "SELECT 'rd' || n % 10, n, '', '', 'anna', '', 1, 1, 1, 'removed' "
    "FROM generate_series(1, {many}) n",
    "INSERT INTO places (key, number, name, stamp, folders, paths) SELECT "
    "md5(n::text), n, 'Sintel', '', '{{}}', '' FROM generate_series(1, {many}) n",
    "INSERT INTO sidecars SELECT 'account/rd/' || n, 'movie.nfo', n, 1, 1, 0 "
    "FROM generate_series(1, {many}) n",
    "INSERT INTO sidecar_homes SELECT home, row_number() OVER () FROM sidecars",
    "INSERT INTO revisions VALUES ('links', {many}), ('sizes', {many}), ('edits', {many}), "
    "('sidecars', {many})",
)  # fmt: skip
TABLES: Final = {re.split(r"[ (]", each)[2] for each in LARGE} - {"accounts", "revisions"}


@pytest.fixture
def engine(postgres: Cluster, tmp_path: Path, clock: Clock) -> Iterator[sa.Engine]:
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        with engine.begin() as connection:
            for statement in LARGE:
                connection.exec_driver_sql(statement.format(many=MANY).replace("%", "%%"))
            connection.exec_driver_sql("ANALYZE")
        yield engine
        engine.dispose()


def watched(engine: sa.Engine) -> list[str]:
    """From now on, what is asked that reads all of a large table."""
    found: list[str] = []

    def explain(
        connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, _: Any, many: bool
    ) -> None:
        driver: Any = connection.connection.driver_connection
        values = parameters[0] if many else parameters
        with driver.cursor() as aside:
            if re.match("SELECT|INSERT|UPDATE|DELETE|WITH", statement):
                aside.execute(f"EXPLAIN {statement}", values)
                plan = "\n".join(row[0] for row in aside)
                if TABLES.intersection(re.findall(r"Seq Scan on (\w+)", plan)):
                    found.append(f"{statement}\n{plan}")

    sa.event.listen(engine, "before_cursor_execute", explain)
    return found


def test_what_others_have_changed_is_found(engine: sa.Engine, tmp_path: Path) -> None:
    links, records, places = Links(engine), Records(engine), PlaceRecords(engine)
    sidecars = Sidecars(engine, tmp_path / "sidecars", 2**30, is_shared=True)
    places.news()
    links.put("rd1", "old", Link("https://host.example/old", 2e9))  # once an hour it sweeps
    slow = watched(engine)
    links.put("rd1", "new", Link("https://host.example/new", 2e9))
    assert len(links.changed()) == 2
    records.learn("new", 7)
    assert records.sizes(MANY) == {"new": 7}
    assert records.edits.read(MANY - 1)[0] == MANY
    assert not places.news()
    assert not sidecars.follow()
    assert slow == []


def test_what_a_reader_asks_is_found(engine: sa.Engine, tmp_path: Path) -> None:
    links, records, places = Links(engine), Records(engine), PlaceRecords(engine)
    sidecars = Sidecars(engine, tmp_path / "sidecars", 2**30, is_shared=True)
    slow = watched(engine)
    assert len(records.files_of("rd1", ["1", "11", "21", "31"])) == 4
    assert links.get("rd1", "1") is not None
    links.drop("rd1", "1", "https://host.example/")
    assert list(places.paths(["none"])) == []
    assert sidecars.of("account/rd/7").all
    assert slow == []


def test_a_removal_is_found_among_all_that_there_ever_were(engine: sa.Engine) -> None:
    magnet, edits = Magnet("m", "Sintel", Status.READY, "1"), Records(engine).edits
    slow = watched(engine)
    edits.run(lambda connection: audit.begin(connection, "rd1", magnet, "Sintel", BLANK, 1.0))
    edits.run(lambda connection: audit.note(connection, "rd1", "m", "not yet"))
    edits.run(lambda connection: audit.settle(connection, 2.0))
    assert audit.latest(engine, 1)[0].ended == 2.0
    edits.run(lambda connection: audit.end(connection, "rd1", "m", 2.0))
    assert slow == []


def test_a_page_that_is_looked_at_counts_once(engine: sa.Engine) -> None:
    overviews = Overviews(engine)
    before = overviews.accounts()
    assert [(each.name, each.magnets, each.files) for each in before][:1] == [("rd0", 2000, 0)]
    slow = watched(engine)
    assert overviews.accounts() == before
    assert slow == []
