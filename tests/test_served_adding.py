"""Adding and searching from the page of a real server, through the queue that `incoming` uses."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import requests

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until
from tests.torrents import link, torrent

USERS = [
    {"name": "anna", "password": "a", "rights": ["read", "add", "delete", "watch", "manage"]},
    {"name": "berta", "password": "b", "rights": ["add"], "accounts": ["torz"]},
    {"name": "reader", "password": "r"},
]
ACCOUNTS = ("torz", "magnets", "alldebrid", "plank")


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    bunny = SimMagnet("Bunny & co", [SimFile("b.mkv", Content.random("b", 99))], title="Bunny & co")
    sim.plank.add(bunny)
    sim.alldebrid.add(SimMagnet("Sintel", [SimFile("s.mkv", Content.random("s", 99))]))
    for name, seeders in (("Spring.2019.1080p", 12), ("Spring.2019.2160p", 99)):
        film = SimMagnet(name, [SimFile(f"{name}.mkv", Content.random(name, 1_500_000))])
        sim.torz.cached.add(sim.torz.torznab.index(film, seeders))
        sim.magnets.torznab.index(film, seeders)
    changes = {"alldebrid": {"delete": True}}
    with serving(
        sim, tmp_path, accounts=ACCOUNTS, users=USERS, changes=changes, database=database
    ) as running:
        running.session.auth = ("anna", "a")
        yield running


def text(served: Serving, path: str = "/-/add") -> str:
    return " ".join(unescape(re.sub("<[^>]+>", " ", served.get(path).text)).split())


def press(served: Serving, action: str, **fields: object) -> requests.Response:
    token = re.search(r'name="token" value="(\w+)"', served.get("/-/add").text)
    assert token
    files = fields.pop("files", None)
    data = {"token": token[1], "back": "add", **fields}
    return served.request("POST", f"/-/do/{action}", data=data, files=files)


def test_links_and_torrent_files_are_added_once(served: Serving, sim: Simulator) -> None:
    content, hash_ = torrent("Charge.mkv")
    files = [("files", ("charge.torrent", content))]
    for _ in range(2):
        answer = press(served, "add", to="magnets", links=link("1" * 40, "Hero"), files=files)
        assert answer.status_code == 200
    wait_until(lambda: set(sim.magnets.taken) == {"1" * 40, hash_})
    wait_until(lambda: len(sim.magnets.library) == 2)
    assert sorted(sim.magnets.taken) == sorted({"1" * 40, hash_})


def test_where_something_is_wrong_nothing_is_added(served: Serving, sim: Simulator) -> None:
    answer = press(served, "add", to="torz", links=f"{link('1' * 40)}\nhttp://example.org/x")
    assert (answer.status_code, "Line 2 holds no magnet link" in answer.text) == (409, True)
    files = [("files", ("a.torrent", b"rubbish"))]
    answer = press(served, "add", to="torz", links=link("1" * 40), files=files)
    assert "This is no torrent file" in answer.text
    assert "Give a magnet link" in press(served, "add", to="torz").text
    assert "Choose an account" in press(served, "add", to="nobody", links=link("1" * 40)).text
    assert served.server.library.additions.waiting("torz") == []


def test_what_waits_can_be_taken_back(served: Serving, sim: Simulator) -> None:
    sim.torz.premium = False
    assert press(served, "add", to="torz", links=link("1" * 40, "Hero")).status_code == 200
    wait_until(lambda: "waits to be added" in text(served))
    assert "Waiting to be added Hero" in text(served, "/-/")
    wait_until(lambda: press(served, "forget", to="torz", hash="1" * 40).ok
               and "Hero" not in text(served))  # fmt: skip
    assert served.server.library.additions.waiting("torz") == []


def test_a_search_asks_each_service_once_and_says_where_it_is_ready(
    served: Serving, sim: Simulator
) -> None:
    found = text(served, "/-/add?words=spring")
    assert "2 results, most seeders first" in found
    assert re.search(r"2160p 1\.5 MB 99 torz .*1080p 1\.5 MB 12 torz", found)
    assert "Bunny" not in found
    calls = len(sim.torz.calls)
    assert text(served, "/-/add?words=Spring") == found.replace("“spring”", "“Spring”")
    assert len(sim.torz.calls) == calls
    hash_ = re.search(r"btih:(\w{40})", served.get("/-/add?words=spring").text)
    assert hash_
    assert press(served, "add", to="magnets", links=link(hash_[1]), words="spring").ok
    wait_until(lambda: hash_[1] in sim.magnets.taken)
    wait_until(lambda: "in magnets already" in text(served, "/-/add?words=spring"))


def test_films_and_shows_are_searched_for_apart(served: Serving, sim: Simulator) -> None:
    sim.torz.torznab.index(SimMagnet("Spring S01E01"), 5, category=5000)
    assert "Spring S01E01" in text(served, "/-/add?words=spring")
    assert "Spring S01E01" not in text(served, "/-/add?words=spring&kind=movies")
    shows = text(served, "/-/add?words=spring&kind=tv")
    assert "Spring S01E01" in shows
    assert "1 result" in shows
    assert "no kind" in text(served, "/-/add?words=spring&kind=magic")


def test_a_library_is_searched_too(served: Serving) -> None:
    page = served.get("/-/add?words=bunny").text
    assert 'href="/-/../plank/magnets/Bunny%20%26%20co/"' in page
    assert served.get("/plank/magnets/Bunny%20%26%20co/").status_code == 200


def test_a_service_that_fails_costs_no_other_its_results(served: Serving, sim: Simulator) -> None:
    sim.torz.premium = False
    found = text(served, "/-/add?words=spring")
    assert "2 results" in found
    assert "account 'torz'" in found


def test_somebody_who_may_only_add_sees_no_more(served: Serving, sim: Simulator) -> None:
    served.session.auth = ("berta", "b")
    assert served.get("/-/").status_code == 403
    page = served.get("/-/add?words=bunny").text
    to = re.search(r'name="to".*?</select>', page, re.DOTALL)
    assert to is not None
    assert re.findall(r"<option[^>]*>(\w+)", to[0]) == ["torz"]
    assert "Bunny &amp; co" not in page
    assert "Choose an account" in press(served, "add", to="magnets", links=link("1" * 40)).text
    assert press(served, "add", to="torz", links=link("1" * 40)).status_code == 200
    assert press(served, "refresh").status_code == 403
    served.session.auth = ("reader", "r")
    assert served.get("/-/add").status_code == 403


def test_what_was_deleted_is_had_back_from_the_page(served: Serving) -> None:
    path = "/alldebrid/magnets/Sintel/"
    assert served.request("DELETE", path).status_code == 204
    wait_until(lambda: "Sintel alldebrid" in text(served, "/-/"))
    page = served.get("/-/").text
    magnet = re.search(r'do/restore".*?name="magnet" value="([^"]+)"', page, re.DOTALL)
    assert magnet
    served.session.auth = ("berta", "b")
    assert press(served, "restore", account="alldebrid", magnet=magnet[1]).status_code == 403
    served.session.auth = ("anna", "a")
    assert press(served, "restore", account="alldebrid", magnet=magnet[1]).ok
    assert served.get(path).status_code == 200
    again = press(served, "restore", account="alldebrid", magnet=magnet[1])
    assert (again.status_code, "in the trash no more" in again.text) == (409, True)
    assert "The trash is empty." in text(served, "/-/")


def test_what_is_in_the_trash_is_removed_for_good_from_the_page(
    served: Serving, sim: Simulator
) -> None:
    assert served.request("DELETE", "/alldebrid/magnets/Sintel/").status_code == 204
    wait_until(lambda: "Sintel alldebrid" in text(served, "/-/"))
    page = served.get("/-/").text
    found = re.search(r'href="(/-/purge\?account=alldebrid&amp;magnet=([^"]+))"', page)
    assert found
    asked = text(served, found[1].replace("&amp;", "&"))
    assert "Sintel alldebrid" in asked
    assert "there is no way back" in asked
    named = {"account": "alldebrid", "magnet": found[2]}
    served.session.auth = ("berta", "b")
    assert served.get("/-/purge", params=named).status_code == 403
    assert press(served, "purge", **named).status_code == 403
    served.session.auth = ("anna", "a")
    assert served.request("POST", "/-/do/purge", data=named).status_code == 403, "without a token"
    assert [magnet.name for _, magnet in sim.alldebrid.library] == ["Sintel"]
    assert press(served, "purge", **named).ok
    wait_until(lambda: sim.alldebrid.library == [])
    wait_until(lambda: "anna deleted from the trash removed" in text(served, "/-/"))
    assert "The trash is empty." in text(served, "/-/")
    again = press(served, "purge", **named)
    assert (again.status_code, "in the trash no more" in again.text) == (409, True)


def test_folders_lead_to_the_pages_that_somebody_may_open(served: Serving) -> None:
    assert 'href="/-/"' in served.get("/").text
    served.session.auth = ("reader", "r")
    assert '"/-/' not in served.get("/").text
