"""`davstore demo`: five accounts that anybody may try, answered by the built-in simulator."""

import importlib.util
import shlex
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import platformdirs
import tomli_w
import typer
from rich.markup import escape

from davstore import logs
from davstore.cli.screen import Verbose, err, load, out
from davstore.cli.serve import await_told, told_to_stop
from davstore.errors import DavstoreError
from davstore.server.limits import settle
from davstore.server.server import Server

if TYPE_CHECKING:
    from davstore.simulator import Simulator

USER = "demo"
RIGHTS = ["read", "add", "delete", "watch", "manage"]


class DemoNotInstalled(DavstoreError):
    """The simulator's own dependencies are missing."""


def demo(
    port: Annotated[int, typer.Option(help="Where to listen; 0 for any free port.")] = 8080,
    password: Annotated[str, typer.Option(help="The password of the user demo.")] = USER,
    *,
    verbose: Verbose = False,
) -> None:
    """Serve a demo with one account of each kind; no account needed."""
    if importlib.util.find_spec("flask") is None:
        raise DemoNotInstalled('the demo needs more packages: pip install "davstore[demo]"')
    from davstore.simulator import Simulator  # noqa: PLC0415 - only the demo needs Flask

    logs.start("debug" if verbose else "info")
    told = told_to_stop()
    settle()
    with TemporaryDirectory(prefix="davstore-demo-") as folder:
        with err.status("making the demo's videos …"):
            simulator = Simulator.demo(platformdirs.user_cache_path("davstore") / "demo")
        with simulator:
            server = Server(load(_config_file(simulator, Path(folder), port, password)))
            server.start()
            out.print(_welcome(server.url, password), markup=True)
            await_told(told)
            server.stop()


def _config_file(simulator: "Simulator", folder: Path, port: int, password: str) -> Path:
    """The same file that an owner writes; only URLs and tokens lead to the simulator."""
    accounts: Mapping[str, Any] = {
        "realdebrid": simulator.realdebrid.settings,
        "alldebrid": simulator.alldebrid.settings,
        "torz": simulator.torz.settings,
        "stremthru": simulator.magnets.settings,
        "plank": simulator.plank.settings,
    }
    path = folder / "demo.toml"
    with path.open("wb") as file:
        tomli_w.dump(
            {
                "server": {"host": "127.0.0.1", "port": port, "state": str(folder), "refresh": 10},
                "users": [{"name": USER, "password": password, "rights": RIGHTS}],
                "accounts": {n: {**each, "delete": True} for n, each in accounts.items()},
            },
            file,
        )
    return path


def _welcome(url: str, password: str) -> str:
    remote = f":webdav,url='{url}',user={USER},pass=$(rclone obscure {shlex.quote(password)}):"
    remote, password = escape(remote), escape(password)
    return f"""
[bold green]The demo is running[/] at [bold]{url}[/]
log in as [bold]{USER}[/] with the password [bold]{password}[/]; the dashboard is at {url}-/

Mount it, in another terminal:
  mkdir -p ~/davstore && rclone mount "{remote}" ~/davstore --vfs-cache-mode full

Add something: at {url}-/add, or put a .torrent file, or a .magnet file with a link in it, into
  ~/davstore/realdebrid/incoming

Your own accounts: [bold]davstore setup[/] asks for what it needs. Ctrl+C ends the demo.
"""
