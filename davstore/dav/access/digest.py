"""Digest logins (RFC 7616) for clients that send no Basic over plain HTTP, such as Windows.

With MD5, as these clients know no other, and `qop=auth`. What a server must know for it is as good
as the password for whoever steals it: only users who were given a `digest` can log in so. Nonces
are signed moments and need no memory: all processes with the same users take each other's.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Authorization

from davstore.dav.access.people import REALM, People, Person, md5_hex

NONCE_SECONDS = 300
"""After which a client is told to take a new nonce, which asks nobody for a password."""
STALE = "davstore.stale"
"""In the environ: the login was right but for its old nonce."""
NO_BASIC = "WebDAV-MiniRedir"
"""In the User-Agent of Windows, which sends Basic only over TLS."""
FAILED = "davstore.digest-failed"
"""In the environ: it was not, with a nonce of ours."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A login as a client sends it; `uri` is yet to be compared with what was asked for."""

    name: str
    uri: str
    fields: Mapping[str, str | None]

    @property
    def is_complete(self) -> bool:
        """Whether all is there that can be judged."""
        algorithm = (self["algorithm"] or "MD5").upper()
        return (
            self["realm"] == REALM and algorithm == "MD5" and self["qop"] == "auth"
            and all(self[key] for key in ("nonce", "nc", "cnonce", "response", "uri"))
        )  # fmt: skip

    def __getitem__(self, key: str) -> str:
        return self.fields.get(key) or ""


def claim(header: str) -> Claim | None:
    """What an Authorization header claims; None where it cannot be read."""
    try:
        read = Authorization.from_header(header)
        if read is None or read.type != "digest":
            return None
        name = (read.parameters.get("username") or "").encode("latin-1").decode("utf-8")
    except ValueError:
        return None
    return Claim(name, read.parameters.get("uri") or "", read.parameters)


class Digest:
    """Challenges, and whether the answers are right; `now` in seconds, the same everywhere."""

    def __init__(self, people: People, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.replace(people)

    def replace(self, people: People) -> None:
        """Have these people from now on; where their digests differ, all nonces are new."""
        self._people = people
        self._key = hashlib.blake2b("\0".join(people.digests()).encode(), person=b"nonce").digest()

    def suits(self, environ: Mapping[str, Any]) -> bool:
        """Whether it is to be offered in answer to a request: where somebody has nothing else; else
        over plain HTTP alone, where everybody has one, or to a client that sends no Basic there.

        Clients take it before Basic, also for users who have none. Who has just failed with it is
        offered Basic alone, whoever they are.
        """
        if FAILED in environ or not self._people.digests():
            return False
        if STALE in environ or self._people.need_digest:
            return True
        if environ.get("wsgi.url_scheme") == "https":
            return False
        return self._people.all_have_digest or NO_BASIC in environ.get("HTTP_USER_AGENT", "")

    def challenge(self, *, stale: bool = False) -> str:
        """The value of a WWW-Authenticate header."""
        nonce = self._nonce(int(self._now()))
        text = f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}"'
        return f"{text}, stale=true" if stale else text

    def is_ours(self, claimed: Claim) -> bool:
        """Whether the nonce is one that we gave, however old."""
        moment = claimed["nonce"].partition("-")[0]
        if not moment.isascii() or not moment.isdecimal() or len(moment) > 15:
            return False
        return hmac.compare_digest(
            self._nonce(int(moment)).encode(), claimed["nonce"].encode("utf-8", "replace")
        )

    def is_stale(self, claimed: Claim) -> bool:
        """Whether the nonce, which is ours, is too old."""
        age = self._now() - int(claimed["nonce"].partition("-")[0])
        return not -NONCE_SECONDS < age < NONCE_SECONDS

    def proves(self, person: Person, claimed: Claim, method: str) -> bool:
        """Whether the answer is this person's; takes as long where they have no digest."""
        first = person.digest or _NOBODYS
        second = md5_hex(f"{method}:{claimed['uri']}", "latin-1")
        wanted = md5_hex(
            f"{first}:{claimed['nonce']}:{claimed['nc']}:{claimed['cnonce']}:auth:{second}",
            "latin-1",
        )
        said = claimed["response"].encode("utf-8", "replace")
        is_right = hmac.compare_digest(wanted.encode(), said)
        return is_right and person.digest is not None

    def _nonce(self, moment: int) -> str:
        text = str(moment)
        signed = hashlib.blake2b(text.encode(), key=self._key, digest_size=16)
        return f"{text}-{signed.hexdigest()}"


_NOBODYS = md5_hex(secrets.token_hex())
