"""Plank's sessions and profiles: better-auth at /api/auth/, with its cookie and Origin rule."""

import base64
import hashlib
import hmac
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from flask import Response, request

from davstore.simulator.site import json_answer

if TYPE_CHECKING:
    from davstore.simulator.plank import Plank

COOKIE = "better-auth.session_token"


@dataclass(frozen=True)
class Profile:
    """A library of its own within a Plank (an "organization" to better-auth)."""

    id: str
    name: str


@dataclass
class Session:
    """Somebody who signed in; no profile is active at first."""

    token: str
    profile: str | None = None


class Login:
    """The routes under /api/auth/ and the sessions that they make."""

    def __init__(self, plank: "Plank") -> None:
        self._plank = plank
        self._sessions: dict[str, Session] = {}
        self._made = 0
        self._sign_ins: deque[float] = deque()
        for method, path, view in (
            ("POST", "sign-in/email", self._sign_in),
            ("POST", "sign-out", self._sign_out),
            ("GET", "get-session", self._get_session),
            ("GET", "organization/list", self._profiles),
            ("POST", "organization/set-active", self._set_active),
        ):
            plank.route(f"/api/auth/{path}", path, view, method)

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        secure = "secure_cookie" in self._plank.odd
        return f"__Secure-{COOKIE}" if secure else COOKIE

    def new_session(self, profile: Profile | None = None) -> str:
        """Sign in by the back door; the cookie's value, not URL-encoded."""
        self._made += 1
        digest = hashlib.blake2b(f"session {self._made}".encode(), digest_size=16).digest()
        token = base64.b32encode(digest).decode().rstrip("=")
        self._sessions[token] = Session(token, profile.id if profile else None)
        return f"{token}.{_signature(token)}"

    def expire_sessions(self) -> None:
        """Everybody has to sign in again."""
        self._sessions.clear()

    def session(self) -> Session | None:
        """Whose request it is."""
        for pair in request.headers.get("Cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            token, _, signature = unquote(value).partition(".")
            if name == self.cookie and hmac.compare_digest(signature, _signature(token)):
                return self._sessions.get(token)
        return None

    def _sign_in(self) -> Response:
        if self._too_often():
            message = {"message": "Too many requests. Please try again later."}
            return json_answer(message, 429, {"X-Retry-After": "10"})
        body = request.get_json(silent=True)
        email = body.get("email") if isinstance(body, dict) else None
        password = body.get("password") if isinstance(body, dict) else None
        if not isinstance(email, str) or "@" not in email or not isinstance(password, str):
            return json_answer({"code": "INVALID_EMAIL", "message": "Invalid email"}, 400)
        if (email, password) != (self._plank.email, self._plank.password):
            failed = {"code": "INVALID_EMAIL_OR_PASSWORD", "message": "Invalid email or password"}
            return json_answer(failed, 401)
        value = self.new_session()
        secure = "; Secure" if "secure_cookie" in self._plank.odd else ""
        attributes = f"Max-Age=604800; Path=/; HttpOnly; SameSite=Lax{secure}"
        cookie = f"{self.cookie}={quote(value, safe='')}; {attributes}"
        token = value.partition(".")[0]
        answer = {"redirect": False, "token": token, "user": self._user()}
        return json_answer(answer, headers={"Set-Cookie": cookie})

    def _too_often(self) -> bool:
        now = time.monotonic()
        self._sign_ins.append(now)
        while self._sign_ins[0] < now - 10:
            self._sign_ins.popleft()
        return "sign_in_limit" in self._plank.odd and len(self._sign_ins) > 3

    def _user(self) -> dict[str, object]:
        return {"id": "user-1", "email": self._plank.email, "name": "Ada", "emailVerified": False}

    def _strange_origin(self) -> Response | None:
        """What a non-GET that carries a cookie gets unless it comes from the site itself."""
        origin = request.headers.get("Origin") or request.headers.get("Referer", "")
        if "Cookie" not in request.headers or origin.rstrip("/") == self._plank.origin:
            return None
        code = "INVALID_ORIGIN" if origin else "MISSING_OR_NULL_ORIGIN"
        return json_answer({"code": code, "message": "Invalid origin"}, 403)

    def _sign_out(self) -> Response:
        session = self.session()
        if session is not None and self._strange_origin() is None:
            del self._sessions[session.token]
        return self._strange_origin() or json_answer({"success": True})

    def _get_session(self) -> Response:
        session = self.session()
        if session is None:
            return json_answer(None)
        shown = {"id": f"id-{session.token}", "token": session.token, "userId": "user-1",
                 "expiresAt": "2099-01-01T00:00:00.000Z",
                 "activeOrganizationId": session.profile}  # fmt: skip
        return json_answer({"session": shown, "user": self._user()})

    def _profiles(self) -> Response:
        if self.session() is None:
            return json_answer({"code": "UNAUTHORIZED", "message": "Unauthorized"}, 401)
        return json_answer([
            {"id": profile.id, "name": profile.name, "slug": profile.name.lower(), "logo": None,
             "createdAt": "2026-01-01T00:00:00.000Z", "metadata": None}
            for profile in self._plank.profiles
        ])  # fmt: skip

    def _set_active(self) -> Response:
        strange = self._strange_origin()
        if strange is not None:
            return strange
        session = self.session()
        if session is None:
            return json_answer({"code": "UNAUTHORIZED", "message": "Unauthorized"}, 401)
        body = request.get_json(silent=True)
        wanted = body.get("organizationId") if isinstance(body, dict) else None
        if wanted not in {profile.id for profile in self._plank.profiles}:
            code = "USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION"
            return json_answer({"code": code, "message": "Not a member"}, 403)
        session.profile = wanted
        return json_answer({"id": wanted})


def _signature(token: str) -> str:
    digest = hmac.digest(b"simulated secret", token.encode(), "sha256")
    return base64.b64encode(digest).decode()
