"""`davstore serve`: the server, until it is told to stop."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from davstore import logs
from davstore.catalog import only_server, open_database
from davstore.cli import systemd
from davstore.cli.screen import ConfigFile, Verbose, load
from davstore.config import ServerSettings, Settings
from davstore.errors import ConfigError, DatabaseAway, DavstoreError
from davstore.server.announcing import announced, check_announcing
from davstore.server.limits import settle
from davstore.server.processes import Processes
from davstore.server.server import Server

log = logging.getLogger("davstore.serve")

LOOK_EVERY = 0.2
"""Seconds between two looks whether a process has died."""
AWAY_PAUSE = 2.0
"""Seconds between two tries to reach a database that is not there when we start."""


def serve(config: ConfigFile = None, *, verbose: Verbose = False) -> None:
    """Serve the configured accounts over WebDAV."""
    settings = load(config)
    logs.start("debug" if verbose else settings.log.level, settings.log.format)
    for user in settings.users:
        if not user.is_hashed:
            log.warning(
                "users: the password of %r stands there plain; put a hash made by "
                "`davstore password` in its place", user.name,
            )  # fmt: skip
    server = settings.server
    if server.is_public and server.tls_cert is None and not server.proxies:
        log.warning(
            "server: passwords and files go unencrypted to and from %s; set server.tls_cert "
            "(`davstore certificate` makes one), or server.proxies behind a proxy with TLS",
            server.host,
        )  # fmt: skip
    run(settings, config, verbose=verbose)


def run(settings: Settings, config: Path | None, *, verbose: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; at SIGHUP the settings are read again, and the accounts
    refreshed. Raises `StateError` beside another.
    """
    told = told_to_stop()
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    settle()
    if settings.server.announce:
        check_announcing()
    with only_server(settings.server.state):
        if not _database_is_there(settings.server, told):
            return
        if settings.server.workers > 1:
            _run_several(settings, config, told, verbose=verbose)
            return
        server = Server(settings, reload=lambda: server.take_over(load(config)))
        _when_told(signal.SIGHUP, lambda: _read_again(server, config),
                   server.library.catalog.hurry_asked)  # fmt: skip
        server.start()
        accounts = ", ".join(settings.accounts)
        log.info("serving %s at %s", accounts, server.url)
        systemd.say_ready()
        with _announced(settings, server.url):
            await_told(told)
        log.info("stopping")
        server.stop()


def _database_is_there(server: ServerSettings, told: threading.Event) -> bool:
    """Wait until the database that machines share answers; False where we are told to stop first.

    Machines that start together, or again after an outage, start in any order. Raises `StateError`
    where waiting is of no use.
    """
    said = ""
    while server.database is not None:
        try:
            open_database(server.state, time.time, database=server.database).dispose()
        except DatabaseAway as error:
            if str(error) != said:
                said = str(error)
                log.warning("%s; waiting for it", error)
            if told.wait(AWAY_PAUSE):
                return False
        else:
            break
    return True


def _run_several(
    settings: Settings, config: Path | None, told: threading.Event, *, verbose: bool
) -> None:
    processes = Processes(settings, partial(_be_one_of_several, config=config, verbose=verbose))
    processes.start()
    _when_told(signal.SIGHUP, lambda: _read_again(processes, config), processes.refresh)
    _when_told(signal.SIGUSR1, lambda: _read_again(processes, config))
    log.info(
        "serving %s at %s by the processes %s", ", ".join(settings.accounts), processes.url,
        ", ".join(map(str, processes.pids)),
    )  # fmt: skip
    systemd.say_ready()
    with _announced(settings, processes.url):
        while not told.wait(LOOK_EVERY):
            processes.look()
    log.info("stopping")
    processes.stop()


def _announced(settings: Settings, url: str) -> AbstractContextManager[None]:
    return announced(url) if settings.server.announce else nullcontext()


def _be_one_of_several(
    settings: Settings, reports: Connection, number: int, *, config: Path | None, verbose: bool
) -> None:
    """Serve until SIGTERM, or until the process that started us is no more."""
    told = told_to_stop()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all: we are told by our parent
    for each in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(each, signal.SIG_IGN)
    level = "debug" if verbose else settings.log.level
    logs.start(level, settings.log.format, tells_process=True)
    settle()

    def reload() -> None:
        load(config)  # what is wrong with it is for who asked
        os.kill(os.getppid(), signal.SIGUSR1)

    try:
        server = Server(settings, number=number, reload=reload)
        server.start()
    except DavstoreError as error:
        reports.send(str(error))
        sys.exit(1)
    _when_told(signal.SIGHUP, server.library.catalog.hurry_asked)
    _when_told(signal.SIGUSR1, lambda: _read_again(server, config))
    reports.send("")
    threading.Thread(target=_stop_without_parent, args=(told,), daemon=True).start()
    await_told(told)
    server.stop()


def _read_again(server: Server | Processes, config: Path | None) -> None:
    """A configuration that is wrong changes nothing."""
    try:
        server.take_over(load(config))
    except ConfigError as error:
        for problem in error.problems:
            log.error("the settings stay as they were: %s", problem)  # noqa: TRY400 - no traceback


def _stop_without_parent(told: threading.Event) -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        told.set()


def _when_told(number: signal.Signals, *work: Callable[[], object]) -> None:
    """Do `work` whenever the signal comes; not in its handler, which must wait for nothing."""

    def do() -> None:
        for each in work:
            each()

    def tell(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=do, name="told", daemon=True).start()

    signal.signal(number, tell)


def await_told(told: threading.Event) -> None:
    """Wait for it, looking up again and again: a signal that the system hands to another thread
    does not wake the main one, which alone acts on it.
    """
    while not told.wait(LOOK_EVERY):
        pass


def told_to_stop() -> threading.Event:
    """Set once SIGTERM or SIGINT has come; a second one then ends the process at once."""
    told = threading.Event()

    def tell(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    return told
