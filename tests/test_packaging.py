"""What is shipped beside the code: the manual, completion, and the files for containers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from davstore.cli import manual
from davstore.config.told import hooks as told
from davstore.dav.canary import CANARY

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


@pytest.mark.parametrize("more", [
    "", '{"kind": "jellyfin", "token": "x", "map": {"/Movies": "/media/Movies"}}',
])  # fmt: skip
def test_hooks_of_ones_own_join_the_one_that_compose_brings(more: str) -> None:
    compose = yaml.safe_load((HOUSE / "docker" / "compose.yaml").read_text())
    said = compose["services"]["davstore"]["environment"]["DAVSTORE_HOOKS"]
    said = said.replace("${DAVSTORE_MORE_HOOKS:+, }", ", " if more else "")
    hooks = json.loads(said.replace("${DAVSTORE_MORE_HOOKS:-}", more))
    made, problems = told(hooks)
    assert problems == []
    assert [hook.kind for hook in made] == (["rclone", "jellyfin"] if more else ["rclone"])


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
