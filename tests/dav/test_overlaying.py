"""Sidecars beside videos, in all the ways in which clients write, through a running server."""

from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

import pytest

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.dav.writing import LOCK, WAYS, ask, listed
from tests.serving import Serving, serving, wait_until

FILM = "/realdebrid/magnets/Sintel (2010)"
TITLE = "/Movies/Sintel (2010)"
SEASON = "/Shows/Pioneer One (2010)/Season 01"
NUMBERS = count()
USERS = [
    {"name": "owner", "password": "p", "rights": ["read", "add", "delete"]},
    {"name": "anna", "password": "p", "rights": ["read", "add"]},
    {"name": "guest", "password": "p"},
    {"name": "other", "password": "p", "rights": ["read", "add"], "accounts": ["alldebrid"]},
]
VIEWS = {
    "Movies": {"layout": "arranged", "kind": ["movie"]},
    "Shows": {"layout": "arranged", "kind": ["show"]},
    "Flat": {"layout": "flat", "kind": ["movie"]},
}


def magnet(name: str, *files: str) -> SimMagnet:
    return SimMagnet(name, [SimFile(f, Content.random(f, 999)) for f in files])


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.realdebrid.add(magnet("Sintel (2010)", "Sintel.mkv", "Subs/de.srt"))
        simulator.realdebrid.add(
            magnet("Pioneer One (2010) S01", "Pioneer.One.S01E01.mkv", "Pioneer.One.S01E02.mkv")
        )
        yield simulator


@pytest.fixture(scope="module")
def served(
    sim: Simulator, tmp_path_factory: pytest.TempPathFactory, common_database: Database | None
) -> Iterator[Serving]:
    with serving(
        sim, tmp_path_factory.mktemp("state"), accounts=("realdebrid",), users=USERS[:3],
        changes={"realdebrid": {"delete": True}}, server={"overlay": True}, views=VIEWS,
        database=common_database,
    ) as s:  # fmt: skip
        wait_until(lambda: ask(s, "GET", f"{TITLE}/").status_code == 200)
        yield s


@pytest.mark.parametrize("folder", [FILM, f"{FILM}/Subs", TITLE, SEASON, "/Movies", "/Flat"])
@pytest.mark.parametrize("way", WAYS)
def test_however_a_sidecar_is_written_it_stands_beside_the_video(
    served: Serving, folder: str, way: Callable[[Serving, str, bytes], None]
) -> None:
    data = f"<movie>{next(NUMBERS)}</movie>".encode()
    before = listed(served, folder)
    path = f"{folder}/film {next(NUMBERS)} é #%.nfo"
    name = path.rpartition("/")[2]
    way(served, path, data)
    got = ask(served, "GET", path)
    assert got.content == data
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert ask(served, "GET", path, Range="bytes=1-5").content == data[1:6]
    assert ask(served, "GET", path, If_None_Match=got.headers["ETag"]).status_code == 304
    assert sorted(listed(served, folder)) == sorted([*before, name])
    found = ask(served, "PROPFIND", path, Depth="0")
    assert f"<D:getcontentlength>{len(data)}<" in found.text
    assert quote(name) in ask(served, "GET", f"{folder}/").text
    assert name in listed(served, folder, who="guest")
    assert ask(served, "DELETE", path, who="guest").status_code == 403
    assert ask(served, "DELETE", path).status_code == 204
    assert ask(served, "GET", path).status_code == 404
    assert listed(served, folder) == before


@pytest.mark.parametrize("folder", [FILM, TITLE, "/Movies", "/Flat"])
def test_folders_for_sidecars(served: Serving, folder: str) -> None:
    inner = f"{folder}/.actors"
    assert ask(served, "PUT", f"{inner}/Emo.jpg", b"x").status_code == 409
    assert ask(served, "MKCOL", inner).status_code == 201
    assert ask(served, "MKCOL", f"{inner}/").status_code == 405
    assert ask(served, "PUT", f"{inner}/Emo.jpg", b"emo").status_code == 201
    assert listed(served, inner) == ["Emo.jpg"]
    copied = ask(served, "COPY", inner, Destination=f"{folder}/more")
    assert copied.status_code == 201
    moved = ask(served, "MOVE", inner, Destination=f"{folder}/extrafanart")
    assert moved.status_code == 201
    assert ".actors" not in listed(served, folder)
    for each in ("extrafanart", "more"):
        assert ask(served, "GET", f"{folder}/{each}/Emo.jpg").content == b"emo"
        assert ask(served, "DELETE", f"{folder}/{each}/").status_code == 204
    assert ask(served, "PROPFIND", f"{folder}/extrafanart/", Depth="1").status_code == 404


