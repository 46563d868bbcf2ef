"""Real-Debrid's OAuth2 for open-source apps: codes, credentials of the user's own, tokens."""

from collections.abc import Callable
from typing import Any

from flask import Response, request

from davstore.simulator.site import json_answer

CLIENT = "X245A4XAIBGVM"
GRANT = "http://oauth.net/grant_type/device/1.0"


class OAuth:
    """Who was given what. A person types with `accept` or `deny`; `revoke` ends all logins.

    Codes are good for `code_life` seconds, tokens for `token_life`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.code_life = 1800.0
        self.token_life = 86400.0
        self.codes: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, float] = {}
        self.refreshing: dict[str, str] = {}
        self.given = 0
        self.renewals = 0

    def is_good(self, token: str) -> bool:
        """Whether this token opens the account now."""
        return self.clock() < self.tokens.get(token, 0.0)

    def accept(self, user_code: str) -> None:
        """Somebody has typed the code and said yes."""
        self._by_user_code(user_code)["state"] = "accepted"

    def deny(self, user_code: str) -> None:
        """Somebody has typed the code and said no."""
        self._by_user_code(user_code)["state"] = "denied"

    def revoke(self) -> None:
        """The owner wants none of these apps any more."""
        self.tokens.clear()
        self.refreshing.clear()

    def device(self) -> Response:
        """`GET /oauth/v2/device/code`."""
        if request.args.get("client_id") != CLIENT or request.args.get("new_credentials") != "yes":
            return _error("wrong_parameter", 2, 400)
        number = len(self.codes) + 1
        device, user = f"SIMULATED-DEVICE-{number:04}", f"CODE{number:04}"
        until = self.clock() + self.code_life
        self.codes[device] = {"user": user, "until": until, "state": "pending"}
        page = "https://real-debrid.com/device"
        return json_answer({
            "device_code": device, "user_code": user, "interval": 5,
            "expires_in": int(self.code_life), "verification_url": page,
            "direct_verification_url": f"{page}?code={user}",
        })  # fmt: skip

    def credentials(self) -> Response:
        """`GET /oauth/v2/device/credentials`."""
        known = self.codes.get(request.args.get("code", ""))
        if request.args.get("client_id") != CLIENT or known is None:
            return _error("wrong_parameter", 2, 400)
        if known["state"] == "denied":
            return _error("access_denied", None, 403)
        if known["state"] == "pending" or self.clock() >= known["until"]:
            return _error("authorization_pending", None, 403)
        return json_answer({"client_id": "OWNCLIENT", "client_secret": "SIMULATED-OWN-SECRET"})

    def token(self) -> Response:
        """`POST /oauth/v2/token`, by a device's code or a refresh token."""
        form = request.form
        own = (form.get("client_id"), form.get("client_secret"))
        if own != ("OWNCLIENT", "SIMULATED-OWN-SECRET") or form.get("grant_type") != GRANT:
            return _error("bad_client", 8, 401)
        code = form.get("code", "")
        known = self.codes.get(code)
        if known is not None and known["state"] == "accepted":
            del self.codes[code]
        elif code in self.refreshing:
            self.renewals += 1
            self.tokens.pop(self.refreshing.pop(code), None)
            return self._issue(code)
        else:
            return _error("permission_denied", 9, 403)
        return self._issue(f"SIMULATED-REFRESH-{self.given:04}")

    def _issue(self, refresh: str) -> Response:
        self.given += 1
        access = f"SIMULATED-ACCESS-{self.given:04}"
        self.tokens[access] = self.clock() + self.token_life
        self.refreshing[refresh] = access
        return json_answer({"access_token": access, "expires_in": int(self.token_life),
                            "token_type": "Bearer", "refresh_token": refresh})  # fmt: skip

    def _by_user_code(self, user_code: str) -> dict[str, Any]:
        return next(known for known in self.codes.values() if known["user"] == user_code)


def _error(word: str, number: int | None, status: int) -> Response:
    body = {"error": word} | ({} if number is None else {"error_code": number})
    return json_answer(body, status, indent="\t")
