"""Plex: `GET /library/sections` names the libraries and their folders, and
`GET /library/sections/ID/refresh?path=…` scans one folder of one (plexapi.dev, "Refresh section").
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from davstore.config.hooks import PlexHook
from davstore.errors import HookError
from davstore.hooks.paths import is_below, parent
from davstore.hooks.receivers.base import Message
from davstore.model import Change, Was
from davstore.transport import Json, Notices


@dataclass(frozen=True, slots=True)
class _Library:
    id: str
    title: str
    folder: str


class Plex:
    """One Plex Media Server."""

    def __init__(self, hook: PlexHook) -> None:
        self._notices = Notices(hook.url, {"X-Plex-Token": hook.secret}, hook.timeout)
        self._folders = tuple(hook.map.values())

    def tell(self, message: Message) -> None:
        """Scan what changed; what is in none of its libraries does not concern it."""
        libraries = self._libraries()
        wanted = {scan for change in message.changes for scan in _scans(change, libraries)}
        for library, path in sorted(_outermost(wanted)):
            answer = self._notices.send(
                "GET", f"/library/sections/{library}/refresh", params={"path": path}
            )
            if not answer.is_good:
                raise HookError(f"Plex does not scan a folder (HTTP {answer.status})")

    def test(self) -> str:
        """Which libraries are told of."""
        libraries = self._libraries()
        for folder in self._folders:
            if not any(is_below(folder, each.folder) or is_below(each.folder, folder)
                       for each in libraries):  # fmt: skip
                known = ", ".join(sorted({each.folder for each in libraries})) or "none"
                raise HookError(f"no library of Plex has the folder {folder!r}; it has {known}")
        return f"Plex answers, libraries {', '.join(sorted({each.title for each in libraries}))}"

    def close(self) -> None:
        """As promised."""
        self._notices.close()

    def _libraries(self) -> list[_Library]:
        answer = self._notices.send(
            "GET", "/library/sections", headers={"Accept": "application/json"}
        )
        if not answer.is_good:
            raise HookError(f"Plex does not name its libraries (HTTP {answer.status})")
        try:
            return list(_read(answer.json()))
        except (KeyError, TypeError, AttributeError):
            raise HookError("answers, but not as Plex does; check its url") from None


def _read(body: Json) -> Iterator[_Library]:
    for section in body["MediaContainer"].get("Directory", ()):
        for location in section.get("Location", ()):
            yield _Library(str(section["key"]), str(section["title"]), str(location["path"]))


def _scans(change: Change, libraries: Collection[_Library]) -> Iterator[tuple[str, str]]:
    """What has gone is missed by a scan of the folder it was in."""
    path = parent(change.path) if change.was is Was.REMOVED else change.path
    for library in libraries:
        if is_below(path, library.folder):
            yield library.id, path
        elif is_below(library.folder, path):
            yield library.id, library.folder


def _outermost(scans: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Without those that are in another's folder."""
    for library, path in scans:
        if not any(library == other and path != outer and is_below(path, outer)
                   for other, outer in scans):  # fmt: skip
            yield library, path
