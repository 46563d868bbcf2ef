"""`davstore setup`: unattended by options, and as a person answers it on a terminal."""

import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from davstore.cli.setup.questions import OF_STORES
from davstore.cli.setup.units import Kind, Units
from davstore.simulator import Simulator
from davstore.stores import STORES
from tests.commands import answers, complaint, davstore, free_port
from tests.serving import wait_until

Need = Callable[..., None]


def options(sim: Simulator, folder: Path, *more: str) -> list[str]:
    (folder / "token").write_text(sim.alldebrid.settings["token"] + "\n")
    (folder / "word").write_text("a secret word\n")
    return [
        "setup", "--yes", "--store", "alldebrid", "--key", f"token=@{folder / 'token'}",
        "--key", f"url={sim.alldebrid.settings['url']}", "--user", "anna",
        "--password-file", str(folder / "word"), "--port", str(free_port()),
        "--units-folder", str(folder / "units"), "-c", str(folder / "etc" / "config.toml"), *more,
    ]  # fmt: skip


def test_what_is_written_serves_whom_it_names(sim: Simulator, tmp_path: Path) -> None:
    done = davstore(*options(sim, tmp_path, "--mount", str(tmp_path / "mnt")))
    assert done.returncode == 0, done.stderr
    assert "ad: ada" in done.stdout
    assert f"Infuse     Add Files, WebDAV: address 127.0.0.1, port {port(tmp_path)}" in done.stdout
    assert f"{tmp_path / 'mnt'}/Movies" in done.stdout
    secrets = ("a secret word", sim.alldebrid.settings["token"])
    assert not any(secret in done.stdout + done.stderr for secret in secrets)
    for name in ("config.toml", "password"):
        assert stat.S_IMODE((tmp_path / "etc" / name).stat().st_mode) == 0o600
    environ = {**os.environ, "DAVSTORE_SERVER__STATE": str(tmp_path / "state")}
    command = [sys.executable, "-m", "davstore", "serve", "-c", str(tmp_path / "etc/config.toml")]
    with subprocess.Popen(command, env=environ) as process:
        try:
            url = f"http://127.0.0.1:{port(tmp_path)}/"
            wait_until(lambda: answers(url, ("anna", "a secret word")) == 200)
        finally:
            process.terminate()


def port(folder: Path) -> int:
    number = tomllib.loads((folder / "etc/config.toml").read_text())["server"]["port"]
    assert isinstance(number, int)
    return number


def test_a_person_answers_on_a_terminal(sim: Simulator, tmp_path: Path) -> None:
    settings = sim.realdebrid.settings
    talk = pexpect.spawn(
        sys.executable,
        ["-m", "davstore", "setup", "--key", f"url={settings['url']}",
         "--units-folder", str(tmp_path / "units"), "-c", str(tmp_path / "config.toml")],
        encoding="utf-8", timeout=60, env={**os.environ, "COLUMNS": "200"}, dimensions=(50, 200),
    )  # fmt: skip
    for question, answer in (
        ("Which service", "realdebird"), ("Please one of", "realdebrid"),
        ("Name of its folder .*rd", ""), ("Token, from https", settings["token"]),
        ("Your login here", "anna"), ("Password for anna", ""),
        ("Who reaches it", "all"), ("systemd units", ""), ("Where to mount it", "none"),
    ):  # fmt: skip
        talk.expect(question)
        talk.sendline(answer)
    talk.expect(pexpect.EOF)
    talk.close()
    said = str(talk.before)
    assert talk.exitstatus == 0, said
    assert settings["token"] not in said
    written = tomllib.loads((tmp_path / "config.toml").read_text())
    assert written["server"]["host"] == "0.0.0.0"
    assert written["accounts"]["rd"]["token"] == settings["token"]
    assert "the password of anna is: " in said
    assert [each.name for each in (tmp_path / "units").iterdir()] == ["davstore.service"]


