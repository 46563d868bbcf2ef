"""What one process changes the others hear of at once, or see for themselves where they cannot."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from davstore.catalog import Additions, Engine, Records, open_database
from davstore.catalog.database import revisions
from davstore.catalog.database.dialects import CHANNEL, introduce
from davstore.catalog.database.opening import listener_of
from davstore.config import Database
from davstore.wanted import of_hash
from tests.catalog.process import Process
from tests.catalog.scripted import ScriptedStore, film, magnet, names
from tests.catalog.shop import Process as ShopProcess
from tests.catalog.shop import Shop
from tests.clock import Clock
from tests.postgres import Cluster
from tests.serving import wait_until

NEVER = 3600.0


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks without having been told."""
    monkeypatch.setattr("davstore.catalog.accounts.sharing.LOOK_EVERY", NEVER)
    monkeypatch.setattr("davstore.catalog.accounts.sharing.SAFETY_EVERY", NEVER)


@contextmanager
def at_work(
    folder: Path,
    store: ScriptedStore,
    clock: Clock,
    database: Database,
    prepare: Callable[[Engine], object] = lambda _: None,
) -> Iterator[list[Process]]:
    """Two processes, of which the first refreshes; both hear of what the other does."""
    with ExitStack() as stack:
        both = [Process(folder, store, clock, database, prepare=prepare) for _ in range(2)]
        for one in both:
            stack.callback(one.engine.dispose)
            one.sharing.start(one.followed.update)
            stack.callback(one.sharing.stop)
        wait_until(lambda: both[0].holds)
        yield both


def hear(both: list[Process]) -> bool:
    return all(one.sharing.hears for one in both)


def shown(one: Process) -> list[str]:
    return names(one.catalog) if one.catalog.known("rd") else []


@pytest.mark.usefixtures("unhurried")
def test_a_snapshot_is_shown_by_who_was_told_of_it(
    postgres: Cluster, tmp_path: Path, store: ScriptedStore, clock: Clock
) -> None:
    with postgres.database() as database, at_work(tmp_path, store, clock, database) as both:
        wait_until(lambda: hear(both))
        for titles in (["Charge"], ["Charge", "Sintel"]):
            store.put(magnet(titles[-1], titles[-1]), film(titles[-1]))
            both[0].catalog.refresh("rd")
            wait_until(lambda titles=titles: shown(both[1]) == titles)  # type: ignore[misc]
        both[1].catalog.ask(["rd"])
        wait_until(lambda: not both[0].records.is_asked())
        Additions(both[0].engine, clock).enqueue("rd", [of_hash("a" * 40, "Spring")], "anna")
        wait_until(lambda: revisions.of_queue("rd") in both[1].followed)


@pytest.mark.usefixtures("unhurried")
def test_a_listening_connection_that_is_lost_is_made_again(
    postgres: Cluster, tmp_path: Path, store: ScriptedStore, clock: Clock
) -> None:
    with postgres.database() as database, at_work(tmp_path, store, clock, database) as both:
        wait_until(lambda: hear(both))
        for titles in (["Charge"], ["Charge", "Sintel"]):
            assert ended(database) == 2
            store.put(magnet(titles[-1], titles[-1]), film(titles[-1]))
            both[0].catalog.refresh("rd")
            wait_until(lambda titles=titles: shown(both[1]) == titles)  # type: ignore[misc]
            wait_until(lambda: hear(both))


