"""Plank's Media API (logscore/plank), both of its generations. Its "media" is our magnet.

The older one calls shows `tv` and streams an episode as a part of its show; the newer one calls
them `show` and streams an episode as a media of its own.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from davstore.stores.base import FileLists, Listing, News
from davstore.stores.plank_shapes import Episode, Profile, Progress, Row, Season, User
from davstore.stores.shapes import amiss, read, rows
from davstore.tally import Tally
from davstore.transport import Json, Reply, Together, Transport, per_second

LIFE = 12 * 3600.0
RATES = (per_second(10),)
RECHECK, RECHECK_COMPLETE = 600, 3600
"""Seconds after which a show may have further episodes, if the list does not tell of them."""
RECHECKED = 8
"""So many shows are asked again in that time: with one call each, an hour costs fewer than 130."""
_STAMP = " @"
COOKIE = "better-auth.session_token"
NO_PLANK = "no Plank answers there; check url"
_ORIGIN = "Plank goes by another address than url; write the one that it is configured with"
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
ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "INVALID_EMAIL": (NotAuthorized, "email is not an address"),
    "INVALID_EMAIL_OR_PASSWORD": (NotAuthorized, "email or password is wrong"),
    "INVALID_ORIGIN": (AccountProblem, _ORIGIN),
    "MISSING_OR_NULL_ORIGIN": (AccountProblem, _ORIGIN),
}
"""Those of its login, which alone have codes."""
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
        if not self.token and not (self.email and self.password):
            raise ValueError("has no login; give email and password, or token")
        return self


class _NoProfile(AccountProblem):
    """The session has no active profile."""


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
        together: Together | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._login = threading.RLock()
        self._cookie = ""
        self._api = Transport(
            name,
            settings.url,
            rates=RATES,
            together=together,
            tally=tally,
            complaint=self._complaint,
            sleep=sleep,
        )

    def magnets(self) -> Listing:
        """One call: movies and shows, of the newer generation their episodes too."""
        found = self._library()
        episodes: dict[str, list[Row]] = {}
        for row in found:
            if isinstance(row, Row) and row.type == "episode":
                episodes.setdefault(row.parentId, []).append(row)
        seen: set[str] = set()
        for row in found:
            if isinstance(row, Unreadable):
                yield row
            elif row.type != "episode" and row.id not in seen:
                seen.add(row.id)
                yield self._magnet(row, episodes.get(row.id, ()))

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        """One call, as there are no pages. Of the shows of which only asking tells whether there
        are further episodes, the few that were not asked for longest have their turn.
        """
        now = self._now()
        due = not marker.isdecimal() or now - int(marker) >= RECHECK
        rows = list(self.magnets())
        stale = sorted(
            (row for row in rows if isinstance(row, Magnet) and row.id in known
             and _is_same_but_older(known[row.id], row)),
            key=lambda row: _stamp(known[row.id]),
        )  # fmt: skip
        calm = {row.id for row in stale[RECHECKED if due else 0 :]}
        found = (replace(row, fingerprint=known[row.id].fingerprint) if row.id in calm else row
                 for row in rows if isinstance(row, Magnet))  # fmt: skip
        unread = (row for row in rows if isinstance(row, Unreadable))
        return News((*found, *unread), str(int(now)) if due else marker, complete=True)

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """The list again for what movies are called, and one call a show."""
        known = {row.id: row for row in self._library() if isinstance(row, Row)}
        yield from base.one_by_one(magnets, lambda magnet: self._files_of(known.get(magnet.id)))

    def link(self, file: File) -> Link:
        """The streaming path with the session's cookie; one call makes sure that both hold.

        Not `GET /api/media/{id}`: that would note the file as played.
        """
        asked = self._now()
        media = file.ref.split("/stream", maxsplit=1)[0]
        read(Progress, self._call("GET", f"{media}/progress", urgent=True).body, self.name)
        return Link(self._settings.url + file.ref, asked + LIFE, {"Cookie": self._cookie})

    def account(self) -> Account:
        """The session's user."""
        with base.certain(self.name, NO_PLANK):
            body = self._call("GET", "/api/auth/get-session", urgent=True).body
        user = read(User, body.get("user") if isinstance(body, dict) else None, self.name)
        return Account(user.email or user.name or "?", "self-hosted")

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _library(self) -> list[Row | Unreadable]:
        with base.certain(self.name, NO_PLANK):
            body = self._call("GET", "/api/media").body
        return [_read_row(value) for value in rows(body, self.name)]

    def _call(self, method: str, path: str, **options: Any) -> Reply:
        """One call within a session, which is begun or mended once if need be."""
        cookie = self._session("")
        try:
            return self._answer(method, path, **options)
        except _NoProfile:
            with self._login:
                self._choose_profile()
        except NotAuthorized:
            self._session(cookie)
        return self._answer(method, path, **options)

    def _answer(self, method: str, path: str, **options: Any) -> Reply:
        """`get-session` says a plain null where others refuse."""
        reply = self._api.call(method, path, **options)
        if path.endswith("/get-session") and reply.body is None:
            raise NotAuthorized(self.name, "the session has ended")
        return reply

    def _session(self, ended: str) -> str:
        """The session's cookie, another than `ended`: of those who find it ended one signs in."""
        with self._login:
            if self._cookie == ended:
                self._sign_in()
            return self._cookie

    def _sign_in(self) -> None:
        settings = self._settings
        if settings.token:
            if self._cookie:
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
        self._cookie = f"{name}={value}"
        self._api.use(Cookie=self._cookie)

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

    def _complaint(self, body: Json) -> StoreError | None:
        if not isinstance(body, dict):
            return None
        message, code = body.get("message"), body.get("code")
        if message in NO_PROFILE:
            return _NoProfile(self.name, "the session has no active profile")
        if not isinstance(code, str) or code not in ERRORS:
            return None
        kind, reason = ERRORS[code]
        return kind(self.name, reason)

    def _magnet(self, row: Row, episodes: Sequence[Row]) -> Magnet:
        status = _STATUS.get(row.status, Status.UNKNOWN)
        parts = [row.status, row.filePath, row.title, str(row.year)]
        parts += [f"{e.id} {e.status} {e.filePath}" for e in sorted(episodes, key=lambda e: e.id)]
        if row.type in _SHOWS:
            if not episodes:
                every = RECHECK_COMPLETE if status is Status.READY else RECHECK
                parts.append(f"{_STAMP}{int(self._now() // every * every)}")
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

    def _files_of(self, row: Row | None) -> tuple[File, ...]:
        if row is None:
            raise Gone(self.name, "no longer in the library")
        if row.type in _SHOWS:
            found = self._episodes(row)
        else:
            name = _basename(row.filePath) or f"{row.name}.mp4"
            found = iter([(name, f"/api/media/{quote(row.id, safe='')}/stream")])
        return tuple(_file(*each) for each in found if not row.is_newer or _is_direct(each[0]))

    def _episodes(self, row: Row) -> Iterator[tuple[str, str]]:
        """Path and ref of each episode that has a file."""
        show = quote(row.id, safe="")
        for value in rows(self._call("GET", f"/api/media/{show}/seasons").body, self.name):
            season = read(Season, value, self.name)
            for each in season.episodes:
                episode = read(Episode, each, self.name)
                ready = _STATUS.get(episode.status, Status.READY) is Status.READY
                if not episode.filePath or not ready:
                    continue
                number = f"S{season.seasonNumber or 0:02}E{episode.episodeNumber or 0:02}"
                name = _basename(episode.filePath) or f"{row.title} {number}.mp4"
                id_ = quote(episode.id, safe="")
                ref = f"/api/media/{id_}/stream"
                if not row.is_newer:
                    ref = f"/api/media/{show}/stream?episodeId={id_}"
                yield f"Season {season.seasonNumber or 0:02}/{name}", ref


