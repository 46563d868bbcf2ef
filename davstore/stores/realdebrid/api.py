"""Real-Debrid's REST API: its pace, its errors, and a token that is renewed in time."""

import threading
from typing import Any

from davstore.errors import NotAuthorized, StateError, StoreError, StoreUnavailable
from davstore.stores.base import Means
from davstore.stores.login import Invitation, revoked
from davstore.stores.passes import Pass, Passes
from davstore.stores.realdebrid.errors import ADDRESS_REFUSED, ERRORS, address_refused
from davstore.stores.realdebrid.login import OAuth
from davstore.stores.realdebrid.settings import Settings
from davstore.transport import Json, Reply, Transport, per_minute, per_second

RATES = (per_second(8), per_minute(200))
"""Below the 250 calls a minute that the service allows (refused ones count too)."""
EARLY = 600.0
"""Seconds before its end at which a token is renewed."""
NO_API = "Real-Debrid's API does not answer there; check url"


class Api(Transport):
    """Calls below the REST API's base.

    Where the account is logged in to, `means.passes` has the token: renewed before it ends, and
    once where the service refuses it before that.
    """

    def __init__(self, name: str, settings: Settings, means: Means) -> None:
        super().__init__(
            name, settings.url, rates=RATES, complaint=self._error, **means.of_transport,
            secrets={"Authorization": f"Bearer {settings.secret}" if settings.secret else ""},
        )  # fmt: skip
        self._clock = means.now
        self._passes = means.passes
        self._by_login = settings.login
        self._pass: Pass | None = None
        self._renewing = threading.Lock()
        self._dead = ""
        self._oauth = OAuth(name, settings.url, means.now, means.sleep)

    def call(self, method: str, path: str, **options: Any) -> Reply:
        """One call; one that is refused for its token was not obeyed, and may be made again."""
        if not self._by_login:
            return super().call(method, path, **options)
        used = self._fresh()
        try:
            return super().call(method, path, **options)
        except NotAuthorized:
            self._renew(used)
            return super().call(method, path, **options)

    def invite(self) -> Invitation:
        """A code for a person to type."""
        self._own_passes()
        return self._oauth.invite()

    def accepted(self, invitation: Invitation) -> bool:
        """Whether it was typed; the pass is then kept and used."""
        got = self._oauth.accepted(invitation)
        if got is not None:
            self._own_passes().write(got)
            self._use(got)
        return got is not None

    def forget(self) -> None:
        """No longer use what the login has brought."""
        self._own_passes().drop()
        self._pass = None
        self.use(Authorization="")

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self._oauth.close()

    def _own_passes(self) -> Passes:
        if not self._by_login or self._passes is None:
            reason = "it has a token of its own; write login = true in its place"
            raise NotAuthorized(self.account, reason)
        return self._passes

    def _fresh(self) -> Pass:
        """The pass to be used now. Another process may have renewed it."""
        known = self._pass
        if known is None or known.expires - EARLY <= self._clock():
            known = self._own_passes().read()
            if known is None:
                raise NotAuthorized(self.account, revoked(self.account))
            self._use(known)
            if known.expires - EARLY <= self._clock():
                return self._renewed_in_time(known)
        return known

    def _renewed_in_time(self, known: Pass) -> Pass:
        """Who comes while another thread is at it goes on with what still holds."""
        if self._renewing.locked() and known.expires > self._now():
            return known
        try:
            return self._renew(known)
        except StoreUnavailable:
            if known.expires <= self._clock():
                raise
            return known  # it still holds for some minutes

    def _renew(self, used: Pass) -> Pass:
        """Alone among all threads and processes: a pass that another has got meanwhile is ours."""
        with self._renewing:
            known = self._pass
            if known is not None and known.token != used.token:
                return known
            try:
                return self._renewed_alone(used)
            except StateError as error:
                raise StoreUnavailable(self.account, str(error)) from None

    def _renewed_alone(self, used: Pass) -> Pass:
        passes = self._own_passes()
        with passes.alone():
            kept = passes.read()
            if kept is None or kept.token == self._dead:
                raise NotAuthorized(self.account, revoked(self.account))
            if kept.token != used.token:
                self._use(kept)
                return kept
            renewed = self._renewed(kept)
            self._use(renewed)  # also where it cannot be kept: the service may take no other
            passes.write(renewed)
        return renewed

    def _renewed(self, kept: Pass) -> Pass:
        try:
            return self._oauth.renewed(kept)
        except NotAuthorized:
            self._dead = kept.token  # asking again would not help
            raise

    def _use(self, got: Pass) -> None:
        self._pass = got
        self.use(Authorization=f"Bearer {got.token}")

    def _error(self, body: Json) -> StoreError | None:
        """`error_code` may be missing or new; then the HTTP status has to do."""
        code = body.get("error_code") if isinstance(body, dict) and "error" in body else None
        number = next((each for each in ERRORS if str(each) == str(code)), None)
        if number is None:
            return None
        kind, reason = ERRORS[number]
        if kind is NotAuthorized and self._by_login:
            reason = revoked(self.account)
        if number == ADDRESS_REFUSED:
            reason = address_refused(str(body["error"]))
        return kind(self.account, reason)
