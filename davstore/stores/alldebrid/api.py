"""AllDebrid's API: its pace, its envelope and its errors."""

from collections.abc import Callable, Mapping
from typing import Any

from davstore.errors import NotAuthorized, StoreError, UnexpectedReply
from davstore.stores.alldebrid.errors import ERRORS, Blocked
from davstore.stores.alldebrid.settings import Settings
from davstore.stores.base import Means
from davstore.stores.login import revoked
from davstore.stores.passes import Pass, Passes
from davstore.stores.shapes import rows
from davstore.transport import Json, Transport, per_minute, per_second

RATES = (per_second(10), per_minute(540))
"""Below the 12 calls a second and 600 a minute that the service allows."""
NO_API = "AllDebrid's API does not answer there; check url"


class Api:
    """Calls that answer with the `data` of a success, and raise what `Transport` raises.

    Where the account is logged in to, `means.passes` has the key.
    """

    def __init__(self, name: str, settings: Settings, means: Means) -> None:
        self.name = name
        self._passes = means.passes
        self._by_login = settings.login
        self._key = settings.secret
        self._transport = Transport(
            name, settings.url, rates=RATES, complaint=self._complaint, **means.of_transport,
            secrets={"Authorization": f"Bearer {self._key}" if self._key else ""},
        )  # fmt: skip

    def get(self, path: str, *, urgent: bool = False, is_public: bool = False) -> dict[str, Json]:
        """GET `path`; what `is_public` needs no key."""
        return self._call("GET", path, is_public=is_public, urgent=urgent)

    def post(
        self,
        path: str,
        form: Mapping[str, Json] | None = None,
        *,
        is_public: bool = False,
        **options: Any,
    ) -> dict[str, Json]:
        """POST a form to `path`; `options` as for `Transport.call`."""
        return self._call("POST", path, is_public=is_public, data=form, **options)

    @property
    def passes(self) -> Passes:
        """Where a login's key is kept. Raises `NotAuthorized` where the account has its own."""
        if not self._by_login or self._passes is None:
            reason = "it has a token of its own; write login = true in its place"
            raise NotAuthorized(self.name, reason)
        return self._passes

    def use(self, key: str) -> bool:
        """Keep this key and use it from now on; whether that is what the account already does."""
        if key == self._key:
            return True
        self.passes.write(Pass(key))
        self._become(key)
        return False

    def forget(self) -> None:
        """No longer use what the login has brought."""
        self.passes.drop()
        self._become("")

    def error(self, error: Json) -> StoreError:
        """What an error of the service means."""
        code = str(error.get("code")) if isinstance(error, dict) else ""
        if code == "AUTH_BLOCKED" and isinstance(error, dict) and error.get("token"):
            return Blocked(self.name, str(error["token"]))
        if code not in ERRORS:
            shown = code if code.replace("_", "").isalnum() else "unknown"
            return UnexpectedReply(self.name, f"unexpected reply: error {shown:.40}")
        kind, reason = ERRORS[code]
        if kind is NotAuthorized and self._by_login:
            reason = revoked(self.name)
        return kind(self.name, reason)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _call(self, method: str, path: str, *, is_public: bool, **options: Any) -> dict[str, Json]:
        if not self._by_login or is_public:
            return self._data(method, path, options)
        used = self._key or self._read()
        if not used:
            raise NotAuthorized(self.name, revoked(self.name))
        try:
            return self._data(method, path, options)
        except NotAuthorized:
            if self._read() in ("", used):  # nobody has logged in again meanwhile
                raise
            return self._data(method, path, options)

    def _data(self, method: str, path: str, options: Mapping[str, Any]) -> dict[str, Json]:
        body = self._transport.call(method, path, **options).body
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise UnexpectedReply(self.name, "unexpected reply: data is no object")
        return data

    def _read(self) -> str:
        kept = self.passes.read()
        self._become(kept.token if kept else "")
        return self._key

    def _become(self, key: str) -> None:
        self._key = key
        self._transport.use(Authorization=f"Bearer {key}" if key else "")

    def _complaint(self, body: Json) -> StoreError | None:
        """Errors come with HTTP 200; a reply without a status is none of the service's."""
        if not isinstance(body, dict) or body.get("status") != "error":
            return None
        return self.error(body.get("error"))


class Part:
    """What each part of an account (`store`) stands on."""

    name: str
    _api: Api
    _now: Callable[[], float]
    _sleep: Callable[[float], None]


def items(value: Json, account: str) -> list[Json]:
    """A list such as `data.magnets` comes as a list, as one bare object, or as a map of objects."""
    if isinstance(value, dict):
        value = [value] if "id" in value else list(value.values())
        if not all(isinstance(item, dict) for item in value):
            raise UnexpectedReply(account, "unexpected reply: an object of no objects, no list")
    return rows(value, account)
