"""Several processes of one server: started, replaced when they die, ended together.

They share the port (SO_REUSEPORT: the system hands each new connection to one of them) and the
state folder, and know nothing of each other but what stands there.
"""

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TypeAlias

from davstore.catalog import open_database
from davstore.config import Settings
from davstore.errors import DavstoreError
from davstore.server.reloading import at_once
from davstore.server.server import PortUnavailable, address_url, listening_problem

log = logging.getLogger(__name__)

READY_WITHIN = 120.0
"""Seconds until a process must listen."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before one that died is replaced; doubling for one that never lives long."""
LONG = 60.0
GRACE = 10.0
"""Seconds beyond the time for responses under way, after which a process is killed."""

Serve: TypeAlias = Callable[[Settings, Connection, int], None]
"""What each process runs, told its number from 0 on: it sends "" once it listens, or why it
cannot, and ends at SIGTERM.
"""


class WorkerFailed(DavstoreError):
    """A process could not serve."""


@dataclass(slots=True)
class _Worker:
    """The place of one process, and who has it now."""

    number: int
    process: SpawnProcess
    reports: Connection
    began: float
    pause: float = FIRST_PAUSE
    replace_at: float | None = None
    is_ready: bool = False


class Processes:
    """As many as are configured, each running `serve`, which must be a module's function."""

    def __init__(
        self, settings: Settings, serve: Serve, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._serve = serve
        self._now = now
        self._workers: list[_Worker] = []
        self._reserved: socket.socket | None = None

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        return [w.process.pid for w in self._workers if w.process.is_alive() and w.process.pid]

    @property
    def url(self) -> str:
        """Where they listen."""
        server = self._settings.server
        return address_url(server.scheme, server.host, server.port)

    def start(self) -> None:
        """Return once all listen. Raises `StateError`, `PortUnavailable` or `WorkerFailed`."""
        server = self._settings.server
        # What must be migrated or set aside is so before anybody works with it.
        open_database(server.state, time.time, database=server.database).dispose()
        self._reserved = _reserved(server.host, server.port)
        port = self._reserved.getsockname()[1]
        self._settings = self._settings.model_copy(
            update={"server": server.model_copy(update={"port": port})}
        )
        try:
            for number in range(server.workers):
                self._workers.append(self._begun(number))
            for worker in self._workers:
                self._await(worker)
        except BaseException:
            self.stop()
            raise

    def look(self) -> None:
        """Replace those that have died, if it is time."""
        for at, worker in enumerate(self._workers):
            worker.is_ready = worker.is_ready or _report(worker) == ""
            if worker.process.is_alive():
                continue
            if worker.replace_at is None:
                self._mourn(worker)
            elif self._now() >= worker.replace_at:
                self._workers[at] = self._begun(worker.number, worker.pause)
                log.info("process %d takes its place", self._workers[at].process.pid or 0)

    def refresh(self) -> None:
        """Have the accounts refreshed that were asked for, or all, by whoever refreshes them."""
        for worker in self._workers:
            if worker.is_ready and worker.process.is_alive() and worker.process.pid:
                os.kill(worker.process.pid, signal.SIGHUP)
                return

    def take_over(self, settings: Settings) -> None:
        """Have all read their settings again; those that begin later get these."""
        self._settings = at_once(self._settings, settings)
        for worker in self._workers:
            if worker.is_ready and worker.process.is_alive() and worker.process.pid:
                os.kill(worker.process.pid, signal.SIGUSR1)

    def stop(self) -> None:
        """End them all; responses under way may go on for the configured time."""
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()
        deadline = time.monotonic() + self._settings.server.drain + GRACE
        for worker in self._workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()
        if self._reserved is not None:
            self._reserved.close()

    def _begun(self, number: int, pause: float = FIRST_PAUSE) -> _Worker:
        context = get_context("spawn")
        reports, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=self._serve, args=(self._settings, theirs, number), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(number, process, reports, self._now(), pause)

    def _await(self, worker: _Worker) -> None:
        worker.reports.poll(READY_WITHIN)
        said = _report(worker)
        if said != "":
            raise WorkerFailed(said or "a process does not start; see the log")
        worker.is_ready = True

    def _mourn(self, worker: _Worker) -> None:
        lived = self._now() - worker.began
        pause = FIRST_PAUSE if lived > LONG else worker.pause
        worker.replace_at = self._now() + pause
        worker.pause = min(2 * pause, LONGEST_PAUSE)
        code = worker.process.exitcode or 0
        log.warning(
            "process %d ended %s; replacing it", worker.process.pid or 0,
            _report(worker) or (f"by signal {-code}" if code < 0 else f"with status {code}"),
        )  # fmt: skip


def _report(worker: _Worker) -> str | None:
    """What the process has said since, None where it said nothing."""
    with contextlib.suppress(EOFError, OSError):
        if worker.reports.poll():
            return str(worker.reports.recv())
    return None


def _reserved(host: str, port: int) -> socket.socket:
    """Holds the port for processes that share it, without listening.

    Two servers that both share would not notice each other: that nobody listens is tried first.
    Raises `PortUnavailable`.
    """
    problem = OSError("there is no such address")
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        places, problem = [], error
    for family, _, _, _, address in places:
        try:
            with _bound(family, address, is_shared=False) as alone:
                alone.listen(1)
            return _bound(family, address, is_shared=True)
        except OSError as error:
            problem = error
    raise PortUnavailable(listening_problem((host, port), problem)) from None


def _bound(family: int, address: object, *, is_shared: bool) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(address)  # type: ignore[arg-type]
    except BaseException:
        found.close()
        raise
    return found
