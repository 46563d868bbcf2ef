"""Settings that are read again while the server runs."""

import contextlib
import os
import re
import signal
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import bcrypt
import pytest
import requests
import tomli_w

from davstore.server.reloading import at_once, changed, waiting
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import free_port
from tests.hooks.receivers import Taking, Told, running
from tests.serving import settings, wait_until, write_config
from tests.test_workers import Served
from tests.test_workers import serving as processes

RIGHTS = ["read", "watch", "manage"]
ANNA = {"name": "anna", "password": "a", "rights": RIGHTS}


def edit(path: Path, **changes: object) -> None:
    content = tomllib.loads(path.read_text())
    for key, value in changes.items():
        table, _, name = key.partition("__")
        if name:
            content.setdefault(table, {})[name] = value
        else:
            content[table] = value
    path.write_text(tomli_w.dumps(content))


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> Path:
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("s.mkv", Content.random("s", 9))]))
    path = write_config(sim, tmp_path, accounts=("alldebrid",), users=[ANNA])
    edit(path, server__port=free_port())
    return path


@pytest.fixture(params=[1, 2])
def served(config: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    edit(config, server__workers=request.param)
    with processes(config) as started:
        yield started


def status(url: str, login: tuple[str, str], path: str = "") -> int:
    with requests.Session() as session:  # a new connection may reach another process
        session.trust_env = False
        return session.get(url + path, auth=login, timeout=30).status_code


def lets_in(url: str, name: str, password: str) -> bool:
    """Whether all processes do, as far as eight connections tell."""
    return all(status(url, (name, password)) == 200 for _ in range(8))


def test_what_changed_is_named_and_what_must_wait_too(config: Path) -> None:
    before = settings(config)
    edit(config, server__refresh=99, server__host="127.0.0.2", log__level="debug",
         stream__first_byte=7, shares={"s": {"kind": "scratch", "path": "/srv/s"}},
         users=[ANNA, {"name": "berta", "password": "b"}],
         hooks=[{"kind": "rclone"}])  # fmt: skip
    after = settings(config)
    assert changed(before, after) == [
        "hooks", "log.level", "server.host", "server.refresh", "shares.s", "stream.first_byte",
        "users",
    ]  # fmt: skip
    assert waiting(before, after) == ["hooks", "server.host", "shares.s", "stream.first_byte"]
    assert changed(before, before) == []
    assert waiting(at_once(before, after), after) == waiting(before, after)
    assert changed(before, at_once(before, after)) == ["log.level", "server.refresh", "users"]


def test_a_signal_brings_a_new_user_in(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    berta = ("berta", "b")
    wait_until(lambda: status(url, ("anna", "a")) == 200)
    assert status(url, berta) == 401
    edit(config, users=[ANNA, {"name": "berta", "password": "b"}], server__host="127.0.0.3")
    read_again(served, config)
    assert lets_in(url, *berta)
    assert served.said("wait for a restart: server.host")
    assert "a restart is needed for server.host" in page(url)


def test_the_button_on_the_page_does_it_in_all_processes(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    wait_until(lambda: status(url, ("anna", "a")) == 200)
    edit(config, users=[ANNA, {"name": "berta", "password": "b"}])
    token = re.search(r'name="token" value="(\w+)"', page(url))
    assert token
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("anna", "a")
        answer = session.post(f"{url}-/do/reload", data={"token": token[1]}, timeout=30)
    assert "The settings were read again." in answer.text
    wait_until(partial(lets_in, url, "berta", "b"))


def test_the_page_says_what_is_wrong_with_the_file(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    wait_until(lambda: status(url, ("anna", "a")) == 200)
    edit(config, users=[ANNA, {"name": "berta"}], server__rubbish=3)
    token = re.search(r'name="token" value="(\w+)"', page(url))
    assert token
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("anna", "a")
        answer = session.post(f"{url}-/do/reload", data={"token": token[1]}, timeout=30)
    assert answer.status_code == 409
    for part in ("the settings stay as they were: ", "rubbish", "users"):
        assert part in answer.text
    assert status(url, ("anna", "a")) == 200


def page(url: str) -> str:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{url}-/", auth=("anna", "a"), timeout=30).text


def test_a_file_that_is_wrong_changes_nothing(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    wait_until(lambda: status(url, ("anna", "a")) == 200)
    edit(config, users=[ANNA, {"name": "berta"}])
    os.kill(served.parent.pid, signal.SIGHUP)
    wait_until(lambda: served.said("the settings stay as they were"))
    assert status(url, ("anna", "a")) == 200


def test_who_was_let_in_may_no_more_what_was_taken_away(served: Served, config: Path) -> None:
    """On the very connection on which it was answered before, and answered again without asking."""
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    berta = {"name": "berta", "password": "b"}
    edit(config, users=[ANNA, berta])
    read_again(served, config)
    assert lets_in(url, "berta", "b")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("berta", "b")

        def asked() -> int:
            path, headers = f"{url}alldebrid/magnets/", {"Depth": "1"}
            return session.request("PROPFIND", path, headers=headers, timeout=30).status_code

        wait_until(lambda: asked() == 207)
        assert asked() == 207
        edit(config, users=[ANNA, {**berta, "accounts": []}])
        read_again(served, config)
        assert asked() == 404
        edit(config, users=[ANNA, {**berta, "password": "another"}])
        read_again(served, config)
        assert asked() == 401
        session.auth = ("berta", "another")
        assert asked() == 207
        edit(config, users=[ANNA])
        read_again(served, config)
        assert asked() == 401
    assert status(url, ("anna", "a")) == 200


def test_a_right_that_is_given_or_taken_counts_at_once(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    wait_until(lambda: status(url, ("anna", "a"), "-/") == 200)
    edit(config, users=[{**ANNA, "rights": ["read"]}])
    reload(served)
    wait_until(lambda: all(status(url, ("anna", "a"), "-/") == 403 for _ in range(8)))
    assert status(url, ("anna", "a")) == 200
    edit(config, users=[ANNA])
    reload(served)
    wait_until(lambda: all(status(url, ("anna", "a"), "-/") == 200 for _ in range(8)))


def test_another_file_of_users_is_read(served: Served, config: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    for name in ("berta", "carla"):
        stored = bcrypt.hashpw(b"b", bcrypt.gensalt(4)).decode()
        (tmp_path / f"{name}.users").write_text(f"{name}:{stored}\n")
    for name, other in (("berta", "carla"), ("carla", "berta")):
        edit(config, server__users_file=str(tmp_path / f"{name}.users"))
        read_again(served, config)
        assert lets_in(url, name, "b")
        assert status(url, (other, "b")) == 401


@pytest.mark.parametrize("workers", [1, 2])
def test_hooks_wait_for_a_restart_and_go_on_as_they_were(
    sim: Simulator, config: Path, workers: int
) -> None:
    with running(Taking) as old, running(Taking) as new:
        edit(config, server__workers=workers, hooks=[hook(old)])
        url = f"http://127.0.0.1:{settings(config).server.port}/"
        with processes(config) as served:
            wait_until(lambda: status(url, ("anna", "a"), "alldebrid/magnets/Sintel/") == 200)
            edit(config, hooks=[hook(new)], users=[ANNA, {"name": "berta", "password": "b"}])
            reload(served)
            wait_until(lambda: served.said("these settings wait for a restart: hooks"))
            wait_until(partial(lets_in, url, "berta", "b"))
            assert "a restart is needed for hooks" in page(url)
            hear_of_more(old, sim, served)
            edit(config, hooks=[hook(old)])
            reload(served)
            wait_until(lambda: "a restart is needed" not in page(url))
            edit(config, hooks=[hook(new)])
        assert new.calls == []
        told = len(old.calls)
        with processes(config) as served:
            hear_of_more(new, sim, served)
        assert len(old.calls) == told


def hook(told: Told) -> dict[str, object]:
    return {"kind": "webhook", "url": told.url, "quiet": 0}


def hear_of_more(told: Told, sim: Simulator, served: Served) -> None:
    """Add magnets until it is told; what comes before a server has looked is no change to it."""
    before = len(told.calls)

    def is_told_of_another() -> bool:
        name = f"Spring {len(sim.alldebrid.library)}"
        sim.alldebrid.add(SimMagnet(name, files=[SimFile("s.mkv", Content.random(name, 9))]))
        reload(served)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: len(told.calls) > before, 5)
        return len(told.calls) > before

    wait_until(is_told_of_another, 60)
    assert "/alldebrid/magnets" in told.calls[-1][2].decode()


def reload(served: Served) -> None:
    """As `systemctl reload` does; accounts are asked too."""
    os.kill(served.parent.pid, signal.SIGHUP)


def read_again(served: Served, config: Path) -> None:
    """The same, until all processes go by it: who tries too early is slowed as a stranger is."""
    before = len(served.said("settings changed: "))
    reload(served)
    due = before + settings(config).server.workers
    wait_until(lambda: len(served.said("settings changed: ")) >= due)
