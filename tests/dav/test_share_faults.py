"""A share whose disk fails for a while, and folders in it whose names are no header's words."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from davstore.dav.writing.room import PARTIAL
from davstore.simulator import Simulator
from tests.dav.test_scratch import LIMIT, ask, share
from tests.serving import Serving


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "written"


@pytest.fixture
def served(tmp_path: Path, root: Path) -> Iterator[Serving]:
    with Simulator() as sim, share(sim, tmp_path, root, None) as running:
        yield running


def test_what_the_disk_did_not_take_takes_no_room(served: Serving, root: Path) -> None:
    (root / PARTIAL).write_bytes(b"in the way")
    for name in ("a", "b", "c"):
        assert ask(served, "PUT", name, bytes(LIMIT // 2)).status_code == 500
    (root / PARTIAL).unlink()
    assert ask(served, "PUT", "d", bytes(LIMIT // 2)).status_code == 201


@pytest.mark.parametrize(
    ("said", "is_taken"), [("1600000000.7", True), ("9" * 30, False), ("-1", False), ("x", False)]
)
def test_a_date_is_taken_or_passed_over(
    served: Serving, root: Path, said: str, is_taken: bool
) -> None:
    assert ask(served, "PUT", "a", b"x", X_OC_Mtime=said).status_code == 201
    assert ((root / "a").stat().st_mtime == 1_600_000_000) is is_taken


@pytest.mark.parametrize("name", ["日本", "é", 'a "b" c', "a\r\nX-Made-Up: b"])
def test_a_playlist_is_called_as_its_folder(served: Serving, name: str) -> None:
    assert ask(served, "MKCOL", name).status_code == 201
    answer = served.get(f"/scratch/{quote(name)}/?m3u")
    assert answer.status_code == 200
    assert "X-Made-Up" not in answer.headers
    said = answer.headers["Content-Disposition"]
    assert said.endswith(f"filename*=UTF-8''{quote(name, safe='')}.m3u")