def test_a_lock_on_one_file_does_not_keep_others_from_its_folder(served: Serving) -> None:
    folder = f"{FILM}/.actors"
    ask(served, "MKCOL", folder)
    token = ask(served, "LOCK", f"{folder}/Emo.jpg", LOCK).headers["Lock-Token"]
    assert ask(served, "PUT", f"{folder}/Proog.jpg", b"p").status_code == 201
    copied = ask(served, "COPY", f"{folder}/Emo.jpg", Destination=f"{folder}/copy.jpg")
    assert copied.status_code == 201
    assert ask(served, "DELETE", f"{folder}/").status_code == 423, "one of its members is locked"
    assert ask(served, "UNLOCK", f"{folder}/Emo.jpg", Lock_Token=token).status_code == 204
    token = ask(served, "LOCK", f"{folder}/", LOCK, Depth="0").headers["Lock-Token"]
    assert ask(served, "PUT", f"{folder}/third.jpg", b"p").status_code == 423
    assert ask(served, "UNLOCK", f"{folder}/", Lock_Token=token).status_code == 204
    assert ask(served, "DELETE", f"{folder}/").status_code == 204


def test_what_is_the_services_stays_as_it_is(served: Serving) -> None:
    video = f"{FILM}/Sintel.mkv"
    for path in (video, f"{FILM}/sintel.MKV"):
        refused = ask(served, "PUT", path, b"mine", who="owner")
        assert refused.status_code == 403
        assert "always wins" in refused.text
    assert ask(served, "DELETE", video, who="owner").status_code == 403, "rclone tidies up"
    assert ask(served, "PUT", f"{FILM}/a.nfo", b"a").status_code == 201
    assert ask(served, "MOVE", f"{FILM}/a.nfo", Destination=video).status_code == 403
    assert ask(served, "MOVE", video, Destination=f"{FILM}/a.nfo", who="owner").status_code == 403
    assert ask(served, "COPY", f"{FILM}/a.nfo", Destination="/realdebrid/a.nfo").status_code == 403
    assert ask(served, "GET", video).content == Content.random("Sintel.mkv", 999).read(0, 999)
    assert ask(served, "DELETE", f"{FILM}/a.nfo").status_code == 204
    assert ask(served, "DELETE", f"{TITLE}/", who="owner").status_code == 403


def test_at_the_top_of_a_view_too_what_is_the_services_wins(served: Serving) -> None:
    [video] = [name for name in listed(served, "/Flat") if name.endswith(".mkv")]
    for name in (video, video.upper()):
        assert ask(served, "PUT", f"/Flat/{name}", b"mine").status_code == 403
    title = TITLE.rpartition("/")[2]
    assert ask(served, "PUT", f"/Movies/{title}", b"mine").status_code == 405
    assert ask(served, "MKCOL", f"/Movies/{title.upper()}").status_code == 403
    assert ask(served, "PUT", "/Movies", b"mine").status_code == 405
    assert ask(served, "DELETE", "/Movies", who="owner").status_code == 403
    assert "PUT" in ask(served, "OPTIONS", "/Movies").headers["Allow"]
    assert "PUT" not in ask(served, "OPTIONS", "/realdebrid").headers["Allow"]
    assert "PUT" not in ask(served, "OPTIONS", "/").headers["Allow"]
    assert ask(served, "PUT", f"{TITLE}/in.nfo", b"in").status_code == 201
    assert ask(served, "PUT", "/Movies/top.nfo", b"top").status_code == 201
    assert "top.nfo" in listed(served, "/Movies")
    assert "in.nfo" in listed(served, TITLE)
    moved = ask(served, "MOVE", "/Movies/top.nfo", Destination=f"{TITLE}/top.nfo")
    assert moved.status_code == 201
    assert sorted(ask(served, "DELETE", f"{TITLE}/{n}.nfo").status_code for n in ("in", "top")) == [
        204, 204,
    ]  # fmt: skip


