"""The `davstore` command: its subcommands, and how davstore's own errors end it.

One line an error, no traceback; exit status 2 for the configuration and 1 for the rest.
"""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from davstore import __version__
from davstore.cli import (
    audit,
    certificate,
    check,
    config,
    demo,
    doctor,
    explain,
    export,
    finding,
    hosts,
    importing,
    links,
    login,
    ls,
    media,
    mount,
    notify,
    password,
    position,
    refresh,
    rename,
    restart,
    serve,
    setup,
    state,
    status,
    views,
)
from davstore.cli.screen import err, out
from davstore.errors import ConfigError, DavstoreError

app = typer.Typer(
    name="davstore",
    help="Debrid accounts as a WebDAV server: every magnet a folder, every file streaming.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, commands in {
    "To begin": (demo.demo, setup.setup, check.check, serve.serve, mount.mount),
    "How it is": (
        status.status, doctor.doctor, explain.explain, ls.ls, views.views, config.config,
        refresh.refresh, notify.notify, audit.audit,
    ),
    "Accounts": (
        login.login, login.logout, finding.search, finding.check_cache, links.links, links.unlock,
        hosts.hosts, hosts.settings, media.media, position.position, rename.rename,
        restart.restart, restart.vouchers,
    ),
    "The server and its state": (
        password.password, certificate.certificate, export.export, state.migrate, state.state,
    ),
}.items():  # fmt: skip
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.command("import", rich_help_panel=panel)(importing.import_)


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
