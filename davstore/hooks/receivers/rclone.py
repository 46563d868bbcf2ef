"""rclone's remote control (rclone.org/rc): `vfs/forget`, `vfs/refresh` and `vfs/list`."""

from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any

from davstore.config.hooks import RcloneHook
from davstore.errors import HookError
from davstore.hooks.paths import parent
from davstore.hooks.receivers.base import Message
from davstore.model import Change, Was
from davstore.transport import Json, Notices

LONGEST = 200
"""Letters of an error that are shown."""


class Rclone:
    """An rclone that mounts us. Its paths have no slash before them."""

    def __init__(self, hook: RcloneHook) -> None:
        password = hook.password.get_secret_value() if hook.password else ""
        login = b64encode(f"{hook.user}:{password}".encode()).decode()
        secrets = {"Authorization": f"Basic {login}"} if hook.user else {}
        self._notices = Notices(hook.url, secrets, hook.timeout)
        self._method = hook.method
        self._which = {"fs": hook.fs} if hook.fs else {}

    def tell(self, message: Message) -> None:
        """Forgetting a folder makes rclone also look anew at the one it is in."""
        if self._method == "forget":
            self._call("vfs/forget", {c.path for c in message.changes})
            return
        for folders in _levels(message.changes):
            self._check(self._call("vfs/refresh", folders))

    def test(self) -> str:
        """How many mounts it has. Their names may hold logins, and are not shown."""
        known = self._call("vfs/list", ())
        mounts = known.get("vfses") if isinstance(known, dict) else None
        if not isinstance(mounts, list):
            raise HookError("answers, but not as rclone does; check its url")
        if not mounts:
            raise HookError("rclone answers, but has nothing mounted; add --rc to `rclone mount`")
        return f"rclone answers, {len(mounts)} mounted"

    def close(self) -> None:
        """As promised."""
        self._notices.close()

    def _call(self, command: str, folders: Collection[str]) -> Json:
        named = {f"dir{at}": path.strip("/") for at, path in enumerate(sorted(folders))}
        which: Mapping[str, Any] = self._which if command != "vfs/list" else {}
        answer = self._notices.send("POST", f"/{command}", json={**named, **which})
        body = answer.json()
        if not answer.is_good:
            said = body.get("error") if isinstance(body, dict) else None
            reason = str(said).splitlines()[0][:LONGEST] if said else "no reason given"
            raise HookError(f"rclone refuses {command} (HTTP {answer.status}): {reason}")
        return body

    @staticmethod
    def _check(body: Json) -> None:
        """Each folder has "OK" or an error; one that has gone meanwhile is none."""
        results = body.get("result") if isinstance(body, dict) else None
        if not isinstance(results, dict):
            raise HookError("answers, but not as rclone does; check its url")
        for said in results.values():
            if said != "OK" and "not exist" not in str(said) and "not found" not in str(said):
                raise HookError(f"rclone could not read a folder anew: {str(said)[:LONGEST]}")


def _levels(changes: Collection[Change]) -> list[set[str]]:
    """The folders to be read anew, upper ones first: lower ones are found through them."""
    folders = {parent(c.path) for c in changes if c.was is not Was.CHANGED}
    folders |= {c.path for c in changes if c.was is not Was.REMOVED}
    by_depth: dict[int, set[str]] = {}
    for folder in folders:
        by_depth.setdefault(folder.rstrip("/").count("/"), set()).add(folder)
    return [by_depth[depth] for depth in sorted(by_depth)]
