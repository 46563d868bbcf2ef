"""The catalog's file becomes unreadable while davstore serves."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from davstore.catalog.database.opening import FILE_NAME
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import serving, wait_until

NAME = "Big.Buck.Bunny.2008.1080p"
FILM = "Big.Buck.Bunny.2008.1080p.mkv"


def _emptied(catalog: Path) -> None:
    """Garbage would do as well, but SQLite remembers for a while what stood there."""
    with closing(sqlite3.connect(catalog)) as connection:
        for table in ("files", "places"):
            connection.execute(f"DROP TABLE {table}")


@pytest.mark.parametrize("folder", [f"/alldebrid/magnets/{NAME}/", f"/Movies/{NAME}/"])
def test_what_cannot_be_read_is_503_and_says_why(
    sim: Simulator, tmp_path: Path, folder: str
) -> None:
    content = Content.random("film", 100 * 1024 * 1024)
    sim.alldebrid.add(SimMagnet(NAME, files=[SimFile(FILM, content)]))
    with serving(sim, tmp_path, accounts=("alldebrid",), views={"Movies": {}}) as served:
        above = folder.rstrip("/").rpartition("/")[0]
        depth = {"Depth": "1"}
        wait_until(lambda: "Bunny" in served.request("PROPFIND", above, headers=depth).text)
        _emptied(tmp_path / "state" / FILE_NAME)
        assert served.request("PROPFIND", above, headers=depth).status_code == 207
        for method, path in (
            ("PROPFIND", folder), ("GET", folder), ("GET", f"{folder}?m3u"), ("HEAD", folder),
            ("GET", folder + FILM), ("HEAD", folder + FILM), ("PROPFIND", folder + FILM),
            ("PUT", folder + "new.txt"),
        ):  # fmt: skip
            answer = served.request(method, path, headers=depth)
            assert answer.status_code == 503, (method, path, answer.text)
            assert int(answer.headers["Retry-After"]) > 0
            if method != "HEAD":
                assert answer.text.startswith("the catalog cannot be read: ")
                assert answer.text.count("\n") == 1
