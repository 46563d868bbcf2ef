"""Plank's Media API (logscore/plank), both of its generations. Its "media" is our magnet.

The older one calls shows `tv` and streams an episode as a part of its show; the newer one calls
them `show` and streams an episode as a media of its own.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    StoreError,
    UnexpectedReply,
)
from davstore.model import Account, File, Link, Magnet, Status, Unreadable
from davstore.stores import base
from davstore.stores.base import FileLists, Listing
from davstore.stores.shapes import Moment, Percent, Rows, Shape, Word, amiss, read, rows
from davstore.transport import Json, Reply, Transport, per_second

LIFE = 12 * 3600.0
RATES = (per_second(10),)
RECHECK = 600
"""Seconds after which a show that is still downloading may have further episodes."""
COOKIE = "better-auth.session_token"
NO_PROFILE = frozenset({"No active profile selected", "Active profile required"})

_STATUS: Mapping[str, Status] = {
    "complete": Status.READY,
    "completed": Status.READY,
    "ready": Status.READY,
    "added": Status.QUEUED,
    "pending": Status.QUEUED,
    "searching": Status.QUEUED,
    "idle": Status.QUEUED,
    "initializing": Status.DOWNLOADING,
    "downloading": Status.DOWNLOADING,
    "error": Status.FAILED,
    "not_found": Status.FAILED,
    "removed": Status.FAILED,
}
_SHOWS = frozenset({"tv", "show"})
_AS_STORED = frozenset({".mp4", ".webm"})


class Settings(base.Settings):
    """`[accounts.NAME]` with `store = "plank"`."""

    url: base.BaseUrl = Field(description="the server's address, such as http://host:3300")
    email: str | None = Field(default=None, description="the login's e-mail address")
    password: SecretStr | None = Field(default=None, description="the login's password")
    profile: str | None = Field(default=None, description="a profile's name or id")
    token: SecretStr | None = Field(
        default=None, description="a session token, instead of e-mail and password"
    )

    @model_validator(mode="after")
    def _login(self) -> Self:
        if self.token is None and (self.email is None or self.password is None):
            raise ValueError("has no login; give email and password, or token")
        return self


class _NoProfile(AccountProblem):
    """The session has no active profile."""


class _Row(Shape):
    id: str
    type: str
    title: Word = ""
    year: int | None = None
    status: Word = ""
    progress: Percent = None
    infohash: Word = ""
    filePath: Word = ""  # noqa: N815 - the service's word
    addedAt: Moment = None  # noqa: N815
    parentId: Word = ""  # noqa: N815

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.title} ({self.year})" if self.year else self.title


class _Episode(Shape):
    id: str
    episodeNumber: int = 0  # noqa: N815
    title: Word = ""
    filePath: Word = ""  # noqa: N815
    status: Word = ""


class _Season(Shape):
    seasonNumber: int = 0  # noqa: N815
    episodes: Rows


class _Progress(Shape):
    status: Word


class _Profile(Shape):
    id: str
    name: Word = ""


class _Signed(Shape):
    token: Word = ""


class _User(Shape):
    name: Word = ""
    email: Word = ""


class Plank:
    """One login at a Plank server. A file's ref is the path at which it is streamed.

    Sizes are never told: what Plank knows is the size before it repacked a file.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._login = threading.RLock()
        self._cookie = ""
        self._api = Transport(
            name, settings.url, rates=RATES, complaint=self._complaint, sleep=sleep
        )

    def magnets(self) -> Listing:
        """One call: movies and shows, of the newer generation their episodes too."""
        values = rows(self._call("GET", "/api/media").body, self.name)
        found = [_read_row(value) for value in values]
        episodes = [row for row in found if isinstance(row, _Row) and row.type == "episode"]
        seen: set[str] = set()
        for row in found:
            if isinstance(row, Unreadable):
                yield row
            elif row.type != "episode" and row.id not in seen:
                seen.add(row.id)
                yield self._magnet(row, [e for e in episodes if e.parentId == row.id])

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """The list again for what movies are called, and one call a show."""
        values = rows(self._call("GET", "/api/media").body, self.name)
        known = {row.id: row for row in map(_read_row, values) if isinstance(row, _Row)}
        for magnet in magnets:
            row = known.get(magnet.id)
            try:
                yield magnet, self._files_of(row) if row else Gone(self.name, "no longer there")
            except (Gone, UnexpectedReply) as error:
                yield magnet, error

    def link(self, file: File) -> Link:
        """The streaming path with the session's cookie; one call makes sure that both hold."""
        media = file.ref.split("/stream", maxsplit=1)[0]
        read(_Progress, self._call("GET", f"{media}/progress", urgent=True).body, self.name)
        with self._login:
            return Link(self._settings.url + file.ref, self._now() + LIFE, {"Cookie": self._cookie})

    def account(self) -> Account:
        """The session's user."""
        body = self._call("GET", "/api/auth/get-session", urgent=True).body
        user = read(_User, body.get("user") if isinstance(body, dict) else None, self.name)
        return Account(user.email or user.name or "?", "self-hosted")

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _call(self, method: str, path: str, **options: Any) -> Reply:
        """One call within a session, which is begun or mended once if need be."""
        with self._login:
            if not self._cookie:
                self._sign_in()
        try:
            return self._session_of(self._api.call(method, path, **options), path)
        except _NoProfile:
            self._choose_profile()
        except NotAuthorized:
            self._sign_in()
        return self._session_of(self._api.call(method, path, **options), path)

    def _session_of(self, reply: Reply, path: str) -> Reply:
        """`get-session` says a plain null where others refuse."""
        if path.endswith("/get-session") and reply.body is None:
            raise NotAuthorized(self.name, "the session has ended")
        return reply

    def _sign_in(self) -> None:
        with self._login:
            settings = self._settings
            if settings.token is not None:
                if self._cookie:
                    raise NotAuthorized(self.name, "the token is no longer valid; set a new one")
                self._use(COOKIE, settings.token.get_secret_value())
                return
            assert settings.password is not None
            login = {"email": settings.email, "password": settings.password.get_secret_value()}
            self._api.use(Cookie="")
            reply = self._api.call("POST", "/api/auth/sign-in/email", json=login, urgent=True)
            for name, value in reply.cookies.items():
                if name.endswith(COOKIE):
                    self._use(name, value)
                    break
            else:
                raise UnexpectedReply(self.name, "unexpected reply: signing in gave no cookie")
            self._choose_profile()

    def _use(self, name: str, value: str) -> None:
        self._cookie = f"{name}={value}"
        self._api.use(Cookie=self._cookie)

    def _choose_profile(self) -> None:
        body = self._api.get("/api/auth/organization/list", urgent=True).body
        profiles = [read(_Profile, row, self.name) for row in rows(body, self.name)]
        wanted = self._settings.profile
        matching = [p for p in profiles if wanted in (None, p.id, p.name)]
        if len(matching) != 1:
            names = ", ".join(profile.name for profile in profiles) or "none"
            raise AccountProblem(self.name, f"set profile to one of the account's: {names}")
        self._api.post(
            "/api/auth/organization/set-active",
            json_body={"organizationId": matching[0].id},
            headers={"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self._settings.url))},
            urgent=True,
        )

    def _complaint(self, body: Json) -> StoreError | None:
        message = body.get("message") if isinstance(body, dict) else None
        if message in NO_PROFILE:
            return _NoProfile(self.name, "the session has no active profile")
        if isinstance(body, dict) and body.get("code") == "INVALID_EMAIL_OR_PASSWORD":
            return NotAuthorized(self.name, "e-mail or password is wrong")
        return None

    def _magnet(self, row: _Row, episodes: Sequence[_Row]) -> Magnet:
        status = _STATUS.get(row.status, Status.UNKNOWN)
        parts = [row.status, row.filePath, row.title, str(row.year)]
        parts += [f"{e.id} {e.status} {e.filePath}" for e in sorted(episodes, key=lambda e: e.id)]
        if row.type in _SHOWS:
            if status is not Status.READY and not episodes:
                parts.append(str(int(self._now() // RECHECK)))
            status = Status.READY  # what has a file can be read, whatever else is missing
        return Magnet(
            id=row.id,
            name=row.name,
            status=status,
            fingerprint=" ".join(parts),
            hash=row.infohash.lower(),
            progress=_percent(row),
            added=row.addedAt,
        )

    def _files_of(self, row: _Row) -> tuple[File, ...]:
        if row.type in _SHOWS:
            return tuple(self._episodes(row))
        name = PurePosixPath(row.filePath).name or f"{row.name}.mp4"
        return (_file(name, f"/api/media/{quote(row.id, safe='')}/stream"),)

    def _episodes(self, row: _Row) -> Iterator[File]:
        show = quote(row.id, safe="")
        reply = self._call("GET", f"/api/media/{show}/seasons")
        for value in rows(reply.body, self.name):
            season = read(_Season, value, self.name)
            for each in season.episodes:
                episode = read(_Episode, each, self.name)
                ready = _STATUS.get(episode.status, Status.READY) is Status.READY
                if not episode.filePath or not ready:
                    continue
                number = f"S{season.seasonNumber:02}E{episode.episodeNumber:02}"
                name = PurePosixPath(episode.filePath).name or f"{row.title} {number}.mp4"
                id_ = quote(episode.id, safe="")
                ref = f"/api/media/{id_}/stream"
                if row.type == "tv":
                    ref = f"/api/media/{show}/stream?episodeId={id_}"
                yield _file(f"Season {season.seasonNumber:02}/{name}", ref)


def _read_row(value: Json) -> _Row | Unreadable:
    try:
        return _Row.model_validate(value)
    except ValidationError as error:
        known = value.get("id") if isinstance(value, dict) else None
        return Unreadable(known if isinstance(known, str) else None, amiss(error))


def _file(path: str, ref: str) -> File:
    """Plank repacks all but these into MP4 while it streams."""
    place = PurePosixPath(path)
    if place.suffix.lower() in _AS_STORED:
        return File(path, ref)
    return File(str(place.with_suffix(".mp4")), ref, mime="video/mp4")


def _percent(row: _Row) -> float | None:
    """The document says 0 to 100, the service gives a fraction; exactly 1 means done."""
    if row.progress is None:
        return None
    return row.progress * 100 if row.progress <= 1 else row.progress
