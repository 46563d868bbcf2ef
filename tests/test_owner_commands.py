"""`audit`, `export` and `rename --reset`, as a person meets them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.catalog.adding.export import Export
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore
from tests.serving import Serving, serving, wait_until, write_config


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    for name in ("Sintel", "Spring", "Charge"):
        files = [
            SimFile(f"{name}.mkv", Content.random(name, 99)),
            SimFile("a.srt", Content.of(b"a")),
        ]
        sim.realdebrid.add(SimMagnet(name, files))
    users = [{"name": "anna", "password": "pw", "rights": ["read", "delete"]}]
    changes = {"realdebrid": {"delete": True}}
    with serving(sim, tmp_path, accounts=("realdebrid",), changes=changes, users=users) as s:
        s.session.auth = ("anna", "pw")
        yield s


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(tmp_path / "davstore.toml")


def do(served: Serving, method: str, path: str, to: str = "") -> None:
    headers = {"Destination": served.url.rstrip("/") + to} if to else {}
    answer = served.request(method, path, headers=headers)
    assert answer.status_code in {201, 204}, answer.text


def said(*command: str) -> str:
    done = davstore(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_audit_says_who_removed_what_and_why(served: Serving, config: str) -> None:
    assert "nothing" in said("audit", "-c", config)
    do(served, "DELETE", "/realdebrid/magnets/Sintel")
    assert said("audit", "-c", config, "--json") == ""
    assert "in the trash: 1" in said("status", "-c", config)
    do(served, "DELETE", "/realdebrid/trash/Sintel")

    def removed() -> bool:
        rows = said("audit", "-c", config, "--json").splitlines()
        return bool(rows) and json.loads(rows[0])["outcome"] == "removed"

    wait_until(removed)
    [row] = map(json.loads, said("audit", "-c", config, "--json").splitlines())
    assert (row["who"], row["name"], row["account"]) == ("anna", "Sintel", "realdebrid")
    assert len(row["hash"]) == 40
    assert row["why"] == "deleted from the trash"
    assert "anna" in said("audit", "-c", config)


def test_the_audit_says_what_is_kept_and_why(sim: Simulator, tmp_path: Path, config: str) -> None:
    for name in ("Sintel", "Spring"):
        sim.torz.add(SimMagnet(name, [SimFile(f"{name}.mkv", Content.random(name, 99))]))
    sim.realdebrid.faults.add(Fault("status", "addMagnet", times=None, status=503))
    changes = {"torz": {"delete": True, "delete_after": 0}}
    with serving(
        sim, tmp_path, accounts=("torz", "realdebrid"), changes=changes, user="anna", password="pw"
    ) as s:
        do(s, "MOVE", "/torz/magnets/Sintel", "/realdebrid/incoming/Sintel")
        wait_until(lambda: "no," in said("audit", "-c", config))
        [row] = map(json.loads, said("audit", "-c", config, "--json").splitlines())
        assert row["outcome"] == "kept in the trash: realdebrid does not have it yet"
        assert row["why"] == "moved to realdebrid"
        assert len(sim.torz.library) == 2


def test_an_export_has_all_that_a_library_is_rebuilt_from(
    served: Serving, config: str, tmp_path: Path
) -> None:
    do(served, "MOVE", "/realdebrid/magnets/Sintel", "/realdebrid/magnets/Sintel%20(2010)")
    do(served, "DELETE", "/realdebrid/magnets/Spring")
    file = tmp_path / "library.json"
    said("export", str(file), "--files", "-c", config)
    [account] = Export.model_validate_json(file.read_text()).accounts
    found = {magnet.name: magnet for magnet in account.magnets}
    assert set(found) == {"Sintel", "Spring", "Charge"}
    assert found["Sintel"].renamed == "Sintel (2010)"
    assert found["Spring"].in_trash
    assert found["Charge"].link == f"magnet:?xt=urn:btih:{found['Charge'].hash}&dn=Charge"
    assert [f.path for f in found["Charge"].files or ()] == ["Charge.mkv", "a.srt"]
    plain = Export.model_validate_json(said("export", "-c", config))
    assert all(magnet.files is None for magnet in plain.accounts[0].magnets)


def test_a_renaming_is_taken_back(served: Serving, config: str) -> None:
    do(served, "MOVE", "/realdebrid/magnets/Sintel", "/realdebrid/magnets/Film")
    do(served, "MOVE", "/realdebrid/magnets/Film/a.srt", "/realdebrid/magnets/Film/b.srt")
    said("rename", "--reset", "/realdebrid/magnets/Film/b.srt", "-c", config)
    wait_until(lambda: served.get("/realdebrid/magnets/Film/a.srt").status_code == 200)
    said("rename", "--reset", "/realdebrid/magnets/Film", "-c", config)
    wait_until(lambda: served.get("/realdebrid/magnets/Sintel/a.srt").status_code == 200)


@pytest.mark.parametrize("path", ["/", "/realdebrid/magnets", "/realdebrid/magnets/None"])
def test_what_cannot_be_reset_is_said(served: Serving, config: str, path: str) -> None:
    assert "ls /" in complaint(davstore("rename", "--reset", path, "-c", config))


def test_an_export_of_nothing_says_so(sim: Simulator, tmp_path: Path) -> None:
    path = write_config(sim, tmp_path, accounts=("plank",))
    assert "davstore refresh" in complaint(davstore("export", "-c", str(path)))
