"""`davstore migrate` and `davstore state copy`: everything arrives, or nothing."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from davstore.catalog import Kept, Sidecars, open_database
from davstore.catalog.changes import audit
from davstore.catalog.database.edit_tables import audit as audit_table
from davstore.catalog.database.tables import leases, metadata
from davstore.cli.state import Deed, state
from davstore.config import Database
from davstore.dav.keeping.keeping import in_folder
from davstore.errors import StateError
from davstore.server.copying import Place
from davstore.stores.passes import Pass, PassFile
from tests.catalog.scripted import ScriptedStore, film, magnet, reopened
from tests.clock import Clock
from tests.commands import davstore as run
from tests.postgres import Cluster

CONTENT = bytes(range(256)) * 3000
"""More than a block of a content."""


def filled(folder: Path) -> None:
    """A state with something in most of its tables, and beside them."""
    clock, store = Clock(), ScriptedStore()
    engine = open_database(folder, clock)
    for number in range(1500):  # more than are copied at once
        store.put(magnet(f"m{number}", f"Film {number}"), film(f"film {number}"))
    reopened(store, engine, clock).refresh("rd")
    sidecars = Sidecars(engine, folder / "sidecars", 2**30, now=clock)
    for name, content in (("a.nfo", CONTENT), ("empty", b"")):
        with sidecars.writing(None) as coming:
            coming.write(content)
            sidecars.put("home", (name,), coming)
    with engine.begin() as connection:
        row = {"account": "rd", "magnet": "m", "hash": "h", "name": "ä", "size": 5_000_000_000,
               "who": "anna", "why": "deleted", "deleted": 1.5, "began": 2.5, "ended": 3.5,
               "outcome": "removed"}  # fmt: skip
        connection.execute(sa.insert(audit_table), [row, row | {"name": "b"}])
    engine.dispose()
    keep = in_folder(folder)
    with closing(keep("properties", None)) as kept:
        kept.set("/share/a", {"{x}y": b"<y/>"})
    with closing(keep("noise/abc", 2**20)) as kept:
        kept.set("/._a", (b"\0", 1.5))
    PassFile(folder, "rd", "https://api.example").write(Pass("token", 9.5, {"refresh": "r"}))


def rows(engine: sa.Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(json.dumps(list(row), default=str) for row in
                                connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
            if table is not leases and table.name not in {"kept", "contents", "passes"}
        }  # fmt: skip


@pytest.fixture
def made(postgres: Cluster) -> Iterator[Database]:
    with postgres.empty() as database:
        yield database


def test_there_and_back_everything_is_the_same(tmp_path: Path, made: Database) -> None:
    filled(tmp_path / "from")
    url = made.url.get_secret_value()
    assert run("state", "copy", str(tmp_path / "from"), url).returncode == 0
    done = run("state", "copy", url, str(tmp_path / "back"))
    assert done.returncode == 0, done.stderr
    assert "1500 magnets" in done.stdout
    engines = [
        open_database(tmp_path / "from", Clock()),
        open_database(tmp_path, Clock(), database=made),
        open_database(tmp_path / "back", Clock()),
    ]
    found = [rows(engine) for engine in engines]
    assert found[0] == found[1] == found[2]
    assert sum(map(len, found[0].values())) > 3000
    assert Kept(engines[1], "properties").get("/share/a") == {"{x}y": b"<y/>"}
    back = in_folder(tmp_path / "back")
    with closing(back("properties", None)) as kept:
        assert kept.get("/share/a") == {"{x}y": b"<y/>"}
    with closing(back("noise/abc", 2**20)) as kept:
        assert list(kept.get("/._a")) == [b"\0", 1.5]
    passed = PassFile(tmp_path / "back", "rd", "https://api.example").read()
    assert passed == Pass("token", 9.5, {"refresh": "r"})
    for folder, engine in ((tmp_path / "elsewhere", engines[1]), (tmp_path / "back", engines[2])):
        sidecars = Sidecars(engine, folder / "sidecars", 2**30, now=Clock())
        for name, content in (("a.nfo", CONTENT), ("empty", b"")):
            which = sidecars.of("home").all[name,].content
            sidecars.fetch(which)
            assert sidecars.file(which).read_bytes() == content
    with engines[1].begin() as connection:  # the next number is free
        connection.execute(sa.insert(audit_table).values(
            account="rd", magnet="n", hash="", name="", who="", why="", deleted=0, began=0, ended=0,
            outcome="",
        ))  # fmt: skip
    assert [each.number for each in audit.removals(engines[1])] == [1, 2, 3]
    for engine in engines:
        engine.dispose()


def test_what_is_there_is_replaced_only_when_said(tmp_path: Path, made: Database) -> None:
    filled(tmp_path / "from")
    with closing(in_folder(tmp_path / "from")("properties", None)) as kept:
        kept.set("/share/b", {})
    url = made.url.get_secret_value()
    state(Deed.COPY, str(tmp_path / "from"), url)
    with pytest.raises(StateError, match="--replace puts this one in its place"):
        state(Deed.COPY, str(tmp_path / "from"), url)
    engine = open_database(tmp_path, Clock(), database=made)
    before = rows(engine)
    assert "properties" in Place(engine).rooms()
    state(Deed.COPY, str(tmp_path / "from"), url, replace=True)
    assert rows(engine) == before
    engine.dispose()


def test_what_is_no_state_is_said(tmp_path: Path, made: Database) -> None:
    secret = Database(SecretStr(made.url.get_secret_value())).url.get_secret_value()
    for source, target, said in (
        (str(tmp_path / "none"), str(tmp_path / "to"), "there is no state"),
        (secret, str(tmp_path / "to"), "FROM: there is no state"),
        ("configured", str(tmp_path / "to"), "server.state_url is not set"),
        ("postgresql://nobody", str(tmp_path / "to"), "cannot be"),
    ):
        (tmp_path / "c.toml").write_text('accounts.rd = {store = "realdebrid", token = "x"}')
        with pytest.raises(StateError, match=said):
            state(Deed.COPY, source, target, tmp_path / "c.toml")
        assert not (tmp_path / "to").exists()
