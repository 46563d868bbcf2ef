"""What single requests get: properties, refusals, logins, rubbish."""

import base64
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

ODD = "a # b % c ? d ; e & f ' g [h] | i  🎬 é.mkv"
FOLDER = "/alldebrid/magnets/Odd & others"
FILE = f"{FOLDER}/Tears of Steel.mkv"
SIZE = 50_000
ADDED = 1_700_000_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Simulator() as sim:
        sim.alldebrid.add(
            SimMagnet(
                "Odd & others",
                files=[
                    SimFile("Tears of Steel.mkv", Content.random("tears", SIZE)),
                    SimFile(ODD, Content.random("odd", 99)),
                    SimFile("empty.txt", Content.of(b"")),
                ],
                added=ADDED,
            )
        )
        state: Path = tmp_path_factory.mktemp("state")
        with serving(sim, state, accounts=("alldebrid",), user="anna", password="p:w ö") as s:
            wait_until(lambda: s.request("HEAD", quote(FILE)).status_code == 200)
            yield s


def propfind(served: Serving, path: str, body: str = "", depth: str = "0") -> ET.Element:
    answer = served.request("PROPFIND", quote(path), data=body.encode(), headers={"Depth": depth})
    assert answer.status_code == 207, answer.text
    return ET.fromstring(answer.content)


def raw(served: Serving, request: bytes) -> bytes:
    """The answer to bytes that no client library would send."""
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def login(served: Serving) -> bytes:
    value = str(served.session.headers["Authorization"])
    return f"Authorization: {value}\r\n".encode()


def test_every_odd_name_is_listed_encoded_and_can_be_read(served: Serving) -> None:
    tree = propfind(served, FOLDER, depth="1")
    found = [href.text or "" for href in tree.iter("{DAV:}href")]
    assert f"{quote(FOLDER, safe='/')}/{quote(ODD, safe='')}" in found
    assert all(re.fullmatch(r"[A-Za-z0-9/%._~-]+", href) for href in found)
    for href in found[1:]:
        assert served.request("GET", href).status_code == 200


def test_the_properties_of_a_file(served: Serving) -> None:
    prop = propfind(served, FILE).find(".//{DAV:}prop")
    assert prop is not None
    values = {child.tag.removeprefix("{DAV:}"): child.text for child in prop}
    head = served.request("HEAD", quote(FILE)).headers
    assert values["getcontentlength"] == head["Content-Length"] == str(SIZE)
    assert values["getetag"] == head["ETag"]
    assert values["getetag"] is not None
    assert values["getetag"].startswith('"')
    assert values["getlastmodified"] == head["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert values["getcontenttype"] == head["Content-Type"] == "video/x-matroska"
    assert values["iscollection"] == "0"


def test_found_properties_stand_before_missing_ones(served: Serving) -> None:
    body = '<propfind xmlns="DAV:"><prop><nothing/><getetag/><resourcetype/></prop></propfind>'
    tree = propfind(served, FOLDER, body)
    statuses = [status.text for status in tree.iter("{DAV:}status")]
    assert statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]


def test_a_folder_tells_that_it_is_one(served: Serving) -> None:
    body = (
        '<propfind xmlns="DAV:"><prop><getcontentlength/><resourcetype/><iscollection/>'
        "</prop></propfind>"
    )
    prop = propfind(served, FOLDER, body).find(".//{DAV:}prop")
    assert prop is not None
    assert prop.findtext("{DAV:}getcontentlength") == "0"
    assert prop.findtext("{DAV:}iscollection") == "1"
    assert prop.find("{DAV:}resourcetype/{DAV:}collection") is not None


def test_infinite_depth_is_refused_as_the_rfc_says(served: Serving) -> None:
    answer = served.request("PROPFIND", "/", headers={"Depth": "infinity"})
    assert answer.status_code == 403
    assert "propfind-finite-depth" in answer.text


@pytest.mark.parametrize("header", ["If-Modified-Since", "If-None-Match"])
def test_a_listing_is_never_not_modified(served: Serving, header: str) -> None:
    value = "*" if "Match" in header else "Fri, 31 Dec 2049 23:59:59 GMT"
    answer = served.request("PROPFIND", "/", headers={"Depth": "0", header: value})
    assert answer.status_code == 207


def test_a_listing_with_a_range_is_a_plain_listing(served: Serving) -> None:
    answer = served.request("PROPFIND", "/", headers={"depth": "1", "Range": "bytes=0-"})
    assert answer.status_code == 207


NAMED = b'<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


def test_what_a_listing_asks_may_come_in_chunks(served: Serving) -> None:
    path = quote(FILE)
    whole = served.request("PROPFIND", path, data=NAMED, headers={"Depth": "0"})
    chunks = iter([NAMED[:9], NAMED[9:]])
    chunked = served.request("PROPFIND", path, data=chunks, headers={"Depth": "0"})
    assert whole.status_code == chunked.status_code == 207
    assert whole.content == chunked.content
    assert b"getcontentlength" not in whole.content


@pytest.mark.parametrize("chunked", [False, True])
def test_a_listing_that_asks_at_great_length_is_refused(served: Serving, chunked: bool) -> None:
    body = NAMED + b" " * 100_000
    data = iter([body]) if chunked else body
    answer = served.request("PROPFIND", quote(FILE), data=data, headers={"Depth": "0"})
    assert answer.status_code == 413
    assert answer.headers["Connection"].lower() == "close"
    assert served.request("HEAD", quote(FILE)).status_code == 200


