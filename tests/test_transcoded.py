"""Playlists of transcoded streams beside videos."""

from pathlib import Path
from typing import Any

import pytest

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving

VIDEO = SimFile("Sintel.mkv", Content.random("sintel", 9000))
WANTED: dict[str, Any] = {"realdebrid": {"transcode": True}}
PLACE = "/realdebrid/magnets/Sintel/Sintel.mkv.m3u8"


@pytest.fixture
def account(sim: Simulator) -> Any:
    sim.realdebrid.add(SimMagnet("Sintel", [VIDEO, SimFile("cover.jpg", Content.of(b"x"))]))
    return sim.realdebrid


def served(sim: Simulator, folder: Path, **keys: Any) -> Any:
    return serving(sim, folder, accounts=("realdebrid",), changes={"realdebrid": keys})


def listed(running: Serving, path: str) -> str:
    return running.request("PROPFIND", path, headers={"Depth": "1"}).text


def test_there_is_none_unless_wanted(sim: Simulator, account: Any, tmp_path: Path) -> None:
    with served(sim, tmp_path) as running:
        assert "m3u8" not in listed(running, "/realdebrid/magnets/Sintel/")


def test_one_stands_beside_each_video(sim: Simulator, account: Any, tmp_path: Path) -> None:
    with served(sim, tmp_path, transcode=True) as running:
        folder = listed(running, "/realdebrid/magnets/Sintel/")
        assert "Sintel.mkv.m3u8" in folder
        assert "cover.jpg.m3u8" not in folder
        head = running.request("HEAD", PLACE)
        assert head.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert account.count("unrestrict") + account.count("streaming") == 0, "listing is free"
        found = running.get(PLACE)
        assert found.status_code == 200
        assert len(found.content) == int(head.headers["Content-Length"])
        lines = found.text.split()
        assert lines[0] == "#EXTM3U"
        assert lines[-1].endswith("/full.m3u8")
        part = running.get(PLACE, headers={"Range": "bytes=0-6"})
        assert (part.status_code, part.text) == (206, "#EXTM3U")
        assert account.count("transcode") == 1
        assert running.get(PLACE.removesuffix(".m3u8")).content == VIDEO.content.read(0, 9000)


def test_one_that_cannot_be_had_is_said(sim: Simulator, account: Any, tmp_path: Path) -> None:
    account.faults.add(Fault("wrong_type", "transcode", body={"apple": []}))
    with served(sim, tmp_path, transcode=True) as running:
        refused = running.get(PLACE)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert "transcode" in refused.text
        assert running.get(PLACE).status_code == 200


def test_views_show_the_videos_alone(sim: Simulator, tmp_path: Path) -> None:
    name = "Sintel.2010.1080p.mkv"
    sim.realdebrid.add(SimMagnet("Sintel 2010 1080p", [SimFile(name, VIDEO.content)]))
    views = {"Movies": {"kind": "movie", "layout": "arranged"}, "All": {}}
    with serving(sim, tmp_path, accounts=("realdebrid",), views=views,
                 changes=WANTED) as running:  # fmt: skip
        place = "/Movies/Sintel%20(2010)/"
        folder = listed(running, place)
        assert "m3u8" not in folder
        film = "Sintel (2010) - 1080p.mkv"
        assert running.get(f"{place}{film}").content == VIDEO.content.read(0, 9000)
