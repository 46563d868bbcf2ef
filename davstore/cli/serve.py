"""`davstore serve`: the server, until it is told to stop."""

import logging
import signal
import threading
from types import FrameType

from davstore.cli import logs
from davstore.cli.screen import ConfigFile, Verbose, load
from davstore.config import Settings
from davstore.server import Server

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
    """Serve until SIGTERM or SIGINT."""
    told = told_to_stop()
    server = Server(settings)
    server.start()
    accounts = ", ".join(settings.accounts)
    log.info("serving %s at %s", accounts, server.url)
    told.wait()
    log.info("stopping")
    server.stop()


def told_to_stop() -> threading.Event:
    """Set once SIGTERM or SIGINT has come; a second one then ends the process at once."""
    told = threading.Event()

    def tell(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    return told
