"""Who may come in, what each may see and do: the configured users and an htpasswd file."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from davstore.config import ANONYMOUS, User

log = logging.getLogger(__name__)

EVERY_RIGHT = frozenset({"read", "add", "delete", "watch", "manage"})
_HASHES = ("$2y$", "$2b$", "$2a$", "$argon2")
REALM = "davstore"
LARGEST_FILE = 1024 * 1024

_State: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `stored` is the password as a hash or plain, None where none opens the door;
    `digest` opens it to Digest logins; `folders` are the accounts and shares that exist for them,
    None meaning all.
    """

    name: str
    stored: str | None = field(repr=False)
    folders: frozenset[str] | None = None
    rights: frozenset[str] = frozenset({"read"})
    digest: str | None = field(default=None, repr=False)

    def sees(self, folder: str) -> bool:
        """Whether this account or share exists for them."""
        return self.folders is None or folder in self.folders


OWNER = Person("", None, None, EVERY_RIGHT)
"""Who asks where no users are configured: only this machine is listened to then."""
NOBODY = Person("", None, frozenset(), frozenset())


class People:
    """Everybody who may come in. A `file` (htpasswd) is read again when it changes: it brings
    users, and passwords for those configured without one.
    """

    def __init__(self, users: Iterable[User] = (), file: Path | None = None) -> None:
        self._configured = {user.name: _person(user) for user in users}
        self._file = file
        self._seen: _State | None = None
        self._all: Mapping[str, Person] = MappingProxyType(self._configured)

    @property
    def is_open(self) -> bool:
        """Whether there are no users at all: whoever comes is the owner."""
        return self._file is None and not self._configured

    @property
    def has_anonymous(self) -> bool:
        """Whether there is a way in without a login."""
        guest = self._configured.get(ANONYMOUS)
        return guest is not None and guest.stored is None and guest.digest is None

    def __getitem__(self, name: str) -> Person:
        """Who this is now; `NOBODY` for a name that nobody has any more."""
        if self.is_open:
            return OWNER
        if not name:
            return self._configured[ANONYMOUS] if self.has_anonymous else NOBODY
        return self._now().get(name, NOBODY)

    def a_password(self) -> str:
        """Some user's, as it is stored; empty where nobody has one."""
        return next((each.stored for each in self._now().values() if each.stored), "")

    def digests(self) -> list[str]:
        """Of all who were given one, in a fixed order."""
        return sorted(each.digest for each in self._configured.values() if each.digest)

    @property
    def need_digest(self) -> bool:
        """Whether somebody can log in by Digest alone."""
        return any(each.digest and each.stored is None for each in self._now().values())

    @property
    def all_have_digest(self) -> bool:
        """Whether everybody who can log in can do so by Digest."""
        return all(each.digest for each in self._now().values() if each.stored is not None)

    def _now(self) -> Mapping[str, Person]:
        if self._file is None:
            return self._all
        try:
            found = self._file.stat()
            state = (found.st_ino, found.st_mtime_ns, found.st_size)
            if state != self._seen:
                self._all = _joined(self._configured, _lines(self._file))
                self._seen = state
        except OSError as error:
            if self._seen != _UNREADABLE:
                log.warning("users_file cannot be read (%s): its users stay as they were",
                            error.strerror)  # fmt: skip
            self._seen = _UNREADABLE
        return self._all


_UNREADABLE: _State = (-1, -1, -1)


def digest_of(name: str, password: str) -> str:
    """What Digest logins need of a password: RFC 7616's H(A1)."""
    return md5_hex(f"{name}:{REALM}:{password}")


def md5_hex(text: str, encoding: str = "utf-8") -> str:
    """As RFC 7616 wants it, whatever it is worth."""
    data = text.encode(encoding, "replace")
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _person(user: User) -> Person:
    stored = None if user.password is None else user.password.get_secret_value()
    folders = None if user.accounts is None else frozenset(user.accounts)
    digest = None if user.digest is None else user.digest.get_secret_value().lower()
    return Person(user.name, stored, folders, frozenset(user.rights), digest)


def _lines(file: Path) -> dict[str, str]:
    with file.open("rb") as opened:
        text = opened.read(LARGEST_FILE).decode("utf-8", "replace")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, stored = line.strip().partition(":")
        if not name or name.startswith("#"):
            continue
        if colon and stored.startswith(_HASHES):
            found[name] = stored
        else:
            log.warning("users_file: line %d is passed over: it holds no bcrypt hash "
                        "(`htpasswd -B` makes them)", number)  # fmt: skip
    return found


def _joined(configured: Mapping[str, Person], lines: Mapping[str, str]) -> Mapping[str, Person]:
    """A configured password wins over the file's; rights are the configuration's business."""
    people = dict(configured)
    for name, stored in lines.items():
        known = configured.get(name)
        if known is None:
            people[name] = Person(name, stored)
        elif known.stored is None and name != ANONYMOUS:
            people[name] = replace(known, stored=stored)
    return MappingProxyType(people)
