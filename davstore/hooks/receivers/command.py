"""A program of the owner's: run with the message as JSON on its standard input."""

import json
import os
import signal
import subprocess
import tempfile
import time
from typing import IO

from davstore.errors import HookError
from davstore.hook_settings import CommandHook
from davstore.hooks.receivers.base import Message
from davstore.hooks.receivers.webhook import CHANGED, TEST

LONGEST = 200
"""Letters of what it says that are shown."""


class Command:
    """One program, without a shell."""

    def __init__(self, hook: CommandHook) -> None:
        self._command = hook.command
        self._timeout = hook.timeout

    def tell(self, message: Message) -> None:
        """It must end with status 0."""
        self._run(message, CHANGED)

    def test(self) -> str:
        """It is run with a message of the type `test`, without changes."""
        now = time.time()
        self._run(Message(f"test-{now:.0f}", now, ()), TEST)
        return "the program ran"

    def close(self) -> None:
        """Nothing is open."""

    def _run(self, message: Message, kind: str) -> None:
        # A file, not a pipe: what the program leaves running would hold that open.
        with tempfile.TemporaryFile() as said:
            try:
                program = subprocess.Popen(  # noqa: S603 - the owner's own words, and no shell
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                reason = (error.strerror or "cannot be run").lower()
                raise HookError(f"its program cannot be run ({reason}); check command") from None
            with program:
                try:
                    program.communicate(json.dumps(message.plain(kind)).encode(), self._timeout)
                except subprocess.TimeoutExpired:
                    os.killpg(program.pid, signal.SIGKILL)
                    raise HookError(f"its program did not end within {self._timeout:g} s") from None
            if program.returncode:
                raise HookError(f"its program ended with status {program.returncode}{_last(said)}")


def _last(said: IO[bytes]) -> str:
    """The last line of what it said, after a colon."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:LONGEST]}" if lines else ""
