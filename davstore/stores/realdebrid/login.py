"""Logging in to Real-Debrid by a code, and renewing what that brought.

OAuth2 for open-source apps: their common client is given credentials of the user's own, which are
kept with the tokens.
"""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit, urlunsplit

from davstore.errors import NotAuthorized, StoreError, StoreUnavailable
from davstore.stores.login import Invitation, revoked
from davstore.stores.passes import Pass
from davstore.stores.shapes import Shape, Word, read
from davstore.transport import Json, Reply, Transport

CLIENT = "X245A4XAIBGVM"
"""What the document gives to open-source apps."""
REST = "rest/1.0"
"""What stands at the end of the REST API's address, and not in that of the login."""
LONGEST_INTERVAL = 60.0
"""Seconds; the service says 5, and a person waits."""
GRANT = "http://oauth.net/grant_type/device/1.0"


class _Code(Shape):
    device_code: str
    user_code: str
    interval: float = 5.0
    expires_in: float
    verification_url: str
    direct_verification_url: Word = ""


class _Credentials(Shape):
    client_id: Word = ""
    client_secret: Word = ""


class _Token(Shape):
    access_token: str
    expires_in: float = 86400.0
    refresh_token: str


class _Pending(StoreError):
    """The code has not been typed yet."""


class _Denied(NotAuthorized):
    """The service says no."""


class OAuth:
    """The OAuth2 endpoints beside the REST API at `url`."""

    def __init__(
        self, name: str, url: str, now: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._name = name
        self._now = now
        parts = urlsplit(url)
        path = parts.path.removesuffix(REST).rstrip("/")
        origin = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        self._api = Transport(name, origin, complaint=self._complaint, sleep=sleep)

    def invite(self) -> Invitation:
        """A code for a person to type."""
        form = {"client_id": CLIENT, "new_credentials": "yes"}
        body = self._api.get("/oauth/v2/device/code", form, urgent=True).body
        code = read(_Code, body, self._name)
        return Invitation(
            code.user_code, code.verification_url, code.direct_verification_url,
            self._now() + code.expires_in, min(max(1.0, code.interval), LONGEST_INTERVAL),
            code.device_code,
        )  # fmt: skip

    def accepted(self, invitation: Invitation) -> Pass | None:
        """What the login has brought; None until the code is typed.

        The service answers with errors of many kinds until then; only a clear no is believed.
        """
        form = {"client_id": CLIENT, "code": invitation.secret}
        try:
            reply = self._api.call("GET", "/oauth/v2/device/credentials", params=form, once=True)
        except _Pending:
            return None
        except _Denied:
            raise NotAuthorized(self._name, "the login was refused on Real-Debrid's page") from None
        own = read(_Credentials, reply.body, self._name)
        if not (own.client_id and own.client_secret):
            return None
        renewal = {"client_id": own.client_id, "client_secret": own.client_secret}
        try:
            return self._pass(renewal, invitation.secret)
        except (_Pending, _Denied):
            raise NotAuthorized(self._name, "the login was not completed; try again") from None

    def renewed(self, old: Pass) -> Pass:
        """Another token by the same login. Raises `NotAuthorized` where that was revoked."""
        renewal = {key: value for key, value in old.renewal.items() if key != "code"}
        try:
            return self._pass(renewal, old.renewal.get("code", ""))
        except (_Pending, _Denied):
            raise NotAuthorized(self._name, revoked(self._name)) from None

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _pass(self, renewal: Mapping[str, str], code: str) -> Pass:
        form = {**renewal, "code": code, "grant_type": GRANT}
        token = read(_Token, self._token(form).body, self._name)
        expires = self._now() + token.expires_in
        return Pass(token.access_token, expires, {**renewal, "code": token.refresh_token})

    def _token(self, form: Mapping[str, str]) -> Reply:
        """The endpoint drops connections now and then; asking it again does no harm."""
        return self._api.post("/oauth/v2/token", form, urgent=True)

    def _complaint(self, body: Json) -> StoreError | None:
        if not isinstance(body, dict) or "error" not in body:
            return None
        if body["error"] == "access_denied":
            return _Denied(self._name, "refused")
        if str(body.get("error_code")) in {"-1", "5", "25", "34"}:
            return StoreUnavailable(self._name, "Real-Debrid's login fails for now")
        return _Pending(self._name, "Real-Debrid's login answers with an error")
