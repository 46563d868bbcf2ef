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
_TABLES = """
SELECT md5(string_agg(said, E'\\n' ORDER BY said)) FROM (
    SELECT a::text AS said FROM pg_attribute a WHERE attrelid >= 16384
    UNION ALL SELECT format('%s %s %s', oid, relname, relkind) FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT c::text FROM pg_constraint c WHERE oid >= 16384
    UNION ALL SELECT d::text FROM pg_attrdef d
    UNION ALL SELECT t::text FROM pg_trigger t
    UNION ALL SELECT p::text FROM pg_proc p WHERE oid >= 16384
    UNION ALL SELECT nspname::text FROM pg_namespace WHERE oid >= 16384
    UNION ALL SELECT s::text FROM pg_db_role_setting s
) AS everything
"""
"""All that can be done to a database but to its rows, as one word."""
_ALONE = "SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity WHERE datname = %s"
_EMPTY = """
DO $$
DECLARE
    one regclass;
    is_full boolean;
BEGIN
    FOR one IN
        SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO is_full;
        IF is_full THEN EXECUTE format('TRUNCATE %s', one); END IF;
    END LOOP;
    INSERT INTO alembic_version SELECT * FROM first.alembic_version;
    INSERT INTO revisions SELECT * FROM first.revisions;
END $$
"""
_FIRST = """
CREATE SCHEMA first;
CREATE TABLE first.alembic_version AS TABLE alembic_version;
CREATE TABLE first.revisions AS TABLE revisions;
"""
"""The rows that a new database has."""
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


def _tables(connection: psycopg.Connection) -> object:
    return connection.execute(_TABLES).fetchone()


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
        with self._connected("template_davstore") as connection:
            connection.execute(_FIRST)
            self._tables = _tables(connection)
        self._spare: list[str] = []

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
        """One with all tables and nothing in them, for a while: one that was used before where
        there is one, as making it takes longer than most tests.
        """
        name = self._spare.pop() if self._spare else self._made("template_davstore")
        try:
            yield self.at(name)
        finally:
            with contextlib.suppress(psycopg.OperationalError):
                self._spare += self._emptied(name)

    @contextlib.contextmanager
    def empty(self) -> Iterator[Database]:
        """A new one without any table."""
        name = self._made("template0")
        try:
            yield self.at(name)
        finally:
            with contextlib.suppress(psycopg.OperationalError):
                self._drop(name)

    def _made(self, template: str) -> str:
        name = f"davstore_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def _drop(self, name: str) -> None:
        self.query(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, name: str) -> list[str]:
        """The name by which it can be used anew, which nobody knows who used it before; none where
        its tables are others now.
        """
        another = f"davstore_{next(self._numbers)}"
        try:
            with self._connected() as connection:
                connection.execute(_ALONE, [name])
                connection.execute(f"ALTER DATABASE {name} RENAME TO {another}")
        except psycopg.errors.ObjectInUse:  # somebody has come back
            self._drop(name)
            return []
        with self._connected(another) as connection:
            is_same = self._tables == _tables(connection)
            if is_same:
                connection.execute(_EMPTY)
        if not is_same:
            self._drop(another)
        return [another] if is_same else []

    def query(self, text: str) -> None:
        """Have it do something, over a connection of its own."""
        with self._connected() as connection:
            connection.execute(text)

    def _connected(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="davstore", password=PASSWORD, dbname=database,
            autocommit=True, connect_timeout=5,
        )  # fmt: skip

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
