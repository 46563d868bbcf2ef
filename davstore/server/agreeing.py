"""What davstores that share a database should have in common, in a few characters."""

import json
import socket
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from davstore import __version__
from davstore.catalog.database.members import FOLDERS, Member
from davstore.config import Settings
from davstore.config.access import TokenGiven
from davstore.dav.writing.disk import mark

_OWN: Final = frozenset({"connections", "read_ahead", "token", "token_file", "path"})
"""What each machine may have otherwise, or by another way."""
_SHARED: Final = (
    "refresh", "refresh_quick", "refresh_slow", "removal_share", "overlay", "overlay_limit",
)  # fmt: skip
_BYTES: Final = 2
"""So few that no secret can be guessed by them."""


def member(settings: Settings, process: int = 0) -> Member:
    """Who this process is for the others."""
    server = settings.server
    parts: Mapping[str, object] = {
        "accounts": _plain(settings.accounts), "users": _plain(settings.users),
        "shares": _plain(settings.shares), "views": _plain(settings.views),
        "hooks": _plain(settings.hooks), "settings": [getattr(server, key) for key in _SHARED],
    }  # fmt: skip
    digests = {part: _digest(said) for part, said in parts.items()}
    marks = [mark(share.path.expanduser()) for share in settings.shares.values()]
    if all(marks):
        digests[FOLDERS] = _digest(marks)
    return Member(place(settings), process, __version__, digests)


def introduced(settings: Settings, process: int) -> Member | None:
    """The same of one that serves, where it shares a database: its shares' folders are marked."""
    if settings.server.database is None:
        return None
    for share in settings.shares.values():
        mark(share.path.expanduser(), new=True)
    return member(settings, process)


def place(settings: Settings) -> str:
    """What this davstore is called among several."""
    return f"{socket.gethostname()}:{settings.server.port}"


def _digest(said: object) -> str:
    text = json.dumps(said, default=str)
    return blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def _plain(said: Any) -> Any:
    """As JSON has it; what stands in a mapping has an order, which counts."""
    if isinstance(said, BaseModel):
        found = {k: _plain(getattr(said, k)) for k in type(said).model_fields if k not in _OWN}
        return found | ({"token": said.secret} if isinstance(said, TokenGiven) else {})
    if isinstance(said, SecretStr):
        return said.get_secret_value()
    if isinstance(said, Mapping):
        return [[key, _plain(value)] for key, value in said.items()]
    if isinstance(said, list | tuple):
        return [_plain(each) for each in said]
    return said
