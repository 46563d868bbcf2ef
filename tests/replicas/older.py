"""An older davstore, out of the history of this checkout: its code, to be run beside ours."""

import io
import re
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from davstore.catalog.migrations import SCHEMA

REPOSITORY = Path(__file__).parents[2]
_SCHEMA_OF = re.compile(r"^SCHEMA: Final = (\d+)$", re.MULTILINE)
_MIGRATIONS = "davstore/catalog/migrations/__init__.py"


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
    """The commit that a release made now would follow, were it made of the last schema. Raises
    `Unfit`.
    """
    for commit in _git("rev-list", "HEAD", "--", "davstore/catalog").split():
        said = _SCHEMA_OF.search(_shown(commit))
        if said and int(said[1]) < SCHEMA:
            return commit
    raise Unfit(f"no commit of a schema before {SCHEMA} in the history of {REPOSITORY}")


def checked_out(commit: str, folder: Path) -> Older:
    """Its code in a new `folder`. Raises `Unfit` where there is no such commit, or where its
    dependencies are others than those that are installed here.
    """
    packed = _run("git", "archive", commit, "davstore", "pyproject.toml")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    theirs, ours = (_needs(at / "pyproject.toml") for at in (folder, REPOSITORY))
    if not theirs <= ours:
        raise Unfit(f"{commit} needs {', '.join(sorted(theirs - ours))}: run it in that one's venv")
    text = (folder / _MIGRATIONS).read_text("utf-8")
    said = _SCHEMA_OF.search(text)
    if said is None:
        raise Unfit(f"{commit} knows no PostgreSQL")
    return Older(commit, folder, int(said[1]), "READABLE_FROM" in text)


def _needs(project: Path) -> set[str]:
    found = tomllib.loads(project.read_text("utf-8"))["project"]
    return {*found["dependencies"], *found["optional-dependencies"].get("postgres", ())}


def _shown(commit: str) -> str:
    try:
        return _git("show", f"{commit}:{_MIGRATIONS}")
    except Unfit:  # it has no such file
        return ""


def _git(*words: str) -> str:
    return _run("git", *words).decode()


def _run(*words: str) -> bytes:
    try:
        return subprocess.run(words, capture_output=True, check=True, cwd=REPOSITORY).stdout
    except FileNotFoundError:
        raise Unfit("needs git") from None
    except subprocess.CalledProcessError as error:
        raise Unfit(error.stderr.decode(errors="replace").strip()) from None
