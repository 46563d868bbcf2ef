"""A davstore in a process of its own, and what can be seen of it from outside."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import bcrypt
import requests

from davstore.simulator import Simulator
from tests.commands import free_port
from tests.serving import wait_until, write_config

USER, PASSWORD = "anna", "a secret word"
_UNEXPECTED = re.compile(r"Traceback|^\S+ (ERROR|CRITICAL)", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """Of one moment."""

    memory: int
    threads: int
    open: Counter[str]
    """What the descriptors are of: the files' names, or kinds."""

    @property
    def descriptors(self) -> int:
        return self.open.total()


class Served:
    """A running server; a context manager."""

    def __init__(self, sim: Simulator, folder: Path, accounts: Sequence[str], told: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._log = folder / "log"
        self.users_file = folder / "users"
        self.add_user("guest0")
        self._config = write_config(
            sim, folder, accounts=tuple(accounts),
            server={"port": self.port, "state": str(folder / "state"), "refresh": 10,
                    "refresh_quick": 5, "users_file": str(self.users_file)},
            users=[{"name": USER, "password": PASSWORD, "rights": ["read", "add", "delete"]}],
            shares={"scratch": {"kind": "scratch", "path": str(folder / "scratch")}},
            stream={"edge_store": "64MiB", "read_ahead_memory": "32MiB"},
            hooks=[{"kind": "webhook", "url": told, "quiet": 1, "latest": 5}],
            views={"Movies": {"kind": "movie", "layout": "arranged"}, "Everything": {}},
        )  # fmt: skip

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "davstore", "serve", "-c", str(self._config)], stderr=log
            )
        wait_until(lambda: self.status(USER, PASSWORD, "/Movies/") == 200, 60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def status(self, user: str, password: str, path: str = "/") -> int:
        """Of a GET; 0 where nobody answers."""
        try:
            return requests.get(self.url + path, auth=(user, password), timeout=20).status_code
        except requests.RequestException:
            return 0

    def add_user(self, name: str) -> None:
        """Only this one stands in the file of users from now on."""
        made = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        draft = self.users_file.with_suffix(".new")
        draft.write_text(f"{name}:{made}\n")
        draft.replace(self.users_file)

    def refresh(self) -> None:
        """As `systemctl reload` does."""
        self._process.send_signal(signal.SIGHUP)

    def figures(self) -> Figures:
        """What the process has now."""
        place = Path(f"/proc/{self._process.pid}")
        status = (place / "status").read_text()
        memory = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024
        threads = int(re.findall(r"Threads:\s+(\d+)", status)[0])
        kinds: Counter[str] = Counter()
        for each in (place / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                kinds[self._kind(str(each.readlink()))] += 1
        return Figures(memory, threads, kinds)

    def _kind(self, target: str) -> str:
        if target.startswith(str(self._folder)):
            return target.removeprefix(str(self._folder))
        return target.partition(":")[0]  # such as socket, without its number

    def complaints(self) -> list[str]:
        """What the log should not hold."""
        text = self._log.read_text(errors="replace")
        found = [text[m.start() :].splitlines()[0] for m in _UNEXPECTED.finditer(text)]
        if self._process.poll() is not None:
            found.append(f"the server has ended with status {self._process.returncode}")
        return found
