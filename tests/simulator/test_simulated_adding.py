"""What the simulated services do with what is added to them; progress is by a clock."""

import base64
from typing import Any

import pytest
import requests

from davstore.simulator import Simulator
from tests.clock import Clock
from tests.torrents import link, torrent

HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def clock(sim: Simulator) -> Clock:
    clock = Clock()
    for store in sim.stores:
        store.clock, store.lasts = clock, 100.0
    return clock


def rd(sim: Simulator, method: str, path: str, data: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {sim.realdebrid.token}"}
    url = sim.realdebrid.url + path
    return requests.request(method, url, data=data, headers=headers, timeout=10)


def test_real_debrid_converts_waits_for_a_choice_and_downloads(
    sim: Simulator, clock: Clock
) -> None:
    sim.realdebrid.converts = 10.0
    added = rd(sim, "POST", "/torrents/addMagnet", {"magnet": link(HASH)})
    assert added.status_code == 201
    id_ = added.json()["id"]
    assert added.json()["uri"].endswith(f"/torrents/info/{id_}")
    seen = []
    for _ in range(3):
        seen.append(rd(sim, "GET", f"/torrents/info/{id_}").json())
        clock.time += 20
    assert [row["status"] for row in seen] == [
        "magnet_conversion", "waiting_files_selection", "waiting_files_selection",
    ]  # fmt: skip
    assert seen[0]["files"] == []
    assert rd(sim, "POST", f"/torrents/selectFiles/{id_}", {"files": "7"}).status_code == 404
    assert rd(sim, "POST", f"/torrents/selectFiles/{id_}", {"files": "all"}).status_code == 204
    assert rd(sim, "POST", f"/torrents/selectFiles/{id_}", {"files": "all"}).status_code == 202
    found = []
    for _ in range(5):
        clock.time += 24
        row = rd(sim, "GET", f"/torrents/info/{id_}").json()
        found.append((row["status"], row["progress"]))
    assert found == [
        ("downloading", 17.5), ("downloading", 47.5), ("downloading", 77.5),
        ("compressing", 100), ("downloaded", 100),
    ]  # fmt: skip


def test_real_debrid_keeps_the_same_hash_twice_and_refuses_what_is_wrong(
    sim: Simulator, clock: Clock
) -> None:
    data, hash_ = torrent()
    answers = []
    for _ in range(2):
        answers.append(rd(sim, "PUT", "/torrents/addTorrent", data))
        clock.time += 20
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert sim.realdebrid.taken == [hash_] * 2
    assert rd(sim, "PUT", "/torrents/addTorrent", b"x").json()["error_code"] == 30
    assert rd(sim, "POST", "/torrents/addMagnet", {"magnet": "x"}).json()["error_code"] == 2
    sim.realdebrid.refuses[HASH] = 35
    refused = rd(sim, "POST", "/torrents/addMagnet", {"magnet": link(HASH)})
    assert (refused.status_code, refused.json()["error"]) == (451, "infringing_file")
    soon = rd(sim, "POST", "/torrents/addMagnet", {"magnet": link("f" * 40)})
    assert soon.status_code == 429


def test_alldebrid_says_of_each_what_became_of_it(sim: Simulator, clock: Clock) -> None:
    headers = {"Authorization": f"Bearer {sim.alldebrid.token}"}
    url = f"{sim.alldebrid.url}/v4/magnet/upload"
    form = {"magnets[]": [link(HASH), "bad", HASH]}
    first, bad, again = requests.post(url, form, headers=headers, timeout=10).json()["data"][
        "magnets"
    ]
    assert (first["hash"], first["ready"]) == (HASH, False)
    assert bad["error"]["code"] == "MAGNET_INVALID_URI"
    assert again["id"] == first["id"]
    data, hash_ = torrent()
    files = {"files[0]": ("a.torrent", data), "files[1]": ("b.torrent", b"x")}
    good, bad = requests.post(f"{url}/file", files=files, headers=headers, timeout=10).json()[
        "data"
    ]["files"]
    assert (good["file"], good["hash"]) == ("a.torrent", hash_)
    assert bad["error"]["code"] == "MAGNET_INVALID_FILE"


def test_stremthru_takes_links_and_files_by_both_apis(sim: Simulator, clock: Clock) -> None:
    data, hash_ = torrent()
    for service, word, name in ((sim.torz, "link", "file"), (sim.magnets, "magnet", "torrent")):
        login = base64.b64encode(f"{service.username}:{service.password}".encode()).decode()
        headers = {"X-StremThru-Authorization": f"Basic {login}"}
        url = f"{service.url}/v0/store/{service.api}"
        added = requests.post(url, json={word: link(HASH)}, headers=headers, timeout=10)
        assert added.status_code == 201
        assert added.json()["data"]["hash"] == HASH
        assert added.json()["data"]["status"] == "queued"
        files = {name: ("a.torrent", data)}
        added = requests.post(url, files=files, headers=headers, timeout=10)
        assert added.json()["data"]["hash"] == hash_
        wrong = requests.post(url, json={word: "x"}, headers=headers, timeout=10)
        assert wrong.status_code == 400
