"""Logins: WsgiDAV's authenticator over the people who may come in.

Basic (RFC 7617) here, Digest with `digest`'s help.
"""

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from wsgidav.dav_error import DAVError
from wsgidav.dc.base_dc import BaseDomainController
from wsgidav.http_authenticator import HTTPAuthenticator

from davstore.config import User
from davstore.dav.access.digest import FAILED, STALE, Digest, claim
from davstore.dav.access.patience import Patience
from davstore.dav.access.people import REALM, People, Person
from davstore.tally import LOGINS, Tally
from davstore.wsgi import Environ, StartResponse

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429


class Users:
    """The people, and whether a password is theirs.

    A password that has been verified is remembered as a keyed digest, so that each request
    after the first costs microseconds and not the hash's purposeful 50 ms.
    """

    def __init__(
        self,
        users: Iterable[User] = (),
        file: Path | None = None,
        patience: Patience | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.people = People(users, file)
        self.patience = patience or Patience()
        self._tally = tally or Tally()
        self.digest = Digest(self.people)
        self._hasher = PasswordHasher()
        self._key = secrets.token_bytes(32)
        self._verified: dict[Person, bytes] = {}
        self._hashing = threading.Lock()

    def replace(self, people: People) -> None:
        """Have these people from now on."""
        self.people = people
        self.digest.replace(people)

    def person(self, environ: Mapping[str, Any]) -> Person:
        """Who asks, once the authenticator has let them in."""
        return self.people[environ.get("wsgidav.auth.user_name") or ""]

    def remembers(self, name: str, password: str) -> bool:
        """Whether this is a password that was verified before, and still holds."""
        seen = self._verified.get(self.people[name])
        return seen is not None and hmac.compare_digest(seen, self._digest(password))

    def known(self, name: str, password: str) -> bool:
        """Whether this is that user's password; takes as long for a name that nobody has."""
        if self.remembers(name, password):
            return True
        person = self.people[name]
        nobodys = _nobodys(self.people.a_password()[:7])
        matches = self._matches(person.stored or nobodys, password)
        if not matches or person.stored is None:
            return False
        if len(self._verified) > 1000:  # passwords that were changed in the file
            self._verified.clear()
        self._verified[person] = self._digest(password)
        return True

    def check_patience(self, address: str, name: str) -> None:
        """Raises 429 where a login from there must wait."""
        wait = self.patience.wait(address, name)
        if wait:
            raise DAVError(
                TOO_MANY_REQUESTS,
                "Too many failed logins; try again later.",
                add_headers=[("Retry-After", str(wait))],
            )

    def judged(self, address: str, name: str, *, is_right: bool) -> bool:
        """Remember how a login went; whether it was right."""
        if is_right:
            self.patience.succeeded(address, name)
        else:
            self._tally.count(LOGINS)
            self.patience.failed(address, name)
            log.warning("login refused for user %r from %s; %d refused so far",
                        name[:100], address, self.patience.count)  # fmt: skip
        return is_right

    def close(self) -> None:
        """Let go of what is kept on disk."""
        self.patience.close()

    def _digest(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode(), key=self._key).digest()

    def _matches(self, stored: str, password: str) -> bool:
        with self._hashing:  # one at a time: each takes 64 MiB
            if stored.startswith("$argon2"):
                try:
                    return self._hasher.verify(stored, password)
                except (Argon2Error, InvalidHashError):
                    return False
            if stored.startswith("$2"):
                try:  # bcrypt looks at 72 bytes, as htpasswd does
                    return bcrypt.checkpw(password.encode()[:72], stored.encode())
                except ValueError:
                    return False
        return hmac.compare_digest(stored.encode(), password.encode())


@lru_cache(16)
def _nobodys(like: str) -> str:
    """A password that nobody knows, stored as one that begins `like` this: as slow to check."""
    if like.startswith("$argon2"):
        return PasswordHasher().hash(secrets.token_hex())
    if like.startswith("$2"):
        return bcrypt.hashpw(secrets.token_hex().encode(), bcrypt.gensalt(int(like[4:6]))).decode()
    return secrets.token_hex()


def _asks_to_watch(environ: Mapping[str, Any] | None) -> bool:
    return str((environ or {}).get("SCRIPT_NAME", "")).endswith("/-")


class DomainController(BaseDomainController):
    """Asks the `Users` that stand in the app's configuration under "davstore"."""

    def __init__(self, wsgidav_app: Any, config: Mapping[str, Any]) -> None:
        super().__init__(wsgidav_app, config)
        self._users: Users = config["davstore"]["users"]

    def get_domain_realm(self, path_info: str, environ: Any) -> str:
        return REALM

    def require_authentication(self, realm: str, environ: Any) -> bool:
        people = self._users.people
        if people.is_open:
            return False
        is_guest = not environ or "HTTP_AUTHORIZATION" not in environ
        if is_guest and _asks_to_watch(environ):
            return True  # guests watch nothing: let them say who they are
        return not (is_guest and people.has_anonymous)

    def supports_http_digest_auth(self) -> bool:
        return True  # whoever needs it may have been given a digest since

    def basic_auth_user(self, realm: str, user_name: str, password: str, environ: Any) -> bool:
        users, address = self._users, _peer(environ)
        if users.remembers(user_name, password) and users.patience.trusts(address, user_name):
            return True
        users.check_patience(address, user_name)
        return users.judged(address, user_name, is_right=users.known(user_name, password))


class Authenticator(HTTPAuthenticator):
    """WsgiDAV's, with Digest as it should be: WsgiDAV's own takes any nonce, for ever."""

    def handle_digest_auth_request(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        users: Users = self.config["davstore"]["users"]
        answer: Iterable[bytes]
        if self._is_right(users, environ):
            answer = self.next_app(environ, start_response)
        else:
            answer = self.send_basic_auth_response(environ, start_response)
        return answer

    def _is_right(self, users: Users, environ: Environ) -> bool:
        claimed = claim(environ["HTTP_AUTHORIZATION"])
        if claimed is None or not claimed.is_complete or not users.digest.is_ours(claimed):
            return False
        if not self._is_digest_uri_valid(claimed.uri, environ):
            return False
        address, method = _peer(environ), environ["REQUEST_METHOD"]
        person = users.people[claimed.name]
        is_right = users.digest.proves(person, claimed, method)
        # Who was let in with a password cannot be right with a digest that they were not given.
        is_known = users.patience.trusts(address, claimed.name) and (
            is_right or person.digest is None
        )
        if not is_known:
            users.check_patience(address, claimed.name)
            users.judged(address, claimed.name, is_right=is_right)
        if not is_right:
            environ[FAILED] = True
        if is_right and users.digest.is_stale(claimed):
            environ[STALE] = True
            return False
        environ["wsgidav.auth.user_name"] = claimed.name if is_right else ""
        return is_right


def _peer(environ: Mapping[str, Any]) -> str:
    return environ.get("REMOTE_ADDR") or "-"
