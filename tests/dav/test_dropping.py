"""Dropping into `incoming`, in all the ways in which clients write: each adds once."""

import socket
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from davstore.catalog import State
from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.wanted import LARGEST
from tests.dav.writing import WAYS, ask, check_lock, listed, plain
from tests.serving import Serving, serving, wait_until
from tests.torrents import link, torrent

HOME = "/alldebrid/incoming"
NUMBERS = count()
USERS = [
    {"name": "anna", "password": "p", "rights": ["read", "add"]},
    {"name": "guest", "password": "p"},
    {"name": "other", "password": "p", "rights": ["read", "add"], "accounts": ["torz"]},
]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        files = [SimFile("film.mkv", Content.random("film", 500))]
        simulator.torz.add(SimMagnet("Charge (2022)", files, hash="c" * 40))
        simulator.alldebrid.lasts = 3600
        yield simulator


@pytest.fixture(scope="module")
def served(
    sim: Simulator, tmp_path_factory: pytest.TempPathFactory, common_database: Database | None
) -> Iterator[Serving]:
    folder, accounts = tmp_path_factory.mktemp("state"), ("alldebrid", "torz")
    with serving(sim, folder, accounts=accounts, users=USERS, database=common_database) as s:
        yield s


def under_two_names(served: Serving, path: str, data: bytes) -> None:
    assert ask(served, "PUT", f"{HOME}/first.torrent", data).status_code == 201
    plain(served, path, data)


@pytest.mark.parametrize(
    "way",
    [*WAYS, under_two_names],
)
def test_however_a_torrent_is_written_it_is_added_once(
    served: Serving, sim: Simulator, way: Callable[[Serving, str, bytes], None]
) -> None:
    data, hash_ = torrent(f"Film {next(NUMBERS)} é.mkv")
    path = f"{HOME}/Film {hash_[:6]} é #%.torrent"
    way(served, path, data)
    assert ask(served, "GET", path).content == data
    assert ask(served, "HEAD", path).headers["Content-Length"] == str(len(data))
    found = ask(served, "PROPFIND", path, Depth="0")
    assert f"<D:getcontentlength>{len(data)}<" in found.text
    assert path.rpartition("/")[2] in listed(served, HOME)
    wait_until(lambda: hash_ in sim.alldebrid.taken)
    wait_until(lambda: state(served, hash_) is State.ADDED)
    assert sim.alldebrid.taken.count(hash_) == 1
    assert sim.alldebrid.calls
    assert ask(served, "GET", path).content == data, "clients look again later"


def state(served: Serving, hash_: str, account: str = "alldebrid") -> State | None:
    rows = served.server.library.additions.waiting(account)
    return next((row.state for row in rows if row.hash == hash_), None)


def test_links_of_a_text_file_are_added_each(served: Serving, sim: Simulator) -> None:
    hashes = ["1" * 40, "2" * 40]
    text = "\n".join(link(hash_) for hash_ in hashes).encode()
    assert ask(served, "PUT", f"{HOME}/links.txt", text).status_code == 201
    wait_until(lambda: set(hashes) <= set(sim.alldebrid.taken))


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("movie.mkv", b"x" * 100, 415),
        ("a.torrent", b"<html>", 422),
        ("a.torrent", torrent()[0][:-10], 422),
        ("a.magnet", b"https://example.org/", 422),
        ("a.torrent", b"d" * (LARGEST + 1), 413),
        ("a.txt", b"#" * (2**20 + 1), 413),
    ],
)
def test_what_cannot_be_added_is_refused_with_a_sentence(
    served: Serving, name: str, content: bytes, status: int
) -> None:
    additions = served.server.library.additions
    before = [row.hash for row in additions.waiting("alldebrid")]
    for body in (content, iter([content])):
        answer = ask(served, "PUT", f"{HOME}/{name}", body)
        assert answer.status_code == status
        assert answer.text.strip()
        if status != 413:
            assert len(answer.text.splitlines()) == 1
            assert "magnet" in answer.text or "torrent" in answer.text
    assert ask(served, "GET", f"{HOME}/{name}").status_code == 404
    assert ask(served, "DELETE", f"{HOME}/{name}").status_code == 404
    assert [row.hash for row in additions.waiting("alldebrid")] == before


