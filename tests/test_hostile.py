"""What is sent to harm: a refusal or the end, soon, in little memory, and the server lives."""

import contextlib
import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davstore.server import conversation, workers
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

FILE = "/torz/magnets/debian/debian.iso"
PLACES = ["/", FILE, "/scratch/", "/scratch/note", "/nowhere/x"]
SECONDS = 10.0
LAST = "Host: x\r\nConnection: close\r\nDepth: 0\r\n"
MEMORY = 200 * 1024
"""KiB by which the whole process may grow over all that is done to it here."""

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">'
    + b"".join(b'<!ENTITY %c "%s">' % (99 + n, b"&%c;" % (98 + n) * 10) for n in range(9))
    + b']><D:propfind xmlns:D="DAV:"><D:prop><a>&k;</a></D:prop></D:propfind>'
)
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x>&b;</x></D:prop></D:set>'
    b"</D:propertyupdate>"
)
MANY = (
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>'
    + b"".join(b'<p%d xmlns="u:x"/>' % n for n in range(100_000))
    + b"</D:prop></D:set></D:propertyupdate>"
)
DEEP = b"<a>" * 40_000
ASKED_MANY = MANY.replace(b"propertyupdate", b"propfind").replace(b"D:set", b"D:x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def secret(folder: Path) -> Path:
    """A file beside what is shared."""
    file = folder / "secret"
    file.write_text("SECRET")
    return file


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Serving]:
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    with Simulator() as sim:
        content = Content.random("debian", 5_000_000)
        sim.torz.add(SimMagnet("debian", files=[SimFile("debian.iso", content)]))
        with serving(sim, folder, accounts=("torz",), shares=shares) as running:
            wait_until(lambda: running.request("HEAD", FILE).status_code == 200)
            running.request("PUT", "/scratch/note", data=b"note")
            yield running


@pytest.fixture(autouse=True)
def lives(served: Serving) -> Iterator[None]:
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    asked = served.request("PROPFIND", "/", headers={"Depth": "1"})
    assert (asked.status_code, "/torz/" in asked.text) == (207, True)
    assert served.get("/scratch/note").content == b"note"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
    assert time.monotonic() - began < 60


def said(served: Serving, *pieces: bytes, ends: bool = False, whole: bool = False) -> bytes:
    """Everything that is answered until the server hangs up, or says no more; a request that is
    `whole` is answered for certain.
    """
    place = urlsplit(served.url)
    got = b""
    with socket.create_connection((place.hostname, place.port), SECONDS) as client:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
            if ends:
                client.shutdown(socket.SHUT_WR)
        client.settimeout(SECONDS if whole else 0.2)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := client.recv(65536):
                client.settimeout(0.2)
                got += data
    return got


def statuses(answer: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


@pytest.mark.parametrize("body", [BOMB, EXTERNAL, MANY, ASKED_MANY, DEEP, DEEP[:9000], b"\0" * 999])
@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK"])
def test_xml_that_is_none_of_ours(served: Serving, method: str, body: bytes) -> None:
    for path in PLACES:
        answer = served.request(method, path, data=body, headers={"Depth": "0"})
        assert 400 <= answer.status_code < 500
        assert "root:" not in answer.text


def test_too_many_and_too_long_headers(served: Serving) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\n"
    ten_megabytes = [b"X: " + b"y" * 1_000_000 + b"\r\n"] * 10
    assert statuses(said(served, head, *ten_megabytes)) in ([431], [])
    assert statuses(said(served, head, b"X: y\r\n" * 500_000)) in ([431], [])
    assert statuses(said(served, b"GET /" + b"a" * 10_000_000)) in ([431], [])


@pytest.mark.parametrize("path", ["/a" * 50_000, "/" + "a" * 60_000, "/%61" * 20_000, "/a" * 4000])
def test_paths_without_end(served: Serving, path: str) -> None:
    for method in ("GET", "PROPFIND", "PUT", "MKCOL"):
        for start in ("", "/scratch"):
            head = f"{method} {start}{path} HTTP/1.1\r\n{LAST}\r\n"
            assert 400 <= statuses(said(served, head.encode(), whole=True))[0] < 500


UP = [
    "../secret", "%2e%2e/secret", "..%2fsecret", "%2e%2e%2fsecret", "..%5csecret", "..\\secret",
    "%252e%252e/secret", "./../secret", "a/../../secret", ".%00./secret", "..;/secret",
    "%c0%ae%c0%ae/secret", "/../secret", "//secret", "\u2025/secret",
]  # fmt: skip


@pytest.mark.parametrize("up", UP)
def test_no_way_leads_out(served: Serving, secret: Path, up: str) -> None:
    for path in (f"/scratch/{up}", f"/scratch/x/{up}", f"/{up}", f"/torz/{up}"):
        for method in ("GET", "PROPFIND", "DELETE"):
            head = f"{method} {path} HTTP/1.1\r\n{LAST}\r\n".encode()
            answer = said(served, head)
            assert b"SECRET" not in answer
            assert statuses(answer) == [] or statuses(answer)[0] < 500
    for header in ("Destination", "If", "Referer", "Lock-Token", "X-Forwarded-Prefix"):
        for target in (f"/scratch/{up}", f"http://x/scratch/{up}", f"/{up}"):
            value = f"<{target}> (<a>)" if header == "If" else target
            asked = f"COPY /scratch/note HTTP/1.1\r\n{LAST}{header}: {value}\r\n\r\n"
            answer = said(served, asked.encode(), whole=True)
            if header != "Destination":
                assert 400 <= statuses(answer)[0] < 500
            assert statuses(answer)[0] < 500 or statuses(answer) == [502]
    assert secret.read_text() == "SECRET"


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"X: y\r\n Content-Length: 5\r\n",
        b"X: y\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\n\0: x\r\n",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"PUT", b"PROPFIND"])
