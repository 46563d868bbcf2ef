"""Bodies that come slowly: they hold threads of their own, and so many at once."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.server import front
from davstore.server.framing import body_follows
from davstore.server.workers import UPLOADS
from davstore.simulator import Simulator
from tests.serving import Serving, serving, wait_until
from tests.test_front import answer, connected

SIZE = 200_000
BODIES = {"length": f"Content-Length: {SIZE}", "chunks": "Transfer-Encoding: chunked"}
BEGUN = {"length": "x", "chunks": "5\r\nxxxxx\r\n"}


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    shares = {"scratch": {"kind": "scratch", "path": str(tmp_path / "scratch")}}
    with serving(sim, tmp_path, accounts=("alldebrid",), shares=shares) as running:
        yield running


def begun(served: Serving, count: int, kind: str = "length") -> list[socket.socket]:
    head = "PUT /scratch/{} HTTP/1.1\r\nHost: x\r\n" + BODIES[kind] + "\r\n\r\n" + BEGUN[kind]
    return [connected(served, head.format(number).encode()) for number in range(count)]


def under_way(served: Serving, tmp_path: Path) -> int:
    partial = tmp_path / "scratch" / ".davstore-partial"
    return sum(1 for _ in partial.iterdir()) if partial.is_dir() else 0


@pytest.mark.parametrize("kind", BODIES)
def test_however_many_are_slow_others_are_answered(
    served: Serving, tmp_path: Path, kind: str
) -> None:
    slow = begun(served, 3 * UPLOADS, kind)
    wait_until(lambda: under_way(served, tmp_path) == UPLOADS)
    for number in range(50):
        headers = {"Depth": "1", "X-Other": str(number)}  # or the loop would know the answer
        assert served.request("PROPFIND", "/", headers=headers).status_code == 207
    small = served.request("PUT", "/scratch/small", data=b"x" * 1000)
    assert small.status_code == 201, "what comes at once waits for nobody"
    for each in slow:
        each.close()


def test_who_waits_too_long_for_a_turn_is_sent_away_and_told_when_to_come_back(
    served: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "UPLOAD_SECONDS", 0.2)
    slow = begun(served, UPLOADS)
    wait_until(lambda: under_way(served, tmp_path) == UPLOADS)
    with begun(served, 1)[0] as late:
        head, body = answer(late)
        assert head.startswith(b"HTTP/1.1 503")
        assert b"\r\nRetry-After: " in head
        assert b"\r\nConnection: close" in head
        assert body == b""
    slow[0].sendall(b"x" * (SIZE - 1))
    assert answer(slow[0])[0].startswith(b"HTTP/1.1 201")
    for each in slow[1:]:
        each.close()
    wait_until(lambda: under_way(served, tmp_path) == 0)
    assert served.request("PUT", "/scratch/next", data=b"x" * SIZE).status_code == 201


def test_who_waits_for_a_turn_gets_it(served: Serving, tmp_path: Path) -> None:
    slow = begun(served, UPLOADS)
    wait_until(lambda: under_way(served, tmp_path) == UPLOADS)
    with begun(served, 1)[0] as late:
        late.sendall(b"x" * (SIZE - 1))
        for each in slow:
            each.close()
        assert answer(late)[0].startswith((b"HTTP/1.1 201", b"HTTP/1.1 204"))


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ("", False), ("Content-Length: 0\r\n", False), ("content-length:5\r\n", False),
        ("Content-Length: 6\r\n", True), ("Transfer-Encoding: chunked\r\n", True),
        ("transfer-encoding: Chunked\r\n", True),
    ],
)  # fmt: skip
def test_a_head_tells_whether_more_is_to_come(said: str, follows: bool) -> None:
    head = f"PUT /a HTTP/1.1\r\nHost: x\r\n{said}\r\n".encode()
    assert body_follows(head, 5) is follows
