"""Sidecars in the whole program: they outlive what happens to the videos that they stand beside."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import davstore
from tests.serving import Serving, serving, settings, wait_until, write_config

FOLDER, TITLE = "/realdebrid/magnets/Sintel (2010)", "/Movies/Sintel (2010)"
OVERLAY = {"overlay": True, "overlay_limit": "1MiB"}
VIEWS = {"Movies": {"layout": "arranged", "kind": ["movie"]}}
FILM = SimMagnet(
    "Sintel (2010)",
    [SimFile(name, Content.random(name, 99)) for name in ("Sintel.mkv", "notes.txt")],
    hash="a" * 40,
)
Opened = Callable[..., AbstractContextManager[Serving]]


@pytest.fixture
def opened(sim: Simulator, tmp_path: Path, database: Database | None) -> Opened:
    """Serves the same state, again and again."""

    def serve(**server: Any) -> AbstractContextManager[Serving]:
        return serving(
            sim, tmp_path, accounts=("realdebrid",), user="anna", password="pw", views=VIEWS,
            changes={"realdebrid": {"delete": True}}, server={**OVERLAY, **server},
            database=database,
        )  # fmt: skip

    return serve


def put(served: Serving, *folders: str, data: bytes = b"<movie/>") -> list[int]:
    return [served.request("PUT", f"{each}/movie.nfo", data=data).status_code for each in folders]


def has(served: Serving, folder: str) -> bool:
    answer = served.get(f"{folder}/movie.nfo")
    return answer.status_code == 200 and answer.content == b"<movie/>"


def is_there(served: Serving, folder: str) -> bool:
    return served.get(f"{folder}/").status_code == 200


def test_they_outlive_restarts_and_what_the_service_does(
    sim: Simulator, opened: Opened, tmp_path: Path
) -> None:
    id_ = sim.realdebrid.add(FILM)
    with opened() as served:
        wait_until(lambda: is_there(served, TITLE))
        assert put(served, FOLDER, TITLE) == [201, 201]
        served.refresh()
        assert has(served, FOLDER)
    with opened(overlay=False) as served:
        wait_until(lambda: is_there(served, TITLE))
        assert not has(served, FOLDER)
        assert put(served, FOLDER, TITLE) == [403, 403]
    with opened() as served:
        assert has(served, FOLDER)
        wait_until(lambda: has(served, TITLE))
        sim.realdebrid.change(id_, name="Sintel, renamed")
        served.refresh()
        assert has(served, FOLDER)
        sim.realdebrid.remove(id_)
        served.refresh()
        wait_until(lambda: not is_there(served, TITLE))
        assert not has(served, FOLDER)
        assert put(served, FOLDER) == [409]
        sim.realdebrid.add(FILM)
        served.refresh()
        assert has(served, FOLDER), "it belongs to the hash"
        wait_until(lambda: has(served, TITLE))
    shown = davstore("ls", FOLDER, "--config", str(tmp_path / "davstore.toml")).stdout
    assert "movie.nfo" in shown


def test_a_file_of_the_service_wins_also_when_it_comes_later(
    sim: Simulator, opened: Opened
) -> None:
    id_ = sim.realdebrid.add(FILM)
    with opened() as served:
        assert put(served, FOLDER) == [201]
        theirs = SimFile("Movie.nfo", Content.of(b"theirs"))
        sim.realdebrid.remove(id_)
        served.refresh()
        changed = SimMagnet(FILM.name, [*FILM.files, theirs], hash=FILM.hash)
        id_ = sim.realdebrid.add(changed)
        served.refresh()
        assert served.get(f"{FOLDER}/Movie.nfo").content == b"theirs"
        assert served.get(f"{FOLDER}/movie.nfo").status_code == 404
        assert put(served, FOLDER) == [403]
        sim.realdebrid.remove(id_)
        served.refresh()
        sim.realdebrid.add(FILM)
        served.refresh()
        assert has(served, FOLDER)


def test_they_are_bounded_and_a_refusal_loses_nothing(sim: Simulator, opened: Opened) -> None:
    sim.realdebrid.add(FILM)
    with opened() as served:
        assert put(served, FOLDER) == [201]
        refused = served.request("PUT", f"{FOLDER}/movie.nfo", data=bytes(2**20 + 1))
        assert refused.status_code == 507
        assert "server.overlay_limit" in refused.text
        kept = served.request("DELETE", f"{FOLDER}/movie.nfo")
        assert kept.status_code == 403, "rclone tidies up"
        assert has(served, FOLDER)
        assert put(served, FOLDER) == [204]
        assert served.request("DELETE", f"{FOLDER}/movie.nfo").status_code == 204


def test_who_does_not_see_an_account_neither_sees_nor_writes_there(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.realdebrid.add(FILM)
    sim.alldebrid.add(FILM)
    users = [
        {"name": "anna", "password": "p", "rights": ["read", "add"]},
        {"name": "other", "password": "p", "rights": ["read", "add"], "accounts": ["alldebrid"]},
    ]
    with serving(
        sim, tmp_path, accounts=("realdebrid", "alldebrid"), users=users, server=OVERLAY
    ) as served:
        served.session.auth = ("anna", "p")
        assert put(served, FOLDER) == [201]
        theirs = FOLDER.replace("realdebrid", "alldebrid")
        assert not has(served, theirs)
        served.session.auth = ("other", "p")
        assert served.get(f"{FOLDER}/movie.nfo").status_code == 404
        assert put(served, FOLDER)[0] in {403, 404, 409}
        moved = served.request(
            "MOVE", f"{FOLDER}/movie.nfo",
            headers={"Destination": f"{served.url.rstrip('/')}{theirs}/movie.nfo"},
        )  # fmt: skip
        assert moved.status_code == 404
        assert put(served, theirs) == [201]


def test_the_last_file_goes_with_its_sidecars_one_by_one(sim: Simulator, opened: Opened) -> None:
    """As `rm -r` does through a mount."""
    sim.realdebrid.add(FILM)
    with opened() as served:
        assert put(served, FOLDER) == [201]
        for name in ("Sintel.mkv", "notes.txt", "movie.nfo", ""):
            assert served.request("DELETE", f"{FOLDER}/{name}").status_code == 204, name
        assert not is_there(served, FOLDER)
        assert is_there(served, FOLDER.replace("magnets", "trash"))


def test_a_page_written_by_a_user_cannot_run_here(sim: Simulator, opened: Opened) -> None:
    sim.realdebrid.add(FILM)
    with opened() as served:
        assert served.request("PUT", f"{FOLDER}/a.html", data=b"<script>").status_code == 201
        got = served.get(f"{FOLDER}/a.html")
        assert got.headers["Content-Security-Policy"] == "sandbox"
        assert served.get(f"{FOLDER}/?m3u").status_code == 200


def test_what_the_disk_refuses_is_said_without_its_paths(
    sim: Simulator, opened: Opened, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sim.realdebrid.add(FILM)
    with opened() as served, caplog.at_level(logging.INFO):
        assert put(served, FOLDER) == [201]
        (tmp_path / "state" / "sidecars" / "partial").rmdir()
        refused = served.request("PUT", f"{FOLDER}/b.nfo", data=b"x")
        assert refused.status_code == 503
        assert str(tmp_path) not in refused.text
        assert has(served, FOLDER)


def test_the_limit_is_a_size(sim: Simulator, tmp_path: Path) -> None:
    read = settings(write_config(sim, tmp_path, accounts=("realdebrid",), server=OVERLAY))
    assert read.server.overlay_limit == 2**20
