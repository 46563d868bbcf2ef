"""Dropped files, read as the magnets that are wanted."""

import base64
import contextlib
import io
import plistlib
from urllib.parse import parse_qs, urlsplit

import bencode2
import pytest
import torf
from hypothesis import given
from hypothesis import strategies as st

from davstore.errors import NotAccepted, WrongKind
from davstore.model import HOSTED
from davstore.wanted import MOST_LINKS, Takes, of_text, wanted

HASH = "0123456789abcdef0123456789abcdef01234567"
LINK = f"magnet:?xt=urn:btih:{HASH}&dn=Sintel%20(2010)"


def torrent(**changes: object) -> bytes:
    info: dict[str, object] = {
        "name": "Sintel", "piece length": 16384, "pieces": b"p" * 40,
        "files": [{"path": ["a", "b.mkv"], "length": 20_000}], **changes,
    }  # fmt: skip
    made = torf.Torrent(trackers=["https://tracker.example.org/a?b=c"])
    known = {key: value for key, value in info.items() if value is not None}
    made.metainfo["info"] = known  # type: ignore[typeddict-item]
    data = io.BytesIO()
    made.write_stream(data, validate=False)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.magnet", LINK),
        ("a.txt", f"\n# notes\n  {LINK}  \n"),
        ("a", LINK),
        ("A.URL", f"[InternetShortcut]\r\nURL={LINK}\r\nIconIndex=0\r\n"),
        ("a.webloc", plistlib.dumps({"URL": LINK})),
        ("a.webloc", plistlib.dumps({"URL": LINK}, fmt=plistlib.FMT_BINARY)),
        ("a.magnet", "\ufeff" + LINK),
        ("a.txt", LINK.encode("utf-16")),
        ("a.txt", LINK.replace(HASH, HASH.upper())),
        ("a.txt", LINK.replace(HASH, base64.b32encode(bytes.fromhex(HASH)).decode())),
        ("a.txt", LINK.replace("xt=", "xt=urn:btmh:1220ff&xt=")),
        ("a.txt", LINK.replace("xt=", "xt.1=").replace("%20", " ")),
    ],
)
def test_a_magnet_link_is_found(name: str, content: str | bytes) -> None:
    [found] = wanted(name, content if isinstance(content, bytes) else content.encode())
    assert (found.hash, found.name) == (HASH, "Sintel (2010)")
    assert found.link.isascii()
    assert " " not in found.link


def test_several_links_are_each_wanted_once() -> None:
    other = LINK.replace("0123", "ffff", 1)
    found = wanted("a.txt", "\n".join([LINK, other, LINK]).encode())
    assert [each.hash for each in found] == [HASH, other[20:60]]


def test_a_torrent_file_is_known_by_the_hash_that_all_compute() -> None:
    data = torrent()
    [found] = wanted("a.torrent", data)
    made = torf.Torrent.read_stream(io.BytesIO(data), validate=False)
    assert found.hash == made.infohash
    assert (found.name, found.torrent) == ("Sintel", data)
    said = parse_qs(urlsplit(found.link).query)
    assert said["xt"] == [f"urn:btih:{found.hash}"]
    assert said["tr"] == ["https://tracker.example.org/a?b=c"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.torrent", b""),
        ("a.torrent", b"<html>"),
        ("a.torrent", LINK.encode()),
        ("a.torrent", torrent()[:-40]),
        ("a.torrent", b"d4:infoi1ee"),
        ("a.torrent", b"l" * 5_000_000),
        ("a.torrent", b"d1:b0:1:a0:e"),
        ("a.torrent", torrent(pieces=None)),
        ("a.torrent", torrent(pieces=b"p" * 60)),
        ("a.torrent", torrent(name="")),
        ("a.torrent", torrent(files=[{"path": ["a"]}])),
        ("a.torrent", torrent(files=None)),
        ("a.torrent", torrent(pieces=None, **{"meta version": 2})),
        ("a.magnet", b""),
        ("a.txt", b"Dear diary"),
        ("a.txt", f"{LINK}\nDear diary".encode()),
        ("a.txt", b"magnet:?xt=urn:btih:short"),
        ("a.txt", b"magnet:?xt=urn:sha1:" + b"A" * 32),
        ("a.txt", b"magnet:?dn=x" + b"x" * 20_000),
        ("a.txt", f"{LINK}\n".encode() * (MOST_LINKS + 1)),
        ("a.txt", b"#" * 2_000_000),
        ("a.url", b"[InternetShortcut]"),
        ("a.url", b"URL=https://example.org/"),
        ("a.webloc", b"no"),
        ("a.webloc", plistlib.dumps(["x"])),
    ],
)
def test_what_is_not_what_it_is_called_is_refused_in_one_sentence(
    name: str, content: bytes
) -> None:
    with pytest.raises(NotAccepted) as caught:
        wanted(name, content)
    assert not isinstance(caught.value, WrongKind)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert "diary" not in str(caught.value)


