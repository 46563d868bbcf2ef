"""Dropping links of file hosts, and containers of them, into `incoming`: they end in `links`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.catalog import State
from davstore.config import Database
from davstore.simulator import Content, Fault, SimFile, Simulator
from tests.serving import Serving, serving, wait_until
from tests.torrents import link as magnet_link

BOTH = pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
HASH = "d" * 40
DLC = b"\x00DLC\xff"


def iso(word: str) -> SimFile:
    return SimFile(f"{word}.iso", Content.random(word, 3000))


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    accounts = ("realdebrid", "alldebrid", "torz")
    with serving(
        sim, tmp_path, accounts=accounts, user="anna", password="pw", database=database
    ) as found:
        yield found


def put(served: Serving, account: str, name: str, *lines: str) -> None:
    path = f"/{account}/incoming/{name}"
    text = "\n".join(lines).encode()
    assert served.request("PUT", path, data=text).status_code == 201
    assert served.get(path).content == text, "clients look again"


def names(served: Serving, path: str) -> set[str]:
    body = served.request("PROPFIND", path, headers={"Depth": "1"}).text
    return {part.split("<")[0] for part in body.split("displayname>")[1::2]}


def states(served: Serving, account: str) -> dict[str, State]:
    return {one.name: one.state for one in served.server.library.additions.waiting(account)}


def reason(served: Serving, account: str, name: str) -> str:
    every = served.server.library.additions.waiting(account)
    return next(one.reason for one in every if one.name == name)


@BOTH
def test_links_of_a_text_stand_among_the_accounts_links(
    sim: Simulator, served: Serving, name: str
) -> None:
    hosters = getattr(sim, name).hosters
    text = [
        "# of the week",
        hosters.put(iso("debian")),
        magnet_link(HASH),
        hosters.put(iso("arch")),
    ]
    put(served, name, "links.txt", *text)
    wait_until(lambda: {"debian.iso", "arch.iso"} <= names(served, f"/{name}/links/"))
    assert served.get(f"/{name}/links/debian.iso").content == iso("debian").content.read(0, 3000)
    wait_until(lambda: HASH in getattr(sim, name).taken)
    assert set(states(served, name).values()) <= {State.ADDED, State.CHOOSING}


@BOTH
@pytest.mark.parametrize("kind", ["url", "webloc", ""])
def test_shortcuts_to_file_hosts_too(sim: Simulator, served: Serving, name: str, kind: str) -> None:
    link = getattr(sim, name).hosters.put(iso("debian"))
    text = {
        "url": f"[InternetShortcut]\r\nURL={link}\r\n",
        "webloc": f"<plist><dict><key>URL</key><string>{link}</string></dict></plist>",
        "": link,
    }[kind]
    put(served, name, f"debian.{kind}" if kind else "debian", text)
    wait_until(lambda: "debian.iso" in names(served, f"/{name}/links/"))


def test_what_leads_to_several_files_is_all_of_them(sim: Simulator, served: Serving) -> None:
    rd, ad = sim.realdebrid.hosters, sim.alldebrid.hosters
    put(served, "realdebrid", "folder.txt", rd.put_folder(rd.put(iso("a")), rd.put(iso("b"))))
    sim.alldebrid.desk.redirects["https://short.example/x"] = [ad.put(iso("a")), ad.put(iso("b"))]
    put(served, "alldebrid", "short.txt", "https://short.example/x")
    for name in ("realdebrid", "alldebrid"):
        wait_until(lambda name=name: {"a.iso", "b.iso"} <= names(served, f"/{name}/links/"))  # type: ignore[misc]


@pytest.mark.parametrize("ending", ["dlc", "ccf", "rsdf"])
def test_the_links_of_a_container_wait_one_by_one(
    sim: Simulator, served: Serving, ending: str
) -> None:
    hosters = sim.realdebrid.hosters
    hosters.containers[DLC] = (hosters.put(iso("a")), hosters.put(iso("b"), down=True))
    path = f"/realdebrid/incoming/films.{ending}"
    assert served.request("PUT", path, data=DLC).status_code == 201
    assert served.get(path).content == DLC
    wait_until(lambda: states(served, "realdebrid").get("b.iso") is State.REFUSED)
    wait_until(lambda: "a.iso" in names(served, "/realdebrid/links/"))
    assert states(served, "realdebrid")["a.iso"] is State.ADDED
    assert "b.iso (refused).txt" in names(served, "/realdebrid/incoming/")


def test_a_container_that_is_none_is_refused_with_its_reason(served: Serving) -> None:
    answer = served.request("PUT", "/realdebrid/incoming/films.dlc", data=b"no container")
    assert answer.status_code == 201
    wait_until(lambda: states(served, "realdebrid").get("films.dlc") is State.REFUSED)
    assert "makes nothing of this container" in reason(served, "realdebrid", "films.dlc")


@pytest.mark.parametrize(
    ("account", "name", "status", "word"),
    [
        ("alldebrid", "films.dlc", 415, ".txt file"),
        ("torz", "films.dlc", 415, ".txt file"),
        ("torz", "links.txt", 422, "takes no links of file hosts"),
        ("realdebrid", "a.magnet", 422, "magnet link"),
    ],
)
def test_what_an_account_does_not_take_is_refused_at_once(
    served: Serving, account: str, name: str, status: int, word: str
) -> None:
    answer = served.request("PUT", f"/{account}/incoming/{name}", data=b"https://example.com/f/1")
    assert answer.status_code == status
    assert word in answer.text
    assert "example.com" not in answer.text
    assert states(served, account) == {}


@BOTH
def test_a_link_that_the_service_does_not_serve_is_told_in_words(
    sim: Simulator, served: Serving, name: str
) -> None:
    good = getattr(sim, name).hosters.put(iso("debian"))
    put(served, name, "links.txt", "https://elsewhere.example/film.mkv", good)
    wait_until(lambda: states(served, name).get("film.mkv") is State.REFUSED)
    assert "does not serve this host" in reason(served, name, "film.mkv")
    wait_until(lambda: "debian.iso" in names(served, f"/{name}/links/"))
    [text] = [each for each in names(served, f"/{name}/incoming/") if "refused" in each]
    said = served.get(f"/{name}/incoming/{text}").text
    assert "Status: refused" in said
    assert "elsewhere.example/film" not in said
    assert served.request("DELETE", f"/{name}/incoming/{text}").status_code == 204
    assert "film.mkv" not in states(served, name)


def test_a_service_that_fails_is_tried_again_and_holds_up_no_magnet(
    sim: Simulator, served: Serving
) -> None:
    link = sim.realdebrid.hosters.put(iso("debian"))
    sim.realdebrid.faults.add(Fault("status", "unrestrict/link", times=None, status=503))
    put(served, "realdebrid", "links.txt", link, magnet_link(HASH))
    wait_until(lambda: HASH in sim.realdebrid.taken)
    wait_until(lambda: reason(served, "realdebrid", "debian.iso"))
    assert states(served, "realdebrid")["debian.iso"] is State.WAITING
