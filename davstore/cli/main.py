"""The `davstore` command: its subcommands, and how davstore's own errors end it.

One line an error, no traceback; exit status 2 for the configuration and 1 for the rest.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from typer.core import TyperGroup
from typer.main import get_command

from davstore import __version__
from davstore.cli.screen import err, out
from davstore.errors import ConfigError, DavstoreError

COMMANDS: Final[Mapping[str, str]] = {
    "demo": "demo.demo", "serve": "serve.serve", "check": "check.check",
    "login": "login.login", "logout": "login.logout",
    "status": "status.status", "refresh": "refresh.refresh", "ls": "ls.ls", "views": "views.views",
    "explain": "explain.explain", "doctor": "doctor.doctor",
    "search": "finding.search", "check-cache": "finding.check_cache",
    "position": "position.position",
    "rename": "rename.rename", "audit": "audit.audit", "export": "export.export",
    "links": "links.links", "unlock": "links.unlock", "media": "media.media",
    "hosts": "hosts.hosts", "settings": "hosts.settings",
    "restart": "restart.restart", "vouchers": "restart.vouchers",
    "notify": "notify.notify", "mount": "mount.mount", "setup": "setup.setup",
    "migrate": "state.migrate", "state": "state.state",
    "password": "password.password", "certificate": "certificate.certificate",
    "config": "config.config", "import": "importing.import_",
}  # fmt: skip
"""Each command's module and function: in the order in which people are shown them."""


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
    module, _, function = COMMANDS[name].partition(".")
    alone = typer.Typer(add_completion=False)
    alone.command(name)(getattr(import_module(f"davstore.cli.{module}"), function))
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
            _complain(str(problem))
        sys.exit(2)
    except DavstoreError as error:
        _complain(str(error))
        sys.exit(1)


def _complain(text: str) -> None:
    err.print(f"[red]davstore:[/] {escape(text)}", soft_wrap=True)
