"""Who may come in: WsgiDAV's domain controller over the configured users (Basic, RFC 7617)."""

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from wsgidav.dc.base_dc import BaseDomainController

log = logging.getLogger(__name__)

REALM = "davstore"


class Users:
    """Names and their passwords, as hashes or plain.

    A password that has been verified is remembered as a keyed digest, so that each request
    after the first costs microseconds and not the hash's purposeful 50 ms.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = dict(passwords)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        self._key = secrets.token_bytes(32)
        self._verified: dict[str, bytes] = {}
        self._hashing = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._passwords)

    def known(self, name: str, password: str) -> bool:
        """Whether this is that user's password; takes as long for a name that nobody has."""
        digest = hashlib.blake2b(password.encode(), key=self._key).digest()
        seen = self._verified.get(name)
        if seen is not None and hmac.compare_digest(seen, digest):
            return True
        stored = self._passwords.get(name)
        if not self._matches(stored if stored is not None else self._nobody, password):
            return False
        if stored is None:
            return False
        self._verified[name] = digest
        return True

    def _matches(self, stored: str, password: str) -> bool:
        if not stored.startswith("$argon2"):
            return hmac.compare_digest(stored.encode(), password.encode())
        try:
            with self._hashing:  # one at a time: each takes 64 MiB
                return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False


class DomainController(BaseDomainController):
    """Asks the `Users` that stand in the app's configuration under "davstore"."""

    def __init__(self, wsgidav_app: Any, config: Mapping[str, Any]) -> None:
        super().__init__(wsgidav_app, config)
        self._users: Users = config["davstore"]["users"]

    def get_domain_realm(self, path_info: str, environ: Any) -> str:
        return REALM

    def require_authentication(self, realm: str, environ: Any) -> bool:
        return bool(self._users)

    def supports_http_digest_auth(self) -> bool:
        return False

    def basic_auth_user(self, realm: str, user_name: str, password: str, environ: Any) -> bool:
        if self._users.known(user_name, password):
            return True
        log.warning("login refused for user %r from %s", user_name, environ.get("REMOTE_ADDR"))
        return False
