"""`[[hooks]]` and `davstore notify`, as an owner meets them."""

from pathlib import Path
from typing import Any

import pytest

from davstore import config
from davstore.errors import ConfigError
from davstore.simulator import Simulator
from tests.commands import complaint, davstore
from tests.hooks.receivers import TOKEN, Plex, Taking, running
from tests.serving import settings, write_config

MAP = {"/Movies": "/mnt/media/Movies"}


def problems(sim: Simulator, folder: Path, *hooks: Any) -> str:
    path = write_config(sim, folder, accounts=("alldebrid",), hooks=list(hooks))
    with pytest.raises(ConfigError) as caught:
        settings(path)
    return str(caught.value)


def test_each_problem_is_named_with_its_cure(sim: Simulator, tmp_path: Path) -> None:
    said = problems(
        sim, tmp_path,
        {"kind": "plexx"},
        {"url": "http://127.0.0.1"},
        {"kind": "jellyfin", "token": TOKEN},
        {"kind": "emby", "map": MAP},
        {"kind": "rclone", "url": "ftp://host", "quite": 3},
        {"kind": "webhook", "url": "http://h/?key=hidden", "secret": "short-hidden"},
        {"kind": "command", "command": [], "map": {"Movies": "/x"}},
        {"kind": "rclone", "name": "open", "password": "hidden"},
    )  # fmt: skip
    for expected in (
        "hooks.0.kind: 'plexx' is not known; did you mean plex?",
        "hooks.1.kind: is missing; one of rclone",
        "hooks.2: needs a map",
        "hooks.3: needs a token",
        "hooks.4.url: is no http or https URL",
        "hooks.4.quite: is not known; did you mean quiet?",
        "hooks.5.secret: is wrong",
        "hooks.6.map: has 'Movies', which is no path here",
        "hooks.7: has a password and no user; rclone needs both, or neither",
    ):
        assert expected in said, said
    assert "hidden" not in said


def test_two_hooks_of_a_kind_need_names(sim: Simulator, tmp_path: Path) -> None:
    hook = {"kind": "rclone"}
    assert "hooks.1.name: 'rclone' stands there twice" in problems(sim, tmp_path, hook, hook)


def test_secrets_of_hooks_are_masked(sim: Simulator, tmp_path: Path) -> None:
    hooks = [
        {"kind": "webhook", "url": "http://h/?key=hidden", "secret": "hidden" * 4},
        {"kind": "plex", "token": "hidden", "map": MAP},
        {"kind": "rclone", "user": "anna", "password": "hidden"},
    ]
    shown = config.effective(
        settings(write_config(sim, tmp_path, accounts=("alldebrid",), hooks=hooks))
    )
    assert "hidden" not in shown
    assert 'kind = "plex"' in shown


def test_notify_tests_each_hook_and_fails_where_one_cannot_be_told(
    sim: Simulator, tmp_path: Path
) -> None:
    with running(Plex) as plex, running(Taking) as told:
        hooks = [{"kind": "plex", "url": plex.url, "token": TOKEN, "map": MAP},
                 {"kind": "webhook", "url": told.url},
                 {"kind": "webhook", "name": "away", "url": "http://127.0.0.1:9"}]  # fmt: skip
        path = str(write_config(sim, tmp_path, accounts=("alldebrid",), hooks=hooks))
        done = davstore("notify", "--test", "-c", path)
        assert done.returncode == 1
        assert "plex: Plex answers, libraries Films, Series" in done.stdout
        assert "webhook: the webhook took a plain test" in done.stdout
        assert "away: cannot be reached (connection refused)" in done.stdout
        done = davstore("notify", "Movies/Sintel (2010)/", "--hook", "plex", "-c", path)
        assert done.stdout == "plex: told of /mnt/media/Movies/Sintel (2010)\n"
        assert plex.paths()[-1].startswith("/library/sections/1/refresh?path=")
        done = davstore("notify", "/Shows", "--hook", "plex", "-c", path)
        assert done.stdout == "plex: not told: its map has no such folder\n"
        done = davstore("notify", "-c", path)
        assert done.stdout.count("has been told everything") == 3
    assert "known are plex, webhook, away" in complaint(
        davstore("notify", "--hook", "none", "-c", path)
    )


def test_notify_without_hooks_shows_the_way_to_one(sim: Simulator, tmp_path: Path) -> None:
    path = str(write_config(sim, tmp_path, accounts=("alldebrid",)))
    assert "add [[hooks]]" in complaint(davstore("notify", "-c", path))
