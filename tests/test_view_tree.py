"""Views through the whole program: listed, read, mounted, explained."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from davstore import config
from davstore.config import Database
from davstore.dav.listing.canary import CANARY
from davstore.errors import ConfigError
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.stores import STORES
from tests.commands import davstore
from tests.serving import Serving, serving, wait_until, write_config

HASH = "ab" * 20
ACCOUNTS = ("realdebrid", "alldebrid", "torz", "magnets")
VIEWS = {
    "Movies": {"kind": "movie", "layout": "arranged"},
    "Shows": {"kind": ["show", "anime"], "layout": "arranged"},
    "Everything": {},
}
FILM = "/Movies/Sintel (2010)/Sintel (2010) - 1080p.mkv"
SHOWN = [
    "/Everything/Pioneer.One.S01.720p/Pioneer.One.S01E01.mkv",
    "/Everything/Pioneer.One.S01.720p/Pioneer.One.S01E02.mkv",
    "/Everything/Sintel.2010.1080p-A/Sintel.2010.1080p-A.mkv",
    "/Everything/debian-12/debian-12.iso",
    FILM,
    "/Shows/Pioneer One/Season 01/Pioneer One - S01E01 - 720p.mkv",
    "/Shows/Pioneer One/Season 01/Pioneer One - S01E02 - 720p.mkv",
]


def fill(sim: Simulator) -> None:
    film = [SimFile("Sintel.2010.1080p-A.mkv", Content.random("sintel", 300_000))]
    for account in ("realdebrid", "alldebrid"):
        getattr(sim, account).add(SimMagnet("Sintel.2010.1080p-A", film, hash=HASH))
    sim.torz.add(SimMagnet("Pioneer.One.S01.720p", [
        SimFile(f"Pioneer.One.S01E0{n}.mkv", Content.random(f"p{n}", 10_000 + n)) for n in (1, 2)
    ]))  # fmt: skip
    sim.magnets.add(SimMagnet("debian-12.iso", [SimFile("debian-12.iso", Content.random("d", 99))]))


def files(served: Serving, path: str = "/") -> Iterator[str]:
    answer = served.request("PROPFIND", quote(path), headers={"Depth": "1"})
    assert answer.status_code == 207, answer.text
    found = [unquote(e.text or "") for e in ET.fromstring(answer.content).iter("{DAV:}href")][1:]
    for href in found:
        if href == f"/{CANARY.name}":
            continue
        if not href.endswith("/"):
            yield href
        elif href.strip("/") not in ACCOUNTS:
            yield from files(served, href)


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    fill(sim)
    with serving(sim, tmp_path, accounts=ACCOUNTS, views=VIEWS, database=database) as running:
        wait_until(lambda: sorted(files(running)) == SHOWN)
        yield running


def test_what_stands_in_views_is_read_byte_for_byte(served: Serving) -> None:
    content = Content.random("sintel", 300_000)
    assert served.get(quote(FILM)).content == content.read(0, 300_000)
    part = served.get(quote(FILM), headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.content == content.read(1000, 1000)
    head = served.request("HEAD", quote(FILM))
    assert head.headers["Content-Length"] == "300000"
    assert served.get("/Movies/nothing").status_code == 404


def test_views_keep_up_though_nobody_looks(sim: Simulator, tmp_path: Path) -> None:
    fill(sim)
    with serving(sim, tmp_path, accounts=ACCOUNTS, views=VIEWS) as running:
        arranged = running.server.library.arranged
        wait_until(lambda: arranged.standing("realdebrid", next(iter(sim.realdebrid.library))[0]))


def test_a_film_is_read_from_whichever_account_serves_it(served: Serving, sim: Simulator) -> None:
    tag = served.request("HEAD", quote(FILM)).headers["ETag"]
    sim.realdebrid.faults.add(Fault("status", status=503, times=None))
    answer = served.get(quote(FILM))
    assert answer.content == Content.random("sintel", 300_000).read(0, 300_000)
    assert answer.headers["ETag"] == tag
    assert sim.alldebrid.count("link/unlock") == 1


def test_a_copy_elsewhere_takes_the_place_of_one_that_goes(served: Serving, sim: Simulator) -> None:
    tag = served.request("HEAD", quote(FILM)).headers["ETag"]
    sim.realdebrid.remove(next(iter(sim.realdebrid._magnets)))
    served.refresh("realdebrid")
    assert sorted(files(served)) == SHOWN
    content = Content.random("sintel", 300_000)
    assert served.get(quote(FILM)).content == content.read(0, 300_000)
    assert served.request("HEAD", quote(FILM)).headers["ETag"] == tag


def test_rclone_lists_views(served: Serving, tmp_path: Path, need: Callable[..., None]) -> None:
    need("rclone")
    done = subprocess.run(
        ["rclone", "lsjson", "-R", "--files-only", f":webdav,url='{served.url}':Movies"],
        capture_output=True, text=True, timeout=60,
        env={**os.environ, "RCLONE_CONFIG": str(tmp_path / "none.conf")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["Path"], row["Size"]) for row in rows] == [(FILM[len("/Movies/") :], 300_000)]


def test_views_are_listed_and_explained(served: Serving, tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        done = davstore(*arguments, "-c", str(tmp_path / "davstore.toml"))
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    assert "arranged" in said("views")
    for path in (FILM, "/realdebrid/magnets/Sintel.2010.1080p-A"):
        told = said("views", "--explain", path)
        assert "movie (Sintel, 2010, 1080p), in realdebrid and alldebrid" in told
        assert f"Sintel.2010.1080p-A.mkv -> {FILM}" in told
        assert "Shows: no, kind is movie, not show or anime" in told
    assert "nothing stands at" in said("views", "--explain", "/Movies/None")
    assert FILM.rpartition("/")[2] in said("ls", "-R", "/Movies")


def problems(sim: Simulator, folder: Path, views: object, name: str = "alldebrid") -> list[str]:
    path = write_config(sim, folder, accounts=("alldebrid",), views=views)
    try:
        config.load(path, {word: kind.settings for word, kind in STORES.items()}, {})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("views", "place"),
    [
        ({"AllDebrid": {}}, "views.AllDebrid"),
        ({"One": {}, "one": {}}, "views.one"),
        ({"a/b": {}}, "views.a/b"),
        ({"V": {"kinds": "movie"}}, "did you mean kind"),
        ({"V": {"kind": "film"}}, "views.V.kind"),
        ({"V": {"name_regex": "("}}, "views.V.name_regex"),
        ({"V": {"any": [{"size_from": "lots"}]}}, "views.V.any.0.size_from"),
        ({"V": {"accounts": ["nobody"]}}, "views.V.accounts"),
        ({"V": 1}, "views.V"),
    ],
)
def test_problems_with_views_are_told(
    sim: Simulator, tmp_path: Path, views: object, place: str
) -> None:
    assert any(place in problem for problem in problems(sim, tmp_path, views))


def test_three_views_without_configuration_and_none_where_none_is_wanted(
    sim: Simulator, tmp_path: Path
) -> None:
    path = write_config(sim, tmp_path, accounts=("alldebrid",))
    stores = {word: kind.settings for word, kind in STORES.items()}
    assert not config.load(path, stores, {}).views
    path.write_text(path.read_text("utf-8").replace("[views]", ""), "utf-8")
    assert list(config.load(path, stores, {}).views) == ["Movies", "Shows", "Everything"]
    environ = {"DAVSTORE_VIEWS__FILMS__LAYOUT": "flat"}
    assert config.load(path, stores, environ).views["films"].layout == "flat"


def test_what_plank_says_arranges_what_no_name_would(sim: Simulator, tmp_path: Path) -> None:
    """Also after a restart, from what is on the disk."""
    episode = SimFile("The Snow.mp4", Content.random("snow", 9000), season=2, episode=3)
    sim.plank.add(SimMagnet("x", [episode], kind="show", title="Caminandes", year=2013))
    film = SimFile("film.mp4", Content.random("film", 9000))
    sim.plank.add(SimMagnet("y", [film], kind="movie", title="Sintel S01E01", year=2010))
    expected = {
        "/Movies/Sintel S01E01 (2010)/Sintel S01E01 (2010).mp4",
        "/Shows/Caminandes (2013)/Season 02/Caminandes (2013) - S02E03.mp4",
    }
    for failing in (False, True):
        if failing:
            sim.plank.faults.add(Fault("status", "/api/media", times=None, status=503))
        views = {name: VIEWS[name] for name in ("Movies", "Shows")}
        with serving(sim, tmp_path, accounts=("plank",), views=views) as served:
            wait_until(lambda served=served: expected <= set(files(served)))  # type: ignore[misc]
