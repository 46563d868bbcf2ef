"""What the doctor says of sound and of broken set-ups."""

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from davstore.cli.main import app
from davstore.errors import StateError
from davstore.server.examining import address_words, examined
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.stores.base import Seen
from davstore.transport import Way
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


def test_the_address_that_the_service_sees_is_said_where_it_says_it(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.torz.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    config = write_config(sim, tmp_path, accounts=("torz", "magnets"))
    said = findings(config)
    told = "the service sees us as 127.0.0.1, and is itself seen by the store as 203.0.113.9"
    assert said["torz: address"]["said"] == told
    assert said["torz: address"]["state"] == "ok"
    assert said["magnets: address"]["said"] == "127.0.0.1, within this machine or network"
    sim.torz.faults.add(Fault("status", "__debug__", status=404, body="404 page not found"))
    said = findings(config)
    assert said["torz: address"]["said"] == "127.0.0.1, within this machine or network"
    assert said["torz: read"]["state"] == "ok"


@pytest.mark.parametrize(
    ("here", "there", "proxy", "said"),
    [
        ("8.8.4.4", "9.9.9.9", "", "8.8.4.4, as we leave here; the service does not say"),
        ("192.168.1.5", "9.9.9.9", "", "not known: we leave here as 192.168.1.5, a router's"),
        ("192.168.1.5", "192.168.1.9", "", "192.168.1.5, within this machine or network"),
        ("fe80::1%eth0", "fe80::2%eth0", "", "fe80::1%eth0, within this machine or network"),
        ("", "", "127.0.0.1:3128", "that of the proxy 127.0.0.1:3128; the service does not say"),
    ],
)
def test_otherwise_it_is_said_what_shows_here(here: str, there: str, proxy: str, said: str) -> None:
    found = Way("api.example.org", (there,), there, here, proxy, "", None, None)
    assert address_words(None, found).startswith(said)
    assert address_words(Seen("9.9.9.9"), found) == "the service sees us as 9.9.9.9"


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


def test_a_file_that_somebody_has_just_removed_is_not_wrong_and_another_is_read(
    config: Path, sim: Simulator
) -> None:
    large = Content.random("tears", 12_000_000)
    tears = sim.alldebrid.add(SimMagnet("Tears of Steel", files=[SimFile("Tears.mkv", large)]))
    assert findings(config)["alldebrid: read"]["state"] == "ok"  # from now on both are known
    sim.host.expire_all()
    sim.alldebrid.remove(tears)
    done = findings(config)
    assert done["alldebrid: read"]["state"] == "ok", done["alldebrid: read"]
    assert done["alldebrid: file host"]["state"] == "ok"


def test_where_all_that_is_known_was_removed_nothing_is_wrong_either(
    config: Path, sim: Simulator
) -> None:
    findings(config)
    sim.host.expire_all()
    for number, _ in sim.alldebrid.library:
        sim.alldebrid.remove(number)
    said = findings(config)["alldebrid: read"]
    assert (said["state"], said["said"]) == ("warning", "there is no file to try")


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


def test_the_bundle_holds_no_secret_and_no_name(tmp_path: Path, sim: Simulator) -> None:
    for name, status in (("Sintel", "ready"), ("Ocean's Charge", "downloading")):
        sim.alldebrid.add(SimMagnet(name, [SimFile(f"{name}.mkv", FILM)], status=status))  # type: ignore[arg-type]
    users = [{"name": name, "password": "open-sesame"} for name in ("ada@example.org", "berta")]
    config = write_config(sim, tmp_path, accounts=("alldebrid",), users=users)
    done = run(config, "--bundle", str(tmp_path / "report.zip"))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        names = set(archive.namelist())
        text = "".join(archive.read(name).decode() for name in names)
    assert names == {"version.txt", "doctor.json", "config.toml", "status.json", "servers.json"}
    for secret in (sim.alldebrid.token, "open-sesame", "ada@", "berta", "Sintel", "Charge"):
        assert secret not in text


def test_a_name_that_holds_an_apostrophe_is_kept_out_of_the_bundle(
    config: Path, tmp_path: Path, sim: Simulator
) -> None:
    sim.alldebrid.remove(sim.alldebrid.library[0][0])
    sim.alldebrid.add(SimMagnet("Bunny", files=[SimFile("Bunny's Tale.mkv", FILM)]))
    sim.host.faults.add(Fault("status", times=99))
    done = run(config, "--bundle", str(tmp_path / "report.zip"))
    assert "Bunny's Tale.mkv" in done.stdout
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert "Tale" not in archive.read("doctor.json").decode()


def test_a_bundle_that_cannot_be_written_is_said(config: Path, tmp_path: Path) -> None:
    done = run(config, "--bundle", str(tmp_path / "none" / "report.zip"))
    assert isinstance(done.exception, StateError)
    assert "No such file or directory; choose" in str(done.exception)


def test_the_bundle_does_not_say_where_somebody_lives(sim: Simulator, tmp_path: Path) -> None:
    sim.torz.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", FILM)]))
    config = write_config(sim, tmp_path, accounts=("torz",))
    for sim.torz.exposed in ("9.9.9.9", "2620:fe::9"):
        done = run(config, "--bundle", str(tmp_path / "report.zip"))
        assert f"seen by the store as {sim.torz.exposed}" in done.stdout
        with zipfile.ZipFile(tmp_path / "report.zip") as archive:
            text = archive.read("doctor.json").decode()
        assert "us as 127.0.0.1, and is itself seen by the store as …" in text
        assert sim.torz.exposed not in text