def test_who_tidies_up_after_a_refusal_takes_nothing_back(served: Serving) -> None:
    """rclone deletes what it could not write."""
    data, hash_ = torrent(f"Film {next(NUMBERS)}.mkv")
    path = f"{HOME}/kept.torrent"
    plain(served, path, data)
    for wrong, status in ((data[:-5], 422), (b"d" * (LARGEST + 1), 413)):
        assert ask(served, "PUT", path, wrong).status_code == status
        assert ask(served, "DELETE", path).status_code == 403
    assert ask(served, "GET", path).content == data
    plain_again = ask(served, "PUT", path, data)
    assert plain_again.status_code == 204
    assert ask(served, "DELETE", path).status_code == 204, "what succeeds ends it"
    plain(served, path, data)
    wait_until(lambda: state(served, hash_) is State.ADDED)


def test_half_a_file_is_none(served: Serving) -> None:
    data, hash_ = torrent(f"Film {next(NUMBERS)}.mkv")
    address = urlsplit(served.url)
    head = f"PUT {HOME}/half.torrent HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uYTpw\r\n"
    with socket.create_connection((address.hostname, address.port or 80)) as client:
        client.sendall(f"{head}Content-Length: {len(data) + 9}\r\n\r\n".encode() + data)
        client.shutdown(socket.SHUT_WR)
        client.recv(1000)
    assert ask(served, "GET", f"{HOME}/half.torrent").status_code == 404
    assert state(served, hash_) is None


def test_an_empty_file_waits_for_its_content(served: Serving) -> None:
    assert ask(served, "PUT", f"{HOME}/later.magnet", b"").status_code == 201
    assert ask(served, "GET", f"{HOME}/later.magnet").content == b""
    assert ask(served, "DELETE", f"{HOME}/later.magnet").status_code == 204
    assert ask(served, "GET", f"{HOME}/later.magnet").status_code == 404


def test_only_who_may_add_sees_it(served: Serving) -> None:
    assert {*listed(served, "/alldebrid")} - {"links"} == {"magnets", "incoming"}
    assert {*listed(served, "/alldebrid", "guest")} - {"links"} == {"magnets"}  # come in a moment
    for method in ("PROPFIND", "GET", "DELETE"):
        assert ask(served, method, f"{HOME}/", who="guest").status_code == 404
    for who in ("guest", "other"):
        answer = ask(served, "PUT", f"{HOME}/a.torrent", torrent()[0], who=who)
        assert answer.status_code in {404, 409}
    assert ask(served, "PROPFIND", "/torz/incoming/", who="other", Depth="0").status_code == 207


def test_who_asks_again_in_the_same_words_sees_what_is_new(served: Serving) -> None:
    with requests.Session() as session:
        session.auth = ("anna", "p")
        for number in range(3):
            name = f"again {number}.magnet"
            url = served.url.rstrip("/") + HOME
            session.request("PUT", f"{url}/{name}", data=b"", timeout=30)
            answer = session.request("PROPFIND", url, headers={"Depth": "1"}, timeout=30)
            assert quote(name) in answer.text
            home = served.url + "alldebrid"
            above = session.request("PROPFIND", home, headers={"Depth": "1"}, timeout=30)
            assert "/incoming/" in above.text


def test_noise_stays_noise(served: Serving) -> None:
    before = listed(served, HOME)
    for name in (".DS_Store", "._x.torrent", "desktop.ini"):
        assert ask(served, "PUT", f"{HOME}/{name}", b"noise").status_code == 201
        assert ask(served, "GET", f"{HOME}/{name}").content == b"noise"
    assert listed(served, HOME) == before


