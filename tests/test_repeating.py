"""Requests that come again cost no worker, and are told from those that only look like it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.dav.http.transfer import Again, Answer, Request
from davstore.server import conversation, front
from davstore.server.repeats import MOST, Repeats
from davstore.server.workers import UPLOADS, WORKERS
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until
from tests.test_front import answer, connected

BODY = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
OTHER = b'<propfind xmlns="DAV:"><prop><getetag    /></prop></propfind>'
FOLDER = "/alldebrid/magnets/debian/"
CONTENT = Content.random("debian", 1_000_000)


def propfind(path: str, body: bytes = BODY, more: str = "") -> bytes:
    head = f"PROPFIND {path} HTTP/1.1\r\nHost: x\r\nDepth: 1\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr(front, "UPLOADS", WORKERS + UPLOADS)  # so that they can be kept busy
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", CONTENT)]))
    shares = {"scratch": {"kind": "scratch", "path": str(tmp_path / "scratch")}}
    with serving(sim, tmp_path, accounts=("alldebrid",), shares=shares) as running:
        wait_until(lambda: running.request("HEAD", f"{FOLDER}debian.iso").status_code == 200)
        yield running


def test_they_are_answered_while_every_worker_is_busy(served: Serving) -> None:
    with connected(served, propfind(FOLDER)) as client:
        listed = answer(client)[1]
        upload = "PUT /scratch/{} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"
        busy = [connected(served, upload.format(n).encode()) for n in range(WORKERS + UPLOADS)]
        for _ in range(3):
            client.sendall(propfind(FOLDER))
            assert answer(client)[1] == listed
        with connected(served, propfind(FOLDER)) as another:
            assert answer(another)[1] == listed
        for each in busy:
            each.close()


def test_others_are_not_taken_for_them(served: Serving) -> None:
    with connected(served, propfind(FOLDER)) as client:
        first = answer(client)[1]
        client.sendall(propfind(FOLDER, OTHER))
        second = answer(client)[1]
        assert b"displayname" in first
        assert b"displayname" not in second
        client.sendall(propfind(FOLDER, b"x" * len(BODY)))
        assert answer(client)[0].startswith(b"HTTP/1.1 400")
        client.sendall(propfind(f"{FOLDER}nothing/"))
        assert answer(client)[0].startswith(b"HTTP/1.1 404")
        client.sendall(propfind(FOLDER, more="If-Modified-Since: x\r\n"))
        assert answer(client)[1] == first


def test_bodies_that_do_not_come_hold_no_worker(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = propfind("/alldebrid/", more="X: new\r\n")
    slow = [connected(served, whole[:-5]) for _ in range(2 * WORKERS)]
    assert served.request("PROPFIND", "/", headers={"Depth": "1"}).status_code == 207
    for each in slow:
        each.sendall(whole[-5:])
        assert answer(each)[0].startswith(b"HTTP/1.1 207")
        each.close()
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.1)
    with connected(served, whole[:-5]) as client:
        assert client.recv(12) == b"HTTP/1.1 408"


def test_a_body_that_comes_late_is_waited_for(served: Serving) -> None:
    with connected(served, propfind(FOLDER)) as client:
        first = answer(client)[1]
        whole = propfind(FOLDER)
        client.sendall(whole[:-10])
        client.sendall(whole[-10:] + whole)
        assert answer(client)[1] == first
        assert answer(client)[1] == first


def test_the_last_of_a_connection_ends_it(served: Serving) -> None:
    for _ in range(3):
        with connected(served, propfind(FOLDER, more="Connection: close\r\n")) as client:
            head, _ = answer(client)
            assert b"\r\nConnection: close" in head
            assert client.recv(1) == b""


def test_what_changed_is_shown_as_it_is(served: Serving, sim: Simulator) -> None:
    with connected(served, propfind("/alldebrid/magnets/")) as client:
        assert b"ubuntu" not in answer(client)[1]
        sim.alldebrid.add(SimMagnet("ubuntu", files=[SimFile("ubuntu.iso", CONTENT)]))
        served.refresh()
        client.sendall(propfind("/alldebrid/magnets/"))
        assert b"ubuntu" in answer(client)[1]


def _yes(request: Request) -> Answer:
    return Answer("200 OK", [], (request.body,))


def head(line: str = "GET /a HTTP/1.1", *more: str) -> bytes:
    return "\r\n".join([line, "Host: x", *more, "", ""]).encode()


@pytest.mark.parametrize(
    "first",
    [
        head("GET /a HTTP/1.0"), head("get /a HTTP/1.1"), head("GET /a b HTTP/1.1"),
        head("PUT /a HTTP/1.1", "Transfer-Encoding: chunked"),
        head("PUT /a HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"),
        head("PUT /a HTTP/1.1", "Content-Length: 5", "content-length: 6"),
        head("PUT /a HTTP/1.1", "Content-Length: +5"),
        head("PUT /a HTTP/1.1", "Content-Length : 5"),
        head("PUT /a HTTP/1.1", "Content-Length: 99999"),
        head("GET /a HTTP/1.1", f"X: {'x' * 9000}"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_never_answered_at_once(first: bytes) -> None:
    repeats = Repeats()
    repeats.learn("::1", first, _yes, is_last=False)
    assert repeats.answer("::1", first, b"x" * 100_000) is None


def test_another_address_and_other_headers_are_other_requests() -> None:
    repeats = Repeats()
    repeats.learn("::1", head("PUT /a HTTP/1.1", "Content-Length: 5"), _yes, is_last=False)
    again = head("PUT /b HTTP/1.1", "Content-Length: 5")
    found = repeats.answer("::1", again, b"12345GET ")
    assert found is not None
    assert found.answer == Answer("200 OK", [], (b"12345",))
    assert found.length == 5
    assert repeats.answer("::1", again, b"1234") is None
    assert repeats.answer("::2", again, b"12345") is None
    other = head("PUT /b HTTP/1.1", "Content-Length: 5", "Authorization: Basic eDp5")
    assert repeats.answer("::1", other, b"12345") is None


@pytest.mark.parametrize("name", ["Range", "range", "RANGE"])
def test_a_range_is_one_however_it_is_spelt(name: str) -> None:
    asked: list[str | None] = []

    def again(request: Request) -> Answer:
        asked.append(request.range)
        return Answer("206 Partial Content", [])

    repeats = Repeats()
    repeats.learn("::1", head("GET /a HTTP/1.1", f"{name}: bytes=0-1"), again, is_last=False)
    assert repeats.answer("::1", head("GET /a HTTP/1.1", f"{name}: bytes=5-6"), b"")
    assert asked == ["bytes=5-6"]


def test_two_ranges_are_left_to_who_understands_them() -> None:
    repeats = Repeats()
    repeats.learn("::1", head(), _yes, is_last=False)
    one = "Range: bytes=0-1"
    assert repeats.answer("::1", head("GET /a HTTP/1.1", one), b"") is not None
    assert repeats.answer("::1", head("GET /a HTTP/1.1", one, one), b"") is None


def test_an_end_that_nobody_asked_for_is_no_habit() -> None:
    repeats = Repeats()
    repeats.learn("::1", head(), _yes, is_last=True)
    assert repeats.answer("::1", head(), b"") is None


def test_they_are_bounded_and_forgotten() -> None:
    repeats = Repeats()
    again: list[Again | None] = [_yes] * (MOST + 1)
    for number, each in enumerate(again):
        repeats.learn("::1", head("GET /a HTTP/1.1", f"X: {number}"), each, is_last=False)
    assert repeats.answer("::1", head("GET /a HTTP/1.1", "X: 0"), b"") is None
    assert repeats.answer("::1", head("GET /a HTTP/1.1", "X: 1"), b"") is not None
    repeats.learn("::1", head("GET /a HTTP/1.1", "X: 1"), None, is_last=False)
    assert repeats.answer("::1", head("GET /a HTTP/1.1", "X: 1"), b"") is None
