"""What is shipped beside the code: the manual, completion, and the files for containers."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from davstore.cli import manual
from davstore.config import Settings, load
from davstore.config.hooks import RcloneHook
from davstore.dav.listing.canary import CANARY
from davstore.stores import STORES

HOUSE = Path(__file__).parent.parent
SCHEMAS = {
    "compose.yaml": ["check-jsonschema", "--builtin-schema", "vendor.compose-spec"],
    "kubernetes.yaml": ["kubernetes-validate", "--strict", "--quiet"],
}


def test_the_manual_says_what_the_commands_say() -> None:
    written = (HOUSE / "man" / "davstore.1").read_text("utf-8")
    assert written == manual.page(), "python -m davstore.cli.manual > man/davstore.1"


def test_the_manual_is_sound(need: Callable[..., None]) -> None:
    need("groff")
    command = ["groff", "-Kutf8", "-man", "-ww", "-z", str(HOUSE / "man" / "davstore.1")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    assert "notify" in completed(shell, "davstore no", 1)
    assert "--writable" in completed(shell, "davstore mount --wr", 2)
    assert "_DAVSTORE_COMPLETE" in davstore({"_DAVSTORE_COMPLETE": f"source_{shell}"})


def completed(shell: str, line: str, at: int) -> str:
    return davstore({
        "_DAVSTORE_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(at),
        "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    })  # fmt: skip


def davstore(environ: dict[str, str]) -> str:
    program = str(Path(sys.executable).with_name("davstore"))
    done = subprocess.run([program], capture_output=True, text=True, env={**os.environ, **environ})
    return done.stdout


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_for_containers_keep_to_their_schemas(name: str) -> None:
    program, *options = SCHEMAS[name]
    beside = Path(sys.executable).with_name(program)
    done = subprocess.run(
        [beside, *options, HOUSE / "docker" / name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_made_of_files_that_docker_is_shown() -> None:
    """What .dockerignore hides cannot be copied: it hides all but what it names."""
    image = (HOUSE / "docker" / "Dockerfile").read_text()
    copied = {
        source
        for line in image.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    hidden, *shown = (HOUSE / ".dockerignore").read_text().split()
    assert hidden == "*"
    assert copied <= {each.removeprefix("!") for each in shown if each.startswith("!")}
    assert all((HOUSE / each).exists() for each in copied)


PASSWORD = 'a"b\\c'


def composed(name: str, **variables: str) -> Settings:
    """The settings of a davstore that is begun by compose with these variables in .env."""
    whole = yaml.safe_load((HOUSE / "docker" / name).read_text())
    said = next(iter(whole["services"].values()))["environment"]
    account = {"DAVSTORE_ACCOUNTS__RD__STORE": "realdebrid", "DAVSTORE_ACCOUNTS__RD__TOKEN": "x"}
    environ = {key: filled_in(value, {"DAVSTORE_PASSWORD": PASSWORD, **variables})
               for key, value in said.items()}  # fmt: skip
    models = {name: kind.settings for name, kind in STORES.items()}
    return load(None, models, {**environ, **account})


def filled_in(text: str, variables: Mapping[str, str]) -> str:
    """As compose does (docs.docker.com/reference/compose-file/interpolation), inner ones first."""

    def value(found: re.Match[str]) -> str:
        is_set = bool(known := variables.get(found[1], ""))
        return {"+": found[3] if is_set else "", None: known}.get(found[2], known or found[3])

    while (done := re.sub(r"\$\{(\w+)(?::([-+?])([^${}]*))?\}", value, text)) != text:
        text = done
    return text


@pytest.mark.parametrize("profiles", ["", "mount", "mount,jellyfin"])
@pytest.mark.parametrize("more", [
    "", '{"kind": "jellyfin", "token": "x", "map": {"/Movies": "/media/Movies"}}',
])  # fmt: skip
def test_compose_tells_the_mount_if_there_is_one_and_whom_else_somebody_names(
    profiles: str, more: str
) -> None:
    made = composed("compose.yaml", COMPOSE_PROFILES=profiles, DAVSTORE_MORE_HOOKS=more)
    kinds = ["rclone"] * bool(profiles) + ["jellyfin"] * bool(more)
    assert [hook.kind for hook in made.hooks] == kinds
    for hook in made.hooks[: bool(profiles)]:
        assert isinstance(hook, RcloneHook)
        assert hook.password is not None
        assert (hook.user, hook.password.get_secret_value()) == ("davstore", PASSWORD)


@pytest.mark.parametrize("name", ["compose.yaml", "replicas.yaml"])
def test_any_password_logs_in_to_what_compose_begins(name: str) -> None:
    [user] = composed(name, DAVSTORE_USER="anna").users
    assert user.password is not None
    assert (user.name, user.password.get_secret_value()) == ("anna", PASSWORD)


def test_the_mount_is_made_below_what_is_shared() -> None:
    """rclone mounts on no mount, and where one died the folder above is still there."""
    compose = yaml.safe_load((HOUSE / "docker" / "compose.yaml").read_text())
    mount = compose["services"]["mount"]
    shared = mount["volumes"][0]
    assert (shared["target"], shared["bind"]["propagation"]) == ("/mnt", "rshared")
    assert " /mnt/davstore " in mount["command"][0]
    assert mount["healthcheck"]["test"][-1] == f"/mnt/davstore/{CANARY.name}"


def test_no_container_of_ours_runs_as_root_or_may_more_than_it_needs() -> None:
    image = (HOUSE / "docker" / "Dockerfile").read_text()
    assert "\nUSER 1000:1000\n" in image
    compose = yaml.safe_load((HOUSE / "docker" / "compose.yaml").read_text())
    server = compose["services"]["davstore"]
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    assert compose["services"]["mount"]["profiles"] == ["mount", "jellyfin"]
    assert compose["services"]["jellyfin"]["profiles"] == ["jellyfin"]
    *_, state = yaml.safe_load_all((HOUSE / "docker" / "kubernetes.yaml").read_text())
    pod = state["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
