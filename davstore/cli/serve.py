"""`davstore serve`: the server, until it is told to stop."""

import logging
import signal
import sys
import threading
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from types import FrameType

from davstore import logs
from davstore.catalog import Catalog, only_server
from davstore.cli.screen import ConfigFile, Verbose, load
from davstore.config import Settings
from davstore.errors import DavstoreError
from davstore.server import Processes, Server, settle

log = logging.getLogger("davstore.serve")

LOOK_EVERY = 0.2
"""Seconds between two looks whether a process has died."""


def serve(config: ConfigFile = None, *, verbose: Verbose = False) -> None:
    """Serve the configured accounts over WebDAV."""
    settings = load(config)
    logs.start("debug" if verbose else "info")
    for user in settings.users:
        if not user.is_hashed:
            log.warning(
                "users: the password of %r stands there plain; put a hash made by "
                "`davstore password` in its place", user.name,
            )  # fmt: skip
    run(settings, verbose=verbose)


def run(settings: Settings, *, verbose: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP refreshes. Raises `StateError` beside another."""
    told = told_to_stop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settle()
    with only_server(settings.server.state):
        if settings.server.workers > 1:
            _run_several(settings, told, verbose=verbose)
            return
        server = Server(settings)
        refresh_when_told(server.library.catalog)
        server.start()
        accounts = ", ".join(settings.accounts)
        log.info("serving %s at %s", accounts, server.url)
        told.wait()
        log.info("stopping")
        server.stop()


def _run_several(settings: Settings, told: threading.Event, *, verbose: bool) -> None:
    processes = Processes(settings, partial(_be_one_of_several, verbose=verbose))
    processes.start()
    signal.signal(signal.SIGHUP, lambda *_: processes.refresh())
    log.info(
        "serving %s at %s by the processes %s", ", ".join(settings.accounts), processes.url,
        ", ".join(map(str, processes.pids)),
    )  # fmt: skip
    while not told.wait(LOOK_EVERY):
        processes.look()
    log.info("stopping")
    processes.stop()


def _be_one_of_several(settings: Settings, reports: Connection, *, verbose: bool) -> None:
    """Serve until SIGTERM, or until the process that started us is no more."""
    told = told_to_stop()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all: we are told by our parent
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logs.start("debug" if verbose else "info", tells_process=True)
    settle()
    try:
        server = Server(settings)
        server.start()
    except DavstoreError as error:
        reports.send(str(error))
        sys.exit(1)
    refresh_when_told(server.library.catalog)
    reports.send("")
    threading.Thread(target=_stop_without_parent, args=(told,), daemon=True).start()
    told.wait()
    server.stop()


def _stop_without_parent(told: threading.Event) -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        told.set()


def refresh_when_told(catalog: Catalog) -> None:
    """At SIGHUP refresh the accounts that were asked for, or all; not in the signal's handler,
    which must not wait for a disk.
    """

    def tell(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=catalog.hurry_asked, name="asked", daemon=True).start()

    signal.signal(signal.SIGHUP, tell)


def told_to_stop() -> threading.Event:
    """Set once SIGTERM or SIGINT has come; a second one then ends the process at once."""
    told = threading.Event()

    def tell(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    return told