def test_no_second_request_hides_in_a_body(served: Serving, method: bytes, head: bytes) -> None:
    """What is not plain is refused and the connection ends, or all readings give one answer."""
    asked = method + b" /scratch/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nDepth: 0\r\n" + head
    answer = said(served, asked + b"\r\n0\r\n\r\n" + SMUGGLED)
    assert len(statuses(answer)) <= 1 or b"Content-Length" not in head
    assert statuses(answer)[:1] == [] or statuses(answer)[0] in {*range(200, 500), 501}


@pytest.mark.parametrize(
    "body",
    [b"5\r\nab", b"zz\r\n", b"-1\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"5" * 9_999, b"5;" * 999],
)
def test_chunks_that_are_none(served: Serving, body: bytes) -> None:
    for method in (b"PUT /scratch/new", b"PROPFIND /"):
        asked = b"%s HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (method, LAST.encode())
        answer = said(served, asked, body, ends=True)
        assert statuses(answer) == [] or 400 <= statuses(answer)[0] < 600
    assert served.get("/scratch/new").status_code == 404


def test_a_body_that_is_cut_leaves_nothing(served: Serving) -> None:
    said(served, b"PUT /scratch/new HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", ends=True)
    wait_until(lambda: served.get("/scratch/new").status_code == 404)


def test_slow_bodies_do_not_hold_up_others(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.3)
    place = urlsplit(served.url)
    slow = []
    for length in (100, 100_000, 10**12):
        head = f"PROPFIND / HTTP/1.1\r\n{LAST}Content-Length: {length}\r\n\r\n<a"
        for _ in range(20):
            client = socket.create_connection((place.hostname, place.port), SECONDS)
            client.sendall(head.encode())
            slow.append(client)
    assert served.request("PROPFIND", "/", headers={"Depth": "0"}).status_code == 207
    for client in slow:
        assert statuses(client.recv(100))[0] in {408, 413}
        client.close()


def test_a_body_that_drips_is_cut(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "BODY_TIMEOUT", 0.3)
    head = b"PUT /scratch/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    answer = said(served, head, whole=True)
    assert statuses(answer) == [] or statuses(answer)[0] >= 400
    wait_until(lambda: served.get("/scratch/new").status_code == 404)


TOKENS = st.sampled_from(
    [
        b"GET", b"PROPFIND", b"PUT", b"LOCK", b"MOVE", b" ", b"/", b"*", b"http://x/",
        b"/scratch/x",
        b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"\r\n", b"\n", b"\r", b":", b"Host: x", b"Range: ",
        b"bytes=", b"0-5", b"-", b",", b"Content-Length: ", b"Transfer-Encoding: chunked", b"5",
        b"Depth: 1", b"Destination: ", b"If: ", b"<", b">", b"(", b"[", b'"', b"Expect: ", b"\0",
        b"100-continue", b"Authorization: ", b"Basic ", b"Digest ", b"username=", b"\xff", b"%2e",
        b"X-Forwarded-For: ", b"Connection: close", b"Upgrade: h2c", b"0\r\n\r\n", b"\r\n\r\n",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(TOKENS, st.binary(max_size=8)), max_size=40))
@settings(max_examples=150)
def test_any_bytes_get_an_answer_or_the_end(served: Serving, pieces: list[bytes]) -> None:
    answer = said(served, b"".join(pieces), b"\r\n\r\n", ends=True)
    assert all(100 <= status < 500 or status in {502, 505} for status in statuses(answer)), answer


@given(
    method=st.sampled_from(["GET", "HEAD", "PROPFIND", "OPTIONS", "COPY", "MOVE", "LOCK", "PUT"]),
    path=st.text(st.characters(codec="utf-8", exclude_characters="\r\n \0"), max_size=20),
    name=st.sampled_from(
        ["Range", "If", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "Depth",
         "Destination", "Timeout", "Overwrite", "Lock-Token", "Authorization", "Accept-Encoding",
         "Content-Length", "Content-Type", "Host", "X-OC-Mtime", "X-Forwarded-Host", "Expect"]
    ),
    value=st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
        st.lists(TOKENS.filter(lambda each: not set(each) & set(b"\r\n\0")), max_size=8).map(
            lambda parts: b"".join(parts).decode("latin-1")
        ),
    ),
)  # fmt: skip
@settings(max_examples=300)
def test_any_value_of_a_header_is_refused_or_passed_over(
    served: Serving, method: str, path: str, name: str, value: str
) -> None:
    target = "/scratch/fuzz/" + "".join(f"%{byte:02x}" for byte in path.encode())
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
    answer = said(served, head.encode("latin-1"), ends=True)
    assert all(100 <= status < 500 or status in {502} for status in statuses(answer)), answer
