"""Beginnings, ends and indexes: asked for once, kept on disk, never wrong."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from davstore.simulator import Content, Fault
from davstore.simulator.filehost import FileHost
from davstore.stream import Streams, containers
from davstore.stream.edges import BLOCK
from davstore.stream.pieces import LINGER
from davstore.stream.wire import Bytes
from tests.serving import wait_until
from tests.stream.conftest import Clock, HostedStore, leaf, only, opened, read

LONG = 20_000_003
MIB = 1024 * 1024


@pytest.fixture
def content() -> Content:
    return Content.random("sintel", LONG)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


def film(**more: Any) -> Any:
    return leaf(LONG, **more)


def probe(streams: Streams, content: Content) -> None:
    """What ffprobe does: some of the beginning, the end, the beginning again."""
    for start, end in ((0, 300_000), (LONG - 200_000, LONG - 1), (1000, 90_000)):
        assert read(streams, start, end, film()) == content.read(start, end - start + 1)


def is_kept(streams: Streams, at: int) -> bool:
    edges = streams._around.edges
    return streams.loop.call(edges.block(film(), LONG, at)) is not None


def test_a_second_probe_costs_no_link_and_no_byte(
    streams: Streams, host: FileHost, store: HostedStore, content: Content
) -> None:
    probe(streams, content)
    wait_until(lambda: is_kept(streams, 0) and is_kept(streams, LONG - 1))
    sent, generated = host.bytes_sent, store.generated
    host.stop()
    streams._resolver.forget(film(), streams._resolver.known(film()))  # type: ignore[arg-type]
    probe(streams, content)
    assert (host.bytes_sent, store.generated) == (sent, generated)


def test_neither_after_a_restart(
    streams: Streams, host: FileHost, store: HostedStore, content: Content, tmp_path: Path
) -> None:
    probe(streams, content)
    wait_until(lambda: is_kept(streams, 0) and is_kept(streams, LONG - 1))
    streams.close()
    host.stop()
    again = opened(store, only(host.url), {}, Clock(), {}, tmp_path)
    probe(again, content)
    assert store.generated == 1
    again.close()


def test_a_kept_beginning_is_followed_by_the_rest(
    streams: Streams, content: Content, host: FileHost
) -> None:
    probe(streams, content)
    assert read(streams, 0, LONG - 1, film()) == content.read(0, LONG)
    assert read(streams, 0, LONG - 1, film()) == content.read(0, LONG)


class Leaving:
    """A reader that has seen enough when it is asked whether it reads on, if given time."""

    plain = None

    def __init__(self) -> None:
        self.given: list[float] = []

    def offer(self, data: Bytes) -> int:
        return len(data)

    async def send(self, data: Bytes) -> None:
        self.offer(data)

    async def writable(self, seconds: float | None = None) -> None:
        """There is always room."""

    async def caught_up(self, seconds: float = 0.0) -> None:
        self.given.append(seconds)
        if seconds:
            raise ConnectionResetError


def test_who_was_served_from_disk_may_leave_before_upstream_is_asked(
    streams: Streams, host: FileHost
) -> None:
    read(streams, 0, 3 * MIB, film())
    wait_until(lambda: is_kept(streams, MIB - 1))
    sent, reader = host.bytes_sent, Leaving()
    stream = streams.loop.call(streams.begun(film(), 0, None))
    with pytest.raises(ConnectionResetError):
        streams.loop.call(stream.send(reader))
    streams.loop.soon(stream.close)
    assert stream.at == MIB
    assert host.bytes_sent == sent


@pytest.mark.parametrize(
    ("start", "end", "is_whole"), [(MIB // 2, 3 * MIB // 2, False), (0, LONG - 1, True)]
)
def test_who_asks_for_a_few_bytes_or_for_all_is_not_kept_waiting(
    streams: Streams, start: int, end: int, is_whole: bool
) -> None:
    read(streams, 0, 3 * MIB, film())
    wait_until(lambda: is_kept(streams, MIB - 1))
    reader = Leaving()
    stream = streams.loop.call(streams.begun(film(), start, end, is_whole=is_whole))
    streams.loop.call(stream.send(reader))
    streams.loop.soon(stream.close)
    assert not any(reader.given)


def test_a_corrupt_block_is_dropped_and_fetched_again(
    streams: Streams, content: Content, tmp_path: Path
) -> None:
    probe(streams, content)
    wait_until(lambda: is_kept(streams, 0) and is_kept(streams, LONG - 1))
    for file in (tmp_path / "edges").rglob("*.val"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    probe(streams, content)


def test_another_file_of_the_same_size_shares_nothing(
    streams: Streams, content: Content, store: HostedStore
) -> None:
    probe(streams, content)
    store.content = Content.random("another", LONG)
    assert read(streams, 0, 99, film(identity="other")) == store.content.read(0, 100)


def test_a_disk_that_fails_costs_bytes_and_no_read(
    streams: Streams, content: Content, tmp_path: Path
) -> None:
    probe(streams, content)
    wait_until(lambda: is_kept(streams, 0) and is_kept(streams, LONG - 1))
    shutil.rmtree(tmp_path / "edges")
    probe(streams, content)


def test_many_readers_of_a_beginning_fetch_it_once(
    streams: Streams, host: FileHost, content: Content
) -> None:
    bodies = [streams.open(film(), 0, 99) for _ in range(20)]
    assert all(b"".join(body) == content.read(0, 100) for body in bodies)
    assert len(host.calls) == 1


def test_what_a_small_read_touches_is_kept_whole_and_no_more(
    streams: Streams, host: FileHost
) -> None:
    read(streams, 100, 200, film())
    wait_until(lambda: is_kept(streams, 0))
    assert host.bytes_sent == 256 * 1024


@pytest.mark.parametrize("fault", [Fault("hang"), Fault("stall", at_bytes=300_000)])
def test_a_reader_that_leaves_while_a_host_hangs_frees_its_connection(
    streams: Streams, host: FileHost, clock: Clock, fault: Fault
) -> None:
    host.faults.add(fault)
    reading = streams.loop.submit(streams.begun(film(), 299_000, None))
    wait_until(lambda: host.open_connections == 1)
    reading.cancel()
    wait_until(lambda: clock.advance(LINGER) + streams.pools["rd"].budget.used == 0)
    wait_until(lambda: host.open_connections == 0)
    assert read(streams, 0, 9, film())


def test_what_came_before_a_reader_left_is_kept(
    streams: Streams, host: FileHost, clock: Clock, content: Content
) -> None:
    host.faults.add(Fault("stall", at_bytes=300_000))
    with streams.open(film(), 0, None) as body:
        got, blocks = b"", iter(body)
        while len(got) < 300_000:
            got += next(blocks)
        assert got == content.read(0, 300_000)
    wait_until(lambda: clock.advance(LINGER) + streams.pools["rd"].budget.used == 0)
    wait_until(lambda: is_kept(streams, 0))
    assert not is_kept(streams, BLOCK)


def test_a_piece_lives_as_long_as_one_of_its_readers(
    streams: Streams, host: FileHost, clock: Clock, content: Content
) -> None:
    host.faults.add(Fault("stall", at_bytes=300_000, seconds=1))
    first = streams.open(film(), 0, None)
    with streams.open(film(), 0, 999_999) as second:
        blocks = iter(second)
        got = next(blocks)
        first.close()
        clock.advance(LINGER)
        assert got + b"".join(blocks) == content.read(0, 1_000_000)
    assert host.count("/d/") == 1


def test_the_middle_is_not_kept(streams: Streams, host: FileHost) -> None:
    for _ in range(2):
        read(streams, 5 * MIB, 5 * MIB + 99, film())
    assert [call.range for call in host.calls] == [f"bytes={5 * MIB}-{5 * MIB + 99}"] * 2


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]) -> Path:
    need("ffmpeg")
    folder = tmp_path_factory.mktemp("videos")
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=20"]
    for name, options in {
        "late.mp4": [], "early.mp4": ["-movflags", "+faststart"], "film.mkv": [],
        "cues.mkv": ["-cues_to_front", "1"],
    }.items():  # fmt: skip
        subprocess.run(
            ["ffmpeg", "-v", "error", *source, "-c:v", "libx264", "-preset", "ultrafast", "-qp",
             "18", *options, folder / name], check=True,
        )  # fmt: skip
    return folder


def where(data: bytes, mark: bytes, seen: int) -> tuple[int, int] | None:
    found = containers.index(data[:seen], len(data))
    assert found is None or data[found[0] :].startswith(mark) or mark in data[found[0] :][:8]
    return found


def test_the_index_of_an_mp4_is_found_behind_its_film(videos: Path) -> None:
    data = (videos / "late.mp4").read_bytes()
    found = where(data, b"moov", 256 * 1024)
    assert found is not None
    assert found[1] == len(data)


def test_the_index_of_a_streamable_mp4_is_its_beginning(videos: Path) -> None:
    data = (videos / "early.mp4").read_bytes()
    found = where(data, b"moov", 256 * 1024)
    assert found is not None
    assert found[0] < 100


@pytest.mark.parametrize("name", ["film.mkv", "cues.mkv"])
def test_the_cues_of_a_matroska_file_are_found(videos: Path, name: str) -> None:
    data = (videos / name).read_bytes()
    assert where(data, b"\x1c\x53\xbb\x6b", 256 * 1024) is not None


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3" * 50, b"\0\0\0\0ftyp" + b"\0" * 50,
     b"\0\0\0\x20ftyp" + b"\xff" * 99, bytes(range(256)) * 4],
    ids=range(7),
)  # fmt: skip
def test_rubbish_has_no_index(data: bytes) -> None:
    found = containers.index(data, 10**6)
    assert found is None or 0 <= found[0] < found[1] <= 10**6


def test_an_index_that_is_asked_for_elsewhere_is_kept_too(
    streams: Streams, host: FileHost, store: HostedStore
) -> None:
    film_size, index_size = 6 * MIB, 2 * MIB
    data = b"\0\0\0\x10ftypisom\0\0\0\0" + film_size.to_bytes(4) + b"mdat"
    data += Content.random("mdat", film_size - 8).read(0, film_size - 8)
    data += (
        index_size.to_bytes(4) + b"moov" + Content.random("moov", index_size).read(8, index_size)
    )
    data += Content.random("rest", 3 * MIB).read(0, 3 * MIB)
    store.content = Content.of(data)
    late, at = leaf(len(data)), 16 + film_size + 600_000
    edges = streams._around.edges
    for _ in range(2):
        assert read(streams, 0, 999, late) == data[:1000]
        wait_until(lambda: streams.loop.call(edges.block(late, len(data), 0)))
        assert read(streams, at, at + 99_999, late) == data[at : at + 100_000]
        wait_until(lambda: streams.loop.call(edges.block(late, len(data), at)))
    assert len(host.calls) == 2
