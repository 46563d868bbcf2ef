"""Real WebDAV clients against the running demo. Nothing here is skipped in CI."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from webdav3.client import Client

from davstore.simulator import Content, Simulator
from tests.clients.conftest import PASSWORD, USER, Rclone, run
from tests.serving import ACCOUNTS, Serving, wait_until

pytestmark = pytest.mark.client

Need = Callable[..., None]


def true_sums(sim: Simulator) -> list[str]:
    """The SHA-256 of everything that can be read, as the simulator knows it."""
    sums: dict[int, str] = {}
    found = []
    for account in ACCOUNTS:
        service = getattr(sim, account)
        for id_, magnet in service.library:
            if magnet.status != "ready":
                continue
            for _, file in service.downloads(id_):
                content: Content = file.content
                if id(content) not in sums:
                    sums[id(content)] = content.sha256()
                found.append(sums[id(content)])
    return sorted(found)


NOT_COMING = ("--exclude", "/*/incoming/**", "--exclude", "/.davstore-canary")


@pytest.fixture(scope="module")
def listed(demo_library: Simulator, rclone: Rclone) -> list[str]:
    """Every path of the demo, once all sizes are known."""
    rows: list[dict[str, object]] = []

    def complete() -> bool:
        rows[:] = json.loads(rclone("lsjson", "-R", "--files-only", "dav:", *NOT_COMING))
        return len(rows) == len(true_sums(demo_library)) and all(r["Size"] != -1 for r in rows)

    wait_until(complete, 30)
    return [str(row["Path"]) for row in rows]


@pytest.fixture
def mounted(
    demo: Serving,
    listed: list[str],
    rclone: Rclone,
    need: Need,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Path]:
    need("rclone", "fusermount3")
    place = tmp_path / "mnt"
    place.mkdir()
    cache = ["--cache-dir", str(tmp_path / "cache"), "--vfs-cache-mode", request.param]
    command = rclone.command("mount", "dav:", str(place), "--read-only", *cache)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.ismount(place), 30)
        yield place
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(place)])
        process.wait(20)


def test_rclone_lists_every_account_and_file(listed: list[str], demo_library: Simulator) -> None:
    assert {path.partition("/")[0] for path in listed} == set(ACCOUNTS)
    assert len(listed) == len(set(listed)) == len(true_sums(demo_library))


def test_the_bytes_of_every_file_are_the_simulators(
    listed: list[str], demo_library: Simulator, rclone: Rclone
) -> None:
    lines = rclone("hashsum", "sha256", "--download", "dav:", *NOT_COMING).splitlines()
    assert sorted(line.split()[0] for line in lines) == true_sums(demo_library)


def test_rclone_checks_a_copy_as_equal(listed: list[str], rclone: Rclone, tmp_path: Path) -> None:
    source = "dav:realdebrid/magnets/Big Buck Bunny (2008)"
    rclone(
        "copy", source, str(tmp_path), "--multi-thread-cutoff", "10k", "--multi-thread-streams", "4"
    )
    rclone("check", "--download", source, str(tmp_path))


def test_rclone_reads_from_an_offset(listed: list[str], rclone: Rclone) -> None:
    path = "dav:realdebrid/magnets/debian-12.11.0-amd64-netinst/debian-12.11.0-amd64-netinst.iso"
    command = rclone.command("cat", "--offset", "1234567", "--count", "4321", path)
    got = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    content = Content.random("debian-12.11.0-amd64-netinst.iso", 300 * 10**6)
    assert got == content.read(1234567, 4321)


@pytest.mark.parametrize("mounted", ["off", "full"], indirect=True)
def test_a_video_plays_and_seeks_through_a_mount(mounted: Path, need: Need) -> None:
    need("ffprobe", "ffmpeg")
    films = [p for p in mounted.rglob("*") if p.suffix in {".mkv", ".mp4"}]
    assert len({p.relative_to(mounted).parts[0] for p in films}) == len(ACCOUNTS)
    for film in films:
        seconds = run(
            "ffprobe",
            "-v",
            "error",
            "-show_entries",
            "format=duration",
            "-of",
            "csv=p=0",
            str(film),
        )
        assert float(seconds) > 1
        run(
            "ffmpeg",
            "-v",
            "error",
            "-ss",
            str(float(seconds) / 2),
            "-i",
            str(film),
            "-frames:v",
            "1",
            "-f",
            "null",
            "-",
        )


@pytest.mark.parametrize("mounted", ["full"], indirect=True)
def test_a_player_plays_from_the_middle(mounted: Path, need: Need) -> None:
    need("mpv")
    film = mounted / "realdebrid/magnets/Big Buck Bunny (2008)/Big.Buck.Bunny.2008.mkv"
    said = run(
        "mpv",
        "--no-config",
        "--vo=null",
        "--ao=null",
        "--untimed",
        "--start=2",
        "--frames=20",
        "--msg-level=all=info",
        str(film),
    )
    assert "subrip" in said


@pytest.mark.parametrize("mounted", ["full"], indirect=True)
def test_bytes_read_through_a_mount_at_random_are_the_files(mounted: Path) -> None:
    name = "debian-12.11.0-amd64-netinst"
    content = Content.random(f"{name}.iso", 300 * 10**6)
    with (mounted / f"realdebrid/magnets/{name}/{name}.iso").open("rb") as file:
        for offset in (299_999_000, 5, 150_000_001, 77_777):
            file.seek(offset)
            assert file.read(1000) == content.read(offset, 1000)


def litmus(url: str, suite: str, folder: Path) -> str:
    """What litmus prints of one suite; it leaves its traces in `folder`."""
    return subprocess.run(
        ["litmus", "-k", url, USER, PASSWORD],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "TESTS": suite},
    ).stdout


def test_litmus_is_refused_properly_where_it_would_write(
    demo: Serving, need: Need, tmp_path: Path
) -> None:
    """Each suite begins by making its own folder: more than that a read-only tree cannot pass."""
    need("litmus")
    for suite in ("http", "basic"):
        said = litmus(demo.url, suite, tmp_path)
        assert "init.................. pass" in said, said
        assert "403 Forbidden" in said, said
    assert demo.get("/").status_code == 200


def test_webdavclient3_lists_asks_and_downloads(demo: Serving, tmp_path: Path) -> None:
    client = Client(
        {"webdav_hostname": demo.url, "webdav_login": USER, "webdav_password": PASSWORD}
    )
    folder = "/realdebrid/magnets/Big Buck Bunny (2008)"
    assert client.check(folder)
    assert "Big.Buck.Bunny.2008.mkv" in client.list(folder)
    film = f"{folder}/Big.Buck.Bunny.2008.mkv"
    info = client.info(film)
    client.download_sync(film, str(tmp_path / "film.mkv"))
    got = (tmp_path / "film.mkv").read_bytes()
    assert int(info["size"]) == len(got)
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(demo.get(film).content).hexdigest()


def test_cadaver_lists_and_fetches(demo: Serving, need: Need, tmp_path: Path) -> None:
    need("cadaver")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    commands = 'cd "realdebrid/magnets/Big Buck Bunny (2008)"\nls\nget cover.jpg\nquit\n'
    done = subprocess.run(
        ["cadaver", demo.url],
        input=commands,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert "Big.Buck.Bunny.2008.mkv" in done.stdout, done.stdout
    assert (tmp_path / "cover.jpg").stat().st_size == 40_000
