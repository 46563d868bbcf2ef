"""A long film from each kind of account, with something going wrong every few hundred KiB."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.simulator.site import Site
from tests.serving import ACCOUNTS, Serving, serving, wait_until
from tests.stream.test_resuming import mendable

SIZE = 9_000_001
CONTENT = Content.random("tears", SIZE)


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    for account in ACCOUNTS:
        files = [SimFile("Tears of Steel.mp4", CONTENT)]
        getattr(sim, account).add(
            SimMagnet("Tears of Steel", files=files, title="Tears of Steel", year=2012)
        )
    with serving(sim, tmp_path) as running:
        yield running


def path(account: str) -> str:
    year = " (2012)" if account == "plank" else ""
    return quote(f"/{account}/magnets/Tears of Steel{year}/Tears of Steel{year}.mp4")


def host(sim: Simulator, account: str) -> Site:
    return sim.plank if account == "plank" else sim.host


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_long_film_is_right_to_the_last_byte(
    served: Serving, sim: Simulator, account: str
) -> None:
    wait_until(lambda: served.request("HEAD", path(account)).headers.get("Content-Length"))
    faults = mendable(random.Random(ACCOUNTS.index(account)), 20)
    for fault in faults:
        fault.path = "/stream" if account == "plank" else ""
    host(sim, account).faults.add(*faults)
    digest = hashlib.sha256()
    with served.get(path(account), stream=True) as answer:
        for block in answer.iter_content(1 << 16):
            digest.update(block)
    assert digest.hexdigest() == CONTENT.sha256()
    assert len(host(sim, account).faults) < 10