def test_nothing_is_written_elsewhere(served: Serving) -> None:
    for path in ("/a.nfo", "/realdebrid/a.nfo", "/realdebrid/magnets/a.nfo",
                 "/realdebrid/trash/a.nfo"):  # fmt: skip
        assert ask(served, "PUT", path, b"x").status_code in {403, 409}
    assert ask(served, "MKCOL", "/realdebrid/magnets/New").status_code == 403
    assert ask(served, "MKCOL", "/New").status_code == 403
    assert ask(served, "PUT", f"{FILM}/b.nfo", b"x", who="guest").status_code == 403
    assert ask(served, "PUT", f"{FILM}/b:c?.nfo ", b"x").status_code in {201, 403}


def test_dates_are_kept(served: Serving) -> None:
    path = f"{TITLE}/dated.nfo"
    said = ask(served, "PUT", path, b"x", X_OC_Mtime="1600000000")
    assert said.headers["X-OC-MTime"] == "accepted"
    assert ask(served, "HEAD", path).headers["Last-Modified"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    ask(served, "DELETE", path)


def test_what_was_asked_before_is_answered_anew(served: Serving) -> None:
    """Requests in the same words are answered on the loop, where a new sidecar is noticed."""
    for folder in (FILM, TITLE, "/Movies", "/Flat"):
        before = [listed(served, folder) for _ in range(3)][-1]
        for n in range(3):
            ask(served, "PUT", f"{folder}/n{n}.nfo", b"x")
            assert len(listed(served, folder)) == len(before) + n + 1
        for n in range(3):
            ask(served, "DELETE", f"{folder}/n{n}.nfo")
            assert len(listed(served, folder)) == len(before) + 2 - n


def test_a_deleted_magnet_takes_its_sidecars_along_and_back(served: Serving) -> None:
    show = "/realdebrid/magnets/Pioneer One (2010) S01"
    trash = show.replace("magnets", "trash")
    assert ask(served, "PUT", f"{show}/tvshow.nfo", b"show").status_code == 201
    assert ask(served, "DELETE", f"{show}/", who="owner").status_code == 204
    assert ask(served, "GET", f"{show}/tvshow.nfo").status_code == 404
    assert ask(served, "GET", f"{trash}/tvshow.nfo", who="owner").content == b"show"
    assert ask(served, "DELETE", f"{trash}/tvshow.nfo", who="owner").status_code == 403
    back = show.replace("(2010) S01", "again")
    assert ask(served, "MOVE", trash, Destination=back, who="owner").status_code == 201
    assert ask(served, "GET", f"{back}/tvshow.nfo").content == b"show"
    assert ask(served, "MOVE", back, Destination=show, who="owner").status_code == 201
    assert ask(served, "GET", f"{show}/tvshow.nfo").content == b"show"


def test_sidecars_go_where_their_folder_goes(served: Serving) -> None:
    assert ask(served, "PUT", f"{FILM}/Subs/fr.srt", b"fr").status_code == 201
    moved = ask(served, "MOVE", f"{FILM}/Subs", Destination=f"{FILM}/Texts", who="owner")
    assert moved.status_code == 201
    assert sorted(listed(served, f"{FILM}/Texts")) == ["de.srt", "fr.srt"]
    assert "Subs" not in listed(served, FILM)
    moved = ask(served, "MOVE", f"{FILM}/Texts", Destination=f"{FILM}/Subs", who="owner")
    assert moved.status_code == 201
    assert sorted(listed(served, f"{FILM}/Subs")) == ["de.srt", "fr.srt"]
    assert ask(served, "DELETE", f"{FILM}/Subs/fr.srt").status_code == 204
