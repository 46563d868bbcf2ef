"""How PostgreSQL is reached, and what is said where it is not."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from davstore.catalog import Records, look_into, open_database
from davstore.catalog.database.dialects import for_each, looking
from davstore.catalog.database.postgres import unheard
from davstore.catalog.database.tables import files
from davstore.config import Database
from davstore.errors import StateError
from tests.cables import cable
from tests.clock import Clock
from tests.pooler import pooled
from tests.postgres import PASSWORD, Cluster


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://davstore:{password}@127.0.0.1:1/x", "connection refused"),
        (
            "postgresql://davstore:{password}wrong@127.0.0.1:{port}/postgres",
            "authentication failed",
        ),
        ("postgresql://davstore:{password}@127.0.0.1:{port}/nothing", "does not exist"),
    ],
)
def test_what_cannot_be_reached_is_said_without_the_password(
    url: str, said: str, postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    at = Database(SecretStr(url.format(password=PASSWORD, port=postgres.port)))
    ways: tuple[Callable[[], object], ...] = (
        lambda: open_database(tmp_path, clock, database=at),
        lambda: look_into(tmp_path, at),
    )
    for way in ways:
        with pytest.raises(StateError) as caught:
            way()
        text = str(caught.value)
        assert said in text.lower()
        assert PASSWORD not in text + repr(caught.value) + repr(at)
        assert "\n" not in text


def test_the_password_may_stand_in_a_file(postgres: Cluster, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    with postgres.database() as made:
        url = made.url.get_secret_value().replace(f":{PASSWORD}@", "@")
        engine = open_database(tmp_path, clock, database=Database(SecretStr(url), file))
        assert PASSWORD not in repr(engine)
        engine.dispose()
    file.unlink()
    with pytest.raises(StateError, match=r"server\.state_password_file: .* cannot be read"):
        open_database(tmp_path, clock, database=Database(SecretStr(url), file))


def test_connections_to_a_server_that_takes_no_writes_any_more_are_left(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """As after a failover, when the old one comes back and only follows."""
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        with engine.connect() as connection:
            connection.exec_driver_sql("SET default_transaction_read_only = on")
            connection.commit()
        with pytest.raises(SQLAlchemyError, match="read-only"):
            Records(engine).learn("identity", 1)
        Records(engine).learn("identity", 1)
        assert Records(engine).sizes() == {"identity": 1}
        engine.dispose()


def test_through_a_pooler_that_lends_connections_nothing_is_prepared(
    postgres: Cluster, need: Callable[..., None], tmp_path: Path, clock: Clock
) -> None:
    need("pgbouncer")
    with postgres.database() as made, pooled(postgres, made) as through:
        engine = open_database(tmp_path, clock, database=through)
        records = Records(engine)
        for _ in range(8):
            records.is_asked()
        with engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
            assert count.scalar_one() == 0
        engine.dispose()


def test_what_is_told_to_who_does_not_listen_is_not_kept(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """As a pooler hands it on to whom it lends a connection on which somebody has listened."""
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        with looking(engine).connect() as connection:
            connection.exec_driver_sql("LISTEN davstore")
            connection.exec_driver_sql("NOTIFY davstore, 'somebody else'")
            driver: Any = connection.connection.driver_connection
            driver.remove_notify_handler(unheard)
            assert list(driver.notifies(timeout=0)) == []
        engine.dispose()


def test_who_waits_for_his_turn_sees_what_was_written_meanwhile(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """Also where a database is strict by itself, and would refuse him."""
    with postgres.database() as made:
        name = made.url.get_secret_value().rpartition("/")[2]
        postgres.query(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
        engine = open_database(tmp_path, clock, database=made)
        for each in (engine, looking(engine)):
            with each.connect() as connection:
                found = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
            assert found == "read committed"
        engine.dispose()


def test_of_several_servers_the_one_that_served_last_is_tried_first(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """One before it may be a machine that is gone: nothing says that it is no more."""
    with postgres.database() as made, cable(postgres.port) as gone:
        path = made.url.get_secret_value().rpartition("/")[2]
        url = (
            f"postgresql+psycopg://davstore:{PASSWORD}@/{path}?host=127.0.0.1:{gone.port}"
            f"&host=127.0.0.1:{postgres.port}"
        )
        gone.cut()
        engine = open_database(tmp_path, clock, database=Database(SecretStr(url)))
        gone.mend()
        engine.dispose()  # its connections, not what it knows
        with engine.connect() as connection:
            port = connection.connection.driver_connection.info.port  # type: ignore[union-attr]
        assert port == postgres.port
        engine.dispose()


def test_several_servers_may_be_named(postgres: Cluster, tmp_path: Path, clock: Clock) -> None:
    with postgres.database() as made:
        path = made.url.get_secret_value().rpartition("/")[2]
        url = (
            f"postgresql+psycopg://davstore:{PASSWORD}@/{path}?host=127.0.0.1:1"
            f"&host=127.0.0.1:{postgres.port}&target_session_attrs=read-write"
        )
        engine = open_database(tmp_path, clock, database=Database(SecretStr(url)))
        Records(engine).learn("identity", 1)
        engine.dispose()


def test_a_pooler_that_forgets_what_was_prepared_is_asked_plainly(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """As PgBouncer does, which lends another connection for each transaction."""
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        records = Records(engine)

        def ask_often() -> None:
            for _ in range(8):
                records.is_asked()

        ask_often()
        with engine.begin() as connection:
            connection.exec_driver_sql("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
        with pytest.raises(SQLAlchemyError, match="prepared statement"):
            ask_often()
        ask_often()
        with engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
            assert count.scalar_one() == 0
        engine.dispose()


def test_rows_of_many_keys_are_found_by_the_index_in_a_table_without_statistics(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    """As after the first listing of a large account: statistics come a minute later."""
    with postgres.database() as made:
        engine = open_database(tmp_path, clock, database=made)
        query = sa.select(files).where(files.c.account == sa.bindparam("account"))
        query = for_each(engine, query, files.c.magnet, "magnets")
        row = {"account": "alldebrid", "position": 0, "path": "film.mkv", "ref": "1"}
        row |= {"mime": "", "video_hash": ""}
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {query.compile(engine)}"
        wanted = {"account": "alldebrid", "magnets": ["7", "11", "4999"]}
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER TABLE files SET (autovacuum_enabled = false)")
            magnets = ({"magnet": str(number)} for number in range(5000))
            connection.execute(sa.insert(files), [row | magnet for magnet in magnets])
            plan = str(connection.exec_driver_sql(explain, wanted).scalar_one())
            assert len(connection.execute(query, wanted).all()) == len(wanted["magnets"])
        engine.dispose()
    read = [int(rows) for rows in re.findall(r"'Actual Rows': (\d+)", plan)]
    assert read
    assert max(read) == len(wanted["magnets"])
