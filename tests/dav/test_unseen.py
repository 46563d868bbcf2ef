"""What somebody may not see costs as much work as what does not exist: no clock tells of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

import pytest
from werkzeug.test import Client

from davstore.config import Share, User
from davstore.dav import Site, Users
from davstore.dav.tree.tree import Views
from davstore.model import Folder, Snapshot
from tests.dav.shelves import ADDED, folder, leaf, never_opened
from tests.dav.test_people import basic

SEEN, UNSEEN, SHARE = "seen", "kept", "desk"


class Work:
    """Counts what is asked of the catalog and the views, and Python's calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.calls = 0

    def snapshot(self, account: str) -> Snapshot:
        self.asked.append(account)
        return Snapshot(account, folder("magnets", [leaf("a.mkv")]), ADDED)

    def views(self) -> tuple[Folder, ...]:
        self.asked.append("views")
        return (Folder("View", MappingProxyType({}), ADDED),)

    @contextmanager
    def counted(self) -> Iterator[None]:
        def count(_frame: FrameType, event: str, _argument: Any) -> None:
            self.calls += event == "call"

        self.asked.clear()
        self.calls = 0
        sys.setprofile(count)
        try:
            yield
        finally:
            sys.setprofile(None)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(work: Work, tmp_path: Path) -> Iterator[Client]:
    users = Users([User.model_validate({"name": "b", "password": "b", "accounts": [SEEN]})])
    share = Share.model_validate({"kind": "scratch", "path": str(tmp_path / "share")})
    site = Site([SEEN, UNSEEN], work.snapshot, never_opened, users, {SHARE: share}, tmp_path,
                Views(["View"], work.views))  # fmt: skip
    (tmp_path / "share" / "x").mkdir(parents=True, exist_ok=True)
    yield Client(site)
    site.close()


def cost(client: Client, work: Work, method: str, path: str) -> tuple[int, list[str], int]:
    headers = {"Authorization": basic("b:b"), "Depth": "0", "Destination": "/elsewhere"}
    least = sys.maxsize
    for _ in range(4):  # the first fill what is remembered, and the collector may come between
        with work.counted():
            status = client.open(path, method=method, headers=headers).status_code
        least = min(least, work.calls)
    return status, list(work.asked), least


@pytest.mark.parametrize("method", [
    "OPTIONS", "GET", "HEAD", "PROPFIND", "PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH",
    "LOCK", "UNLOCK",
])  # fmt: skip
@pytest.mark.parametrize("rest", ["", "/", "/x", "/magnets/a.mkv"])
def test_it_costs_as_much_as_what_does_not_exist(
    client: Client, work: Work, method: str, rest: str
) -> None:
    nowhere = cost(client, work, method, f"/none{rest}")
    for name in (UNSEEN, "View", SHARE):
        status, asked, calls = cost(client, work, method, f"/{name}{rest}")
        assert (status, asked) == nowhere[:2]
        assert abs(calls - nowhere[2]) <= 0.05 * nowhere[2]
