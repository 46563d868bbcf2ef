"""`davstore serve`: the server, until it is told to stop."""

import logging
import signal
import threading
from types import FrameType

from davstore.catalog import Catalog, only_server
from davstore.cli import logs
from davstore.cli.screen import ConfigFile, Verbose, load
from davstore.config import Settings
from davstore.server import Server, settle

log = logging.getLogger("davstore.serve")


def serve(config: ConfigFile = None, *, verbose: Verbose = False) -> None:
    """Serve the configured accounts over WebDAV."""
    settings = load(config)
    logs.start(verbose=verbose)
    for user in settings.users:
        if not user.is_hashed:
            log.warning(
                "users: the password of %r stands there plain; put a hash made by "
                "`davstore password` in its place", user.name,
            )  # fmt: skip
    run(settings)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP refreshes. Raises `StateError` beside another."""
    told = told_to_stop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settle()
    with only_server(settings.server.state):
        server = Server(settings)
        refresh_when_told(server.library.catalog)
        server.start()
        accounts = ", ".join(settings.accounts)
        log.info("serving %s at %s", accounts, server.url)
        told.wait()
        log.info("stopping")
        server.stop()


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
