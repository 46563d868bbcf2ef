"""The server as clients meet it: patient with players, quick to end, never starved by silence."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from davstore.server import conversation, workers
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

SIZE = 64 * 1024 * 1024
PATH = "/alldebrid/magnets/debian/debian.iso"


@pytest.fixture
def content() -> Content:
    return Content.random("debian", SIZE)


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, content: Content) -> Iterator[Serving]:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", content)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        yield running


def begun(served: Serving) -> socket.socket:
    """A client that has asked for everything and read only some megabytes."""
    place = urlsplit(served.url)
    client = socket.create_connection((place.hostname, place.port), 10)
    client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert client.recv(12) == b"HTTP/1.1 200"
    got = 0
    while got < 8 * 1024 * 1024:
        got += len(client.recv(1 << 20))
    return client


def test_a_player_may_pause_for_longer_than_a_request_may_take(
    sim: Simulator, tmp_path: Path, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(conversation, "IDLE_SECONDS", 0.5)
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", content)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        with begun(running) as client:
            time.sleep(1.5)
            got = b""
            while data := client.recv(1 << 20):
                got = (got + data)[-1000:]
                if got == content.read(SIZE - 1000, 1000):
                    break
    assert got == content.read(SIZE - 1000, 1000)


def test_it_is_patient_for_at_least_ten_minutes() -> None:
    assert workers.PAUSE_TIMEOUT >= 600


def test_a_client_that_leaves_frees_the_upstream(served: Serving, sim: Simulator) -> None:
    client = begun(served)
    wait_until(lambda: sim.host.open_transfers == 1)
    client.close()
    wait_until(lambda: sim.host.open_transfers == 0, 5)


def test_stopping_takes_less_than_ten_seconds_with_a_player_that_never_reads(
    sim: Simulator, tmp_path: Path, content: Content
) -> None:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", content)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        client = begun(running)
        wait_until(lambda: sim.host.open_transfers == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    client.close()


def test_who_comes_while_streams_end_is_not_kept_waiting(
    sim: Simulator, tmp_path: Path, content: Content
) -> None:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", content)]))
    with serving(sim, tmp_path, accounts=("alldebrid",), server={"drain": 30}) as running:
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        with begun(running) as client:
            stopping = threading.Thread(target=running.server.stop)
            stopping.start()
            place = urlsplit(running.url)
            wait_until(lambda: is_refused(place.hostname or "", place.port or 0))
            assert stopping.is_alive(), "it waits for its stream"
            assert client.recv(1000)
        stopping.join(20)
        assert not stopping.is_alive()


def is_refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 10).close()
    except ConnectionRefusedError:
        return True
    return False


def test_many_silent_connections_leave_room_for_a_listing(served: Serving) -> None:
    place = urlsplit(served.url)
    silent = [socket.create_connection((place.hostname, place.port), 10) for _ in range(60)]
    answer = served.request("PROPFIND", "/", headers={"Depth": "1"})
    assert answer.status_code == 207
    for connection in silent:
        connection.close()


def test_a_file_of_unknown_length_is_served_honestly(sim: Simulator, tmp_path: Path) -> None:
    sent = Content.random("transmuxed", 700_000)
    film = SimFile("Sintel.mkv", Content.random("source", 500_000), transmuxed=sent)
    sim.plank.add(SimMagnet("Sintel", files=[film], title="Sintel", year=2010))
    with serving(sim, tmp_path, accounts=("plank",)) as running:
        path = "/plank/magnets/Sintel%20%282010%29/Sintel%20%282010%29.mp4"
        wait_until(lambda: running.request("HEAD", path).status_code == 200)
        head = running.request("HEAD", path)
        assert "Content-Length" not in head.headers
        for beginning in ({}, {"Range": "bytes=0-"}, {"Range": "bytes=0-99"}):
            answer = running.get(path, headers=beginning)
            assert answer.status_code == 200
            assert answer.headers["Accept-Ranges"] == "none"
            assert answer.content == sent.read(0, sent.size)
        for within in ("bytes=100-199", "bytes=100-", "bytes=-100"):
            answer = running.get(path, headers={"Range": within})
            assert answer.status_code == 416, "rclone takes the first bytes of a 200 for these"
            assert len(answer.text.splitlines()) == 1