def ended(database: Database) -> int:
    """How many connections listened, none of which does any more."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    with connected(database) as connection:
        return len(connection.execute(query + " AND datname = current_database()").fetchall())


@contextmanager
def connected(database: Database) -> Iterator["psycopg.Connection[Any]"]:
    url = database.url.get_secret_value().replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.usefixtures("unhurried")
def test_a_database_that_was_restarted_is_heard_again(
    own: Cluster, tmp_path: Path, store: ScriptedStore, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("davstore.catalog.accounts.sharing.LOOK_EVERY", 0.2)
    with own.database() as database, at_work(tmp_path, store, clock, database) as both:
        wait_until(lambda: hear(both))
        own.kill()
        wait_until(lambda: not any(one.sharing.hears for one in both))
        own.start()
        store.put(magnet("Sintel", "Sintel"), film("Sintel"))

        def is_shown() -> bool:
            both[0].catalog.refresh("rd")  # the first may find that nobody is asked for a moment
            return shown(both[1]) == ["Sintel"]

        wait_until(is_shown, 60)
        wait_until(lambda: hear(both), 60)


def silent(engine: Engine) -> None:
    """As over a database that knows no NOTIFY."""
    introduce(engine, "")


def deaf(engine: Engine) -> None:
    """As behind a pooler that hands nothing on."""


@pytest.mark.parametrize("make", [silent, deaf])
def test_who_hears_nothing_looks(
    make: Callable[[Engine], object], postgres: Cluster, tmp_path: Path, store: ScriptedStore,
    clock: Clock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("davstore.catalog.accounts.sharing.SAFETY_EVERY", NEVER)
    monkeypatch.setattr("davstore.catalog.accounts.sharing.LOOK_EVERY", 0.1)
    monkeypatch.setattr("davstore.catalog.database.listening.CHANNEL", "another")
    with postgres.database() as database, at_work(tmp_path, store, clock, database, make) as both:
        store.put(magnet("Sintel", "Sintel"), film("Sintel"))
        both[0].catalog.refresh("rd")
        wait_until(lambda: shown(both[1]) == ["Sintel"])
        assert not any(one.sharing.hears for one in both)


def test_nobody_is_told_before_it_can_be_seen(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    with postgres.database() as database, connected(database) as listening:
        engine = open_database(tmp_path, clock, database=database)
        listening.execute(f"LISTEN {CHANNEL}")

        def heard() -> list[str]:
            return [each.payload.partition(" ")[2] for each in listening.notifies(timeout=0)]

        with engine.connect() as connection:
            revisions.taken(connection, "never")
            connection.rollback()
            assert revisions.taken(connection, "sizes") == 1
            assert heard() == []
            connection.commit()
        found: list[str] = []

        def hears_more() -> list[str]:
            found.extend(heard())
            return found

        wait_until(hears_more)
        assert found == ["sizes"]
        assert Records(engine).revisions(["sizes"]) == {"sizes": 1}
        engine.dispose()


def test_what_a_process_has_changed_itself_it_is_not_told(
    postgres: Cluster, tmp_path: Path, clock: Clock
) -> None:
    told: list[str] = []

    def take(names: Collection[str]) -> None:
        told.extend(names)

    with postgres.database() as database:
        ours, theirs = (open_database(tmp_path, clock, database=database) for _ in range(2))
        listener = listener_of(ours, take)
        assert listener is not None
        listener.start()
        wait_until(lambda: listens(database))
        Records(ours).learn("identity", 1)
        Records(theirs).learn("identity", 2)
        Records(ours).ask([], 1.0)
        wait_until(lambda: "asked" in told)
        assert told == ["sizes", "asked"]
        listener.stop()
        for engine in (ours, theirs):
            engine.dispose()


def listens(database: Database) -> bool:
    """Whether somebody listens."""
    query = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
    with connected(database) as connection:
        return bool(connection.execute(query + " AND datname = current_database()").fetchall())


class Counted:
    """What a database is asked while this stands."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked: list[str] = []

    def __enter__(self) -> "Counted":
        sa.event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        self.asked.append(statement)


@pytest.mark.parametrize("accounts", [1, 20])
def test_an_idle_process_asks_no_more_for_many_accounts(
    accounts: int, database: Database | None, tmp_path: Path, store: ScriptedStore, clock: Clock
) -> None:
    open_database(tmp_path, clock, database=database).dispose()
    both = [Process(tmp_path, store, clock, database, accounts=accounts) for _ in range(2)]
    both[0].look()
    for name in both[0].catalog.accounts:
        both[0].catalog.refresh(name)
    for one in both * 2:
        one.look()
    for one in both:
        with Counted(one.engine) as renewing:
            one.sharing.renew()
        assert len(renewing.asked) == (2 if database is None else 1)
        with Counted(one.engine) as looking:
            one.sharing.look()
        assert len(looking.asked) == 1
    both[0].catalog.refresh("rd")
    with Counted(both[1].engine) as following:
        both[1].sharing.look()
    assert len(following.asked) == 2
    for one in both:
        one.engine.dispose()


def test_what_has_nothing_to_do_asks_nothing(
    database: Database | None, tmp_path: Path, clock: Clock
) -> None:
    """Removals know from memory that there is nothing, an adder asks one question."""
    process = ShopProcess(Shop(), tmp_path, clock, database=database)
    process.refresh()
    process.remover.turn()
    with Counted(process.engine) as removing:
        process.remover.turn()
    assert len(removing.asked) == 1
    process.close()
