"""Jellyfin and Emby: `POST /Library/Media/Updated` with each path and what became of it
(api.jellyfin.org, LibraryApi.PostUpdatedMedia; Emby's API has the same call).
"""

from collections.abc import Mapping
from typing import Final

from davstore.config.hooks import EmbyHook, JellyfinHook
from davstore.errors import HookError
from davstore.hooks.receivers.base import Message
from davstore.model import Was
from davstore.transport import Notices

_TYPES: Final[Mapping[Was, str]] = {
    Was.ADDED: "Created", Was.CHANGED: "Modified", Was.REMOVED: "Deleted",
}  # fmt: skip


class MediaBrowser:
    """One Jellyfin or Emby; they differ in how the token is sent."""

    def __init__(self, hook: JellyfinHook | EmbyHook) -> None:
        self._name = hook.kind.capitalize()
        secrets = (
            {"Authorization": f'MediaBrowser Token="{hook.secret}"'}
            if isinstance(hook, JellyfinHook) else {"X-Emby-Token": hook.secret}
        )  # fmt: skip
        self._notices = Notices(hook.url, secrets, hook.timeout)

    def tell(self, message: Message) -> None:
        """All paths at once."""
        updates = [{"Path": c.path, "UpdateType": _TYPES[c.was]} for c in message.changes]
        answer = self._notices.send("POST", "/Library/Media/Updated", json={"Updates": updates})
        if not answer.is_good:
            raise HookError(f"{self._name} does not take the paths (HTTP {answer.status})")

    def test(self) -> str:
        """Its name and version, which it tells only to whom it knows."""
        answer = self._notices.send("GET", "/System/Info")
        body = answer.json() if answer.is_good else None
        if not isinstance(body, dict) or "Version" not in body:
            raise HookError(f"answers, but not as {self._name} does (HTTP {answer.status}); "
                            "check its url")  # fmt: skip
        return f"{self._name} {body['Version']} answers"

    def close(self) -> None:
        """As promised."""
        self._notices.close()
