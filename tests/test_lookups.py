"""Folders that cost a service a call when they are opened: `search/` and `continue watching/`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import requests
from lxml import etree

from davstore.catalog.lookups.lookups import (
    FAILED_LIFE,
    FOUND_LIFE,
    MOST_AT_ONCE,
    Lookups,
    is_search,
)
from davstore.errors import StoreError, StoreUnavailable
from davstore.model import Folder, Found, Query, Text
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.stores.memory import Memory
from davstore.wanted import wanted
from tests.commands import davstore
from tests.serving import Serving, serving, wait_until

BODY = Content.random("sintel", 5000)
DEPTH = {"Depth": "1"}


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    for name, seeders in (("Sintel.2010.1080p", 12), ("Sintel: 2010/2160p", 99)):
        sim.torz.torznab.index(SimMagnet(name, [SimFile("a.mkv", BODY)]), seeders)
    for title in ("Sintel", "Spring", "Charge"):
        sim.plank.add(SimMagnet(title, [SimFile(f"{title}.mp4", BODY)], title=title, year=2010))
    accounts = ("torz", "plank", "realdebrid")
    with serving(sim, tmp_path, accounts=accounts, user="anna", password="pw") as found:
        found.refresh()
        yield found


def listed(served: Serving, path: str) -> list[str]:
    """The names of what stands in a folder, in their order."""
    answer = served.request("PROPFIND", quote(path), headers=DEPTH)
    assert answer.status_code == 207, answer.text
    hrefs = [each.text or "" for each in etree.fromstring(answer.content).iter("{DAV:}href")]
    return [unquote(href.rstrip("/").rpartition("/")[2]) for href in hrefs[1:]]


def searches(sim: Simulator) -> int:
    return sim.torz.count("torznab")


NAMES = ["Sintel: 2010_2160p.magnet", "Sintel.2010.1080p.magnet"]
"""Those with most seeders come first."""


def test_the_folders_stand_beside_the_magnets(served: Serving) -> None:
    assert listed(served, "/torz/") == ["magnets", "incoming", "search"]
    assert listed(served, "/plank/") == ["magnets", "incoming", "search", "continue watching"]
    assert {*listed(served, "/realdebrid/")} - {"links"} == {"magnets", "incoming"}


def test_a_search_costs_one_call_whatever_clients_do(sim: Simulator, served: Serving) -> None:
    for _ in range(3):
        assert listed(served, "/torz/search/Sintel 2010/") == NAMES
    for name in listed(served, "/torz/search/sintel  2010/"):
        path = quote(f"/torz/search/sintel 2010/{name}")
        for method in ("GET", "HEAD", "PROPFIND", "OPTIONS"):
            assert served.request(method, path, headers={"Depth": "0"}).status_code in {200, 207}
        [given] = wanted(name, served.get(path).content)
        assert given.hash in sim.torz.offers
    assert searches(sim) == 1


def test_a_page_that_searches_and_the_folder_share_a_call(sim: Simulator, served: Serving) -> None:
    lookups = served.server.library.lookups
    found = lookups.found("torz", " SINTEL  2010")
    assert [(each.name, each.seeders) for each in found] == [
        ("Sintel: 2010/2160p", 99), ("Sintel.2010.1080p", 12),
    ]  # fmt: skip
    assert listed(served, "/torz/search/sintel 2010/") == NAMES
    assert searches(sim) == 1


def test_listing_what_is_above_searches_nothing(sim: Simulator, served: Serving) -> None:
    for path in ("/", "/torz/", "/torz/search/"):
        listed(served, path)
        for query in ("", "?m3u"):
            assert served.get(path + query).status_code == 200
    assert searches(sim) == 0
    assert sim.plank.count("/search") == sim.plank.count("continue") == 0


@pytest.mark.parametrize(
    "name",
    [".hidden", "._sintel", ".DS_Store", "desktop.ini", "Thumbs.db", "folder.jpg", "sintel.nfo",
     "VIDEO_TS", "index.html", "~lock", "a", "...", "x" * 300, "sintel/._note", "sintel/.DS_Store"],
)  # fmt: skip
def test_what_programs_look_for_is_never_searched(
    sim: Simulator, served: Serving, name: str
) -> None:
    for method in ("PROPFIND", "GET", "HEAD"):
        assert served.request(method, f"/torz/search/{name}", headers=DEPTH).status_code == 404
    assert searches(sim) == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "LOCK", "PROPPATCH", "MOVE", "OPTIONS"])
def test_what_would_write_searches_nothing(sim: Simulator, served: Serving, method: str) -> None:
    assert served.request(method, "/torz/search/sintel").status_code >= 400
    assert searches(sim) == 0


def test_a_search_is_begun_by_making_its_folder(sim: Simulator, served: Serving) -> None:
    assert served.request("MKCOL", "/torz/search/Sintel").status_code == 201
    assert listed(served, "/torz/search/") == ["Sintel"]
    assert len(listed(served, "/torz/search/Sintel/")) == 2
    assert served.request("MKCOL", "/torz/search/Sintel").status_code == 405
    assert searches(sim) == 1
    assert served.request("MKCOL", "/torz/search/.hidden").status_code in {403, 409}
    assert served.request("MKCOL", "/torz/other").status_code == 403


def test_a_search_that_fails_is_said_and_not_asked_again(sim: Simulator, served: Serving) -> None:
    sim.torz.faults.add(Fault("status", "torznab", None, status=404, body="404 page not found"))
    for _ in range(3):
        answer = served.request("PROPFIND", "/torz/search/sintel/", headers=DEPTH)
        assert answer.status_code == 502
        assert "has no search" in answer.text
    assert searches(sim) == 1
    assert listed(served, "/torz/search/") == []


@pytest.mark.parametrize(
    ("method", "to"), [("COPY", "torz/incoming/a.magnet"), ("MOVE", "realdebrid/incoming/b")]
)
def test_a_result_is_added_by_copying_or_moving_it(
    sim: Simulator, served: Serving, method: str, to: str
) -> None:
    """Also one that was found before the last restart: it is searched again."""
    source = quote(f"/torz/search/sintel/{NAMES[1]}")
    headers = {"Destination": served.url + to}
    assert served.request(method, source, headers=headers).status_code == 201
    assert served.request(method, source, headers=headers).status_code == 204
    [given] = wanted("a.magnet", served.get(source).content)
    assert served.get(f"/{to}").content == served.get(source).content
    wait_until(lambda: given.hash in getattr(sim, to.partition("/")[0]).taken)
    assert listed(served, "/torz/search/sintel/") == NAMES, "it stays among the results"
    assert searches(sim) == 1


def test_only_what_was_found_can_be_copied_and_only_to_be_added(served: Serving) -> None:
    source = quote(f"/torz/search/sintel/{NAMES[1]}")
    for path, to, status in (
        ("/torz/search/sintel/none.magnet", "torz/incoming/a.magnet", 404),
        ("/torz/search/sintel/", "torz/incoming/sintel", 403),
        (source, "torz/incoming/a.mkv", 415),
        (source, "torz/magnets/a.magnet", 403),
        (source, "torz/incoming/", 403),
    ):
        answer = served.request("COPY", path, headers={"Destination": served.url + to})
        assert answer.status_code == status, (path, to)
        assert answer.text.strip()


def test_who_does_not_see_the_account_searches_nothing(sim: Simulator, tmp_path: Path) -> None:
    users = [{"name": "guest", "password": "pw", "accounts": ["realdebrid"]}]
    with serving(sim, tmp_path, accounts=("torz", "realdebrid"), users=users) as served:
        served.session.auth = ("guest", "pw")
        assert served.request("PROPFIND", "/torz/search/sintel/", headers=DEPTH).status_code == 404
    assert searches(sim) == 0


# Plank


def test_what_is_being_watched_stands_there_last_played_first(
    sim: Simulator, served: Serving
) -> None:
    ids = {magnet.title: id_ for id_, magnet in sim.plank.library}
    for moment, title in enumerate(("Spring", "Charge", "Sintel")):
        sim.plank.clock = lambda moment=moment: 1000.0 + 60 * moment  # type: ignore[misc]
        sim.plank.playing.play(ids[title], 10, 100)
    expected = [f"{title} (2010).mp4" for title in ("Sintel", "Charge", "Spring")]
    assert listed(served, "/plank/continue watching/") == expected
    path = quote("/plank/continue watching/Charge (2010).mp4")
    assert served.get(path, headers={"Range": "bytes=7-99"}).content == BODY.read(7, 93)
    assert sim.plank.count("continue") == 1


def test_the_library_is_searched_too(sim: Simulator, served: Serving) -> None:
    assert listed(served, "/plank/search/sint/") == ["Sintel (2010)"]
    path = quote("/plank/search/sint/Sintel (2010)/Sintel (2010).mp4")
    assert served.get(path).content == BODY.read(0, 5000)
    assert sim.plank.count("/search") == 1


def test_a_search_may_use_any_words(sim: Simulator, served: Serving) -> None:
    sim.plank.playing.play(sim.plank.library[0][0], 10, 100)
    assert listed(served, "/plank/search/continue watching/") == []
    assert len(listed(served, "/plank/continue watching/")) == 1


def test_ls_opens_these_folders_too(sim: Simulator, served: Serving, tmp_path: Path) -> None:
    config = ("-c", str(tmp_path / "davstore.toml"))
    shown = davstore("ls", "/torz/search/sintel", *config).stdout
    assert all(name in shown for name in NAMES)
    before = searches(sim)
    assert "search/" in davstore("ls", "/", "-R", *config).stdout
    assert searches(sim) == before


# What is remembered


class Finder(Memory):
    """A store whose search can be watched, and fail."""

    def __init__(self) -> None:
        super().__init__("memory")
        self.asked: list[str] = []
        self.trouble: StoreError | None = None

    def search(self, query: Query) -> tuple[Found, ...]:
        self.asked.append(query.words)
        if self.trouble is not None:
            raise self.trouble
        return (Found("a" * 40, "Sintel", f"magnet:?xt=urn:btih:{'a' * 40}"),)


@pytest.fixture
def finder() -> Finder:
    return Finder()


def test_an_answer_is_believed_for_ten_minutes(finder: Finder) -> None:
    now = [0.0]
    lookups = Lookups({"m": finder}, lambda _: None, now=lambda: now[0])
    for moment, calls in ((0, 1), (FOUND_LIFE - 1, 1), (FOUND_LIFE, 2)):
        now[0] = moment
        folder = lookups.find("m", ["search", "Sintel"], asking=True)
        assert isinstance(folder, Folder)
        assert isinstance(folder.entries["Sintel.magnet"], Text)
        assert len(finder.asked) == calls


def test_a_failure_is_believed_for_half_a_minute(finder: Finder) -> None:
    now = [0.0]
    lookups = Lookups({"m": finder}, lambda _: None, now=lambda: now[0])
    finder.trouble = StoreUnavailable("m", "not now")
    for moment in (0, FAILED_LIFE - 1):
        now[0] = moment
        with pytest.raises(StoreUnavailable):
            lookups.find("m", ["search", "sintel"], asking=True)
    assert len(finder.asked) == 1
    finder.trouble, now[0] = None, FAILED_LIFE
    assert lookups.find("m", ["search", "sintel"], asking=True) is not None


def test_who_may_not_ask_sees_what_is_remembered(finder: Finder) -> None:
    lookups = Lookups({"m": finder}, lambda _: None)
    assert lookups.find("m", ["search", "sintel"], asking=False) is None
    lookups.find("m", ["search", "sintel"], asking=True)
    assert lookups.find("m", ["search", "SINTEL", "Sintel.magnet"], asking=False) is not None
    assert lookups.find("m", ["search", "sintel", "other"], asking=True) is None
    assert lookups.find("m", ["else"], asking=True) is None


def test_many_who_ask_the_same_cost_one_call(sim: Simulator, served: Serving) -> None:
    sim.torz.faults.add(Fault("slow", "torznab", seconds=0.3))
    url, auth = f"{served.url}torz/search/sintel/", ("anna", "pw")
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _: requests.request("PROPFIND", url, headers=DEPTH, auth=auth,
                                                timeout=30).status_code, range(6))
        )  # fmt: skip
    assert answers == [207] * 6
    assert searches(sim) == 1


def test_few_searches_are_under_way_at_once(sim: Simulator, served: Serving) -> None:
    sim.torz.faults.add(*(Fault("slow", "torznab", seconds=1) for _ in range(MOST_AT_ONCE)))
    url, auth = f"{served.url}torz/search/", ("anna", "pw")
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda word: requests.request("PROPFIND", url + word, headers=DEPTH, auth=auth,
                                                   timeout=30), ["ab", "cd", "ef", "gh", "ij"])
        )  # fmt: skip
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == len(answers) - MOST_AT_ONCE
    assert all("Retry-After" in answer.headers for answer in refused)


@pytest.mark.parametrize(
    "words", ["sintel", "Big.Buck.Bunny", "ubuntu 24.04", "小さな鳥", "S01E02"]
)
def test_words_are_searched(words: str) -> None:
    assert is_search(words)
