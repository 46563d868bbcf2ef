"""The `davstore` command: its subcommands, and how davstore's own errors end it.

One line an error, no traceback; exit status 2 for the configuration and 1 for the rest.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from davstore import __version__
from davstore.cli.screen import err, labelled, out
from davstore.errors import ConfigError, DavstoreError

PANELS: Final[Mapping[str, Mapping[str, str]]] = {
    "To begin": {
        "demo": "demo.demo", "setup": "setup.setup", "check": "check.check",
        "serve": "serve.serve", "mount": "mount.mount",
    },
    "How it is": {
        "status": "status.status", "doctor": "doctor.doctor", "explain": "explain.explain",
        "ls": "ls.ls", "views": "views.views", "config": "config.config",
        "refresh": "refresh.refresh", "notify": "notify.notify", "audit": "audit.audit",
    },
    "Accounts": {
        "login": "login.login", "logout": "login.logout", "search": "finding.search",
        "check-cache": "finding.check_cache", "links": "links.links", "unlock": "links.unlock",
        "hosts": "hosts.hosts", "settings": "hosts.settings", "media": "media.media",
        "position": "position.position", "rename": "rename.rename",
        "restart": "restart.restart", "vouchers": "restart.vouchers",
    },
    "The server and its state": {
        "password": "password.password", "certificate": "certificate.certificate",
        "export": "export.export", "migrate": "state.migrate", "state": "state.state",
        "import": "importing.import_",
    },
}  # fmt: skip
"""Each command's module and function, as people are shown them."""
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    name: (panel, place) for panel, commands in PANELS.items() for name, place in commands.items()
}


class _Commands(Mapping[str, Any]):
    """Each is loaded when it is asked for: together they need all of davstore, which takes time."""

    def __getitem__(self, name: str) -> Any:
        return _loaded(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _loaded(name: str) -> Any:
    panel, place = COMMANDS[name]
    module, _, function = place.partition(".")
    found = getattr(import_module(f"davstore.cli.{module}"), function)
    alone = typer.Typer(add_completion=False)
    alone.command(name, rich_help_panel=panel)(found)
    return get_command(alone)


class _Group(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"commands": _Commands()})

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names; Typer's own would load them all."""
        del ctx
        return list(COMMANDS)


app = typer.Typer(
    name="davstore",
    cls=_Group,
    help="Debrid accounts as a WebDAV server: every magnet a folder, every file streaming.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback
    if wanted:
        out.print(f"davstore {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    del version  # its callback has answered


def main() -> None:
    """Run the `davstore` command."""
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            err.print(labelled("red", "davstore", problem))
        sys.exit(2)
    except DavstoreError as error:
        err.print(labelled("red", "davstore", error))
        sys.exit(1)