def test_lines_that_somebody_typed_are_read_as_those_of_a_file() -> None:
    other = LINK.replace("0123", "4567")
    assert [each.link for each in of_text(f"# two\n {LINK} \n\n{other}\n{LINK}")] == [LINK, other]
    assert of_text(" \n# nothing\n") == ()
    with pytest.raises(NotAccepted, match=r"Line 2 holds no magnet link; .*\."):
        of_text(f"{LINK}\nDear diary")
    [hosted] = of_text("https://host.example.com/a.mkv", Takes(links=True))
    assert hosted.hash.startswith(HOSTED)
    with pytest.raises(NotAccepted, match="takes no links of file hosts"):
        of_text("https://host.example.com/a.mkv")
    with pytest.raises(NotAccepted, match=r"The text has more than"):
        of_text(f"{LINK}\n" * (MOST_LINKS + 1))


@pytest.mark.parametrize("name", ["movie.mkv", "a.torrent.zip", "a.html"])
def test_other_kinds_of_files_are_told_apart(name: str) -> None:
    with pytest.raises(WrongKind):
        wanted(name, LINK.encode())


@given(st.binary(max_size=200), st.sampled_from(["a.torrent", "a.txt", "a.url", "a.webloc"]))
def test_nothing_that_is_dropped_does_more_than_be_refused(content: bytes, name: str) -> None:
    with pytest.raises(NotAccepted):
        wanted(name, content)


scalars = st.integers(-9, 9) | st.binary(max_size=5)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.binary(max_size=4), v)
)
KEYS = [b"name", b"length", b"piece length", b"pieces", b"files", b"announce-list", b"info"]


@given(
    st.dictionaries(st.sampled_from(KEYS), values), st.dictionaries(st.sampled_from(KEYS), values)
)
def test_no_torrent_file_trips_the_reader(outer: dict[bytes, object], info: object) -> None:
    with contextlib.suppress(NotAccepted):
        wanted("a.torrent", bencode2.bencode({**outer, b"info": info}))


def test_links_of_file_hosts_are_wanted_where_the_account_takes_them() -> None:
    text = f"https://example.com/f/Debian%2012.iso\n{LINK}\nhttp://example.org/?abc\n".encode()
    first, magnet, second = wanted("a.txt", text, Takes(links=True))
    assert (first.name, second.name) == ("Debian 12.iso", "a link of example.org")
    assert first.hash.startswith(HOSTED)
    assert not magnet.hash.startswith(HOSTED)
    assert "example" not in repr(first).replace("a link of example.org", "")


@pytest.mark.parametrize("link", ["https://", "https://[", f"https://example.com/{'x' * 20_000}"])
def test_links_that_make_no_sense_are_not_wanted(link: str) -> None:
    with pytest.raises(NotAccepted, match="makes no sense"):
        wanted("a.txt", link.encode(), Takes(links=True))


def test_containers_are_wanted_where_the_account_takes_them() -> None:
    [found] = wanted("Films.DLC", b"\0\1", Takes(links=True, containers=True))
    assert (found.name, found.link, found.torrent) == ("Films.DLC", "", b"\0\1")
    with pytest.raises(WrongKind, match=r"\.txt file"):
        wanted("Films.DLC", b"\0\1", Takes(links=True))
