"""A running demo for real clients, and the rule that CI has them all."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from davstore.simulator import Simulator
from tests.serving import Serving, serving

USER, PASSWORD = "demo", "demo"


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo's videos are, once they are made."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def demo_library(media: Path) -> Iterator[Simulator]:
    """Its own for each file of tests: people's browsers add and remove things."""
    with Simulator.demo(media) as sim:
        yield sim


@pytest.fixture(scope="module")
def demo(demo_library: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(demo_library, tmp_path_factory.mktemp("state"), user=USER, password=PASSWORD) as s:
        yield s


@pytest.fixture(scope="module")
def writable(
    demo_library: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """A server with a place to write, at /scratch/."""
    folder = tmp_path_factory.mktemp("writable")
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    with serving(
        demo_library, folder, accounts=("torz",), user=USER, password=PASSWORD, shares=shares
    ) as s:
        yield s


@dataclass(frozen=True)
class Rclone:
    """Runs rclone against the demo as the remote `dav:`."""

    config: str

    def command(self, *arguments: str) -> list[str]:
        return ["rclone", *arguments, "--config", self.config]

    def __call__(self, *arguments: str) -> str:
        return run(*self.command(*arguments))


@pytest.fixture(scope="module")
def rclone(
    demo: Serving, need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Rclone:
    need("rclone")
    call = Rclone(str(tmp_path_factory.mktemp("rclone") / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    call("config", "create", "dav", "webdav", f"url={demo.url}", "vendor=other", *login)
    return call


def run(*command: str, cwd: Path | None = None, timeout: float = 100) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=cwd)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout
