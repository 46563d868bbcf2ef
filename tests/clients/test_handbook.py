"""Every command in the README, typed as it stands there."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import tomli_w

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import answers, free_port
from tests.serving import wait_until
from tests.torrents import link

pytestmark = pytest.mark.client

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
FILM = Content.random("sintel", 900_000)
PASSWORD = "…"
"""What the README writes in the place of every secret, so that its lines work as they stand."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "python3 -m venv .venv && .venv/bin/pip install -q -e": ".ci/run itself",
    'python3 -m venv .venv && .venv/bin/pip install -q ".[demo]"': "below, without the installing",
    "davstore setup": "tests/test_setup.py, where somebody answers",
    "pipx install": ".ci/run installs the wheel; pipx does the same",
    "cp debian-13.torrent": "tests/clients/test_dropping_clients.py, through a mount",
    "docker compose": "no; its file is checked against its schema",
    "sudo apt-get": "no; it needs root",
    ".venv/bin/pip install": "no; half an hour of benchmarks",
}
"""What is not run here, by how it begins, and where it is."""


def commands() -> list[str]:
    """All of the shell's blocks, one by one, without comments and continued lines joined."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+#.*", "", line).strip()
            if command:
                found.append(re.sub(r"\s+", " ", command))
    return found


def here(command: str) -> bool:
    return not any(command.startswith(beginning) for beginning in ELSEWHERE)


LASTING = ("davstore serve", "davstore mount", "rclone mount")


class House:
    """Somebody's home, with a davstore that is served by the README's own command."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environ = {
            **os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config"),
            "XDG_DATA_HOME": str(folder / ".local"), "XDG_CACHE_HOME": str(folder / ".cache"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200",
            "DAVSTORE_SERVER__PORT": str(self.port), "LANG": "C.UTF-8",
        }  # fmt: skip
        config = folder / ".config/davstore/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(tomli_w.dumps({
            "accounts": {"rd": sim.realdebrid.settings},
            "users": [{"name": "anna", "password": PASSWORD, "rights": ["read", "add"]}],
        }))  # fmt: skip
        (folder / "sintel.magnet").write_text(link("1" * 40))
        (folder / "films.txt").write_text(link("2" * 40))

    def text(self, command: str) -> str:
        return command.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.text(command)], cwd=self.folder,
            env=self.environ, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", f"exec {self.text(command)}"], cwd=self.folder, env=self.environ,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture(scope="module")
def house(need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    need("rclone", "fusermount3", "curl")
    with Simulator() as sim:
        name = "Sintel 2010 1080p"
        sim.realdebrid.add(SimMagnet(name, files=[SimFile(f"{name}.mkv", FILM)]))
        house = House(sim, tmp_path_factory.mktemp("home"))
        with house.start("davstore serve") as server:
            try:
                url = f"http://127.0.0.1:{house.port}/Movies/Sintel%20(2010)/"
                login = ("anna", PASSWORD.encode().decode("latin-1"))  # requests sends Latin-1
                wait_until(lambda: answers(url, login) == 200, 60)
                yield house
            finally:
                server.terminate()


def test_what_is_run_elsewhere_is_still_there() -> None:
    for beginning in ELSEWHERE:
        assert any(command.startswith(beginning) for command in commands()), beginning


@pytest.mark.parametrize("command", [c for c in commands() if here(c)
                                     and not c.startswith(LASTING)])  # fmt: skip
def test_a_command_works_as_it_stands(house: House, command: str) -> None:
    if command.startswith(("rclone lsd", "rclone copy")):  # each must work alone too
        house.run(next(c for c in commands() if c.startswith("rclone config create")))
    said = house.run(command)
    expected = {
        "davstore check": "ready │ ok", "davstore status": "server: process",
        "davstore config": 'store = "realdebrid"', "davstore refresh": "asks rd",
        'davstore ls "/Movies"': "Sintel (2010)", "davstore views --explain": "Movies",
        "rclone lsd": "Movies", 'curl -sS -u anna:… "http': "#EXTM3U",
    }  # fmt: skip
    for beginning, words in expected.items():
        if command.startswith(beginning):
            assert words in said
    if "-o beginning" in command:
        assert (house.folder / "beginning").read_bytes() == FILM.read(0, 1024)


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith(LASTING[1:])])
def test_a_mount_shows_the_films(house: House, command: str) -> None:
    place = house.folder / "davstore"
    place.mkdir(exist_ok=True)
    if command.startswith("rclone"):
        house.run(next(c for c in commands() if c.startswith("rclone config create")))
    with house.start(command) as mount:
        try:
            film = place / "Movies/Sintel (2010)/Sintel (2010) - 1080p.mkv"
            wait_until(film.exists, 40)
            assert film.read_bytes() == FILM.read(0, FILM.size)
        finally:
            mount.terminate()
            mount.wait(20)
            subprocess.run(["fusermount3", "-u", "-z", str(place)], capture_output=True)


def test_the_demo_serves(house: House) -> None:
    port = free_port()
    with house.start(f"env -u DAVSTORE_SERVER__PORT davstore demo --port {port}") as demo:
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_until(lambda: answers(url, ("demo", "demo")) == 200, 60)
        finally:
            demo.terminate()


def test_the_soak_runs_and_finds_no_wrong_byte(house: House) -> None:
    """The soak that the README names, as short as it can be."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.soak", "--minutes", "0.1", "--rest", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert "MB read, wrong: 0" in done.stdout, done.stdout + done.stderr
    assert time.monotonic() - began < 110
