"""What deleting and renaming in an account does to views, pages, rights and other processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until
from tests.test_deleting import do, names

VIEWS = {"Everything": {}, "Films": {"kind": "movie", "layout": "arranged"}}


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    files = ["Sintel.2010.1080p.mkv", "extra.nfo"]
    sim.realdebrid.add(
        SimMagnet("Sintel.2010.1080p", [SimFile(f, Content.random(f, 9999)) for f in files])
    )
    sim.realdebrid.add(SimMagnet("Spring.2019", [SimFile("Spring.2019.mkv", Content.of(b"film"))]))
    users = [
        {"name": "anna", "password": "pw", "rights": ["read", "delete"]},
        {"name": "ben", "password": "pw"},
    ]
    changes = {"realdebrid": {"delete": True}}
    with serving(
        sim, tmp_path, accounts=("realdebrid",), changes=changes, users=users, views=VIEWS,
        database=database,
    ) as s:  # fmt: skip
        s.session.auth = ("anna", "pw")
        wait_until(lambda: len(names(s, "/Films")) == 2)
        yield s


MAGNET = "/realdebrid/magnets/Sintel.2010.1080p"


def test_what_is_deleted_leaves_the_views_and_comes_back_to_its_place(served: Serving) -> None:
    before = names(served, "/Films")
    assert do(served, "DELETE", MAGNET) == 204
    assert names(served, "/Films") == {"Spring (2019)"}
    assert names(served, "/Everything") == {"Spring.2019"}
    assert do(served, "MOVE", "/realdebrid/trash/Sintel.2010.1080p", MAGNET) == 201
    assert names(served, "/Films") == before
    assert len(names(served, "/Everything")) == 2


def test_a_file_deleted_alone_leaves_the_views_alone(served: Serving) -> None:
    folder = "/Everything/Sintel.2010.1080p"
    assert names(served, folder) == {"Sintel.2010.1080p.mkv", "extra.nfo"}
    assert do(served, "DELETE", f"{MAGNET}/extra.nfo") == 204
    assert names(served, folder) == {"Sintel.2010.1080p.mkv"}
    assert do(served, "DELETE", f"{MAGNET}/Sintel.2010.1080p.mkv") == 204
    assert names(served, "/Films") == {"Spring (2019)"}
    assert names(served, "/Everything") == {"Spring.2019"}
    assert names(served, MAGNET) == set(), "emptied, and to be removed"


def test_what_is_renamed_plays_on_in_the_views(served: Serving) -> None:
    before = names(served, "/Films")
    assert do(served, "MOVE", MAGNET, "/realdebrid/magnets/Film") == 201
    film = "/realdebrid/magnets/Film/Sintel.2010.1080p.mkv"
    assert do(served, "MOVE", film, "/realdebrid/magnets/Film/film.mkv") == 201
    assert names(served, "/Films") == before
    [name] = names(served, "/Films/Sintel%20(2010)")
    content = Content.random("Sintel.2010.1080p.mkv", 9999).read(0, 9999)
    for path in (f"/Films/Sintel%20(2010)/{name}", "/realdebrid/magnets/Film/film.mkv"):
        assert served.get(path).content == content


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_nothing_is_changed_in_a_view(served: Serving, method: str) -> None:
    path = "/Everything/Spring.2019"
    headers = {"Destination": f"{served.url}Everything/Other"}
    answer = served.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert "the magnets of an account can" in answer.text


def test_who_may_not_delete_sees_no_trash_and_changes_nothing(served: Serving) -> None:
    assert do(served, "DELETE", MAGNET) == 204
    served.session.auth = ("ben", "pw")
    assert "trash" not in names(served, "/realdebrid")
    assert do(served, "PROPFIND", "/realdebrid/trash/Sintel.2010.1080p", Depth="0") == 404
    spring = "/realdebrid/magnets/Spring.2019"
    answer = served.request("DELETE", spring)
    assert (answer.status_code, "right to delete" in answer.text) == (403, True)
    assert do(served, "MOVE", spring, "/realdebrid/magnets/Autumn") == 403
    assert "DELETE" not in served.request("OPTIONS", spring).headers["Allow"]


def test_a_page_shows_the_trash(served: Serving) -> None:
    assert do(served, "DELETE", MAGNET) == 204
    assert "Sintel.2010.1080p/" in served.get("/realdebrid/trash/").text
    assert "Sintel" not in served.get("/realdebrid/magnets/").text
    assert "DELETE" in served.request("OPTIONS", "/realdebrid/magnets/Spring.2019").headers["Allow"]
