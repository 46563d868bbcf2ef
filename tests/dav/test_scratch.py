"""A share to write in: what real clients send there, and what it withstands."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests

from davstore.config import Database
from davstore.dav.writing.disk import MARK
from davstore.simulator import Simulator
from tests.dav.writing import LOCK, WIN32
from tests.serving import Serving, serving

LIMIT = 2 * 1024**2
ODD = "what ? and ; then # 100 % é | [x]&y.srt"


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "written"


@pytest.fixture
def served(
    sim: Simulator, tmp_path: Path, root: Path, database: Database | None
) -> Iterator[Serving]:
    with share(sim, tmp_path, root, database) as s:
        yield s


def share(
    sim: Simulator, tmp_path: Path, root: Path, database: Database | None = None
) -> AbstractContextManager[Serving]:
    """Its locks and properties are in the state folder, or in a database."""
    shares = {"scratch": {"kind": "scratch", "path": str(root), "limit": LIMIT}}
    return serving(sim, tmp_path, accounts=("realdebrid",), shares=shares, database=database)


def ask(
    served: Serving, method: str, name: str, body: bytes = b"", **headers: str
) -> requests.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return served.request(method, f"/scratch/{quote(name)}", data=body, headers=named)


def lock(served: Serving, name: str, **headers: str) -> str:
    answer = ask(served, "LOCK", name, LOCK, Depth="0", Timeout="Second-1800", **headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.headers["Lock-Token"]


def test_the_share_stands_beside_the_accounts(served: Serving) -> None:
    answer = served.request("PROPFIND", "/", headers={"Depth": "1"})
    assert "<D:href>/scratch/</D:href>" in answer.text
    options = served.request("OPTIONS", "/scratch/")
    assert options.headers["DAV"] == "1, 2"
    assert options.headers["MS-Author-Via"] == "DAV"
    assert "LOCK" in options.headers["Allow"]
    for place in ("/scratch", "/scratch/"):
        assert served.request("HEAD", place).status_code == 200
        assert served.request("PROPFIND", place, headers={"Depth": "0"}).status_code == 207


def test_what_finder_does_to_copy_a_file(served: Serving, root: Path) -> None:
    assert ask(served, "PROPFIND", "a.srt", Depth="0").status_code == 404
    assert ask(served, "PUT", "a.srt").status_code == 201
    token = lock(served, "a.srt")
    chunks = iter([b"1\n00:00:01,000", b" --> 00:00:02,000\nHi\n"])
    answer = served.session.put(
        served.url + "scratch/a.srt",
        data=chunks,
        headers={"X-Expected-Entity-Length": "34", "If": f"({token})"},
        timeout=30,
    )
    assert answer.status_code == 204
    assert answer.headers["Connection"] == "close"
    assert ask(served, "UNLOCK", "a.srt", Lock_Token=token).status_code == 204
    assert (root / "a.srt").read_bytes().endswith(b"Hi\n")


def test_what_windows_does_to_copy_a_file(served: Serving, root: Path) -> None:
    assert ask(served, "PUT", "a.nfo").status_code == 201
    token = lock(served, "a.nfo", User_Agent="Microsoft-WebDAV-MiniRedir/10.0")
    assert ask(served, "HEAD", "a.nfo").headers["Content-Length"] == "0"
    assert ask(served, "PUT", "a.nfo", b"<movie/>", If=f"({token})").status_code == 204
    answer = ask(served, "PROPPATCH", "a.nfo", WIN32, If=f"({token})")
    assert answer.status_code == 207
    assert re.findall(r"HTTP/1.1 (\d+)", answer.text) == ["200"]
    assert ask(served, "UNLOCK", "a.nfo", Lock_Token=token).status_code == 204
    listed = ask(served, "PROPFIND", "a.nfo", Depth="0").text
    assert "00000020" in listed
    assert "Win32LastAccessTime" in listed
    assert (root / "a.nfo").stat().st_mtime == 1_700_000_000


def test_what_davfs2_does_to_make_a_file(served: Serving, root: Path) -> None:
    token = lock(served, "new.txt")
    head = ask(served, "HEAD", "new.txt")
    assert head.headers["Content-Length"] == "0"
    place = f"{served.url}scratch/new.txt"
    tagged = f"<{place}> ({token})"
    written = ask(served, "PUT", "new.txt", b"text", If_Match=head.headers["ETag"], If=tagged)
    assert written.status_code == 204
    assert ask(served, "UNLOCK", "new.txt", Lock_Token=token).status_code == 204
    assert (root / "new.txt").read_bytes() == b"text"


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
@pytest.mark.parametrize("host", [True, False])
def test_a_destination_may_have_any_name(
    served: Serving, root: Path, method: str, host: bool
) -> None:
    ask(served, "PUT", "plain.srt", b"text")
    target = (served.url if host else "/") + "scratch/" + quote(ODD)
    answer = ask(served, method, "plain.srt", Destination=target, Overwrite="F")
    assert answer.status_code == 201
    assert (root / ODD).read_bytes() == b"text"
    assert (root / "plain.srt").exists() == (method == "COPY")
    assert ask(served, "GET", ODD).content == b"text"
    again = ask(served, "COPY", ODD, Destination=target)
    assert again.status_code == 403
    back = ask(served, "MOVE", ODD, Destination=f"{served.url}scratch/back")
    assert back.status_code == 201


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("", 400),
        ("http://elsewhere.example/scratch/x", 502),
        ("/scratch/../realdebrid/x", 400),
        ("/scratch/%2e%2e/x", 400),
        ("/scratch/%00", 400),
        ("/scratch/%E9", 400),
        ("http://[broken/x", 400),
        ("/scratch/none/x", 409),
        ("/realdebrid/magnets/x", 403),
        ("/scratch", 403),
        ("/scratch/.davstore-partial/x", 403),
    ],
)
def test_a_destination_that_means_nothing_is_refused(
    served: Serving, root: Path, destination: str, status: int
) -> None:
    ask(served, "PUT", "a", b"text")
    assert ask(served, "MOVE", "a", Destination=destination).status_code == status
    assert (root / "a").read_bytes() == b"text"


def test_folders_are_moved_and_copied_whole_with_their_properties(
    served: Serving, root: Path
) -> None:
    ask(served, "MKCOL", "show")
    ask(served, "PUT", "show/a.nfo", b"a")
    ask(served, "PROPPATCH", "show/a.nfo", WIN32)
    assert ask(served, "COPY", "show", Destination="/scratch/copy").status_code == 201
    assert ask(served, "MOVE", "show/", Destination="/scratch/moved").status_code == 201
    assert sorted(path.name for path in root.iterdir() if path.name[0] != ".") == ["copy", "moved"]
    for name in ("copy", "moved"):
        assert "00000020" in ask(served, "PROPFIND", f"{name}/a.nfo", Depth="0").text
    ask(served, "DELETE", "moved")
    ask(served, "MKCOL", "moved")
    ask(served, "PUT", "moved/a.nfo", b"a")
    assert "00000020" not in ask(served, "PROPFIND", "moved/a.nfo", Depth="0").text


def test_locks_and_properties_outlive_the_server(
    sim: Simulator, tmp_path: Path, root: Path, database: Database | None
) -> None:
    with share(sim, tmp_path, root, database) as served:
        ask(served, "PUT", "a", b"1")
        ask(served, "PROPPATCH", "a", WIN32)
        token = lock(served, "a")
    with share(sim, tmp_path, root, database) as served:
        assert ask(served, "PUT", "a", b"2").status_code == 423
        assert ask(served, "DELETE", "a").status_code == 423
        assert ask(served, "PUT", "a", b"2", If=f"({token})").status_code == 204
        assert "00000020" in ask(served, "PROPFIND", "a", Depth="0").text


def test_a_lock_ends_after_an_hour_at_most(served: Serving) -> None:
    answer = ask(served, "LOCK", "a", LOCK, Timeout="Infinite, Second-4100000000")
    assert "Second-3600" in answer.text or "Second-3599" in answer.text


def test_more_than_the_limit_is_refused_and_changes_nothing(served: Serving, root: Path) -> None:
    ask(served, "PUT", "a", b"small")
    assert ask(served, "PUT", "a", bytes(LIMIT)).status_code == 507
    assert ask(served, "PUT", "b", bytes(LIMIT)).status_code == 507
    chunks = iter([bytes(LIMIT // 2)] * 3)
    said = served.session.put(served.url + "scratch/a", data=chunks, timeout=30)
    assert said.status_code == 507
    assert (root / "a").read_bytes() == b"small"
    assert not (root / "b").exists()
    half = bytes(LIMIT // 2)
    assert ask(served, "PUT", "half", half).status_code == 201
    assert ask(served, "COPY", "half", Destination="/scratch/more").status_code == 507
    for _ in range(5):
        assert ask(served, "PUT", "half", half[1:]).status_code in {204, 507}
    assert ask(served, "DELETE", "half").status_code == 204
    assert ask(served, "PUT", "half", half).status_code == 201
    assert {path.name for path in (root / ".davstore-partial").iterdir()} <= {MARK}


def test_what_may_still_be_written_is_told(served: Serving) -> None:
    ask(served, "PUT", "a", bytes(100_000))
    body = (
        b'<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop>'
        b"</propfind>"
    )
    tree = ET.fromstring(ask(served, "PROPFIND", "", body, Depth="0").content)
    used = int(tree.findtext(".//{DAV:}quota-used-bytes") or 0)
    left = int(tree.findtext(".//{DAV:}quota-available-bytes") or 0)
    assert used >= 100_000
    assert used + left == LIMIT


def raw(served: Serving, *parts: bytes) -> bytes:
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)


def test_half_a_body_leaves_the_file_as_it_was(served: Serving, root: Path) -> None:
    ask(served, "PUT", "a", b"whole")
    raw(served, b"PUT /scratch/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    raw(served, b"PUT /scratch/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha")
    assert (root / "a").read_bytes() == b"whole"
    assert ask(served, "GET", "a").content == b"whole"


def test_ranges_and_conditions_are_right(served: Serving) -> None:
    ask(served, "PUT", "a", b"0123456789")
    answer = ask(served, "GET", "a", Range="bytes=2-4")
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert ask(served, "GET", "a", Range="bytes=10-").status_code == 416
    etag = answer.headers["ETag"]
    prop = ET.fromstring(ask(served, "PROPFIND", "a", Depth="0").content)
    assert prop.findtext(".//{DAV:}getetag") == etag
    unchanged = ask(served, "GET", "a", If_None_Match=etag)
    assert unchanged.status_code == 304
    assert "Connection" not in unchanged.headers
    assert ask(served, "PUT", "a", b"x", If_Match='"other"').status_code == 412
    ask(served, "PUT", "a", b"9876543210")
    assert ask(served, "GET", "a").headers["ETag"] != etag


def test_a_propfind_means_what_it_says(served: Serving) -> None:
    ask(served, "PUT", "a|b.srt", b"x")
    names = b'<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'
    assert b"getcontentlength" in ask(served, "PROPFIND", "a|b.srt", names, Depth="0").content
    listed = ask(served, "PROPFIND", "", Depth="1", Range="bytes=0-")
    assert listed.status_code == 207
    assert "/scratch/a%7Cb.srt" in listed.text
    tree = ET.fromstring(listed.content)
    for response in tree.findall("{DAV:}response"):
        assert response.findtext(".//{DAV:}status") == "HTTP/1.1 200 OK"
    assert tree.findtext(".//{DAV:}iscollection") == "1"
    assert ask(served, "PROPFIND", "", Depth="infinity").status_code == 403
    since = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert ask(served, "PROPFIND", "", Depth="0", If_Modified_Since=since).status_code == 207


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 400),
        (b"<half", 400),
        (b"<a>" + b"x" * 200_000 + b"</a>", 413),
    ],
)
def test_hostile_xml_is_refused(served: Serving, method: str, body: bytes, status: int) -> None:
    ask(served, "PUT", "a", b"x")
    assert ask(served, method, "a", body, Depth="0").status_code == status
    assert served.get("/scratch/a").content == b"x"


def test_a_chunked_propfind_is_read(served: Serving) -> None:
    names = b'<D:propfind xmlns:D="DAV:"><D:prop><D:iscollection/></D:prop></D:propfind>'
    answer = served.session.request(
        "PROPFIND", served.url + "scratch/", data=iter([names]), headers={"Depth": "0"}, timeout=30
    )
    assert answer.status_code == 207
    assert "displayname" not in answer.text


def test_too_many_properties_are_refused(served: Serving) -> None:
    ask(served, "PUT", "a", b"x")
    for number in range(3):
        body = (
            b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:n%d xmlns:x="urn:x">%s</x:n%d>'
            b"</D:prop></D:set></D:propertyupdate>" % (number, b"y" * 30_000, number)
        )
        said = ask(served, "PROPPATCH", "a", body).text
    assert "507" in said


def test_nothing_outside_can_be_reached(served: Serving, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    for name in ("link", "folder/secret", "folder/state/catalog.db"):
        for method in ("GET", "PROPFIND", "PUT", "DELETE", "MKCOL"):
            answer = ask(served, method, name, b"", Depth="0" if method == "PROPFIND" else "")
            assert answer.status_code >= 400
            assert str(tmp_path) not in answer.text
    assert (tmp_path / "secret").read_text() == "secret"
    listed = ask(served, "PROPFIND", "", Depth="1").text
    assert "link" not in listed
    assert "davstore-partial" not in listed


def test_names_that_the_disk_does_not_take_are_refused(served: Serving) -> None:
    long = "x" * 300
    assert ask(served, "GET", long).status_code in {403, 404}
    assert ask(served, "PUT", long, b"x").status_code == 403
    assert ask(served, "MKCOL", long).status_code == 403


def test_what_is_not_allowed_says_what_is(served: Serving) -> None:
    ask(served, "MKCOL", "a")
    again = ask(served, "MKCOL", "a")
    assert again.status_code == 405
    assert "PUT" in again.headers["Allow"]
    assert ask(served, "DELETE", "").status_code == 403
    assert ask(served, "POST", "a").status_code == 405


def test_what_was_written_does_not_run_as_our_own_page(served: Serving) -> None:
    ask(served, "PUT", "a.html", b"<script>alert(1)</script>")
    headers = ask(served, "GET", "a.html").headers
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_many_may_lock_and_write_at_once(served: Serving) -> None:
    """Two clients that want the same lock: one has it, and the other waits its turn."""
    ask(served, "PUT", "a", b"0")

    def work(number: int) -> int:
        done = 0
        with requests.Session() as session:
            for _ in range(20):
                url = f"{served.url}scratch/a"
                told = {"Depth": "0", "Timeout": "Second-60"}
                locked = session.request("LOCK", url, data=LOCK, headers=told, timeout=30)
                if locked.status_code == 423:
                    continue
                assert locked.status_code == 200
                token = locked.headers["Lock-Token"]
                held = {"If": f"({token})"}
                assert session.put(url, data=b"%d" % number, headers=held).status_code == 204
                assert session.get(url).content == b"%d" % number
                free = session.request("UNLOCK", url, headers={"Lock-Token": token}, timeout=30)
                assert free.status_code == 204
                done += 1
        return done

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))
    assert sum(done) > 0
    assert ask(served, "PUT", "a", b"free").status_code == 204


def test_a_browser_gets_a_page(served: Serving) -> None:
    ask(served, "PUT", "film.nfo", b"x")
    ask(served, "MKCOL", "folder")
    page = served.get("/scratch/").text
    assert "film.nfo" in page
    assert "/scratch/folder/" in page
