"""davstore behind nginx and Caddy: hrefs, moves, locks, streams and who came, all as without."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.clients.conftest import PASSWORD, USER, run
from tests.clients.proxies import PREFIX, SETTINGS, proxy
from tests.conftest import Certified
from tests.serving import serving, wait_until

pytestmark = pytest.mark.client

SIZE = 30_000_000
CONTENT = Content.random("debian", SIZE)
FILE = "torz/magnets/debian/debian.iso"
LOCK = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def session(
    request: pytest.FixtureRequest,
    need: Callable[..., None],
    certified: Certified,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[requests.Session, str]]:
    need(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    with Simulator() as sim:
        sim.torz.add(SimMagnet("debian", files=[SimFile("debian.iso", CONTENT)]))
        with (
            serving(
                sim, folder, accounts=("torz",), user=USER, password=PASSWORD, shares=shares,
                server=SETTINGS,
            ) as served,
            proxy(request.param, served.url, certified, folder) as url,
            requests.Session() as client,
        ):  # fmt: skip
            client.trust_env = False
            client.auth = (USER, PASSWORD)
            client.verify = str(certified.authority)
            wait_until(lambda: client.head(f"{url}{FILE}", timeout=20).status_code == 200)
            yield client, url


def hrefs(text: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(text).iter("{DAV:}href")]


def test_every_href_is_below_the_prefix(session: tuple[requests.Session, str]) -> None:
    client, url = session
    client.put(f"{url}scratch/a%20%3F%20b.srt", data=b"text").raise_for_status()
    for path in ("", "torz/", "scratch/", "scratch/a%20%3F%20b.srt", "torz/magnets/debian/"):
        asked = client.request("PROPFIND", url + path, headers={"Depth": "1"})
        assert asked.status_code == 207
        own, *members = hrefs(asked.text)
        assert own == f"{PREFIX}/{path}"
        assert all(href.startswith(f"{PREFIX}/{path}") for href in members)
    page = client.get(url).text
    assert f'href="{PREFIX}/torz/"' in page
    assert re.findall(r'href="(/[^"]*)"', page) == [
        each for each in re.findall(r'href="(/[^"]*)"', page) if each.startswith(PREFIX)
    ]


def test_the_bare_prefix_leads_there(session: tuple[requests.Session, str]) -> None:
    client, url = session
    asked = client.get(url.rstrip("/"))
    assert (asked.status_code, asked.url) in {(200, url), (200, url.rstrip("/"))}


def test_things_move_and_are_copied(session: tuple[requests.Session, str]) -> None:
    client, url = session
    client.put(f"{url}scratch/one", data=b"text").raise_for_status()
    for method, target in (("COPY", "two ; x"), ("MOVE", "three ? x")):
        place = quote(target)
        headers = {"Destination": f"{url}scratch/{place}"}
        moved = client.request(method, f"{url}scratch/one", headers=headers)
        assert moved.status_code == 201
        assert client.get(f"{url}scratch/{place}").content == b"text"
    assert client.get(f"{url}scratch/one").status_code == 404
    elsewhere = {"Destination": "https://other.example/dav/scratch/x"}
    assert client.request("COPY", f"{url}scratch/two ; x", headers=elsewhere).status_code == 502


def test_locks_hold_and_are_told_with_their_place(session: tuple[requests.Session, str]) -> None:
    client, url = session
    place = f"{url}scratch/locked"
    locked = client.request("LOCK", place, data=LOCK, headers={"Timeout": "Second-60"})
    assert locked.status_code == 201
    assert hrefs(locked.text)[-1] == urlsplit(place).path
    token = locked.headers["Lock-Token"]
    assert client.put(place, data=b"x").status_code == 423
    assert client.put(place, data=b"x", headers={"If": f"<{place}> ({token})"}).status_code == 204
    assert client.request("UNLOCK", place, headers={"Lock-Token": token}).status_code == 204
    assert client.put(place, data=b"y").status_code == 204


def test_files_stream_whole_and_in_ranges(session: tuple[requests.Session, str]) -> None:
    client, url = session
    whole = client.get(url + FILE)
    assert hashlib.sha256(whole.content).digest() == hashlib.sha256(CONTENT.read(0, SIZE)).digest()
    part = client.get(url + FILE, headers={"Range": "bytes=20000000-20000009"})
    assert (part.status_code, part.content) == (206, CONTENT.read(20_000_000, 10))


def test_bodies_in_chunks_arrive(session: tuple[requests.Session, str]) -> None:
    client, url = session
    sent = client.put(f"{url}scratch/chunks", data=iter([b"a" * 100_000, b"b" * 100_000]))
    assert sent.status_code == 201
    assert client.get(f"{url}scratch/chunks").content == b"a" * 100_000 + b"b" * 100_000


def test_a_playlist_leads_to_the_proxy(session: tuple[requests.Session, str]) -> None:
    client, url = session
    # The prefix is passed on, and scheme and host are the proxy's.
    lines = client.get(f"{url}?m3u").text.splitlines()
    assert all(line.startswith((url, "#")) for line in lines)


def test_a_client_that_leaves_is_noticed_through_the_proxy(
    session: tuple[requests.Session, str],
) -> None:
    client, url = session
    for _ in range(5):
        with client.get(url + FILE, stream=True) as begun:
            next(begun.iter_content(1000))
    assert client.get(url + FILE, headers={"Range": "bytes=5-9"}).content == CONTENT.read(5, 5)
    assert threading.active_count() < 200


def test_rclone_moves_and_reads_through_it(
    session: tuple[requests.Session, str],
    need: Callable[..., None],
    certified: Certified,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    need("rclone")
    _, url = session
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "a ? b.srt").write_text("text")
    config = str(folder / "rclone.conf")
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    run(
        "rclone", "--config", config, "config", "create", "dav", "webdav", f"url={url}",
        "vendor=other", *login,
    )  # fmt: skip

    def rclone(*arguments: str) -> str:
        ca = ["--ca-cert", str(certified.authority)]
        return run("rclone", "--config", config, *ca, *arguments)

    rclone("copyto", str(folder / "a ? b.srt"), "dav:scratch/in/a ? b.srt")
    rclone("moveto", "dav:scratch/in/a ? b.srt", "dav:scratch/in/c ; d.srt")
    assert rclone("cat", "dav:scratch/in/c ; d.srt") == "text"
    assert rclone("lsf", "dav:torz/magnets/debian") == "debian.iso\n"
    rclone("purge", "dav:scratch/in")
