"""litmus, all of it, through every door: with each login, with and without TLS and proxies."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from davstore.dav.access.people import digest_of
from davstore.simulator import Simulator
from tests.clients.conftest import PASSWORD, USER
from tests.clients.proxies import SETTINGS, proxy
from tests.conftest import Certified
from tests.serving import serving

pytestmark = pytest.mark.client

SUITES = ("basic", "copymove", "props", "locks", "http")
EVERY = ["read", "add", "delete"]
LOGINS: dict[str, list[dict[str, Any]]] = {
    "anonymous": [{"name": "anonymous", "rights": EVERY}],
    "Basic": [{"name": USER, "password": PASSWORD, "rights": EVERY}],
    "Digest": [{"name": USER, "digest": digest_of(USER, PASSWORD), "rights": EVERY}],
}


@pytest.fixture(scope="module", params=["http", "https", "nginx", "caddy"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=LOGINS)
def url(
    request: pytest.FixtureRequest,
    door: str,
    need: Callable[..., None],
    certified: Certified,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, list[str]]]:
    """Where to write, and the login."""
    need("litmus", *({door} - {"http", "https"}))
    folder = tmp_path_factory.mktemp(door)
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    server: dict[str, Any] = {"http": {}, "https": certified.settings}.get(door, SETTINGS)
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator())
        served = stack.enter_context(
            serving(
                sim, folder, accounts=("torz",), users=LOGINS[request.param], shares=shares,
                server=server, ready=False,
            )
        )  # fmt: skip
        found = served.url
        if server is SETTINGS:
            found = stack.enter_context(proxy(door, served.url, certified, folder))
        yield f"{found}scratch/", [] if request.param == "anonymous" else [USER, PASSWORD]


@pytest.mark.parametrize("suite", SUITES)
def test_litmus_passes(url: tuple[str, list[str]], suite: str, tmp_path: Path) -> None:
    place, login = url
    program = next(Path("/usr").glob(f"lib*/litmus/{suite}"))
    done = subprocess.run(
        [program, "--htdocs", "/usr/share/litmus/htdocs", place, *login],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert " 0 failed. 100.0%" in done.stdout, done.stdout
    assert "WARNING" not in done.stdout, done.stdout
