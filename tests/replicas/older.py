"""An older davstore, out of the history of this checkout: its code, to be run beside ours."""

import io
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from davstore.catalog.database.migrations import SCHEMA

REPOSITORY = Path(__file__).parents[2]
_SCHEMA_OF = re.compile(r"^SCHEMA: Final = (\d+)$", re.MULTILINE)
_MIGRATIONS = (
    "davstore/catalog/database/migrations/__init__.py", "davstore/catalog/migrations/__init__.py"
)  # fmt: skip
"""Where the number of the schema stands, and where it stood."""
_REPLICAS = "docker/haproxy.cfg"


class Unfit(Exception):
    """There is no such davstore here, or it cannot run; says why."""


@dataclass(frozen=True, slots=True)
class Older:
    """A davstore of another time. `may_start_again` on the schema of a newer one: since there are
    numbers of the schemas that one can work with, which it reads.
    """

    commit: str
    code: Path
    schema: int
    may_start_again: bool


def newest_of_another_schema() -> str:
    """The newest commit of an older schema, since there are replicas. Raises `Unfit`."""
    commits = _git("rev-list", "HEAD").split()
    migrations, replicas = _blobs(commits, *_MIGRATIONS), _blobs(commits, _REPLICAS)
    older = {blob for blob in set(migrations.values()) if _schema(_git("show", blob)) < SCHEMA}
    for commit in commits:
        if commit in replicas and migrations.get(commit) in older:
            return commit
    raise Unfit(f"no commit of a schema before {SCHEMA} in the history of {REPOSITORY}")


def checked_out(commit: str, folder: Path) -> Older:
    """Its code in a new `folder`, and there what it needs beside what is installed here. Raises
    `Unfit` where there is no such commit, or what it needs cannot be had.
    """
    packed = _run("git", "archive", commit, "davstore", "pyproject.toml")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    missing = [need for need in _needs(folder / "pyproject.toml") if not _is_installed(need)]
    if missing:
        _run(sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *missing)
    places = (folder / path for path in _MIGRATIONS)
    text = next((path.read_text("utf-8") for path in places if path.exists()), "")
    if not _schema(text):
        raise Unfit(f"{commit} knows no PostgreSQL")
    schema = _schema(text)
    return Older(commit, folder, schema, schema == SCHEMA or "READABLE_FROM" in text)


def _schema(text: str) -> int:
    said = _SCHEMA_OF.search(text)
    return int(said[1]) if said else 0


def _needs(project: Path) -> list[str]:
    found = tomllib.loads(project.read_text("utf-8"))["project"]
    return [*found["dependencies"], *found["optional-dependencies"].get("postgres", ())]


def _is_installed(need: str) -> bool:
    wanted = Requirement(need)
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _blobs(commits: Iterable[str], *paths: str) -> dict[str, str]:
    """What git calls the file at one of these `paths` in each of them that has it."""
    places = [(commit, path) for commit in commits for path in paths]
    asked = "".join(f"{commit}:{path}\n" for commit, path in places)
    said = _git("cat-file", "--batch-check=%(objectname)", given=asked).splitlines()
    return {
        commit: blob for (commit, _), blob in zip(places, said, strict=True)
        if not blob.endswith(" missing")
    }  # fmt: skip


def _git(*words: str, given: str = "") -> str:
    return _run("git", *words, given=given).decode()


def _run(*words: str, given: str = "") -> bytes:
    try:
        return subprocess.run(
            words, capture_output=True, check=True, cwd=REPOSITORY, input=given.encode()
        ).stdout
    except FileNotFoundError:
        raise Unfit(f"needs {words[0]}") from None
    except subprocess.CalledProcessError as error:
        raise Unfit(error.stderr.decode(errors="replace").strip()) from None
