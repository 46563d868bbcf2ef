"""What the doctor says of sound and of broken set-ups."""

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from davstore.cli.main import app
from davstore.server import examined
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import settings, write_config

FILM = Content.random("sintel", 9_000_000)


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> Path:
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    user = {"name": "ada@example.org", "password": "open-sesame"}
    return write_config(sim, tmp_path, accounts=("alldebrid",), users=[user])


def run(config: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--config", str(config), *options])


def findings(config: Path) -> dict[str, dict[str, Any]]:
    return {each["subject"]: each for each in json.loads(run(config, "--json").stdout)}


def test_a_sound_set_up_is_ok_and_really_read(config: Path, sim: Simulator) -> None:
    done = run(config)
    assert done.exit_code == 0, done.output
    said = findings(config)
    for subject in ("davstore", "disk", "catalog", "alldebrid: service", "alldebrid: token",
                    "alldebrid: clock", "alldebrid: plan", "alldebrid: read",
                    "alldebrid: file host"):  # fmt: skip
        assert said[subject]["state"] == "ok", said[subject]
    assert "4.2 MB, first byte after" in said["alldebrid: read"]["said"]
    assert said["configuration"]["state"] == "warning"  # a plain password
    assert "davstore password" in said["configuration"]["cure"]


def test_a_wrong_token_is_wrong(config: Path, sim: Simulator) -> None:
    sim.alldebrid.token = "another"
    assert run(config).exit_code == 1
    said = findings(config)["alldebrid: token"]
    assert said["state"] == "wrong"
    assert said["cure"]


def test_a_service_that_is_down_is_wrong_and_the_rest_is_looked_at(
    config: Path, sim: Simulator
) -> None:
    sim.alldebrid.stop()
    said = findings(config)
    assert said["alldebrid: connection"]["state"] == "wrong"
    assert said["catalog"]["state"] == "ok"


def test_a_file_host_that_fails_is_wrong(config: Path, sim: Simulator) -> None:
    sim.host.faults.add(Fault("status", times=99))
    said = findings(config)["alldebrid: read"]
    assert said["state"] == "wrong"
    assert "explain" in said["cure"]


def test_a_wrong_configuration_is_said_with_its_cure(config: Path) -> None:
    config.write_text(config.read_text().replace("[accounts", "[acounts", 1))
    done = run(config, "--json")
    assert done.exit_code == 1
    assert any("acounts" in each["said"] for each in json.loads(done.stdout))


def test_a_clock_that_is_wrong_is_found(config: Path) -> None:
    found = examined(settings(config), now=lambda: time.time() + 900)
    (clock,) = (each for each in found if each.subject == "alldebrid: clock")
    assert clock.state == "wrong"
    assert clock.said.startswith("ours is 15 minutes ahead of 127.0.0.1")
    assert "NTP" in clock.cure


def test_the_bundle_holds_no_secret_and_no_name(
    config: Path, tmp_path: Path, sim: Simulator
) -> None:
    done = run(config, "--bundle", str(tmp_path / "report.zip"))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        names = set(archive.namelist())
        text = "".join(archive.read(name).decode() for name in names)
    assert names == {"version.txt", "doctor.json", "config.toml", "status.json", "servers.json"}
    for secret in (sim.alldebrid.token, "open-sesame", "ada@example.org", "Sintel"):
        assert secret not in text
