"""Players, media servers' scans and readers of an rclone mount, all the time; and what they saw."""

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from davstore.simulator import Content, SimFile, SimMagnet
from tests.benchmarks.processes import found
from tests.replicas.balanced import PASSWORD, USER, session
from tests.serving import wait_until

FOLDER = "/alldebrid/magnets/"
PACE = 3e6
"""Bytes a second of one player."""
LONGEST = 6.0
"""Seconds for which somebody plays."""
BLOCK = 64 * 1024


def film(number: int) -> SimMagnet:
    """A magnet with one file."""
    return SimMagnet(name(number), files=[SimFile(f"{name(number)}.mkv", content(number))])


def name(number: int) -> str:
    """Of a film."""
    return f"Film {number:04d} (2019) 1080p"


def content(number: int) -> Content:
    """Its bytes: more than all sockets on the way hold."""
    return Content.random(f"film {number}", 60_000_000 + 1_000_003 * (number % 7))


def place(number: int) -> str:
    """Where its file is, encoded."""
    return quote(f"{FOLDER}{name(number)}/{name(number)}.mkv")


class Refused(Exception):
    """An answer that nobody should get."""


class Seen:
    """What all of them saw. `wrong` is what nobody should see. Answers that ended early only count:
    nobody can help it where a replica is killed in the middle of one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.longest = 0.0

    def count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.counts[what] += number

    def took(self, seconds: float) -> None:
        """A request, until its answer began."""
        with self._lock:
            self.longest = max(self.longest, seconds)

    def is_wrong(self, what: str) -> None:
        with self._lock:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {what}")


class Load:
    """Who uses the server at `url` while in this context."""

    def __init__(
        self, url: str, films: int, seen: Seen, *, players: int = 4, scans: int = 2,
        mounts: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self._url = url
        self._films = films
        self._seen = seen
        self._over = threading.Event()
        self._work: list[Callable[[random.Random, requests.Session], None]] = [
            *[self._play] * players, *[self._scan] * scans,
            *[self._reader(mount) for mount in mounts],
        ]  # fmt: skip

    def __enter__(self) -> "Load":
        self._threads = [
            threading.Thread(target=self._over_and_over, args=(work, seed))
            for seed, work in enumerate(self._work)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(90)
            if thread.is_alive():
                self._seen.is_wrong("somebody waits for ever")

    def _over_and_over(
        self, work: Callable[[random.Random, requests.Session], None], seed: int
    ) -> None:
        dice = random.Random(seed)
        while not self._over.is_set():
            with session() as asking:  # now and then on a new connection
                for _ in range(5):
                    if self._over.is_set():
                        return
                    try:
                        work(dice, asking)
                    except Exception as error:  # noqa: BLE001 - whatever it is, it was seen
                        self._seen.is_wrong(f"{type(error).__name__}: {error}")

    def _ask(
        self, asking: requests.Session, status: int, method: str, path: str, **headers: str
    ) -> requests.Response:
        """An answer whose body has still to be read. Raises `Refused` where it is none."""
        began = time.monotonic()
        answer = asking.request(method, self._url + path, headers=headers, stream=True, timeout=60)
        self._seen.took(time.monotonic() - began)
        self._seen.count(method)
        if answer.status_code != status:
            with answer:
                raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _play(self, dice: random.Random, asking: requests.Session) -> None:
        """Some seconds of a film from somewhere in it, read on where an answer ends early."""
        number = dice.randrange(self._films)
        size = content(number).size
        reading = _Reading(number, dice.choice([0, dice.randrange(size), size - 40_000]))
        until = time.monotonic() + dice.uniform(0.5, LONGEST)
        while reading.at < size and time.monotonic() < until and not self._over.is_set():
            try:
                self._read(asking, reading, until)
            except requests.exceptions.ChunkedEncodingError:
                self._seen.count("streams cut and read on")

    def _read(self, asking: requests.Session, reading: "_Reading", until: float) -> None:
        """From where it is, in one request."""
        whole, first, began = content(reading.number), reading.at, time.monotonic()
        headers = {"Range": f"bytes={first}-"} | ({"If-Range": reading.tag} if reading.tag else {})
        with self._ask(asking, 206, "GET", place(reading.number), **headers) as answer:
            if reading.tag not in {"", answer.headers["ETag"]}:
                raise Refused(f"{place(reading.number)}: another ETag at another replica")
            reading.tag = answer.headers["ETag"]
            for block in answer.iter_content(BLOCK):
                if block != whole.read(reading.at, len(block)):
                    raise Refused(f"{place(reading.number)}: other bytes from {reading.at} on")
                reading.at += len(block)
                self._seen.count("bytes", len(block))
                if time.monotonic() > until or self._over.is_set():
                    return
                self._over.wait(max(0.0, (reading.at - first) / PACE - (time.monotonic() - began)))

    def _scan(self, dice: random.Random, asking: requests.Session) -> None:
        """As a media server looks through everything."""
        for path in ["/", FOLDER, quote(f"{FOLDER}{name(dice.randrange(self._films))}/")]:
            for _ in range(2):
                try:
                    with self._ask(asking, 207, "PROPFIND", path, Depth="1") as answer:
                        body = answer.content
                except requests.exceptions.ChunkedEncodingError:
                    self._seen.count("listings cut and asked again")
                    continue
                if path == FOLDER and body.count(b"<D:response>") <= self._films:
                    raise Refused(f"{path}: not all is listed")
                break
            self._over.wait(0.02)

    def _reader(self, mount: Path) -> Callable[[random.Random, requests.Session], None]:
        """Who reads parts of files in an rclone mount, and lists its folders."""

        def read(dice: random.Random, _: requests.Session) -> None:
            number = dice.randrange(self._films)
            folder = mount / "alldebrid" / "magnets"
            if len(list(folder.iterdir())) < self._films:
                raise Refused(f"{folder}: not all is listed")
            with (folder / name(number) / f"{name(number)}.mkv").open("rb", buffering=0) as file:
                file.seek(dice.randrange(content(number).size // 2))
                until = time.monotonic() + dice.uniform(0.5, LONGEST)
                while time.monotonic() < until and not self._over.is_set():
                    at = file.tell()
                    block = file.read(BLOCK)
                    if block != content(number).read(at, BLOCK):
                        raise Refused(f"{file.name}: other bytes from {at} on")
                    self._seen.count("bytes through the mount", len(block))
                    self._over.wait(BLOCK / PACE)
            self._seen.count("files read in the mount")

        return read


@dataclass
class _Reading:
    """A film, how far it was read, and its ETag."""

    number: int
    at: int
    tag: str = ""


@contextmanager
def mounted(url: str, folder: Path) -> Iterator[Path]:
    """An rclone mount of it that remembers little."""
    place = folder / "mount"
    place.mkdir()
    rclone = found("rclone")
    obscured = subprocess.run(
        [rclone, "obscure", PASSWORD], capture_output=True, text=True, check=True
    ).stdout.strip()
    environ = {
        **os.environ, "RCLONE_WEBDAV_URL": url, "RCLONE_WEBDAV_VENDOR": "other",
        "RCLONE_WEBDAV_USER": USER, "RCLONE_WEBDAV_PASS": obscured, "NO_PROXY": "127.0.0.1",
        "RCLONE_CONFIG": str(folder / "rclone.conf"), "XDG_CACHE_HOME": str(folder / "cache"),
    }  # fmt: skip
    with (folder / "rclone.log").open("ab") as log:
        process = subprocess.Popen(
            [rclone, "mount", ":webdav:", str(place), "--read-only", "--dir-cache-time", "1s",
             "--attr-timeout", "1s", "--vfs-read-chunk-size", "64M", "--buffer-size", "0", "-v"],
            env=environ, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: process.poll() is not None or (place / ".davstore-canary").exists())
        assert process.poll() is None, (folder / "rclone.log").read_text("utf-8")
        yield place
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            subprocess.run(["fusermount3", "-u", "-z", str(place)], capture_output=True)
