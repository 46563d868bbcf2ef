"""Players, mounts and a browser on a film whose upstream misbehaves."""

import hashlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.clients.conftest import run
from tests.clients.test_browser import browsed
from tests.serving import Serving, serving, wait_until

pytestmark = pytest.mark.client

Need: TypeAlias = Callable[..., None]
SECONDS = 40
ACCOUNTS = ("realdebrid", "alldebrid", "torz")


@pytest.fixture(scope="module")
def film(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some tens of megabytes, with its index at the end."""
    need("ffmpeg")
    path = tmp_path_factory.mktemp("film") / "Sintel.mp4"
    run(
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i",
        f"testsrc2=size=1280x720:rate=25:duration={SECONDS}", "-f", "lavfi", "-i",
        f"sine=440:duration={SECONDS}", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "14",
        "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
    )  # fmt: skip
    assert path.stat().st_size > 20_000_000
    return path


@pytest.fixture
def served(film: Path, tmp_path: Path) -> Iterator[tuple[Serving, Simulator]]:
    with Simulator() as sim:
        for account in ACCOUNTS:
            files = [SimFile("Sintel.mp4", Content.of(film))]
            getattr(sim, account).add(SimMagnet("Sintel", files=files))
        with serving(sim, tmp_path, accounts=ACCOUNTS) as server:
            wait_until(
                lambda: all(server.request("HEAD", path(a)).status_code == 200 for a in ACCOUNTS)
            )
            yield server, sim


def path(account: str) -> str:
    return f"/{account}/magnets/Sintel/Sintel.mp4"


def url(server: Serving, account: str = "realdebrid") -> str:
    return server.url.rstrip("/") + path(account)


@contextmanager
def misbehaving(sim: Simulator) -> Iterator[None]:
    """Links expire and connections break again and again, until the end."""
    over = threading.Event()

    def misbehave() -> None:
        while not over.wait(0.3):
            sim.host.expire_all()
            sim.host.faults.add(Fault("cut", at_bytes=300_000), Fault("reset", at_bytes=900_000))

    thread = threading.Thread(target=misbehave)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sim.host.faults.clear()


@contextmanager
def mounted(server: Serving, place: Path, mode: str) -> Iterator[Path]:
    place.mkdir()
    cache = ["--vfs-cache-mode", mode, "--cache-dir", str(place.with_name("cache"))]
    remote = f":webdav,url='{server.url}',vendor=other:"
    with subprocess.Popen(["rclone", "mount", remote, str(place), "--read-only", *cache]) as mount:
        try:
            wait_until(lambda: os.path.ismount(place), 30)
            yield place
        finally:
            subprocess.run(["fusermount3", "-u", "-z", str(place)])
            mount.wait(20)


def played_whole(source: str) -> None:
    """ffmpeg decodes every frame and complains of none."""
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", source, "-map", "0", "-f", "null", "-"],
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("mode", ["off", "full"])
def test_a_whole_film_is_decoded_through_a_mount_while_links_expire(
    served: tuple[Serving, Simulator], need: Need, tmp_path: Path, mode: str
) -> None:
    need("rclone", "fusermount3", "ffmpeg")
    server, sim = served
    with mounted(server, tmp_path / "mount", mode) as place, misbehaving(sim):
        played_whole(str(place / "realdebrid/magnets/Sintel/Sintel.mp4"))


def test_a_whole_film_is_decoded_over_http_while_links_expire(
    served: tuple[Serving, Simulator], need: Need
) -> None:
    need("ffmpeg")
    server, sim = served
    with misbehaving(sim):
        for account in ACCOUNTS:
            played_whole(url(server, account))


def test_a_player_plays_and_seeks_over_http(served: tuple[Serving, Simulator], need: Need) -> None:
    need("mpv")
    server, sim = served
    with misbehaving(sim):
        said = run(
            "mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", "--start=30",
            "--length=3", "--msg-level=all=v", url(server),
        )  # fmt: skip
    assert "finished playback, success" in said
    [at] = re.findall(r"playback restart complete @ (\d+\.\d+)", said)[:1]
    assert 29.5 <= float(at) <= 30.5


def test_a_slow_reader_gets_every_byte(
    served: tuple[Serving, Simulator], need: Need, film: Path, tmp_path: Path
) -> None:
    need("curl")
    server, sim = served
    with misbehaving(sim):
        run("curl", "-sS", "--limit-rate", "12M", "-o", str(tmp_path / "got"), url(server))
    assert digest(tmp_path / "got") == digest(film)


def test_a_reader_that_stops_and_goes_on_gets_every_byte(
    served: tuple[Serving, Simulator], need: Need, film: Path, tmp_path: Path
) -> None:
    need("curl")
    server, sim = served
    command = ["curl", "-sS", "--limit-rate", "20M", "-o", str(tmp_path / "got"), url(server)]
    with subprocess.Popen(command) as reader:
        for _ in range(3):
            time.sleep(0.4)
            reader.send_signal(19)  # SIGSTOP
            time.sleep(0.6)
            sim.host.expire_all()
            reader.send_signal(18)  # SIGCONT
        assert reader.wait(60) == 0
    assert digest(tmp_path / "got") == digest(film)


PAGE = """<!doctype html><title>…</title><video id=v muted preload=auto src="{url}"></video>
<script>
const video = document.getElementById("v"), seen = [];
const done = text => {{ document.body.append("seen: " + text); document.title = "done"; }};
video.onerror = () => done("error " + video.error.message);
video.onloadedmetadata = () => {{ video.currentTime = 35; }};
video.onseeked = () => {{
  seen.push(video.currentTime.toFixed(0));
  if (seen.length === 1) video.currentTime = 3;
  else done(seen.join(" ") + " of " + video.duration.toFixed(0));
}};
</script>"""


def test_a_browser_seeks_in_a_video(
    served: tuple[Serving, Simulator], need: Need, tmp_path: Path
) -> None:
    need("chromium")
    server, _ = served
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(url=url(server)), "utf-8")
    said, complaints = browsed(page.as_uri(), tmp_path / "profile", "--virtual-time-budget=20000")
    assert f"seen: 35 3 of {SECONDS}" in said, complaints


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
