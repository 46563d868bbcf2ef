"""By what davstores know whether their settings are the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from davstore.catalog.database.members import FOLDERS, Member, disagreements
from davstore.dav.writing.disk import mark, sweep
from davstore.server.agreeing import member
from tests.serving import settings

GIVEN: dict[str, Any] = {
    "server": {"state_url": "postgresql+psycopg://davstore@db/davstore", "refresh": 60},
    "accounts": {
        "rd": {"store": "realdebrid", "token": "first"},
        "ad": {"store": "alldebrid", "token": "second"},
    },
    "users": [{"name": "anna", "password": "a secret word"}],
    "shares": {"notes": {"kind": "scratch", "path": "/srv/notes"}},
    "views": {"Movies": {"kind": "movie"}},
}


def other(folder: Path, **changes: Any) -> list[str]:
    """In what a davstore with these `changes` differs."""
    return written(folder).other_settings(written(folder, **changes))


def written(folder: Path, **changes: Any) -> Member:
    """As whom a davstore with these settings is known."""
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(GIVEN | changes), "utf-8")
    return member(settings(path))


def test_the_same_settings_are_the_same(tmp_path: Path) -> None:
    assert other(tmp_path) == []


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("accounts", {"rd": {"store": "realdebrid", "token": "another"}}),
        ("accounts", {"rd": GIVEN["accounts"]["rd"]}),
        ("accounts", dict(reversed(GIVEN["accounts"].items()))),
        ("users", [{"name": "anna", "password": "another word"}]),
        ("users", [{"name": "anna", "password": "a secret word", "rights": ["read", "add"]}]),
        ("shares", {}),
        ("views", {"Movies": {"kind": "movie", "layout": "flat"}}),
    ],
)
def test_what_differs_is_known_by_its_part(tmp_path: Path, part: str, change: Any) -> None:
    assert other(tmp_path, **{part: change}) == [part]


def test_what_is_each_machines_own_may_differ(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n", "utf-8")
    accounts = GIVEN["accounts"] | {
        "rd": {"store": "realdebrid", "token_file": str(tmp_path / "token"), "connections": 3}
    }
    shares = {"notes": {"kind": "scratch", "path": "/mnt/notes"}}
    server = GIVEN["server"] | {"port": 9000, "host": "127.0.0.2"}
    assert other(tmp_path, accounts=accounts, shares=shares, server=server) == []
    slower = GIVEN["server"] | {"refresh": 300}
    assert other(tmp_path, server=slower) == ["settings"]


def test_shares_are_told_by_their_folders_wherever_these_are_mounted(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "mounted").symlink_to("one")

    def at(place: str) -> dict[str, Any]:
        return {"notes": {"kind": "scratch", "path": str(tmp_path / place)}}

    assert mark(tmp_path / "one") == ""
    for place in ("one", "two", "one"):
        assert mark(tmp_path / place, new=True) == mark(tmp_path / place) != ""
    sweep(tmp_path / "one", lambda: 1e12)
    told = {place: written(tmp_path, shares=at(place)) for place in ("one", "mounted", "two")}
    assert told["one"].other_settings(told["mounted"]) == []
    assert told["one"].other_settings(told["two"]) == [FOLDERS]
    (said,) = disagreements(told["one"], [replace(told["two"], name="nas2:8080")], 0.0)
    assert "mount the same folder on both" in said


def test_no_secret_can_be_told_from_it(tmp_path: Path) -> None:
    said = written(tmp_path).task
    assert not any(secret in said for secret in ("first", "second", "secret", "anna"))
    assert all(len(digest) == 4 for digest in written(tmp_path).settings.values())
