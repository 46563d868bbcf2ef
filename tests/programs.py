"""The `davstore` command in processes that have not to load it first, which takes a short command
most of its time: each is a fork of one that has loaded what davstore needs.

How a program begins by itself is tried by tests/test_cli.py, tests/test_loading.py,
tests/test_packaging.py, and, with every command, tests/clients/test_handbook.py.
"""

import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

# Not davstore.cli: it looks at the screen, which is another for each program.
LOADED = (
    "davstore.server.server", "davstore.catalog.database.postgres", "davstore.views",
    "davstore.hooks", "davstore.simulator", "sqlalchemy.dialects.sqlite", "rich.console",
    "rich.table", "rich.progress", "typer.core", "typer.rich_utils",
)  # fmt: skip
forks = get_context("forkserver")
forks.set_forkserver_preload(list(LOADED))


class Program:
    """`davstore`, or another module, with these arguments, as it begins; its streams are files at
    these paths.
    """

    def __init__(
        self,
        *arguments: str,
        module: str = "davstore",
        stdin: str = os.devnull,
        stdout: str = os.devnull,
        stderr: str = os.devnull,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        for path in (stdout, stderr):
            Path(path).open("ab").close()  # whoever looks finds it
        self._process = forks.Process(
            target=_run,
            args=(module, arguments, {**os.environ, **(environ or {})}, (stdin, stdout, stderr)),
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its status, None while it runs; of one that a signal has ended, that one's number below
        zero.
        """
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Its status, once it has ended. Raises `TimeoutError`."""
        self._process.join(seconds)
        status = self._process.exitcode
        if status is None:
            raise TimeoutError(f"it still runs after {seconds} s")
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """As `kill` does."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """However it stands."""
        if self.poll() is None:
            self._process.kill()
            self._process.join(10)


class Fresh:
    """`davstore` by its own command: as large, and as slow to begin, as it is. It may be another
    one's `code`: the folder that holds its package.
    """

    def __init__(self, *arguments: str, stderr: str, code: Path | None = None) -> None:
        environ = os.environ | ({"PYTHONPATH": str(code)} if code else {})
        with Path(stderr).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "davstore", *arguments], stderr=log, env=environ,
                cwd=code,  # the first place where Python looks for code
            )  # fmt: skip
        self.pid, self.poll = self._process.pid, self._process.poll
        self.wait, self.send_signal = self._process.wait, self._process.send_signal

    def end(self) -> None:
        """However it stands."""
        self._process.kill()
        self._process.wait(10)


def ran(arguments: Sequence[str], stdin: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`davstore` with these arguments, and what it has said in a minute at the most."""
    with tempfile.TemporaryDirectory() as folder:
        given, said, complained = (Path(folder, name) for name in ("in", "out", "err"))
        given.write_text(stdin, "utf-8")
        program = Program(
            *arguments, stdin=str(given), stdout=str(said), stderr=str(complained), environ=environ
        )
        try:
            status = program.wait(60)
        finally:
            program.end()
        return subprocess.CompletedProcess(
            arguments, status, said.read_text("utf-8"), complained.read_text("utf-8")
        )


def _run(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], streams: Sequence[str]
) -> None:
    """What `python -m` does once Python has begun."""
    for number, path in enumerate(streams):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(  # noqa: SIM115 - as above
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
