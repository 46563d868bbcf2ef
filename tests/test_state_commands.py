"""`status`, `refresh` and a second server, as a person meets them."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore, free_port
from tests.programs import Program
from tests.serving import wait_until, write_config


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> Path:
    for account in (sim.alldebrid, sim.realdebrid):
        account.add(SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("s", 1_500_000))]))
    return write_config(sim, tmp_path, accounts=("alldebrid", "realdebrid"))


@pytest.fixture
def serving(config: Path, tmp_path: Path) -> Iterator[Program]:
    log, port = tmp_path / "log", {"DAVSTORE_SERVER__PORT": str(free_port())}
    program = Program("serve", "-c", str(config), stderr=str(log), environ=port)
    try:
        wait_until(lambda: program.poll() is not None or "serving" in log.read_text())
        assert program.poll() is None, log.read_text()
        yield program
    finally:
        program.end()


def status(config: Path) -> str:
    done = davstore("status", "-c", str(config))
    assert done.returncode == 0, done.stderr
    return done.stdout


def looks(sim: Simulator) -> tuple[int, int]:
    return sim.alldebrid.count("magnet/status"), sim.realdebrid.count("/torrents")


def test_status_before_anything_is_known(config: Path, tmp_path: Path) -> None:
    said = status(config)
    assert "not running" in said
    assert said.count("never") == 2
    assert not (tmp_path / "state").exists()


def test_status_beside_a_server(config: Path, serving: Program, sim: Simulator) -> None:
    wait_until(lambda: status(config).count("1.5 MB") == 2)
    said = status(config)
    assert f"process {serving.pid}" in said
    assert "never" not in said


def test_status_names_the_last_error(config: Path, sim: Simulator) -> None:
    davstore("refresh", "-c", str(config))
    sim.alldebrid.fail("AUTH_BAD_APIKEY", times=None)
    program = Program("serve", "-c", str(config))
    try:
        wait_until(lambda: "API key is wrong" in status(config))
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    finally:
        program.end()
    assert "1.5 MB" in status(config)


def test_refresh_without_a_server_asks_itself(config: Path, sim: Simulator) -> None:
    done = davstore("refresh", "alldebrid", "-c", str(config))
    assert done.returncode == 0
    assert "alldebrid: 1 magnets shown" in done.stdout
    assert looks(sim) == (1, 0)


def test_refresh_has_a_running_server_ask_one_account(
    config: Path, serving: Program, sim: Simulator
) -> None:
    wait_until(lambda: "never" not in status(config))
    ad, rd = looks(sim)
    done = davstore("refresh", "alldebrid", "-c", str(config))
    assert str(serving.pid) in done.stdout
    wait_until(lambda: looks(sim)[0] > ad)
    assert looks(sim) == (ad + 1, rd)


def test_sighup_has_a_running_server_ask_all(
    config: Path, serving: Program, sim: Simulator
) -> None:
    wait_until(lambda: "never" not in status(config))
    ad, rd = looks(sim)
    serving.send_signal(signal.SIGHUP)
    wait_until(lambda: looks(sim)[0] > ad and looks(sim)[1] > rd)
    assert serving.poll() is None


def test_an_unknown_account_is_named(config: Path) -> None:
    said = complaint(davstore("refresh", "nobody", "-c", str(config)))
    assert "'nobody'" in said
    assert "alldebrid" in said


def test_a_second_server_says_who_is_there(config: Path, serving: Program) -> None:
    said = complaint(davstore("serve", "-c", str(config), DAVSTORE_SERVER__PORT=str(free_port())))
    assert f"process {serving.pid}" in said
    assert "server.state" in said
    assert len(said.splitlines()) == 1
