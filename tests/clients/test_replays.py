"""What clients that cannot be run here send, in their order and words, and what they need to hear.

The sequences are from their sources and from traces; bodies and headers are theirs.
"""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

SIZE = 3_000_000
CONTENT = Content.random("film", SIZE)
FOLDER = "/realdebrid/magnets/film"
FILM = f"{FOLDER}/film.mkv"
XML = {"Content-Type": "text/xml; charset=utf-8"}
FINDER = {"User-Agent": "WebDAVFS/3.0.0 (03008000) Darwin/23.0.0 (arm64)", "Accept": "*/*"}
WINDOWS = {"User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045", "Translate": "f"}
QUOTA = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:"><D:prop>'
    b"<D:quota-available-bytes/><D:quota-used-bytes/><D:quota/><D:quotaused/></D:prop></D:propfind>"
)
FINDER_LIST = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:"><D:prop>'
    b"<D:getlastmodified/><D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop>"
    b"</D:propfind>"
)
FINDER_LOCK = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<D:lockinfo xmlns:D="DAV:"><D:lockscope>'
    b"<D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>"
    b"<D:href>http://www.apple.com/webdav_fs/</D:href></D:owner></D:lockinfo>"
)
WIN32 = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" '
    b'xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
    b"<Z:Win32CreationTime>Sat, 21 Nov 2026 10:00:00 GMT</Z:Win32CreationTime>"
    b"<Z:Win32LastModifiedTime>Sat, 21 Nov 2026 10:00:00 GMT</Z:Win32LastModifiedTime>"
    b"<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)
