"""Logging in to AllDebrid by a PIN, and answering the mail that it sends about a new place."""

from davstore.errors import NotAuthorized
from davstore.stores.alldebrid.api import NO_API, Part
from davstore.stores.alldebrid.errors import BadPin, Blocked
from davstore.stores.alldebrid.shapes import Checked, Pin, Verified
from davstore.stores.base import certain
from davstore.stores.login import Invitation
from davstore.stores.shapes import read

POLL = 5.0
"""Seconds between two questions, as the document asks."""


class Login(Part):
    """What concerns the way in."""

    def invite(self) -> Invitation:
        """`GET /v4.1/pin/get`."""
        self._api.passes  # noqa: B018 - who has a token of their own is told so first
        with certain(self.name, NO_API):
            pin = read(Pin, self._api.get("/v4.1/pin/get", is_public=True), self.name)
        expires = self._now() + pin.expires_in
        return Invitation(pin.pin, pin.base_url, pin.user_url, expires, POLL, pin.check)

    def accepted(self, invitation: Invitation) -> bool:
        """`POST /v4/pin/check`."""
        form = {"check": invitation.secret, "pin": invitation.code}
        try:
            data = self._api.post("/v4/pin/check", form, is_public=True)
        except BadPin:
            reason = f"the PIN was refused or not typed in time; run `davstore login {self.name}`"
            raise NotAuthorized(self.name, reason) from None
        row = read(Checked, data, self.name)
        if row.activated and row.apikey:
            self._api.use(row.apikey)
        return row.activated and bool(row.apikey)

    def log_out(self) -> None:
        """The key itself can only be revoked on AllDebrid's site."""
        self._api.forget()

    def held(self) -> str:
        """The token of the mail that AllDebrid has sent, where it waits for that."""
        try:
            self._api.get("/v4/user")
        except Blocked as error:
            return error.token
        return ""

    def confirmed(self, held: str) -> bool:
        """`POST /v4/user/verif`; the key that it brings is kept where it is another."""
        row = self._verified(held)
        if row.verif == "denied":
            raise NotAuthorized(self.name, "the new place was refused in the mail's answer")
        if row.verif == "allowed" and row.apikey:
            self._api.use(row.apikey)
        return row.verif == "allowed"

    def mail_again(self, held: str) -> None:
        """`POST /v4/user/verif/resend`, which is allowed once."""
        with certain(self.name, NO_API):
            self._api.post("/v4/user/verif/resend", {"token": held})

    def _verified(self, held: str) -> Verified:
        try:
            data = self._api.post("/v4/user/verif", {"token": held})
        except BadPin:
            reason = f"the mail is too old; run `davstore login {self.name}` for another"
            raise NotAuthorized(self.name, reason) from None
        return read(Verified, data, self.name)
