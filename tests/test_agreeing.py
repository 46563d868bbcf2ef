"""By what davstores know whether their settings are the same."""

from pathlib import Path
from typing import Any

import pytest
import tomli_w

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
    found = []
    for at, given in enumerate((GIVEN, GIVEN | changes)):
        path = folder / f"{at}.toml"
        path.write_text(tomli_w.dumps(given), "utf-8")
        found.append(member(settings(path)))
    return found[0].other_settings(found[1])


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


def test_no_secret_can_be_told_from_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(GIVEN), "utf-8")
    said = member(settings(path)).task
    assert not any(secret in said for secret in ("first", "second", "secret", "anna"))
    assert all(len(digest) == 4 for digest in member(settings(path)).settings.values())
