"""The commands in processes of their own, as a person types them."""

import socket
import subprocess

import requests

from tests.programs import ran


def davstore(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return ran(arguments, stdin, COLUMNS="200", **environ)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command says: one line a problem, never a traceback."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def answers(url: str, login: tuple[str, str]) -> int:
    """The status with which a server answers; 0 where it does not yet."""
    try:
        return requests.get(url, auth=login, timeout=5).status_code
    except requests.ConnectionError:
        return 0


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