def test_a_clone_is_no_place_for_a_mount_and_what_it_lacks_is_said(
    sim: Simulator, tmp_path: Path
) -> None:
    """Who clones davstore has it in ~/davstore."""
    (tmp_path / "davstore").mkdir()
    (tmp_path / "davstore/README.md").touch()
    bare = {"HOME": str(tmp_path), "PATH": str(tmp_path)}  # a machine without FUSE
    done = davstore(*options(sim, tmp_path, "--no-check", "--units", "user"), **bare)
    assert done.returncode == 0, done.stderr
    assert (
        f"mount {tmp_path}/davstore-mount "
        in (tmp_path / "units/davstore-mount.service").read_text()
    )
    assert "before it can be mounted: there is no FUSE; install it" in done.stdout
    assert 'for others set server.host = "0.0.0.0"' in done.stdout
    place = ("--mount", str(tmp_path / "davstore"), "--force")
    assert "is not empty" in complaint(davstore(*options(sim, tmp_path, *place)))


def test_an_account_that_does_not_answer_is_not_written(sim: Simulator, tmp_path: Path) -> None:
    more = options(sim, tmp_path, "--key", "token=wrong-token-of-somebody")
    said = complaint(davstore(*more))
    assert "account 'ad'" in said
    assert "wrong-token-of-somebody" not in said
    assert not (tmp_path / "etc/config.toml").exists()
    assert list((tmp_path / "etc").iterdir()) == []


def test_a_configuration_is_replaced_only_where_that_is_said(
    sim: Simulator, tmp_path: Path
) -> None:
    call = options(sim, tmp_path, "--no-check", "--units", "none")
    assert davstore(*call).returncode == 0
    first = (tmp_path / "etc/config.toml").read_text()
    assert "--force" in complaint(davstore(*call))
    assert davstore(*call, "--force").returncode == 0
    assert (tmp_path / "etc/config.toml.old").read_text() == first
    assert not (tmp_path / "units").exists()


@pytest.mark.parametrize(("change", "reason"), [
    (("--store", "aldebrid"), "--store: 'aldebrid' is not known"),
    (("--key", "tokn=x"), "no key of alldebrid in 'tokn'"),
    (("--key", "token=@/nonexistent"), "/nonexistent: No such file"),
    (("--units", "both"), "--units: 'both' is not known"),
    (("--account", "a/b"), "is no name for an account"),
])  # fmt: skip
def test_an_answer_that_makes_no_sense_is_named(
    sim: Simulator, tmp_path: Path, change: tuple[str, ...], reason: str
) -> None:
    assert reason in complaint(davstore(*options(sim, tmp_path, "--no-check", *change)))


def test_each_store_has_its_questions() -> None:
    assert set(OF_STORES) == set(STORES)


def test_nothing_is_asked_of_nobody(tmp_path: Path) -> None:
    done = davstore("setup", "--yes", "--store", "plank", "-c", str(tmp_path / "config.toml"))
    assert "give it as --key email=" in complaint(done)


@pytest.mark.parametrize("kind", ["user", "system"])
def test_systemd_accepts_the_units(tmp_path: Path, need: Need, kind: Kind) -> None:
    need("systemd-analyze")
    scope = ["--user"] if kind == "user" else []
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    for unit in units(tmp_path, kind):
        command = ["systemd-analyze", *scope, "verify", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, env=environ)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("kind", "thresholds"), [("system", (15, 46)), ("user", (56, 97))])
def test_systemd_finds_little_to_harden(
    tmp_path: Path, need: Need, kind: Kind, thresholds: tuple[int, int]
) -> None:
    """A threshold is ten times the number that `systemd-analyze security` shows."""
    need("systemd-analyze")
    for unit, most in zip(units(tmp_path, kind), thresholds, strict=True):
        command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={most}", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def units(folder: Path, kind: Kind) -> list[Path]:
    made = Units(kind, sys.executable, Path("/etc/davstore/config.toml"),
                 Path("/etc/davstore/pass$word"), "anna", Path("/mnt/my films"))  # fmt: skip
    for name, text in made.texts().items():
        (folder / name).write_text(text)
    return [folder / name for name in made.texts()]
