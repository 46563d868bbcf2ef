"""`davstore mount` with a real rclone and FUSE."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from davstore.mounting import is_free
from davstore.server.self_signed import SelfSigned
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore, free_port
from tests.serving import Serving, serving, wait_until

USER, PASSWORD = "anna", "a secret word"
FILM = Content.random("sintel", 20_000_000)


@pytest.fixture
def server(sim: Simulator, need: Callable[..., None], tmp_path: Path) -> Iterator[Serving]:
    """A server that wants a login, with one film, and a hook for the rclone to come."""
    need("rclone", "fusermount3")
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    hook = {"kind": "rclone", "url": f"http://127.0.0.1:{free_port()}", "quiet": 0}
    with serving(
        sim, tmp_path, accounts=("alldebrid",), user=USER, password=PASSWORD, hooks=[hook]
    ) as s:
        yield s


@contextmanager
def mounting(server: Serving, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`davstore mount`, running, with the mount beside it at mnt; killed if need be."""
    (folder / "word").write_text(PASSWORD + "\n")
    command = [
        sys.executable, "-m", "davstore", "mount", str(folder / "mnt"), "--user", USER,
        "--password-file", str(folder / "word"), "-c", str(folder / "davstore.toml"), *more,
    ]  # fmt: skip
    environ = {
        **os.environ, "DAVSTORE_SERVER__PORT": str(server.url.rsplit(":", 1)[1].strip("/")),
        "XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "200",
    }  # fmt: skip
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            subprocess.run(["fusermount3", "-u", "-z", str(folder / "mnt")], capture_output=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_mounted_is_there_once_it_says_so_and_gone_when_it_ends(
    server: Serving, tmp_path: Path, number: int
) -> None:
    place = tmp_path / "mnt"
    with mounting(server, tmp_path) as process:
        assert first_line(process) == f"{server.url} is mounted at {place}; Ctrl+C unmounts it\n"
        film = place / "alldebrid/magnets/Sintel/Sintel.mkv"
        assert film.read_bytes() == FILM.read(0, FILM.size)
        with pytest.raises(OSError, match="Read-only"):
            (place / "new").mkdir()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        told = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
        assert told
        assert not any(PASSWORD.encode() in each for each in told)
        process.send_signal(number)
        assert process.wait(20) == 0
    assert not place.is_mount()
    assert list(place.iterdir()) == []


def test_a_server_with_its_own_certificate_and_a_path_is_mounted(
    sim: Simulator, need: Callable[..., None], tmp_path: Path
) -> None:
    need("rclone", "fusermount3")
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    made = SelfSigned.made(["127.0.0.1"], datetime.now(UTC))
    (tmp_path / "both.pem").write_bytes(made.certificate + made.key)
    server = {"tls_cert": str(tmp_path / "both.pem"), "prefix": "/dav"}
    with (
        serving(sim, tmp_path, accounts=("alldebrid",), user=USER, password=PASSWORD,
                server=server) as running,
        mounting(running, tmp_path) as process,
    ):  # fmt: skip
        assert first_line(process).startswith(f"{running.url}dav/ is mounted")
        film = tmp_path / "mnt/alldebrid/magnets/Sintel/Sintel.mkv"
        wait_until(film.exists, 30)
        assert film.read_bytes() == FILM.read(0, FILM.size)


def test_a_mount_in_use_is_unmounted_too(server: Serving, tmp_path: Path) -> None:
    with mounting(server, tmp_path) as process:
        first_line(process)
        film = os.open(tmp_path / "mnt/alldebrid/magnets/Sintel/Sintel.mkv", os.O_RDONLY)
        assert len(os.read(film, 1)) == 1
        process.terminate()
        assert process.wait(20) == 0
        with suppress(OSError):  # the file system has gone
            os.close(film)
    assert not (tmp_path / "mnt").is_mount()


def test_it_is_told_of_changes_by_the_configured_hook(
    server: Serving, sim: Simulator, tmp_path: Path
) -> None:
    magnets = tmp_path / "mnt/alldebrid/magnets"
    with mounting(server, tmp_path) as process:
        first_line(process)
        assert len(list(magnets.iterdir())) == 1
        sim.alldebrid.add(SimMagnet("Spring", files=[SimFile("Spring.mkv", FILM)]))
        server.refresh("alldebrid")
        wait_until(lambda: len(list(magnets.iterdir())) == 2, 30)


def test_an_rclone_that_dies_is_told_and_what_it_leaves_is_cleared(
    server: Serving, tmp_path: Path
) -> None:
    with mounting(server, tmp_path) as process:
        first_line(process)
        child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        os.kill(int(child), signal.SIGKILL)
        assert process.wait(20) == 1
        assert list((tmp_path / "mnt").iterdir()) == []


def test_a_place_that_a_killed_mount_has_left_is_used_again(
    server: Serving, tmp_path: Path
) -> None:
    with mounting(server, tmp_path) as process:
        first_line(process)
        child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        process.kill()
        os.kill(int(child), signal.SIGKILL)
        process.wait(20)
        assert is_free(tmp_path / "mnt")
        with mounting(server, tmp_path) as again:
            assert "is mounted" in first_line(again)


def test_systemd_is_told_when_it_is_ready(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        with mounting(server, tmp_path):
            assert systemd.recv(64) == b"READY=1"
            assert (tmp_path / "mnt/alldebrid").is_dir()


def test_what_cannot_be_is_said_with_its_cure(server: Serving, tmp_path: Path) -> None:
    place = tmp_path / "place"
    login = ("--url", server.url, "--user", USER)
    said = complaint(davstore("mount", str(place), *login, stdin="wrong word\n"))
    assert "refuses the login" in said
    assert "no password for anna" in complaint(davstore("mount", str(place), *login))
    said = complaint(davstore("mount", str(place), "--url", "http://127.0.0.1:9/", "--wait", "0.1"))
    assert "cannot be reached (connection refused)" in said
    (place / "film").write_text("x")
    assert "is not empty" in complaint(davstore("mount", str(place), *login, stdin="x\n"))
