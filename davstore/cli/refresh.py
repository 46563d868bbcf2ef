"""`davstore refresh`: ask the services now."""

import contextlib
import os
import signal
import time
from typing import Annotated

import typer

from davstore.catalog import Records, server_of
from davstore.cli.accounts import check_account
from davstore.cli.opening import state_of
from davstore.cli.screen import ConfigFile, err, labelled, load, out
from davstore.config import Settings
from davstore.errors import DavstoreError
from davstore.server.library import Library


def refresh(
    account: Annotated[str | None, typer.Argument(help="Only this account.")] = None,
    config: ConfigFile = None,
) -> None:
    """Have the server ask its services now; without a running server, ask them here."""
    settings = load(config)
    if account is not None:
        check_account(settings, account)
    names = [account] if account else list(settings.accounts)
    server = server_of(settings.server.state)
    if server is None:
        _ask_here(settings, names)
        return
    with state_of(settings) as engine:
        Records(engine).ask(names, time.time())
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it looks by itself, later
        os.kill(server, signal.SIGHUP)
    out.print(f"process {server} asks {', '.join(names)}; see `davstore status`")


def _ask_here(settings: Settings, names: list[str]) -> None:
    library = Library(settings)
    failed = False
    try:
        for name in names:
            with err.status(f"asking {name} …"):
                try:
                    library.catalog.refresh(name)
                except DavstoreError as error:
                    failed = True
                    err.print(labelled("yellow", "davstore", error))
                    continue
            snapshot = library.catalog.snapshot(name)
            out.print(f"{name}: {len(snapshot.magnets.entries) if snapshot else 0} magnets shown")
    finally:
        library.close()
    if failed:
        raise typer.Exit(1)
