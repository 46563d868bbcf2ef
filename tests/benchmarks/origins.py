"""The files, and the nginx that serves them: plain, over TLS, and from far away.

    with Origins(folder, videos=500) as origins:
        origins.url("https", "films/film.mkv")
        origins.sent()     # body bytes since it was asked last, all origins together

| origin | is |
|---|---|
| http, https | beside us, over loopback |
| far | https, 30 ms away |
| slow | https, 30 ms away, 10 MB/s a connection |
"""

import http.client
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

import trustme

from tests.benchmarks.processes import Program, Unfit, found, listens
from tests.commands import free_port

MiB = 1024 * 1024
NAMES = ("http", "https", "far", "slow")
ROUND_TRIP, RATE = 0.03, 10_000_000
FILM, CLIP, REEL = "films/film.mkv", "films/clip.mkv", "films/reel{:02}.mkv"
FILM_SIZE, CLIP_SIZE, REEL_SIZE, REELS = 1024 * MiB, 128 * MiB, 256 * MiB, 16
WIDE = 1000
VIDEO_SIZE = 8 * MiB
SETTLING = 10.0

_LOGGED = re.compile(rb"^sent (\d+)$", re.MULTILINE)
_CONFIG = """
daemon off;
pid {folder}/origin.pid;
error_log stderr error;
worker_processes 2;
worker_rlimit_nofile 20000;
{user}
events {{ worker_connections 8192; }}
http {{
    log_format sent "sent $body_bytes_sent";
    access_log {folder}/sent.log sent;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ video/mp4 mp4; video/x-matroska mkv; text/html html; }}
    sendfile on;
    keepalive_requests 1000000;
    autoindex on;
    root {folder}/files;
    ssl_certificate {folder}/origin.pem;
    ssl_certificate_key {folder}/origin.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:8m;
    server {{
        listen 127.0.0.1:{http} backlog=4096;
        listen 127.0.0.1:{https} ssl backlog=4096;
    }}
    server {{
        listen 127.0.0.1:{status};
        access_log off;
        stub_status;
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """One file as the origins have it: `path` below their roots, bytes."""

    path: str
    size: int


class Origins:
    """nginx and its relays over a folder of films and `videos` playable files."""

    def __init__(self, folder: Path, *, videos: int) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.films: list[Served] = []
        self.videos: list[Served] = []
        self.wide: list[Served] = []
        self._videos = videos
        self._ports = {name: free_port() for name in (*NAMES, "status")}
        self._seen = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._fill()
            self._certify()
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def url(self, origin: str, path: str = "") -> str:
        """Where `path` is at an origin."""
        scheme = "http" if origin == "http" else "https"
        return f"{scheme}://127.0.0.1:{self._ports[origin]}/{path}"

    def sent(self) -> int:
        """Body bytes sent since the last call, once nothing is being sent any more.

        What a kernel took for a client that then left is counted too, as with any server.
        Raises `Unfit` where something goes on being sent.
        """
        deadline = time.monotonic() + SETTLING
        while self._writing() > 1:  # the question itself is one
            if time.monotonic() > deadline:
                raise Unfit(f"the origin still sends after {SETTLING:.0f} s")
            time.sleep(0.1)
        with (self.folder / "sent.log").open("rb") as log:
            log.seek(self._seen)
            fresh = log.read()
        self._seen += len(fresh)
        return sum(map(int, _LOGGED.findall(fresh)))

    def _writing(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["status"], timeout=5)
        try:
            connection.request("GET", "/")
            match = re.search(rb"Writing: (\d+)", connection.getresponse().read())
        finally:
            connection.close()
        return int(match[1]) if match else 0

    def _fill(self) -> None:
        """Random bytes, so that no server gains by a page of zeros; equal files share theirs."""
        root = self.folder / "files"
        for path, size in ((FILM, FILM_SIZE), (CLIP, CLIP_SIZE), (REEL.format(1), REEL_SIZE)):
            _random(root / path, size)
            self.films.append(Served(path, size))
        for number in range(2, REELS + 1):
            self.films.append(_linked(root, REEL.format(1), REEL.format(number)))
        _random(root / "wide/0001.mkv", 64 * 1024)
        self.wide.append(Served("wide/0001.mkv", 64 * 1024))
        for number in range(2, WIDE + 1):
            self.wide.append(_linked(root, "wide/0001.mkv", f"wide/{number:04}.mkv"))
        if self._videos and (kinds := _make_videos(root / "kinds")):
            for number in range(self._videos):
                kind = kinds[number % len(kinds)]
                path = f"videos{number // 100 + 1}/video{number + 1:04}{kind.suffix}"
                self.videos.append(_linked(root, f"kinds/{kind.name}", path))

    def _certify(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca))
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self.folder / "origin.pem"))

    def _start(self) -> None:
        user = "user root root;" if os.geteuid() == 0 else ""
        config = self.folder / "origin.conf"
        config.write_text(_CONFIG.format(folder=self.folder, user=user, **self._ports))
        nginx = self._program("origin", found("nginx"), "-c", config, "-e", "stderr")
        nginx.await_that(lambda: listens(self._ports["https"]), "the origin")
        for name, rate in (("far", 0), ("slow", RATE)):
            relay = self._program(
                name, sys.executable, "-m", "tests.benchmarks.relay",
                self._ports[name], self._ports["https"],
                "--round-trip", ROUND_TRIP, "--rate", rate,
            )  # fmt: skip
            relay.await_that(lambda name=name: listens(self._ports[name]), "the relay")  # type: ignore[misc]

    def _program(self, name: str, *command: object) -> Program:
        log = self.folder / f"{name}.log"
        words = [str(word) for word in command]
        return self._stack.enter_context(Program(words, log, files=20000))


def scratch() -> Path:
    """A new folder, in memory where there is room: the disk is not what is measured."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 4 * FILM_SIZE
    return Path(mkdtemp(prefix="davstore-benchmark-", dir=shared if roomy else None))


def _random(target: Path, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for _ in range(0, size, 16 * MiB):
            file.write(os.urandom(min(size, 16 * MiB)))


def _linked(root: Path, known: str, path: str) -> Served:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    os.link(root / known, root / path)
    return Served(path, (root / path).stat().st_size)


def _make_videos(folder: Path) -> list[Path]:
    """One of each kind that players treat differently, somewhat larger than 8 MiB.

    An mp4 with its index in front, one with it at the end, an mkv; none without ffmpeg.
    """
    try:
        found("ffmpeg")
    except Unfit:
        return []
    folder.mkdir(parents=True)
    targets = [folder / name for name in ("front.mp4", "end.mp4", "plain.mkv")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(_make_video, targets))
    return targets


def _make_video(target: Path) -> None:
    seconds, rate = 20, VIDEO_SIZE * 8 // 20
    picture = f"testsrc2=size=640x360:rate=25:duration={seconds},noise=alls=60:allf=t"
    command = [
        found("ffmpeg"), "-nostdin", "-loglevel", "error", "-y",
        "-f", "lavfi", "-i", picture,
        "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={seconds}",
        *(["-movflags", "+faststart"] if target.stem == "front" else []),
        "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p",
        "-b:v", str(rate), "-minrate", str(rate), "-maxrate", str(rate), "-bufsize", str(rate),
        "-c:a", "aac", "-b:a", "96k", str(target),
    ]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if made.returncode != 0:
        raise Unfit(f"ffmpeg made no video: {made.stderr[-300:]}")
