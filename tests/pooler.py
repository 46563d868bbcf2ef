"""A real PgBouncer for the tests, which lends its connections for a transaction each."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from pydantic import SecretStr

from davstore.config import Database
from tests.commands import free_port
from tests.postgres import PASSWORD, Cluster
from tests.serving import wait_until

LENT = 6
"""Connections that all who come share."""


@contextlib.contextmanager
def pooled(cluster: Cluster, database: Database) -> Iterator[Database]:
    """The `database` of the cluster by way of a PgBouncer that is as Debian has it, but for its
    pool_mode.
    """
    program = shutil.which("pgbouncer")
    assert program is not None
    folder = Path(tempfile.mkdtemp(prefix="davstore-pooler-"))
    port, root = free_port(), os.geteuid() == 0
    (folder / "users").write_text(f'"davstore" "{PASSWORD}"\n')
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\n"
        f"pool_mode = transaction\ndefault_pool_size = {LENT}\n"
    )
    if root:  # PgBouncer refuses to run as root
        for path in (folder, *folder.iterdir()):
            os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [program, str(config)], stdout=log, stderr=log, user="postgres" if root else None
        )
    url = database.url.get_secret_value().replace(f":{cluster.port}/", f":{port}/")
    try:
        wait_until(lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, (folder / "log").read_text()
        yield Database(SecretStr(url))
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
