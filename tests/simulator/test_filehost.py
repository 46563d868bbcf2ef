import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from davstore.simulator import Content, Fault, Simulator
from tests.serving import wait_until
from tests.simulator.asking import Asking, host

FILM = Content.random("film", 300_000)
LAST = FILM.size - 1


def ask(sim: Simulator, range_: str = "", method: str = "GET") -> requests.Response:
    headers = {"Range": range_} if range_ else {}
    return host(sim)(method, sim.host.link(FILM, "Film one.mkv"), headers=headers)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-299", 100, 299),
        ("bytes=299990-", 299_990, LAST),
        ("bytes=-5", LAST - 4, LAST),
        ("bytes=-999999", 0, LAST),
        ("bytes=5-999999", 5, LAST),
    ],
)
def test_a_range_is_answered_with_exactly_its_bytes(
    sim: Simulator, asked: str, start: int, end: int
) -> None:
    answer = ask(sim, asked)
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{FILM.size}"
    assert answer.content == FILM.read(start, end - start + 1)


@pytest.mark.parametrize("asked", ["bytes=300000-", "bytes=-0", "bytes=999999-1000000"])
def test_a_range_beyond_the_end_is_416_with_the_size(sim: Simulator, asked: str) -> None:
    answer = ask(sim, asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{FILM.size}")


@pytest.mark.parametrize("asked", ["", "bytes=9-5", "bytes=a-b", "items=0-5", "bytes=0-1,5-6"])
def test_no_single_range_means_the_whole_file(sim: Simulator, asked: str) -> None:
    answer = ask(sim, asked)
    assert (answer.status_code, answer.content) == (200, FILM.read(0, FILM.size))


def test_head_has_the_headers_of_get_and_no_body(sim: Simulator) -> None:
    answer = ask(sim, method="HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(FILM.size)
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_an_empty_file_can_be_read(sim: Simulator) -> None:
    url = sim.host.link(Content.of(b""), "empty.txt")
    assert host(sim)("GET", url).headers["Content-Length"] == "0"
    assert host(sim)("GET", url, headers={"Range": "bytes=0-"}).status_code == 416


def test_an_unknown_link_is_404_and_says_so(sim: Simulator) -> None:
    answer = host(sim)("GET", sim.host.url + "/d/NEVERGIVEN/film.mkv")
    assert (answer.status_code, answer.headers["X-Error"]) == (404, "link_not_found")


def test_an_expired_link_says_so_and_new_ones_work(sim: Simulator) -> None:
    old = sim.host.link(FILM, "a.mkv")
    sim.host.expire_all()
    answer = host(sim)("GET", old)
    assert (answer.status_code, answer.headers["X-Error"]) == (410, "link_expired")
    assert ask(sim).status_code == 200


def test_one_connection_serves_many_requests(sim: Simulator) -> None:
    client = host(sim)
    for _ in range(5):
        client("GET", sim.host.link(FILM, "a.mkv"))
    assert sim.host.open_connections == 1


def test_calls_tell_range_status_and_bytes(sim: Simulator) -> None:
    ask(sim, "bytes=10-19")
    call = sim.host.calls[-1]
    wait_until(lambda: sim.host.bytes_sent == 10)
    assert (call.method, call.range, call.status, call.sent) == ("GET", "bytes=10-19", 206, 10)


def test_a_client_that_leaves_is_noticed(sim: Simulator) -> None:
    url = sim.host.link(Content.random("large", 10**10), "large.iso")
    with host(sim)("GET", url, stream=True) as answer:
        answer.raw.read(10)
        assert sim.host.open_transfers == 1
    eventually(lambda: not sim.host.open_transfers and not sim.host.open_connections)
    assert sim.host.bytes_sent < 10**8


def test_a_stalled_client_that_leaves_is_noticed(sim: Simulator) -> None:
    sim.host.faults.add(Fault("stall", at_bytes=1000))
    with host(sim)("GET", sim.host.link(FILM, "a.mkv"), stream=True) as answer:
        assert len(answer.raw.read(1000)) == 1000
    eventually(lambda: not sim.host.open_transfers)


def test_stopping_cuts_connections_and_starting_again_keeps_the_port(sim: Simulator) -> None:
    client, url = host(sim), sim.host.link(FILM, "a.mkv")
    client("GET", url)
    sim.host.stop()
    with pytest.raises(requests.ConnectionError):
        client("GET", url)
    sim.host.start()
    assert client("GET", url).content == FILM.read(0, FILM.size)


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_body_ends_early_where_asked(sim: Simulator, kind: str) -> None:
    sim.host.faults.add(Fault(kind, at_bytes=70_000))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(sim)
    wait_until(lambda: sim.host.bytes_sent == 70_000)


def faulty(sim: Simulator, kind: str, range_: str = "", **details: Any) -> requests.Response:
    sim.host.faults.add(Fault(kind, **details))
    return ask(sim, range_)


def test_status_fault_carries_x_error(sim: Simulator) -> None:
    answer = faulty(sim, "status", status=503, error="bytes_limit_reached")
    assert (answer.status_code, answer.headers["X-Error"]) == (503, "bytes_limit_reached")


def test_html_comes_as_if_it_were_the_file(sim: Simulator) -> None:
    answer = faulty(sim, "html_200")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_range_is_ignored_where_asked(sim: Simulator) -> None:
    answer = faulty(sim, "ignore_range", "bytes=5-9")
    assert (answer.status_code, answer.content) == (200, FILM.read(0, FILM.size))


def test_a_wrong_range_says_truthfully_where_it_starts(sim: Simulator) -> None:
    answer = faulty(sim, "wrong_range", "bytes=5000-9999", by=10)
    assert answer.headers["Content-Range"] == f"bytes 5010-9999/{FILM.size}"
    assert answer.content == FILM.read(5010, 4990)


def test_a_wrong_total_is_off_by_what_was_asked(sim: Simulator) -> None:
    answer = faulty(sim, "wrong_total", "bytes=0-9", by=7)
    assert answer.headers["Content-Range"] == f"bytes 0-9/{FILM.size + 7}"


@pytest.mark.parametrize("range_", ["", "bytes=0-99999"])
def test_a_length_can_be_missing(sim: Simulator, range_: str) -> None:
    answer = faulty(sim, "no_length", range_)
    assert "Content-Length" not in answer.headers
    assert answer.content == FILM.read(0, 100_000 if range_ else FILM.size)


def test_a_short_answer_is_well_framed(sim: Simulator) -> None:
    answer = faulty(sim, "short_length", "bytes=0-99", by=20)
    assert answer.headers["Content-Range"].startswith("bytes 0-99/")
    assert answer.content == FILM.read(0, 80)


def test_a_placeholder_is_a_small_video_elsewhere(sim: Simulator) -> None:
    answer = faulty(sim, "placeholder")
    assert answer.status_code == 302
    video = host(sim)("GET", answer.headers["Location"])
    assert video.headers["Content-Type"] == "video/mp4"
    assert 0 < len(video.content) < 100_000


def test_a_redirect_leads_to_the_file(sim: Simulator) -> None:
    answer = faulty(sim, "redirect")
    moved = host(sim)("GET", answer.headers["Location"])
    assert (answer.status_code, moved.content) == (302, FILM.read(0, FILM.size))


def test_a_fault_is_met_as_often_as_asked_and_not_before(sim: Simulator) -> None:
    sim.host.faults.add(Fault("status", times=2, after=1, status=503))
    assert [ask(sim).status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_a_fault_concerns_only_its_path(sim: Simulator) -> None:
    sim.host.faults.add(Fault("status", path="other", times=None))
    assert ask(sim).status_code == 200


@contextmanager
def connected(site: Simulator) -> Iterator[socket.socket]:
    port = int(site.host.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        yield client


def test_pipelined_requests_are_answered_in_order(sim: Simulator) -> None:
    path = sim.host.link(Content.of(b"abc"), "a").removeprefix(sim.host.url)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connected(sim) as client:
        client.sendall(request * 2)
        got = b""
        while got.count(b"abc") < 2:
            block = client.recv(4096)
            assert block
            got += block


def eventually(condition: Any) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_asking_with_a_method_that_is_not_there_is_405(sim: Simulator) -> None:
    assert Asking(sim.host, sim.host.url)("PUT", "/d/a/b").status_code == 405
