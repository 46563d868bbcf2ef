"""A program of the owner's: run with the message as JSON on its standard input."""

import json
import subprocess
import time

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
        try:
            done = subprocess.run(  # noqa: S603 - the owner's own words, and no shell
                self._command, input=json.dumps(message.plain(kind)), capture_output=True,
                text=True, errors="replace", timeout=self._timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise HookError(f"its program did not end within {self._timeout:g} s") from None
        except OSError as error:
            reason = (error.strerror or "cannot be run").lower()
            raise HookError(f"its program cannot be run ({reason}); check command") from None
        if done.returncode:
            said = done.stderr.strip().splitlines()
            reason = f": {said[-1][:LONGEST]}" if said else ""
            raise HookError(f"its program ended with status {done.returncode}{reason}")
