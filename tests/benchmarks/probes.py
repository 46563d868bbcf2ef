"""ffprobe over a whole library, as a media server's scan does it: what it costs the account."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.origins import MiB
from tests.benchmarks.processes import Program, Unfit, found
from tests.benchmarks.servers import Bench, Server, rclone
from tests.benchmarks.work import Figures, Round, Work

AT_ONCE = 2
ORIGIN = "https"
# What README recommends, but without a cache of its own.
MOUNT = (
    "--read-only", "--vfs-cache-mode", "off", "--vfs-fast-fingerprint", "--dir-cache-time", "20s",
    "--vfs-read-chunk-size", "8M", "--vfs-read-chunk-size-limit", "64M", "--buffer-size", "0",
)  # fmt: skip


def probed_again(bench: Bench, number: int) -> Figures:
    """Over http: a first pass, a second, and a third after a restart."""
    del number
    folder = bench.folder("davstore")
    with bench.davstore(folder, ORIGIN) as server:
        first = _pass(bench, server.url)
        second = _pass(bench, server.url)
    with bench.davstore(folder, ORIGIN) as server:
        third = _pass(bench, server.url)
    return {
        f"{when} {what}": figure
        for when, figures in (("first", first), ("again", second), ("restarted", third))
        for what, figure in figures.items()
    }


def probed_through_mount(bench: Bench, number: int) -> Figures:
    """Through `rclone mount` of a davstore that knows none of the files yet."""
    del number
    with bench.davstore(bench.folder("davstore"), ORIGIN) as server:
        folder = bench.folder("mount")
        with _mounted(bench, server, folder):
            figures = _pass(bench, lambda path: str(folder / server.place(path)))
    files = len(bench.origins.videos)
    return {
        "links/file": figures["links"] / files,
        "upstream MiB/file": figures["MiB"] / files,
        "seconds": figures["s"],
        "failed": figures["failed"],
    }


def works() -> list[Work]:
    """All of these."""
    return [
        Work("second-probe", "ffprobe of all videos over http: first, again, after a restart",
             ("davstore",), _own(probed_again), once=True, against=""),
        Work("mount-probe", "first ffprobe of all videos through rclone mount",
             ("davstore",), _own(probed_through_mount), once=True, against=""),
    ]  # fmt: skip


def _own(
    measure: Callable[[Bench, int], Figures],
) -> Callable[[Bench, str], contextlib.AbstractContextManager[Round]]:
    """For what starts and ends its servers by itself."""

    @contextmanager
    def opened(bench: Bench, name: str) -> Iterator[Round]:
        del name
        if not bench.origins.videos:
            raise Unfit("needs ffmpeg, which is not installed")
        yield lambda number: measure(bench, number)

    return opened


def _pass(bench: Bench, place: Callable[[str], str]) -> Figures:
    """One ffprobe of every video: links generated, MiB from upstream, seconds, failures."""
    bench.origins.sent()
    links, began = bench.generated, time.perf_counter()
    places = [place(video.path) for video in bench.origins.videos]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        good = list(pool.map(_probe, places))
    seconds = time.perf_counter() - began
    return {
        "links": bench.generated - links,
        "MiB": bench.origins.sent() / MiB,
        "s": seconds,
        "failed": good.count(False),
    }


def _probe(place: str) -> bool:
    """Whether ffprobe finds a video and its duration."""
    shown = "format=duration:stream=codec_type"
    command = [found("ffprobe"), "-v", "error", "-show_entries", shown, "-of", "csv", place]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and "video" in done.stdout and "format,2" in done.stdout


@contextmanager
def _mounted(bench: Bench, server: Server, folder: Path) -> Iterator[None]:
    remote = f':webdav,url="{server.base}",vendor=other:'
    command = [rclone(), "mount", remote, str(folder), *MOUNT]
    log = folder.with_suffix(".log")
    with Program(command, log, environ=bench.environ(folder.parent)) as mount:
        try:
            mount.await_that(folder.is_mount, "the mount")
            yield
        finally:
            mount.stop()
            if folder.is_mount():
                subprocess.run([found("fusermount3"), "-uz", folder], check=False)