KIO = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:"><D:prop><D:creationdate/>'
    b"<D:getcontentlength/><D:displayname/><D:source/><D:getcontentlanguage/><D:getcontenttype/>"
    b"<D:getlastmodified/><D:getetag/><D:supportedlock/><D:lockdiscovery/><D:resourcetype/>"
    b"</D:prop></D:propfind>"
)
GVFS = (
    b'<?xml version="1.0" encoding="utf-8" ?>\n <D:propfind xmlns:D="DAV:">\n  <D:prop>\n'
    b"<D:creationdate/>\n<D:displayname/>\n<D:getcontentlength/>\n<D:getcontenttype/>\n"
    b"<D:getetag/>\n<D:getlastmodified/>\n<D:resourcetype/>\n  </D:prop>\n </D:propfind>"
)
DAVFS = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<propfind xmlns="DAV:"><prop>\n<resourcetype/>\n'
    b'<getcontentlength/>\n<getetag/>\n<getlastmodified/>\n<executable xmlns="http://apache.org/dav/props/"/>'
    b"\n</prop></propfind>\n"
)
CYBERDUCK = (
    b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
    b'<propfind xmlns="DAV:"><allprop/></propfind>'
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("replays")
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    with Simulator() as sim:
        files = [SimFile("film.mkv", CONTENT), SimFile("film.srt", Content.random("s", 900))]
        sim.realdebrid.add(SimMagnet("film", files=files))
        with serving(sim, folder, accounts=("realdebrid",), shares=shares) as running:
            wait_until(lambda: running.request("HEAD", FILM).status_code == 200)
            yield running


def first_stats(answer: requests.Response) -> dict[str, dict[str, str]]:
    """By href, the properties of the first propstat, which must be the found ones."""
    assert answer.status_code == 207
    found = {}
    for each in ET.fromstring(answer.content):
        stat = each.find("{DAV:}propstat")
        assert stat is not None
        assert stat.findtext("{DAV:}status") == "HTTP/1.1 200 OK"
        props = {p.tag.partition("}")[2]: p.text or "" for p in stat.find("{DAV:}prop") or ()}
        found[each.findtext("{DAV:}href") or ""] = props
    return found


def test_finder_mounts_browses_and_plays(served: Serving) -> None:
    ask = served.request
    for path in ("/", "/realdebrid/", "/scratch/"):
        assert "2" in ask("OPTIONS", path, headers=FINDER).headers["DAV"]
        quota = ask("PROPFIND", path, data=QUOTA, headers={**FINDER, **XML, "Depth": "0"})
        assert "quota-used-bytes" in first_stats(quota)[path]
    for probe in ("._.", ".DS_Store", ".Spotlight-V100", ".localized", "Backups.backupdb"):
        body = ask("PROPFIND", f"/{probe}", data=FINDER_LIST, headers={**FINDER, "Depth": "0"})
        assert body.status_code == 404
    assert ask("GET", "/.metadata_never_index", headers=FINDER).status_code == 200
    listed = ask("PROPFIND", f"{FOLDER}/", data=FINDER_LIST, headers={**FINDER, "Depth": "1"})
    assert first_stats(listed)[FILM]["getcontentlength"] == str(SIZE)
    for start in (0, SIZE - 4096, 1_000_000):
        part = ask("GET", FILM, headers={**FINDER, "Range": f"bytes={start}-{start + 4095}"})
        assert (part.status_code, part.content) == (206, CONTENT.read(start, 4096))


def test_finder_copies_a_file_in(served: Serving) -> None:
    ask = served.request
    for name in ("a.srt", "._a.srt"):
        path = f"/scratch/{name}"
        headers = {**FINDER, **XML, "Depth": "0"}
        assert ask("PROPFIND", path, data=FINDER_LIST, headers=headers).status_code == 404
        assert ask("PUT", path, headers={**FINDER, "Content-Length": "0"}).status_code == 201
        locked = ask("LOCK", path, data=FINDER_LOCK, headers={**headers, "Timeout": "Second-600"})
        assert locked.status_code == 200
        token = locked.headers["Lock-Token"]
        chunked = {
            **FINDER, "If": f"({token})", "X-Expected-Entity-Length": "4",
            "Transfer-Encoding": "Chunked",
        }  # fmt: skip
        put = requests.Request(
            "PUT", served.url.rstrip("/") + path, headers=chunked, data=iter([b"te", b"xt"])
        )
        prepared = put.prepare()
        prepared.headers["Transfer-Encoding"] = "Chunked"
        assert served.session.send(prepared, timeout=20).status_code == 204
        assert ask("UNLOCK", path, headers={**FINDER, "Lock-Token": token}).status_code == 204
        assert ask("GET", path).content == b"text"


def test_finder_is_refused_an_account_in_one_piece(served: Serving) -> None:
    """The body of the refused PUT is not taken for the next request."""
    refused = served.request("PUT", f"{FOLDER}/new.mkv", data=iter([b"x" * 70_000] * 3))
    assert refused.status_code == 403
    assert served.request("PROPFIND", "/", headers={"Depth": "0"}).status_code == 207


def test_windows_walks_from_the_root_and_writes(served: Serving) -> None:
    ask = served.request
    options = ask("OPTIONS", "/", headers=WINDOWS)
    assert options.headers["MS-Author-Via"] == "DAV"
    for path in ("/", "/realdebrid", "/realdebrid/magnets", FOLDER, FILM, "/scratch"):
        asked = ask("PROPFIND", path, headers={**WINDOWS, "Depth": "0", "Content-Length": "0"})
        [props] = first_stats(asked).values()
        assert props["iscollection"] == ("0" if path == FILM else "1")
    path = "/scratch/w.srt"
    assert ask("PROPFIND", path, headers={**WINDOWS, "Depth": "0"}).status_code == 404
    assert ask("PUT", path, headers={**WINDOWS, "Content-Length": "0"}).status_code == 201
    locked = ask("LOCK", path, data=FINDER_LOCK, headers={**WINDOWS, "Timeout": "Second-3600"})
    mine = {**WINDOWS, "If": f"({locked.headers['Lock-Token']})"}
    assert ask("HEAD", path, headers=WINDOWS).status_code == 200
    assert ask("PUT", path, data=b"text", headers=mine).status_code == 204
    patched = ask("PROPPATCH", path, data=WIN32, headers={**mine, **XML})
    assert set(first_stats(patched)["/scratch/w.srt"]) == {
        "Win32CreationTime", "Win32LastModifiedTime", "Win32FileAttributes",
    }  # fmt: skip
    token = {"Lock-Token": locked.headers["Lock-Token"]}
    assert ask("UNLOCK", path, headers={**WINDOWS, **token}).status_code == 204
    ask("MKCOL", "/scratch/dir", headers=WINDOWS)
    moved = {**WINDOWS, "Destination": f"{served.url}scratch/renamed", "Overwrite": "F"}
    assert ask("MOVE", "/scratch/dir", headers=moved).status_code == 201


def test_infuse_takes_folders_for_folders(served: Serving) -> None:
    asked = served.request("PROPFIND", f"{FOLDER}/", headers={"Depth": "1", "User-Agent": "Infuse"})
    props = first_stats(asked)
    assert (props[f"{FOLDER}/"]["getcontentlength"], props[f"{FOLDER}/"]["iscollection"]) == (
        "0",
        "1",
    )
    assert props[FILM]["getcontentlength"] == str(SIZE)
    assert served.get(FILM, headers={"Range": "bytes=0-1"}).status_code == 206


def test_kodi_asks_with_a_range_and_without_a_body(served: Serving) -> None:
    kodi = {"User-Agent": "Kodi/20.1", "depth": "1", "Range": "bytes=0-", "Accept-Encoding": "gzip"}
    assert FILM in first_stats(served.request("PROPFIND", f"{FOLDER}/", headers=kodi))
    for name in ("VIDEO_TS.IFO", "index.bdmv", "film-poster.jpg"):
        assert served.request("HEAD", f"{FOLDER}/{name}").status_code == 404
    part = served.get(FILM, headers={"Range": "bytes=2999990-", "Accept-Encoding": "gzip"})
    assert (part.status_code, part.content) == (206, CONTENT.read(SIZE - 10, 10))
    assert {"Content-Encoding", "Transfer-Encoding"}.isdisjoint(part.headers)


@pytest.mark.parametrize(
    ("agent", "body"),
    [("kioworker/5", KIO), ("gvfs/1.50.3", GVFS), ("davfs2", DAVFS), ("Cyberduck/8", CYBERDUCK)],
)  # fmt: skip
def test_desktops_list_and_read(served: Serving, agent: str, body: bytes) -> None:
    said = {**XML, "User-Agent": agent, "Apply-To-Redirect-Ref": "T"}
    for path in (FOLDER, f"{FOLDER}/", "/scratch"):  # GVfs takes the slash away
        props = first_stats(
            served.request("PROPFIND", path, data=body, headers={**said, "Depth": "1"})
        )
        if path != "/scratch":
            assert props[FILM]["getetag"] == served.request("HEAD", FILM).headers["ETag"]
    with served.get(FILM, headers=said, stream=True) as begun:  # GVfs: whole, aborted, then a range
        next(begun.iter_content(1000))
    rest = served.get(FILM, headers={**said, "Range": "bytes=1000-"})
    assert rest.headers["Content-Range"] == f"bytes 1000-{SIZE - 1}/{SIZE}"
    assert rest.content == CONTENT.read(1000, SIZE - 1000)


def test_davfs2_writes_what_it_locked_first(served: Serving) -> None:
    ask, path = served.request, "/scratch/davfs"
    headers = {"User-Agent": "davfs2/1.6.1", "Connection": "TE, Keep-Alive", "Keep-Alive": ""}
    locked = ask("LOCK", path, data=FINDER_LOCK,
                 headers={**headers, "Depth": "0", "Timeout": "Second-1800"})  # fmt: skip
    assert locked.status_code == 201
    token, tag = locked.headers["Lock-Token"], ask("HEAD", path, headers=headers).headers["ETag"]
    mine = {**headers, "If": f"<{path}> ({token})", "If-Match": tag}
    assert ask("PUT", path, data=b"text", headers=mine).status_code in {201, 204}
    assert ask("UNLOCK", path, headers={**headers, "Lock-Token": token}).status_code == 204
    once = {**headers, "If-None-Match": "*"}
    assert ask("PUT", path, data=b"again", headers=once).status_code == 412


def test_npms_webdav_lists_reads_and_writes(served: Serving) -> None:
    """As version 5.11 was seen to do."""
    fetch = {"accept": "*/*", "accept-encoding": "gzip, deflate, br", "user-agent": "node-fetch"}
    said = {**fetch, "accept": "text/plain,application/xml", "Content-Length": "0"}

    def ask(method: str, path: str, data: Any = b"", **headers: str) -> requests.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if "destination" in named:
            named["destination"] = served.url + named["destination"]
        return served.request(method, path, data=data, headers={**fetch, **named})

    assert ask("PROPFIND", "/", **{**said, "depth": "infinity"}).status_code == 403
    assert FILM in first_stats(ask("PROPFIND", FOLDER, **{**said, "depth": "1"}))
    assert ask("PROPFIND", "/realdebrid/none", **{**said, "depth": "0"}).status_code == 404
    assert ask("GET", FILM, range="bytes=1000-1099").content == CONTENT.read(1000, 100)
    for path in ("/scratch/npm/", "/scratch/npm/a/", "/scratch/npm/a/b%20c/"):
        assert ask("MKCOL", path).status_code == 201
    path, kind = "/scratch/npm/a.nfo", "application/octet-stream"
    assert ask("PUT", path, b"hello", content_type=kind).status_code == 201
    once = ask("PUT", path, b"hello2", content_type=kind, if_none_match="*")
    assert once.status_code == 412
    assert ask("PUT", "/scratch/npm/s.txt", iter([b"str", b"eam"])).status_code == 201
    odd = "scratch/npm/b%20%C3%A9%20%23%25%3F.nfo"
    assert ask("COPY", path, depth="infinity", destination=odd, overwrite="T").status_code == 201
    moved = ask("MOVE", f"/{odd}", destination="scratch/npm/c%20%26%20d.nfo", overwrite="T")
    assert moved.status_code == 201
    assert "LOCK" in ask("OPTIONS", path).headers["Allow"]
    endless = "Infinite, Second-4100000000"
    token = ask("LOCK", path, FINDER_LOCK, timeout=endless).headers["Lock-Token"]
    assert ask("PUT", path, b"x").status_code == 423
    assert ask("PUT", path, b"x", If=f"({token})").status_code == 204
    assert ask("UNLOCK", path, lock_token=token.strip("<>")).status_code == 204
    listed = first_stats(ask("PROPFIND", "/scratch/npm", **{**said, "depth": "1"}))
    assert set(listed) == {
        f"/scratch/npm/{name}" for name in ("", "a/", "a.nfo", "c%20%26%20d.nfo", "s.txt")
    }
    assert ask("DELETE", "/scratch/npm").status_code == 204


def test_aria2_asks_whole_and_goes_on_in_pieces(served: Serving) -> None:
    with served.get(FILM, headers={"User-Agent": "aria2/1.36.0", "Want-Digest": "SHA-512;q=1"},
                    stream=True) as begun:  # fmt: skip
        assert begun.headers["Accept-Ranges"] == "bytes"
    pieces = [
        served.get(
            FILM, headers={"Range": f"bytes={start}-{min(start + 399_999, SIZE - 1)}"}
        ).content
        for start in range(0, SIZE, 400_000)
    ]
    assert b"".join(pieces) == CONTENT.read(0, SIZE)