def _stamp(magnet: Magnet) -> int:
    """When a show's episodes were last asked for, 0 where that is not the way to know them."""
    stamp = magnet.fingerprint.rpartition(_STAMP)[2]
    return int(stamp) if stamp.isdecimal() else 0


def _is_same_but_older(known: Magnet, row: Magnet) -> bool:
    before, now = (m.fingerprint.rpartition(_STAMP)[0] for m in (known, row))
    return before == now and 0 < _stamp(known) < _stamp(row)


def _read_row(value: Json) -> Row | Unreadable:
    try:
        return Row.model_validate(value)
    except ValidationError as error:
        known = value.get("id") if isinstance(value, dict) else None
        return Unreadable(known if isinstance(known, str) else None, amiss(error))


def _basename(path: str) -> str:
    """Plank may run on Windows; no file name of its own has a backslash in it."""
    return path.replace("\\", "/").rpartition("/")[2]


def _is_direct(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _AS_STORED


def _file(path: str, ref: str) -> File:
    """The older generation repacks all but these into MP4 while it streams."""
    if _is_direct(path):
        return File(path, ref)
    return File(str(PurePosixPath(path).with_suffix(".mp4")), ref, mime="video/mp4")


def _percent(row: Row) -> float | None:
    """The document says 0 to 100, the service gives a fraction; exactly 1 means done."""
    if row.progress is None:
        return None
    return row.progress * 100 if row.progress <= 1 else row.progress
