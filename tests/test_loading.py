"""What is loaded, and what is not: modules take time and memory that whoever calls a command pays.

Each in a process of its own, as only there nothing is loaded before.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from davstore.cli.main import COMMANDS
from davstore.simulator import Simulator
from tests.serving import write_config

SERVING = ("cheroot", "wsgidav", "lxml", "jinja2", "werkzeug", "diskcache", "davstore.dav")
"""What answers clients."""
STATE = ("sqlalchemy", "davstore.catalog")
SETTINGS = ("pydantic", "requests", "davstore.config", "davstore.stores")
SELDOM = ("PTT", "regex", "alembic", "mako", "sqlalchemy.dialects.postgresql", "psycopg",
          "prometheus_client", "zeroconf", "cryptography", "flask",
          "davstore.simulator")  # fmt: skip
"""What even a server needs only where it is configured or asked for."""
LIGHT = (*SERVING, *STATE, *SELDOM)


def loaded(code: str, *arguments: str | Path) -> set[str]:
    """The modules that a process has loaded once it has run `code`."""
    told = "import sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{told}", *arguments],
        capture_output=True, text=True, timeout=110, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def none_of(names: Iterable[str], modules: set[str]) -> None:
    assert "davstore.errors" in modules  # they are names of modules, and ours among them
    assert sorted(modules & set(names)) == []


def test_the_version_is_said_with_nothing_loaded() -> None:
    code = "from typer.testing import CliRunner\nfrom davstore.cli.main import app\n"
    none_of((*LIGHT, *SETTINGS), loaded(code + 'CliRunner().invoke(app, ["--version"])'))


@pytest.mark.parametrize("command", ["check", "config"])
def test_a_small_command_loads_no_server(command: str, sim: Simulator, tmp_path: Path) -> None:
    config = write_config(sim, tmp_path)
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom davstore.cli.main import app\n"
        "done = CliRunner().invoke(app, sys.argv[1:])\nassert done.exit_code == 0, done.output"
    )
    none_of(LIGHT, loaded(code, command, "--config", config))


@pytest.mark.parametrize(
    "command", sorted({"password", "check", "login", "hosts", "setup", "certificate", "links"})
)
def test_no_server_is_loaded_to_say_how_a_small_command_is_called(command: str) -> None:
    module = COMMANDS[command][1].partition(".")[0]
    none_of(SERVING, loaded(f"import davstore.cli.main, davstore.cli.{module}"))


def test_a_server_loads_what_it_uses(sim: Simulator, tmp_path: Path) -> None:
    """A new state and an account, but no views, no PostgreSQL, no Prometheus."""
    config = write_config(sim, tmp_path, accounts=("realdebrid",))
    code = (
        "import sys\nfrom pathlib import Path\nfrom davstore.cli.screen import load\n"
        "import davstore.cli.serve\nfrom davstore.server.server import Server\n"
        "server = Server(load(Path(sys.argv[1])))\nserver.start()\n"
        "server.library.catalog.refresh('realdebrid')\nserver.stop()"
    )
    none_of(SELDOM, loaded(code, config))
