"""The whole program over all five stores: what is listed, and that its bytes are the files'."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest

from davstore.config import Database
from davstore.errors import StoreError
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import ACCOUNTS, Serving, serving, wait_until

DAV = "{DAV:}"
FILMS = {
    "Big Buck Bunny": 3_000_017,
    "Elephants Dream": 70_000,
    "Sintel": 1,
}


def film(name: str, size: int) -> SimMagnet:
    return SimMagnet(
        name,
        files=[SimFile(f"{name}.mp4", Content.random(name, size))],
        kind="movie",
        title=name,
        year=2010,
    )


CANARY = "/.davstore-canary"


def fill(sim: Simulator) -> None:
    for account in ACCOUNTS:
        for name, size in FILMS.items():
            getattr(sim, account).add(film(name, size))


def hrefs(served: Serving, path: str) -> list[str]:
    answer = served.request("PROPFIND", path, headers={"Depth": "1"})
    assert answer.status_code == 207, answer.text
    found = ET.fromstring(answer.content).iter(f"{DAV}href")
    paths = [unquote(href.text or "") for href in found][1:]
    return [path for path in paths if path != CANARY]


def files(served: Serving, path: str) -> Iterator[str]:
    for href in hrefs(served, quote(path)):
        if href.endswith("/"):
            yield from files(served, href)
        else:
            yield href


def complete(served: Serving) -> bool:
    """Whether every file is listed, and its size known."""
    found = list(files(served, "/"))
    heads = [served.request("HEAD", quote(path)).headers for path in found]
    return len(found) == len(ACCOUNTS) * len(FILMS) and all("Content-Length" in h for h in heads)


def content_of(path: str) -> Content:
    name = next(name for name in FILMS if name in path)
    return Content.random(name, FILMS[name])


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    fill(sim)
    with serving(sim, tmp_path, sleep=lambda _: None) as running:
        wait_until(lambda: complete(running))
        yield running


def test_every_account_is_a_folder_in_configured_order(served: Serving) -> None:
    assert hrefs(served, "/") == [f"/{account}/" for account in ACCOUNTS]


def test_random_ranges_of_all_files_of_all_stores_equal_the_bytes(served: Serving) -> None:
    dice = random.Random(11)
    for path in files(served, "/"):
        content = content_of(path)
        for _ in range(8):
            start = dice.randrange(content.size)
            end = dice.randrange(start, content.size)
            answer = served.get(quote(path), headers={"Range": f"bytes={start}-{end}"})
            assert answer.status_code == 206, (path, answer.text)
            assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{content.size}"
            assert answer.content == content.read(start, end - start + 1)


def test_whole_files_of_all_stores_equal_the_bytes(served: Serving) -> None:
    for path in files(served, "/"):
        answer = served.get(quote(path))
        assert answer.status_code == 200
        assert answer.content == content_of(path).read(0, FILMS["Big Buck Bunny"])


def test_listing_everything_asks_no_store(served: Serving, sim: Simulator) -> None:
    before = {account: len(getattr(sim, account).calls) for account in ACCOUNTS}
    for path in files(served, "/"):
        served.request("HEAD", quote(path))
    assert {account: len(getattr(sim, account).calls) for account in ACCOUNTS} == before
    assert sim.host.count() == 0


def test_a_hundred_readers_of_a_cold_file_cause_one_generate_call(
    served: Serving, sim: Simulator
) -> None:
    path = "/realdebrid/magnets/Big Buck Bunny/Big Buck Bunny.mp4"

    def read(at: int) -> bytes:
        span = {"Range": f"bytes={at * 1000}-{at * 1000 + 99}"}
        return served.get(quote(path), headers=span).content

    with ThreadPoolExecutor(50) as pool:
        got = list(pool.map(read, range(100)))
    content = content_of(path)
    assert got == [content.read(at * 1000, 100) for at in range(100)]
    assert sim.realdebrid.count("unrestrict/link") == 1


@pytest.mark.parametrize("kind", ["html", "empty", "truncated_json", "wrong_type", "reset"])
def test_a_store_that_answers_rubbish_empties_nothing(
    served: Serving, sim: Simulator, kind: str
) -> None:
    before = sorted(files(served, "/"))
    for account in ACCOUNTS:
        # A true answer may be short: that nothing has changed. So something has.
        getattr(sim, account).add(SimMagnet("Charge", status="queued", title="Charge", year=2022))
        getattr(sim, account).faults.add(Fault(kind, times=None))
    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        refreshes = [pool.submit(served.refresh, account) for account in ACCOUNTS]
    assert all(isinstance(refresh.exception(), StoreError) for refresh in refreshes)
    assert sorted(files(served, "/")) == before


def test_a_store_that_is_down_at_a_restart_is_served_from_what_is_kept(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    fill(sim)
    with serving(sim, tmp_path, database=database) as running:
        wait_until(lambda: complete(running))
        before = sorted(files(running, "/"))
        tags = [running.request("HEAD", quote(path)).headers["ETag"] for path in before]
    for account in ACCOUNTS:
        getattr(sim, account).stop()
    with serving(sim, tmp_path, ready=False, sleep=lambda _: None, database=database) as running:
        assert sorted(files(running, "/")) == before
        again = [running.request("HEAD", quote(path)).headers["ETag"] for path in before]
    assert again == tags


def test_links_outlive_a_restart(sim: Simulator, tmp_path: Path, database: Database | None) -> None:
    fill(sim)
    path = "/alldebrid/magnets/Big Buck Bunny/Big Buck Bunny.mp4"
    for _ in range(2):
        with serving(sim, tmp_path, database=database) as running:
            wait_until(lambda: running.get(quote(path)).status_code == 200)
    assert sim.alldebrid.count("link/unlock") == 1


def test_an_account_never_heard_of_answers_503_and_leaves_the_others_alone(
    sim: Simulator, tmp_path: Path
) -> None:
    fill(sim)
    sim.realdebrid.faults.add(Fault("status", status=503, times=None))
    with serving(sim, tmp_path, ready=False) as running:
        wait_until(lambda: running.server.library.catalog.snapshot("alldebrid"))
        for path in ("/realdebrid/", "/realdebrid/magnets/", "/realdebrid/magnets/x/y"):
            answer = running.request("PROPFIND", path, headers={"Depth": "1"})
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
        assert "/realdebrid/" in hrefs(running, "/")
        wait_until(lambda: hrefs(running, "/alldebrid/magnets/"))


def test_a_wrong_token_costs_only_its_own_account(
    sim: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(sim)
    changes = {"realdebrid": {"token": "wrong"}}
    with serving(sim, tmp_path, ready=False, changes=changes) as running:
        wait_until(lambda: "the token is wrong or revoked" in caplog.text)
        wait_until(lambda: running.server.library.catalog.snapshot("alldebrid"))
        assert hrefs(running, "/alldebrid/magnets/")
        answer = running.request("PROPFIND", "/realdebrid/", headers={"Depth": "1"})
        assert answer.status_code == 503
    assert sim.realdebrid.count("torrents") == 1


def test_magnets_that_come_and_go_come_and_go(served: Serving, sim: Simulator) -> None:
    new = sim.alldebrid.add(film("Elephants Dream extra", 1000))
    served.refresh("alldebrid")
    assert "/alldebrid/magnets/Elephants Dream extra/" in hrefs(served, "/alldebrid/magnets/")
    sim.alldebrid.remove(new)
    served.refresh("alldebrid")
    assert "/alldebrid/magnets/Elephants Dream extra/" not in hrefs(served, "/alldebrid/magnets/")


def test_a_file_that_is_gone_is_404_and_the_rest_plays_on(served: Serving, sim: Simulator) -> None:
    sim.alldebrid.faults.add(Fault("fail", "link/unlock", code="LINK_DOWN"))
    path = "/alldebrid/magnets/Elephants Dream/Elephants Dream.mp4"
    refused = served.get(quote(path))
    assert refused.status_code == 404
    assert "no longer available" in refused.text
    calls = sim.alldebrid.count("link/unlock")
    assert served.get(quote(path)).status_code == 404
    assert sim.alldebrid.count("link/unlock") == calls
    assert served.get(quote("/alldebrid/magnets/Sintel/Sintel.mp4")).status_code == 200
