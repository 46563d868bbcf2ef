"""A change reaches a real rclone's mount, whose memory of folders would last an hour."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import davstore, free_port
from tests.serving import Serving, serving, wait_until

LOGIN = ("rc", "a password")


def film(title: str, year: int) -> SimMagnet:
    name = f"{title} {year} 1080p"
    files = [SimFile(f"{name}.mkv", Content.random(title, 300_000_000))]
    return SimMagnet(name, files=files, kind="movie", title=title, year=year)


@pytest.fixture(params=["forget", "refresh"])
def mounted(
    request: pytest.FixtureRequest, sim: Simulator, need: Callable[..., None], tmp_path: Path
) -> Iterator[tuple[Serving, Path]]:
    """A server with one film, which tells the rclone that has mounted it."""
    need("rclone", "fusermount3")
    sim.realdebrid.add(film("Sintel", 2010))
    port, place = free_port(), tmp_path / "mount"
    place.mkdir()
    hook = {"kind": "rclone", "url": f"http://127.0.0.1:{port}", "user": LOGIN[0],
            "password": LOGIN[1], "method": request.param, "quiet": 0}  # fmt: skip
    views = {"Movies": {"kind": "movie", "layout": "arranged"}}
    with serving(sim, tmp_path, accounts=("realdebrid",), views=views, hooks=[hook]) as server:
        command = [
            "rclone", "mount", f":webdav,url='{server.url}',vendor=other:", str(place),
            "--read-only", "--dir-cache-time", "1h", "--rc", "--rc-addr", f"127.0.0.1:{port}",
            "--rc-user", LOGIN[0], "--rc-pass", LOGIN[1],
        ]  # fmt: skip
        with subprocess.Popen(command) as rclone:
            try:
                wait_until(lambda: os.path.ismount(place), 30)
                yield server, place
            finally:
                subprocess.run(["fusermount3", "-u", "-z", str(place)])
                rclone.wait(20)


def test_what_comes_and_goes_is_seen_in_the_mount_at_once(
    mounted: tuple[Serving, Path], sim: Simulator
) -> None:
    server, place = mounted
    wait_until(lambda: films(place) == ["Sintel (2010)"])
    assert len(list((place / "realdebrid/magnets").iterdir())) == 1
    charge = sim.realdebrid.add(film("Charge", 2022))
    server.refresh("realdebrid")
    wait_until((place / "Movies/Charge (2022)/Charge (2022) - 1080p.mkv").exists, 30)
    wait_until(lambda: len(list((place / "realdebrid/magnets").iterdir())) == 2, 30)
    sim.realdebrid.remove(charge)
    server.refresh("realdebrid")
    wait_until(
        lambda: [each.name for each in (place / "Movies").iterdir()] == ["Sintel (2010)"], 30
    )


def films(place: Path) -> list[str]:
    return [each.name for each in (place / "Movies").iterdir()]


def test_the_mount_is_tested_and_told_by_hand(
    mounted: tuple[Serving, Path], tmp_path: Path
) -> None:
    config = ("-c", str(tmp_path / "davstore.toml"))
    done = davstore("notify", "--test", *config)
    assert (done.returncode, done.stdout) == (0, "rclone: rclone answers, 1 mounted\n"), done.stderr
    done = davstore("notify", "/Movies/Sintel (2010)", *config)
    assert done.stdout == "rclone: told of /Movies/Sintel (2010)\n"
    told = "rclone: has been told everything\n"
    wait_until(lambda: davstore("notify", *config).stdout == told, 30)
