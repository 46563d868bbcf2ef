"""What is said of a path, by the command and on the page."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from davstore.catalog.arranged.arranged import AT_ONCE
from davstore.cli.main import app
from davstore.errors import LinkDead, NotAuthorized
from davstore.model import File, Folder, Leaf
from davstore.server.explaining import placing
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.views import facts
from tests.serving import Serving, serving, wait_until, write_config

PATH = "/alldebrid/magnets/Sintel (2010)/Sintel.2010.mkv"
VIEWS = {"Movies": {"kind": "movie", "layout": "arranged"}, "Shows": {"kind": "show"}}


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    film = Content.random("sintel", 5_000_000)
    sim.alldebrid.add(SimMagnet("Sintel (2010)", files=[SimFile("Sintel.2010.mkv", film)]))
    with serving(
        sim, tmp_path, accounts=("alldebrid",), user="anna", password="a", views=VIEWS
    ) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        yield running


def explained(tmp_path: Path, path: str) -> dict[str, str]:
    config = str(tmp_path / "davstore.toml")
    done = CliRunner().invoke(app, ["explain", path, "--json", "--config", config])
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


def leaf_of(served: Serving) -> Leaf:
    snapshot = served.server.library.catalog.known("alldebrid")
    assert snapshot is not None
    folder = snapshot.magnets.entries["Sintel (2010)"]
    assert isinstance(folder, Folder)
    leaf = folder.entries["Sintel.2010.mkv"]
    assert isinstance(leaf, Leaf)
    return leaf


def test_a_file_is_explained_before_and_after_a_read(served: Serving, tmp_path: Path) -> None:
    before = explained(tmp_path, PATH)
    assert before["is"] == "a file, 5.0 MB"
    assert before["account"] == "alldebrid (alldebrid)"
    assert "Sintel (2010)" in before["magnet"]
    assert "ready" in before["magnet"]
    assert before["link"] == "none is kept"
    assert "generates a link" in before["next read"]
    assert before["view Movies"].startswith("/Movies/Sintel (2010)/")
    assert before["view Shows"].startswith("no, ")
    served.get(PATH, headers={"Range": "bytes=2000000-2000100"})
    after = explained(tmp_path, PATH)
    assert after["link"].startswith("one at 127.0.0.1, good for another")
    assert after["next read"] == "opens 127.0.0.1 with that link; no call"


def test_what_is_held_against_a_file_is_known_beside_the_server(
    served: Serving, tmp_path: Path
) -> None:
    leaf = leaf_of(served)
    for _ in range(4):  # or it is forgotten before anybody has asked
        served.server.failures.failed(leaf, LinkDead("cdn.example.net answers HTTP 404"))
    wait_until(lambda: "held against it" in explained(tmp_path, PATH))
    said = explained(tmp_path, PATH)
    assert "answers HTTP 404" in said["held against it"]
    assert "refused without asking" in said["next read"]
    served.server.failures.failed(leaf, NotAuthorized("alldebrid", "the token is refused"))
    wait_until(lambda: "account" in explained(tmp_path, PATH).get("held against it", ""))


def test_what_is_not_there_is_explained_too(
    served: Serving, sim: Simulator, tmp_path: Path
) -> None:
    sim.alldebrid.add(
        SimMagnet("Cosmos Laundromat", files=[SimFile("c.mkv", Content.random("c", 9))],
                  status="downloading")
    )  # fmt: skip
    served.refresh("alldebrid")
    said = explained(tmp_path, "/alldebrid/magnets/Cosmos Laundromat")
    assert said["is"].startswith("nothing")
    assert "only ready ones are shown" in said["but known"]
    said = explained(tmp_path, "/alldebrid/magnets/Never heard of")
    assert "no account has a magnet of that name" in said["unknown"]


def test_what_is_not_arranged_yet_is_said_to_be_so() -> None:
    files = [File(f"Sintel.{n}.mkv", f"r{n}", n) for n in (9, 8, 7)]
    whole = facts("Sintel (2010)", [files])
    first, second, third = (piece.key for piece in whole.pieces)
    name = "/".join(whole.pieces[0].path)
    nowhere = "belongs there, and is being arranged"
    assert nowhere in placing("Movies", whole, {}, {})
    assert nowhere in placing("Movies", whole, {}, {second: ("Sintel",)}, name)
    two = {second: ("Sintel", "8.mkv"), third: ("Sintel", "7.mkv")}
    said = "/Movies/Sintel/8.mkv and 1 more, 1 still being arranged"
    assert placing("Movies", whole, {}, two) == said
    assert placing("Movies", whole, {first: "too big"}, two) == "/Movies/Sintel/8.mkv and 1 more"
    assert placing("Movies", whole, {first: "too big"}, two, name) == "no, too big"


def test_the_command_waits_until_all_is_arranged(sim: Simulator, tmp_path: Path) -> None:
    for number in range(2 * AT_ONCE):
        name = f"Film {number} (2010)"
        sim.alldebrid.add(SimMagnet(name, files=[SimFile(f"{name}.mkv", Content.random(name, 9))]))
    write_config(sim, tmp_path, accounts=("alldebrid",), views=VIEWS)
    config = str(tmp_path / "davstore.toml")
    assert CliRunner().invoke(app, ["refresh", "--config", config]).exit_code == 0
    for number in range(2 * AT_ONCE):
        said = explained(tmp_path, f"/alldebrid/magnets/Film {number} (2010)")
        assert said["view Movies"].startswith(f"/Movies/Film {number} (2010)/")


def test_the_page_says_the_same(served: Serving) -> None:
    page = served.get("/-/", params={"path": PATH}).text
    assert "generates a link first" in page
    started = time.monotonic()
    assert "nothing: no such path" in served.get("/-/", params={"path": "/x/<b>"}).text
    assert time.monotonic() - started < 20
