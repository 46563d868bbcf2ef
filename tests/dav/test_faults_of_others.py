"""What WsgiDAV and cheroot get wrong by themselves, on the wire: in an account and in a share."""

import mimetypes
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from davstore.dav.http.media_types import media_type
from davstore.errors import ConfigError
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, settings, write_config

SIZE = 100_000
FILM = Content.random("film", SIZE)
DATA = FILM.read(0, SIZE)
PLACES = ("/torz/magnets/Spring é/film.mkv", "/desk/film.mkv")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("state")
    shares = {"desk": {"kind": "scratch", "path": str(folder / "desk")}}
    with Simulator() as sim:
        files = [SimFile("film.mkv", FILM), SimFile("b.mkv", Content.of(b"b"))]
        sim.torz.add(SimMagnet("Spring é", files))
        changes = {"torz": {"delete": True}}
        with serving(sim, folder, accounts=("torz",), shares=shares, changes=changes) as s:
            assert s.request("PUT", PLACES[1], data=DATA).status_code == 201
            yield s


def answers(served: Serving, *lines: bytes) -> bytes:
    """Everything that comes back on one connection."""
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        said = b""
        while block := connection.recv(65536):
            said += block
    return said


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("asked", "status", "start", "length"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=500-", 206, 500, SIZE - 500),
        ("bytes=-10", 206, SIZE - 10, 10),
        (f"bytes=-{2 * SIZE}", 206, 0, SIZE),
        (f"bytes=99000-{2 * SIZE}", 206, 99_000, 1000),
        ("bytes=0-9223372036854775807", 206, 0, SIZE),
        (f"bytes={SIZE}-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=10-5", 200, 0, SIZE),
        ("items=0-5", 200, 0, SIZE),
        ("abc", 200, 0, SIZE),
        ("bytes=0-9,20-29", 200, 0, SIZE),
    ],
)
def test_a_range_is_exact_or_none(
    served: Serving, path: str, asked: str, status: int, start: int, length: int
) -> None:
    for depth in ("0", "1"):  # rclone sends one with every GET
        answer = served.get(path, headers={"Range": asked, "Depth": depth})
        assert answer.status_code == status
        if status == 416:
            assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
            continue
        assert answer.content == DATA[start : start + length]
        if status == 206:
            said = f"bytes {start}-{start + length - 1}/{SIZE}"
            assert answer.headers["Content-Range"] == said
        head = served.request("HEAD", path, headers={"Range": asked, "Depth": depth})
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(SIZE))


@pytest.mark.parametrize("path", PLACES)
def test_conditions_are_weighed(served: Serving, path: str) -> None:
    head = served.request("HEAD", path).headers
    tag, modified = head["ETag"], head["Last-Modified"]
    assert re.fullmatch('"[^"]+"', tag)
    older, newer = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 2049 23:59:59 GMT"
    for headers, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f"W/{tag}"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": newer}, 304),
        ({"If-Modified-Since": older}, 200),
        ({"If-Match": tag}, 200),
        ({"If-Match": f"W/{tag}"}, 412),
        ({"If-Match": '"x"'}, 412),
        ({"If-Unmodified-Since": older}, 412),
        ({"If-Range": tag, "Range": "bytes=1-2"}, 206),
        ({"If-Range": f"W/{tag}", "Range": "bytes=1-2"}, 200),
        ({"If-Range": '"x"', "Range": f"bytes={SIZE}-"}, 200),
        ({"If-Range": modified, "Range": "bytes=1-2"}, 206),
        ({"If-Range": older, "Range": "bytes=1-2"}, 200),
    ):
        answer = served.get(path, headers=headers)
        assert answer.status_code == status, headers
        if status == 304:
            assert (answer.headers["ETag"], answer.content) == (tag, b"")


@pytest.mark.parametrize("path", PLACES)
def test_media_is_never_packed_nor_in_chunks(served: Serving, path: str) -> None:
    for asked in ({}, {"Range": "bytes=0-"}, {"Range": "bytes=5-9"}):
        answer = served.get(path, headers={"Accept-Encoding": "gzip, br", **asked})
        assert {"Content-Encoding", "Transfer-Encoding"}.isdisjoint(answer.headers)
        assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_a_share_with_capitals_which_wsgidav_would_not_find_is_refused(
    sim: Simulator, tmp_path: Path
) -> None:
    shares = {"Desk": {"kind": "scratch", "path": str(tmp_path / "desk")}}
    path = write_config(sim, tmp_path, accounts=("torz",), shares=shares)
    with pytest.raises(ConfigError, match="small letters"):
        settings(path)


@pytest.mark.parametrize(
    "head",
    [
        (b"GET //desk/film.mkv HTTP/1.1", b"Host: x"),
        (b"GET http://x/desk/film.mkv HTTP/1.1", b"Host: x"),
        (b"GET /desk/film.mkv HTTP/1.0",),
        ("GET /torz/magnets/Spring é/film.mkv HTTP/1.1".replace(" é", "%20é").encode(), b"Host: x"),
    ],
    ids=["two slashes", "absolute", "1.0 without host", "raw bytes"],
)
@pytest.mark.parametrize("close", [b"Connection: close", b"Connection: Close"])
def test_odd_targets_are_found_or_refused_in_words(
    served: Serving, head: tuple[bytes, ...], close: bytes
) -> None:
    said = answers(served, *head, close)
    status, body = said[9:12], said.partition(b"\r\n\r\n")[2]
    assert body == DATA if status == b"200" else status in {b"400", b"404"} and body, said[:300]


def test_a_magnet_is_renamed_to_what_would_cut_a_url(served: Serving) -> None:
    before = "/torz/magnets/Spring%20%C3%A9"
    for name in ("a%20%3F%20b", "a%3Bb", "100%25%20%23"):
        target = f"/torz/magnets/{name}"
        there = served.url.rstrip("/") + target
        assert served.request("MOVE", before, headers={"Destination": there}).status_code == 201
        assert served.get(f"{target}/b.mkv").content == b"b"
        before = target
    there = f"{served.url}torz/magnets/Spring%20%C3%A9"
    assert served.request("MOVE", before, headers={"Destination": there}).status_code == 201


def test_no_checksum_is_told_as_no_service_knows_one(served: Serving) -> None:
    asked = b'<propfind xmlns="DAV:"><prop><checksums xmlns="http://owncloud.org/ns"/></prop></propfind>'
    for path in PLACES:
        for body in (asked, b""):
            text = served.request("PROPFIND", path, data=body, headers={"Depth": "0"}).text
            assert "SHA1:" not in text
            assert "<checksum>" not in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.ts", "video/mp2t"), ("a.mkv", "video/x-matroska"), ("A.MP4", "video/mp4"),
     ("a.srt", "application/x-subrip"), ("a.xyz", "application/octet-stream")],
)  # fmt: skip
def test_types_come_from_no_table_of_the_machine(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("text/wrong", None))
    assert media_type(name) == kind


def test_the_file_is_called_what_it_is(served: Serving) -> None:
    for path in PLACES:
        assert served.request("HEAD", path).headers["Content-Type"] == "video/x-matroska"
