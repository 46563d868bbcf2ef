"""The README and the code say the same."""

import re
from pathlib import Path

import pytest
from pydantic import ByteSize
from typer.main import get_command

from davstore.cli.main import app
from davstore.config import LogSettings, ServerSettings, Share, StreamSettings, User
from davstore.config.hooks import KINDS
from davstore.config.views import ViewSettings
from davstore.stores import STORES

HOUSE = Path(__file__).parent.parent
README = (HOUSE / "README.md").read_text("utf-8")


def test_every_command_is_documented() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    documented = set(re.findall(r"^\| `davstore ([\w-]+)", README, re.MULTILINE))
    assert documented == commands


@pytest.mark.parametrize(
    "key",
    [f"server.{name}" for name in ServerSettings.model_fields]
    + [f"stream.{name}" for name in StreamSettings.model_fields]
    + [f"log.{name}" for name in LogSettings.model_fields]
    + [f"users.{name}" for name in User.model_fields]
    + [f"shares.{name}" for name in Share.model_fields]
    + [f"views.{field.alias or name}" for name, field in ViewSettings.model_fields.items()]
    + sorted({f"hooks.{name}" for kind in KINDS.values() for name in kind.model_fields}),
)
def test_every_setting_is_documented(key: str) -> None:
    assert re.search(rf"^\| `{re.escape(key)}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("picture", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README))
def test_every_picture_is_there_and_small(picture: str) -> None:
    assert 0 < (HOUSE / picture).stat().st_size < 80_000


def test_every_link_within_leads_to_a_heading() -> None:
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S), re.M
    )
    anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


@pytest.mark.parametrize("store", STORES)
def test_every_store_is_documented_with_all_its_keys(store: str) -> None:
    row = re.search(rf"^\| `{store}` \|(.*)\|$", README, re.MULTILINE)
    assert row, f"{store} has no row"
    documented = set(re.findall(r"`([a-z_]+)`", row[1]))
    keys = set(STORES[store].settings.model_fields) - {
        "store",
        "connections",
        "read_ahead",
        "delete",
        "delete_after",
    }
    assert keys <= documented, f"missing: {keys - documented}"


@pytest.mark.parametrize(
    "option",
    [
        "--port",
        "--password",
        "-R",
        "--refresh",
        "--config",
        "--explain",
        "--json",
        "--category",
        "--season",
        "--episode",
        "--add",
        "--to",
        "--reset",
        "--files",
        "--account",
        "--folder",
        "--replace",
        "--digest",
        "--test",
        "--hook",
        "--url",
        "--writable",
    ],
)
def test_the_named_options_exist(option: str) -> None:
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    options = {name for c in commands for p in c.params for name in (*p.opts, *p.secondary_opts)}
    assert option in options
    assert option in README


def test_the_default_settings_are_the_documented_ones() -> None:
    for name, field in ServerSettings.model_fields.items():
        row = re.search(rf"^\| `server\.{name}` \|.*\| (.*?) \|$", README, re.MULTILINE)
        assert row
        if field.default_factory is None and field.default not in {None, "", ()}:
            assert row[1] == f"`{written(field.default)}`"


def written(default: object) -> str:
    """A default as one would write it in TOML."""
    if isinstance(default, ByteSize):
        return default.human_readable().replace(".0", "")
    return str(default).lower() if isinstance(default, bool) else str(default)
