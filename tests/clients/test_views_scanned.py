"""What a media server does with the views: walk a mount, probe every video's head and tail."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davstore.simulator import Simulator
from tests.clients.conftest import run
from tests.serving import Serving, serving, wait_until

pytestmark = pytest.mark.client

VIEWS = {
    "Movies": {"kind": "movie", "layout": "arranged"},
    "Shows": {"kind": ["show", "anime"], "layout": "arranged"},
    "Everything": {},
}
EXPECTED = Path(__file__).with_name("demo_views.txt").read_text("utf-8").splitlines()
VIDEOS = {".mkv", ".mp4"}
# Of two namesakes the one that was known first has the plain name.
_LATER = re.compile(r" (\([0-9a-f]{6}\)|- (MKV|MP4))(?=[/.])")


@pytest.fixture(scope="module")
def arranged(
    demo_library: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    with serving(demo_library, tmp_path_factory.mktemp("arranged"), views=VIEWS) as served:
        yield served


@pytest.fixture(scope="module")
def mount(
    arranged: Serving, need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    need("rclone", "fusermount3", "ffprobe")
    place, cache = tmp_path_factory.mktemp("views"), tmp_path_factory.mktemp("cache")
    remote = f":webdav,url='{arranged.url}',vendor=other:"
    command = ["rclone", "mount", remote, str(place), "--read-only", "--dir-cache-time", "1s",
               "--cache-dir", str(cache), "--config", str(cache / "none.conf")]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.ismount(place), 30)
        yield place
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(place)])
        process.wait(20)


def walked(mount: Path) -> list[str]:
    found = (path for view in VIEWS for path in (mount / view).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(mount)) for path in found)


@pytest.fixture(scope="module")
def found(mount: Path) -> list[str]:
    """Everything, once it is known how large it is."""
    wait_until(lambda: len(walked(mount)) >= len(EXPECTED), 60)
    videos = [path for path in walked(mount) if Path(path).suffix in VIDEOS]
    wait_until(lambda: all((mount / path).stat().st_size > 0 for path in videos), 30)
    return walked(mount)


def plain(paths: list[str]) -> list[str]:
    return sorted(_LATER.sub("", path) for path in paths)


def test_every_film_and_episode_stands_under_its_expected_name(found: list[str]) -> None:
    assert plain(found) == EXPECTED


def test_every_video_of_a_library_can_be_probed(mount: Path, found: list[str]) -> None:
    videos = [mount / path for path in found if path.startswith(("Movies/", "Shows/"))]
    for video in (path for path in videos if path.suffix in VIDEOS):
        shown = ["-show_entries", "format=duration", "-of", "csv=p=0"]
        assert float(run("ffprobe", "-v", "error", *shown, str(video))) > 1
        with video.open("rb") as file:
            file.seek(-64 * 1024, os.SEEK_END)
            assert len(file.read()) == 64 * 1024
