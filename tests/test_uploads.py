"""Bodies that come slowly: they hold threads of their own, so many at once, and a person a part."""

import asyncio
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.server import conversation
from davstore.server.framing import body_follows, claimant
from davstore.server.slots import Slots
from davstore.server.workers import UPLOADS
from davstore.simulator import Simulator
from tests.serving import Serving, serving, wait_until
from tests.test_front import answer, connected

SIZE = 200_000
BODIES = {"length": f"Content-Length: {SIZE}", "chunks": "Transfer-Encoding: chunked"}
BEGUN = {"length": "x", "chunks": "5\r\nxxxxx\r\n"}
ONES = UPLOADS // 2
"""So many has one person at once."""
PEOPLE = ("anna", "ben", "carla")


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    shares = {"scratch": {"kind": "scratch", "path": str(tmp_path / "scratch")}}
    users = [{"name": name, "password": "p", "rights": ["read", "add"]} for name in PEOPLE]
    with serving(sim, tmp_path, accounts=("alldebrid",), shares=shares, users=users) as running:
        running.session.auth = ("anna", "p")
        yield running


def begun(
    served: Serving, count: int, kind: str = "length", person: str = "anna"
) -> list[socket.socket]:
    login = b64encode(f"{person}:p".encode()).decode()
    head = (f"PUT /scratch/{person}-{{}} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
            f"{BODIES[kind]}\r\n\r\n{BEGUN[kind]}")  # fmt: skip
    return [connected(served, head.format(number).encode()) for number in range(count)]


def under_way(served: Serving, tmp_path: Path) -> int:
    partial = tmp_path / "scratch" / ".davstore-partial"
    return sum(1 for _ in partial.iterdir()) if partial.is_dir() else 0


@pytest.mark.parametrize("kind", BODIES)
def test_however_many_are_slow_others_are_answered(
    served: Serving, tmp_path: Path, kind: str
) -> None:
    slow = begun(served, 3 * UPLOADS, kind)
    wait_until(lambda: under_way(served, tmp_path) == ONES)
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
    monkeypatch.setattr(conversation, "UPLOAD_SECONDS", 0.2)
    slow = begun(served, ONES)
    wait_until(lambda: under_way(served, tmp_path) == ONES)
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
    slow = begun(served, ONES)
    wait_until(lambda: under_way(served, tmp_path) == ONES)
    with begun(served, 1)[0] as late:
        late.sendall(b"x" * (SIZE - 1))
        for each in slow:
            each.close()
        assert answer(late)[0].startswith((b"HTTP/1.1 201", b"HTTP/1.1 204"))


def test_one_persons_slow_uploads_do_not_hold_up_anothers(served: Serving, tmp_path: Path) -> None:
    slow = begun(served, 3 * UPLOADS)
    wait_until(lambda: under_way(served, tmp_path) == ONES)
    for person in PEOPLE[1:]:
        served.session.auth = (person, "p")
        done = served.request("PUT", f"/scratch/{person}", data=b"x" * SIZE)
        assert done.status_code == 201, person
    for each in slow:
        each.close()


def test_places_are_shared_by_how_much_is_left() -> None:
    async def played() -> list[int]:
        slots = Slots(16)
        for person in "abcde":
            while await slots.acquire(person, 0):
                had[person] += 1
        assert not await slots.acquire("f", 0), "all are taken"
        late = [asyncio.ensure_future(slots.acquire(each, 60)) for each in "bfe"]
        await asyncio.sleep(0)
        late[2].cancel()
        slots.release("a")
        assert await late[1], "who has least is next, though another came before"
        assert not late[0].done()
        for _ in range(had["b"]):
            slots.release("b")
        assert await late[0]
        return [had[person] for person in "abcde"]

    had: Counter[str] = Counter()
    assert asyncio.run(played()) == [8, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("", ""), ("Authorization: Basic !\r\n", ""), ("Authorization: Bearer x\r\n", ""),
        (f"authorization:  Basic {b64encode(b'anna:p:q').decode()}\r\n", "anna"),
        ('Authorization: Digest realm="x", username="b, en", nc=00000001\r\n', "b, en"),
    ],
)  # fmt: skip
def test_a_head_tells_who_says_to_send_it(login: str, name: str) -> None:
    assert claimant(f"PUT /a HTTP/1.1\r\nHost: x\r\n{login}\r\n".encode()) == name


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
