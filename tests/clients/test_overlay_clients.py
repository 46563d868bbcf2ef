"""Real clients that write sidecars beside the videos of magnets and of views."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.clients.conftest import PASSWORD, USER, Rclone
from tests.serving import Serving, serving, wait_until

pytestmark = pytest.mark.client

Need = Callable[..., None]
PLACES = ("realdebrid/magnets/Sintel (2010)", "Movies/Sintel (2010)")
VIDEO = Content.random("film", 300_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Simulator() as sim:
        sim.realdebrid.add(
            SimMagnet("Sintel (2010)", [SimFile("Sintel.mkv", VIDEO), SimFile("notes.txt", VIDEO)])
        )
        users = [{"name": USER, "password": PASSWORD, "rights": ["read", "add"]}]
        with serving(
            sim, tmp_path_factory.mktemp("state"), accounts=("realdebrid",), users=users,
            server={"overlay": True}, views={"Movies": {"layout": "arranged", "kind": ["movie"]}},
        ) as s:  # fmt: skip
            s.session.auth = (USER, PASSWORD)
            wait_until(lambda: s.get(f"/{PLACES[1]}/").status_code == 200)
            yield s


@pytest.fixture(scope="module")
def dav(served: Serving, need: Need, tmp_path_factory: pytest.TempPathFactory) -> Rclone:
    need("rclone")
    call = Rclone(str(tmp_path_factory.mktemp("rclone") / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    call("config", "create", "dav", "webdav", f"url={served.url}", "vendor=other", *login)
    return call


@pytest.fixture
def metadata(tmp_path: Path) -> Path:
    """What a media manager writes for a film."""
    folder = tmp_path / "metadata"
    for name in (
        "movie.nfo",
        "poster.jpg",
        "Sintel.de.srt",
        "extrafanart/1.jpg",
        ".actors/Emo.jpg",
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Content.random(name, 70_000).read(0, 70_000))
    return folder


@pytest.mark.parametrize("place", PLACES)
def test_rclone_copies_checks_and_deletes(
    dav: Rclone, served: Serving, metadata: Path, place: str
) -> None:
    for _ in range(2):
        dav("copy", str(metadata), f"dav:{place}", "--retries", "1", "--ignore-times")
    dav("check", "--one-way", "--download", str(metadata), f"dav:{place}")
    (metadata / "movie.nfo").write_bytes(b"<movie/>")
    dav("copy", str(metadata), f"dav:{place}", "--retries", "1")
    assert dav("cat", f"dav:{place}/movie.nfo") == "<movie/>"
    assert "Sintel" in dav("lsf", f"dav:{place}", "--include", "*.mkv")
    dav("delete", f"dav:{place}", "--exclude", "*.{mkv,txt}")
    dav("rmdir", f"dav:{place}/extrafanart")
    dav("rmdir", f"dav:{place}/.actors")
    left = dav("lsf", "-R", f"dav:{place}").splitlines()
    assert all(name.endswith((".mkv", ".txt")) for name in left)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cache", ["off", "writes", "full"])
def test_sidecars_are_written_into_a_mount(
    dav: Rclone, need: Need, metadata: Path, tmp_path: Path, place: str, cache: str
) -> None:
    need("rclone", "fusermount3")
    if not Path("/dev/fuse").exists():
        need("/dev/fuse")
    folder = tmp_path / "mount"
    folder.mkdir()
    command = dav.command(
        "mount", "dav:", str(folder), "--vfs-cache-mode", cache, "--vfs-write-back", "0s",
        "--cache-dir", str(tmp_path / "cache"),
    )  # fmt: skip
    mounted = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(folder.is_mount)
        film = folder / place
        for name in ("extrafanart", "movie.nfo", "poster.jpg"):
            subprocess.run(["cp", "-r", metadata / name, film / name], check=True)
        names = ["extrafanart/1.jpg", "movie.nfo", "poster.jpg"]
        if cache == "off":  # else rclone forgets what is renamed just as it has been uploaded
            temporary = film / "fanart.jpg.tmp"  # as Kodi writes
            shutil.copyfile(metadata / "poster.jpg", temporary)
            temporary.rename(film / "fanart.jpg")
            names.append("fanart.jpg")
        for name in ("movie.nfo", "poster.jpg", "extrafanart/1.jpg"):
            assert (film / name).read_bytes() == (metadata / name).read_bytes()
        wait_until(lambda: set(names) <= set(dav("lsf", "-R", f"dav:{place}").splitlines()))
        shutil.rmtree(film / "extrafanart")
        for name in names[1:]:
            (film / name).unlink()
        wait_until(lambda: not set(names) & set(dav("lsf", "-R", f"dav:{place}").splitlines()))
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(folder)], check=False)
        mounted.terminate()
        mounted.wait(20)
