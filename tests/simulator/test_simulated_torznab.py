"""The simulated Torznab endpoint, as behaviour notes and the specification have it."""

from xml.etree.ElementTree import fromstring

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator


def ask(sim: Simulator, query: str) -> requests.Response:
    return requests.get(f"{sim.torz.url}/v0/torznab/api{query}", timeout=10, allow_redirects=False)


def test_without_a_function_the_capabilities_are_shown(sim: Simulator) -> None:
    answer = ask(sim, "")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/v0/torznab/api?t=caps")
    capabilities = fromstring(ask(sim, "?t=caps").text)
    assert capabilities.find("searching/tv-search[@available='yes']") is not None
    assert capabilities.find("categories/category[@id='2000']") is not None


@pytest.mark.parametrize(("query", "code"), [("?t=what", "202"), ("?t=search", "200")])
def test_errors_come_with_http_200(sim: Simulator, query: str, code: str) -> None:
    answer = ask(sim, query)
    assert (answer.status_code, fromstring(answer.text).get("code")) == (200, code)
    assert ask(sim, f"{query}&o=json").json()["error"]["@attributes"]["code"] == code


def test_it_needs_no_login_and_may_be_cached(sim: Simulator) -> None:
    answer = ask(sim, "?t=search&q=x")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=7200"


def test_both_forms_say_the_same(sim: Simulator) -> None:
    film = SimMagnet("Sintel & friends <1>", [SimFile("a.mkv", Content.of(b"abc"))])
    hash_ = sim.torz.torznab.index(film, seeders=3)
    item = fromstring(ask(sim, "?t=search&q=sintel").text).find("channel/item")
    assert item is not None
    assert (item.findtext("title"), item.findtext("size")) == (film.name, "3")
    [row] = ask(sim, "?t=search&q=sintel&o=json").json()["channel"]["item"]
    said = {a["@attributes"]["name"]: a["@attributes"]["value"] for a in row["attr"]}
    assert (row["title"], said["infohash"], said["seeders"]) == (film.name, hash_, "3")