def test_a_folder_without_its_slash_is_listed_without_a_redirect(served: Serving) -> None:
    answer = served.request("PROPFIND", "/alldebrid", headers={"Depth": "1"})
    assert answer.status_code == 207


def test_a_refusal_is_one_line(served: Serving) -> None:
    answer = served.request("PUT", quote(f"{FOLDER}/nfo"), data=b"x")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == "403 Forbidden: Nothing can be changed here.\n"
    missing = served.get("/alldebrid/Sp%C3%B6k%25")
    assert missing.text == "404 Not Found: there is nothing at /alldebrid/Spök%\n"


def test_a_browser_sees_a_page(served: Serving) -> None:
    answer = served.get(quote(f"{FOLDER}/"))
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Tears of Steel.mkv" in answer.text


def test_head_of_a_folder_is_fine(served: Serving) -> None:
    assert served.request("HEAD", quote(f"{FOLDER}/")).status_code == 200


def test_head_ignores_a_range(served: Serving) -> None:
    answer = served.request("HEAD", quote(FILE), headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(SIZE)


def test_a_range_beyond_the_end_is_416_with_the_size(served: Serving) -> None:
    answer = served.get(quote(FILE), headers={"Range": f"bytes={SIZE}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_an_unchanged_file_is_304_with_its_tag(served: Serving) -> None:
    tag = served.request("HEAD", quote(FILE)).headers["ETag"]
    answer = served.get(quote(FILE), headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["ETag"], answer.content) == (304, tag, b"")


def test_another_file_than_expected_is_412(served: Serving) -> None:
    assert served.get(quote(FILE), headers={"If-Match": '"x"'}).status_code == 412


def test_an_empty_file_is_empty_whatever_range_is_asked(served: Serving) -> None:
    answer = served.get(quote(f"{FOLDER}/empty.txt"), headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_names_in_the_other_normal_form_are_found(served: Serving) -> None:
    other = ODD.replace("é", "e\u0301")
    assert served.get(f"{quote(FOLDER)}/{quote(other)}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "MOVE", "POST", "LOCK"])
def test_what_is_read_only_says_what_is_allowed(served: Serving, method: str) -> None:
    answer = served.request(method, quote(FILE), headers={"Destination": served.url + "x"})
    assert answer.status_code in {403, 405}
    assert "PROPFIND" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/none", f"{FOLDER}/none", "/%E9"])
def test_a_head_that_finds_nothing_leaves_nothing_behind(served: Serving, path: str) -> None:
    """A body would be taken for the beginning of the next answer."""
    with requests.Session() as session:
        session.headers.update(served.session.headers)
        for _ in range(3):
            place = served.url.rstrip("/") + quote(path, safe="/%")
            assert session.head(place, timeout=30).status_code in {400, 404}
            assert session.get(served.url, timeout=30).status_code == 200


def test_an_unread_chunked_body_is_not_taken_for_the_next_request(served: Serving) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"GET / HTTP/1.1\r\n\r\n"

    answer = served.request("PUT", "/alldebrid/x", data=chunks())
    assert answer.status_code in {403, 405}
    assert answer.headers["Connection"] == "close"
    assert served.request("HEAD", quote(FILE)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/%E9",
        b"/%ED%A0%80",
        b"/%00",
        b"/a%00b/",
        b"/../etc",
        b"/%2e%2e/%2e%2e/x",
        b"/" + b"a" * 9000,
    ],
    ids=["latin", "surrogate", "nul", "nul inside", "dots", "encoded dots", "long"],
)
@pytest.mark.parametrize("method", [b"GET", b"PROPFIND"])
def test_a_bad_path_is_refused_and_the_connection_lives(
    served: Serving, path: bytes, method: bytes
) -> None:
    bad = method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + login(served) + b"\r\n"
    good = b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + login(served) + b"\r\n"
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(bad + good)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    first, second = answer.split(b"HTTP/1.1 ")[1:3]
    assert first.startswith(b"4")
    assert second.startswith(b"200")


@pytest.mark.parametrize(
    "kind", ["Basic", "Basic ", "Basic !!!", "Basic YQ==", "Digest x", "Bearer"]
)
def test_a_login_that_cannot_be_read_is_asked_for_again(served: Serving, kind: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {kind}\r\n\r\n"
    answer = raw(served, request.encode())
    assert answer.startswith(b"HTTP/1.1 401")
    assert b'WWW-Authenticate: Basic realm="davstore"' in answer


@pytest.mark.parametrize("login", ["anna:wrong", "nobody:p:w ö", ":", "anna:"])
def test_a_wrong_login_is_refused(served: Serving, login: str) -> None:
    token = base64.b64encode(login.encode()).decode()
    answer = served.request("GET", "/", headers={"Authorization": f"Basic {token}"})
    assert answer.status_code == 401


def test_without_a_login_nothing_is_shown(served: Serving) -> None:
    answer = raw(served, f"GET {quote(FILE)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"Tears" not in answer


def test_what_is_not_there_is_404(served: Serving) -> None:
    for path in ("/nobody/", "/alldebrid/nothing", quote(f"{FILE}/below")):
        assert served.get(path).status_code == 404