def test_the_folder_itself_stays(served: Serving) -> None:
    assert ask(served, "MKCOL", f"{HOME}/new").status_code == 403
    assert ask(served, "MKCOL", HOME).status_code == 405
    assert ask(served, "DELETE", HOME).status_code == 403
    assert ask(served, "PUT", HOME, b"x").status_code == 405
    assert ask(served, "PUT", f"{HOME}/a/b.torrent", b"x").status_code == 409
    assert "PUT" in ask(served, "OPTIONS", f"{HOME}/").headers["Allow"]
    target = f"{served.url}torz/magnets/x"
    assert ask(served, "MOVE", HOME, Destination=target).status_code == 403


def test_a_magnets_folder_is_added_to_another_account_by_copying_it(
    served: Serving, sim: Simulator
) -> None:
    target = f"{served.url}alldebrid/incoming/Charge%20(2022)"
    folder = "/torz/magnets/Charge (2022)"
    assert ask(served, "COPY", f"{folder}/film.mkv", Destination=target).status_code == 403
    assert ask(served, "COPY", "/torz/magnets/none", Destination=target).status_code == 404
    assert ask(served, "COPY", f"{folder}/", Destination=target).status_code == 201
    wait_until(lambda: "c" * 40 in sim.alldebrid.taken)
    assert [pair[1].infohash for pair in sim.torz.library] == ["c" * 40]


def test_a_refusal_of_the_service_is_told_and_can_be_dismissed(
    served: Serving, sim: Simulator
) -> None:
    data, hash_ = torrent(f"Forbidden {next(NUMBERS)}")
    sim.alldebrid.refuses[hash_] = "MAGNET_TOO_LARGE"
    plain(served, f"{HOME}/forbidden.torrent", data)
    wait_until(lambda: state(served, hash_) is State.REFUSED)
    text = next(name for name in listed(served, HOME) if "(refused)" in name)
    said = ask(served, "GET", f"{HOME}/{text}").text
    assert "Status: refused; it was not added" in said
    assert "Error: the magnet is larger than 1 TB" in said
    assert ask(served, "DELETE", f"{HOME}/{text}").status_code == 204
    assert text not in listed(served, HOME)
    assert state(served, hash_) is None


def test_how_far_a_magnet_is_stands_there_in_words(served: Serving, sim: Simulator) -> None:
    files = [SimFile("film.mkv", Content.random("film", 500))]
    sim.alldebrid.add(SimMagnet("Sintel (2010)", files, status="downloading", progress=42.9))
    sim.alldebrid.add(SimMagnet("Spring (2019)", vendor_status=15))
    served.refresh("alldebrid")
    assert "Sintel (2010) (42 %).txt" in listed(served, HOME)
    text = ask(served, "GET", f"{HOME}/Sintel (2010) (42 %).txt").text
    assert "Status: downloading at the service" in text
    assert "Speed: 18.9 MB/s" in text
    text = ask(served, "GET", f"{HOME}/Spring (2019) (failed).txt").text
    assert "Error: nobody has it" in text
    for method in ("PUT", "DELETE"):
        assert ask(served, method, f"{HOME}/Sintel (2010) (42 %).txt", b"").status_code == 403


def test_it_all_outlives_a_restart(
    tmp_path: Path, sim: Simulator, database: Database | None
) -> None:
    data, hash_ = torrent(f"Film {next(NUMBERS)}.mkv")
    with serving(sim, tmp_path, accounts=("torz",), database=database) as s:
        s.server.library.adders.stop()
        assert s.request("PUT", "/torz/incoming/a.torrent", data=data).status_code == 201
        assert state(s, hash_, "torz") is State.WAITING
    with serving(sim, tmp_path, accounts=("torz",), database=database) as s:
        assert s.get("/torz/incoming/a.torrent").content == data
        wait_until(lambda: state(s, hash_, "torz") is State.ADDED)
    assert sim.torz.taken.count(hash_) == 1


def test_a_lock_is_told_to_who_asks(served: Serving) -> None:
    check_lock(served, f"{HOME}/locked.part")
