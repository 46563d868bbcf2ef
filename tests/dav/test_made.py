"""What answers a write that has made something: nobody reads a page about it."""

from collections.abc import Iterator
from typing import Any

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.dav.writing import LOCK
from tests.serving import Serving, serving
from tests.torrents import link

FILM = "/realdebrid/magnets/Sintel"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("state")
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    files = [SimFile("Sintel.mkv", Content.random("Sintel", 99)),
             SimFile("Sintel.nfo", Content.random("nfo", 9))]  # fmt: skip
    with Simulator() as sim:
        sim.realdebrid.add(SimMagnet("Sintel", files))
        sim.plank.add(SimMagnet("Spring", files))
        with serving(
            sim, folder, accounts=("realdebrid", "torz", "plank"), shares=shares,
            server={"overlay": True}, changes={"realdebrid": {"delete": True}},
        ) as running:  # fmt: skip
            yield running


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PUT", "/scratch/a", {"data": b"a"}),
        ("COPY", "/scratch/a", {"to": "/scratch/b"}),
        ("MOVE", "/scratch/b", {"to": "/scratch/c"}),
        ("MKCOL", "/scratch/folder", {}),
        ("PUT", "/scratch/folder/._a", {"data": b"a"}),
        ("PUT", f"{FILM}/._Sintel.mkv", {"data": b"a"}),
        ("PUT", f"{FILM}/Sintel-poster.jpg", {"data": b"a"}),
        ("COPY", f"{FILM}/Sintel-poster.jpg", {"to": f"{FILM}/b.jpg"}),
        ("MOVE", f"{FILM}/b.jpg", {"to": f"{FILM}/c.jpg"}),
        ("MKCOL", f"{FILM}/extras", {}),
        ("MOVE", f"{FILM}/Sintel.nfo", {"to": f"{FILM}/Other.nfo"}),
        ("MOVE", FILM, {"to": "/realdebrid/magnets/Sintel (2010)"}),
        ("PUT", "/torz/incoming/a.magnet", {"data": f"{link('a' * 40)}\n".encode()}),
        ("COPY", "/torz/incoming/a.magnet", {"to": "/torz/incoming/b.magnet"}),
        ("MKCOL", "/plank/search/sintel", {}),
    ],
)
def test_it_has_no_body(served: Serving, method: str, path: str, more: dict[str, Any]) -> None:
    to = more.pop("to", "")
    headers = {"Destination": served.url.rstrip("/") + to} if to else {}
    answer = served.request(method, path, headers=headers, **more)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["Content-Length"] == "0"
    assert "Content-Type" not in answer.headers


def test_a_lock_that_makes_a_file_is_told_in_a_body(served: Serving) -> None:
    answer = served.request("LOCK", "/scratch/locked", data=LOCK, headers={"Depth": "0"})
    assert answer.status_code == 201
    assert "lockdiscovery" in answer.text
