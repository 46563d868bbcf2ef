"""`davstore import`, and the queue in `davstore status`, as a person meets them."""

import json
from pathlib import Path
from typing import Any

import pytest

from davstore.catalog import Additions, State, open_database
from davstore.catalog.adding.additions import IMPORTED, MOST_WAITING
from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.wanted import of_hash
from tests.commands import complaint, davstore
from tests.serving import serving, wait_until, write_config

NAMES = ("Sintel", "Spring", "Charge")


def hash_of(name: str) -> str:
    return f"{NAMES.index(name):040x}"


def document(**more: Any) -> dict[str, Any]:
    magnets = [
        {"hash": hash_of(name), "link": of_hash(hash_of(name), name).link, "name": name,
         "status": "ready"}
        for name in NAMES
    ]  # fmt: skip
    account = {"name": "realdebrid", "store": "realdebrid", "magnets": magnets}
    return {"davstore": "export", "version": 1, "written": "2026-01-01T00:00:00Z",
            "accounts": [account], **more}  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Path:
    file = tmp_path / "library.json"
    file.write_text(json.dumps(document()))
    return file


@pytest.fixture
def config(sim: Simulator, tmp_path: Path, database: Database | None) -> str:
    files = [SimFile("Sintel.mkv", Content.random("s", 1000))]
    sim.alldebrid.add(SimMagnet("Sintel", files, hash=hash_of("Sintel")))
    return str(write_config(sim, tmp_path, accounts=("alldebrid",), database=database))


def told(config: str, library: Path, *options: str) -> Any:
    done = davstore("import", str(library), "-c", config, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_the_account_does_not_hold_is_queued_and_then_added(
    sim: Simulator, config: str, library: Path, tmp_path: Path, database: Database | None
) -> None:
    davstore("refresh", "-c", config)
    done = davstore("import", str(library), "--account", "alldebrid", "-c", config)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-7:] == ["realdebrid", "alldebrid", "2", "1", "0", "0", "0"]
    assert "no server is running" in done.stderr
    assert "to be added: 2, first 'Charge'" in davstore("status", "-c", config).stdout
    [again] = told(config, library, "--account", "alldebrid")["imported"]
    assert (again["queued"], again["held"], again["waiting"]) == (0, 1, 2)
    with serving(sim, tmp_path, accounts=("alldebrid",), database=database):
        wait_until(lambda: len(sim.alldebrid.taken) == 2)
    assert sim.alldebrid.taken == [hash_of("Charge"), hash_of("Spring")], "oldest first"
    assert "to be added" not in davstore("status", "-c", config).stdout


def test_a_running_server_takes_what_an_export_of_another_account_holds(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    files = [SimFile("Spring.mkv", Content.random("s", 1000))]
    sim.torz.add(SimMagnet("Spring", files, hash=hash_of("Spring")))
    accounts = ("alldebrid", "torz")
    with serving(sim, tmp_path, accounts=accounts, database=database) as served:
        config, library = str(tmp_path / "davstore.toml"), tmp_path / "library.json"
        assert davstore("export", str(library), "-c", config).returncode == 0
        rows = told(config, library, "--account", "alldebrid")["imported"]
        assert {one["source"]: one["queued"] for one in rows}["torz"] == 1
        served.server.library.adders.wake("alldebrid")
        wait_until(lambda: hash_of("Spring") in sim.alldebrid.taken)


def test_what_was_refused_is_told_with_the_reason(
    sim: Simulator, config: str, library: Path, tmp_path: Path, database: Database | None
) -> None:
    sim.alldebrid.refuses[hash_of("Charge")] = "MAGNET_TOO_LARGE"
    davstore("refresh", "-c", config)
    told(config, library, "--account", "alldebrid")
    with serving(sim, tmp_path, accounts=("alldebrid",), database=database):
        wait_until(lambda: "refused: 'Charge'" in davstore("status", "-c", config).stdout)
    assert "larger than 1 TB" in davstore("status", "-c", config).stdout


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_cannot_be_imported_is_counted(config: str, library: Path) -> None:
    davstore("refresh", "-c", config)
    whole = document()
    magnets = whole["accounts"][0]["magnets"]
    magnets[0]["in_trash"], magnets[1]["link"], magnets[2]["link"] = True, None, "magnet:?x"
    library.write_text(json.dumps(whole))
    [one] = told(config, library, "--account", "alldebrid")["imported"]
    assert (one["queued"], one["trash"], one["unknown"]) == (0, 1, 2)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said_with_the_cure(config: str, library: Path) -> None:
    assert "--account" in complaint(davstore("import", str(library), "-c", config))
    to = ("--account", "alldebrid", "-c", config)
    assert "davstore refresh alldebrid" in complaint(davstore("import", str(library), *to))
    assert "No such file" in complaint(davstore("import", "none.json", *to))
    for text in ("{}", "[", json.dumps(document(version=2)), "\udcff"):
        library.write_bytes(text.encode(errors="surrogateescape"))
        assert "davstore export" in complaint(davstore("import", str(library), *to))


def test_what_people_drop_goes_before_a_library(tmp_path: Path, database: Database | None) -> None:
    moments = iter(range(10_000))
    engine = open_database(tmp_path, lambda: 0.0, database=database)
    additions = Additions(engine, lambda: float(next(moments)))
    many = [of_hash(f"{number:040x}", "Film") for number in range(MOST_WAITING + 5)]
    assert additions.enqueue("rd", many, IMPORTED) == len(many)
    assert [each.hash for each in additions.waiting("rd")] == [each.hash for each in many]
    for mine in (of_hash("f" * 40, "Mine"), many[-1]):
        additions.put("rd", "mine.magnet", b"x", [mine])
        found = additions.due("rd", adding=True)
        assert found is not None
        assert (found.hash, found.state) == (mine.hash, State.WAITING)
        additions.note("rd", mine.hash, State.ADDED)
    engine.dispose()
