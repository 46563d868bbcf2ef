"""Programs that are started, measured as a tree, and ended whatever happens."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TICK = os.sysconf("SC_CLK_TCK")
ENDING = 10.0
USUAL_FILES = 1024


class Unfit(Exception):
    """A measurement that cannot be made, and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes has used so far, or holds now."""

    cpu: float
    resident: int
    threads: int


class Program:
    """A running command and its descendants; a context manager that ends them all.

    `log` takes what it writes. `files` is the soft limit of open files it gets: that of most
    systems, so that a server has to raise it by itself where it needs more.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        environ: Mapping[str, str] | None = None,
        files: int = USUAL_FILES,
    ) -> None:
        self.log = log
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = files if hard == resource.RLIM_INFINITY else min(files, hard)
        limits = [found("prlimit"), f"--nofile={files}:"]
        # So that nothing is left even where we are killed ourselves.
        orphaned = [found("setpriv"), "--pdeathsig", "TERM", "--"]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*limits, *orphaned, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the command has not ended."""
        return self._process.poll() is None

    def usage(self) -> Usage:
        """Of the whole tree."""
        return usage_of(self._process.pid)

    def stop(self) -> None:
        """Ask to end, then end by force; may be called twice."""
        pids = _tree(self._process.pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(ENDING)
        for pid in pids:
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == self._process.pid:  # ours still, not a reused number
                    os.kill(pid, signal.SIGKILL)

    def await_that(self, ready: Callable[[], object], what: str, seconds: float = 30) -> None:
        """Poll until `ready`. Raises `Unfit` with its last words, where it ends or is late."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                state = "did not get ready" if self.running else "ended"
                raise Unfit(f"{what} {state}: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The end of what it wrote."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return " / ".join(lines[-3:])[-400:] or "it said nothing"


def usage_of(process: int) -> Usage:
    """Of the tree of a process; ended children count where their parent has waited for them."""
    cpu, resident, threads = 0, 0, 0
    for pid in _tree(process):
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            cpu += sum(int(field) for field in fields[11:15])
            threads += int(fields[17])
            resident += int(fields[21]) * resource.getpagesize()
    return Usage(cpu / TICK, resident, threads)


def found(tool: str) -> str:
    """Where a program is. Raises `Unfit` where it is not installed."""
    beside = Path(sys.executable).parent
    path = os.pathsep.join([str(beside), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    place = shutil.which(tool, path=path)
    if place is None:
        raise Unfit(f"needs {tool}, which is not installed")
    return place


def listens(port: int) -> bool:
    """Whether something accepts connections at `port` of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on: the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree += children.get(pid, [])
    return tree
