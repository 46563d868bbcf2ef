"""Settings that are read again while the server runs."""

import os
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import tomli_w

from davstore.server.reloading import at_once, changed, waiting
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import settings, wait_until, write_config
from tests.test_workers import Served, free_port
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
    with processes(config) as running:
        yield running


def status(url: str, login: tuple[str, str], path: str = "") -> int:
    with requests.Session() as session:  # a new connection may reach another process
        session.trust_env = False
        return session.get(url + path, auth=login, timeout=30).status_code


def test_what_changed_is_named_and_what_must_wait_too(config: Path) -> None:
    before = settings(config)
    edit(config, server__refresh=99, server__host="127.0.0.2", log__level="debug",
         stream__first_byte=7, shares={"s": {"kind": "scratch", "path": "/srv/s"}},
         users=[ANNA, {"name": "berta", "password": "b"}])  # fmt: skip
    after = settings(config)
    assert changed(before, after) == [
        "log.level", "server.host", "server.refresh", "shares.s", "stream.first_byte", "users",
    ]  # fmt: skip
    assert waiting(before, after) == ["server.host", "shares.s", "stream.first_byte"]
    assert changed(before, before) == []
    assert waiting(at_once(before, after), after) == waiting(before, after)
    assert changed(before, at_once(before, after)) == ["log.level", "server.refresh", "users"]


def test_a_signal_brings_a_new_user_in(served: Served, config: Path) -> None:
    url = f"http://127.0.0.1:{settings(config).server.port}/"
    berta = ("berta", "b")
    wait_until(lambda: status(url, ("anna", "a")) == 200)
    assert status(url, berta) == 401
    edit(config, users=[ANNA, {"name": "berta", "password": "b"}], server__host="127.0.0.3")
    os.kill(served.parent.pid, signal.SIGHUP)
    wait_until(lambda: all(status(url, berta) == 200 for _ in range(8)))
    wait_until(lambda: served.said("wait for a restart: server.host"))
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
    wait_until(lambda: all(status(url, ("berta", "b")) == 200 for _ in range(8)))


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
