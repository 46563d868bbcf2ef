"""Plank's login: a session's cookie, the profile that is chosen in it, and renewing both.

https://www.better-auth.com/docs, as Plank mounts it at `/api/auth`.
"""

import threading
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from davstore.config.access import BaseUrl
from davstore.errors import (
    AccountProblem,
    NotAuthorized,
    Refused,
    StoreError,
    UnexpectedReply,
)
from davstore.stores import base
from davstore.stores.plank.shapes import Profile
from davstore.stores.shapes import read, rows
from davstore.transport import Json, Reply, Transport

COOKIE = "better-auth.session_token"
NO_PLANK = "no Plank answers there; check url"
_ORIGIN = "Plank goes by another address than url; write the one that it is configured with"
NO_PROFILE = frozenset({"No active profile selected", "Active profile required"})

ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "INVALID_EMAIL": (NotAuthorized, "email is not an address"),
    "INVALID_EMAIL_OR_PASSWORD": (NotAuthorized, "email or password is wrong"),
    "INVALID_ORIGIN": (AccountProblem, _ORIGIN),
    "MISSING_OR_NULL_ORIGIN": (AccountProblem, _ORIGIN),
}
"""Those of its login, which alone have codes."""


class Settings(base.Settings):
    """`[accounts.NAME]` with `store = "plank"`."""

    url: BaseUrl = Field(description="the server's address, such as http://host:3300")
    email: str | None = Field(default=None, description="the login's e-mail address")
    password: SecretStr | None = Field(default=None, description="the login's password")
    profile: str | None = Field(default=None, description="a profile's name or id")
    token: SecretStr | None = Field(
        default=None, description="a session token, instead of e-mail and password"
    )

    track_playback: bool = Field(
        default=False, description="whether what is read through davstore counts as played"
    )

    @model_validator(mode="after")
    def _login(self) -> Self:
        if not self.token and not (self.email and self.password):
            raise ValueError("has no login; give email and password, or token")
        return self


class _NoProfile(AccountProblem):
    """The session has no active profile."""


class Session:
    """One login's session; begun when it is first needed. For many threads.

    `cookie` is its header's value, "" while there is none.
    """

    def __init__(self, name: str, settings: Settings, api: Transport) -> None:
        self.name = name
        self.cookie = ""
        self._settings = settings
        self._api = api
        self._login = threading.RLock()

    def call(self, method: str, path: str, **options: Any) -> Reply:
        """One call within a session, which is begun or mended once if need be."""
        cookie = self._current("")
        try:
            return self._answer(method, path, **options)
        except _NoProfile:
            with self._login:
                self._choose_profile()
        except NotAuthorized:
            self._current(cookie)
        return self._answer(method, path, **options)

    def _answer(self, method: str, path: str, **options: Any) -> Reply:
        """`get-session` says a plain null where others refuse."""
        reply = self._api.call(method, path, **options)
        if path.endswith("get-session") and reply.body is None:
            raise NotAuthorized(self.name, "the session has ended")
        return reply

    def _current(self, ended: str) -> str:
        """The session's cookie, another than `ended`: of those who find it ended one signs in."""
        with self._login:
            if self.cookie == ended:
                self._sign_in()
            return self.cookie

    def _sign_in(self) -> None:
        settings = self._settings
        if settings.token:
            if self.cookie:
                raise NotAuthorized(
                    self.name, "the token has ended; set a new one, or email and password"
                )
            self._use(COOKIE, settings.token.get_secret_value().strip())
            if settings.profile:
                self._choose_profile()
            return
        assert settings.password is not None
        login = {"email": settings.email, "password": settings.password.get_secret_value()}
        self._api.use(Cookie="")
        with base.certain(self.name, NO_PLANK):
            reply = self._api.post("/api/auth/sign-in/email", json_body=login, urgent=True)
        for name, value in reply.cookies.items():
            if name.endswith(COOKIE):  # behind https its name begins with __Secure-
                self._use(name, value)
                break
        else:
            raise UnexpectedReply(self.name, "unexpected reply: signing in gave no cookie")
        self._choose_profile()

    def _use(self, name: str, value: str) -> None:
        self.cookie = f"{name}={value}"
        self._api.use(Cookie=self.cookie)

    def _choose_profile(self) -> None:
        body = self._api.get("/api/auth/organization/list", urgent=True).body
        profiles = [read(Profile, row, self.name) for row in rows(body, self.name)]
        wanted = self._settings.profile
        matching = [p for p in profiles if not wanted or wanted in (p.id, p.name)]
        if not profiles:
            raise AccountProblem(self.name, "the login has no profile; make one in Plank")
        if len(matching) != 1:
            names = ", ".join(f"{p.name} ({p.id})" for p in profiles)
            problem = f"there is no one profile {wanted!r}" if wanted else "which profile is meant?"
            raise AccountProblem(self.name, f"{problem} set profile to one of: {names}")
        self._api.post(
            "/api/auth/organization/set-active",
            json_body={"organizationId": matching[0].id},
            headers={"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self._settings.url))},
            urgent=True,
        )


def complaint(account: str, body: Json) -> StoreError | None:
    """What error `body` reports, if any."""
    if not isinstance(body, dict):
        return None
    message, code = body.get("message"), body.get("code")
    if isinstance(message, str) and message.startswith("Invalid magnet"):
        return Refused(account, "Plank cannot read the magnet link")
    if message in NO_PROFILE:
        return _NoProfile(account, "the session has no active profile")
    if not isinstance(code, str) or code not in ERRORS:
        return None
    kind, reason = ERRORS[code]
    return kind(account, reason)
