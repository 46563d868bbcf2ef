"""A real PostgreSQL for the tests, on loopback and in a folder of its own."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
from pydantic import SecretStr

from davstore.catalog import open_database
from davstore.config import Database
from tests.cables import Cable

PASSWORD = "not-for-logs"
_ENDING_WITH_US = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
"""However the tests end, no server stays behind."""


def binaries() -> Path | None:
    """Where Debian's package, or whoever made it, has put PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


def _version(path: Path) -> float:
    return float(path.parts[-3])


class Cluster:
    """One server process with its own data. It may be killed, paused and started again.

    One that `follows` another has what that one has, and may take its place; where there is a
    `cable` to it, through that.
    """

    def __init__(
        self, programs: Path, follows: "Cluster | None" = None, cable: Cable | None = None
    ) -> None:
        self._programs = programs
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._uid: int | None = user.pw_uid if user else None
        self._gid: int | None = user.pw_gid if user else None
        self._groups: list[int] | None = [] if user else None
        self.folder = Path(tempfile.mkdtemp(prefix="davstore-pg-"))
        self._own(self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if follows is None:
            self._begin()
        else:
            self._follow(cable.port if cable else follows.port)

    def _begin(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        self._own(password)
        self._run(
            "initdb", "-D", str(self.folder / "data"), "-U", "davstore", "--auth=scram-sha-256",
            f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        self.start()
        self.query("CREATE DATABASE template_davstore")
        open_database(self.folder, time.time, database=self.at("template_davstore")).dispose()

    def _follow(self, port: int) -> None:
        """https://www.postgresql.org/docs/current/warm-standby.html, streaming replication"""
        self._run(
            "pg_basebackup", "-D", str(self.folder / "data"), "-R", "-X", "stream", "-c", "fast",
            "--no-sync", "-d", f"host=127.0.0.1 port={port} user=davstore password={PASSWORD}",
        )  # fmt: skip
        self.start()

    def promote(self) -> None:
        """From now on it follows nobody, and takes writes."""
        self.query("SELECT pg_promote()")

    def confirm(self) -> None:
        """From now on it calls nothing written that a standby has not."""
        self.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.query("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Listen; returns once it does."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [*_ENDING_WITH_US, self._programs / "postgres", "-D", self.folder / "data",
             "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={self.folder}",
             "-c", "fsync=off", "-c", "full_page_writes=off",
             "-c", "max_connections=200", "-c", "shared_buffers=32MB"],
            stdout=log, stderr=log, start_new_session=True,
            user=self._uid, group=self._gid, extra_groups=self._groups,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.query("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it as a crash does, with all that it has begun."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(30)
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def pause(self) -> None:
        """Have every process of it stand still, as a machine does that hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The reverse."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, and leave nothing behind."""
        with contextlib.suppress(ProcessLookupError):
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def at(self, name: str, *others: "Cluster") -> Database:
        """A database of it, or of whichever of `others` takes writes instead."""
        address = f"postgresql+psycopg://davstore:{PASSWORD}@127.0.0.1:{self.port}/{name}"
        if others:
            hosts = "&".join(f"host=127.0.0.1:{each.port}" for each in (self, *others))
            address = address.replace(f"127.0.0.1:{self.port}", "")
            address += f"?{hosts}&target_session_attrs=read-write"
        return Database(SecretStr(address))

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """A new one with all tables, for a while."""
        with self.empty("template_davstore") as made:
            yield made

    @contextlib.contextmanager
    def empty(self, template: str = "template0") -> Iterator[Database]:
        """A new one, as its template is."""
        name = f"davstore_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.at(name)
        finally:
            with contextlib.suppress(psycopg.OperationalError):
                self.query(f"DROP DATABASE {name} WITH (FORCE)")

    def query(self, text: str) -> None:
        """Have it do something, over a connection of its own."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="davstore", password=PASSWORD, dbname="postgres",
            autocommit=True, connect_timeout=5,
        ) as connection:  # fmt: skip
            connection.execute(text)

    def _signal(self, number: signal.Signals) -> None:
        """To the postmaster and its children, which make sessions of their own."""
        assert self._process is not None
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True
        ).stdout.split()
        for pid in (self._process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], check=True, capture_output=True,
            cwd=self.folder,
            user=self._uid, group=self._gid, extra_groups=self._groups,
        )  # fmt: skip

    def _own(self, path: Path) -> None:
        if self._uid is not None and self._gid is not None:
            os.chown(path, self._uid, self._gid)
