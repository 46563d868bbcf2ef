"""Plank's Media API (logscore/plank), both of its generations. Its "media" is our magnet.

The older one calls shows `tv` and streams an episode as a part of its show; the newer one calls
them `show` and streams an episode as a media of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, urlsplit

from davstore.errors import Gone, StoreError
from davstore.model import Account, File, Link, Magnet, Position, Status, Unreadable, Wanted, Work
from davstore.stores import base, shapes
from davstore.stores.base import USUAL, FileLists, Listing, Means, News
from davstore.stores.plank.playing import Begun
from davstore.stores.plank.session import NO_PLANK, Session, Settings, complaint
from davstore.stores.plank.shapes import (
    Added,
    Episode,
    Match,
    Played,
    Progress,
    Row,
    Season,
    User,
)
from davstore.stores.shapes import legible, read, rows
from davstore.transport import Json, Transport, per_second

LIFE = 12 * 3600.0
RATES = (per_second(10),)
RECHECK, RECHECK_COMPLETE = 600, 3600
"""Seconds after which a show may have further episodes, if the list does not tell of them."""
MOST_PROGRESS = 8
"""So many downloads are asked how fast they are, each time."""
RECHECKED = 8
"""So many shows are asked again in that time: with one call each, an hour costs fewer than 130."""
_STAMP = " @"
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
_TROUBLE: Mapping[str, str] = {
    "error": "Plank could not get it",
    "not_found": "Plank found no source for it",
    "removed": "its files were removed",
}
_SHOWS = frozenset({"tv", "show"})
_AS_STORED = frozenset({".mp4", ".webm"})


class Plank:
    """One login at a Plank server. A file's ref is the path at which it is streamed.

    Sizes are never told: what Plank knows is the size before it repacked a file.
    """

    add_pause = 1.0

    def __init__(self, name: str, settings: Settings, means: Means = USUAL) -> None:
        self.name = name
        self._settings = settings
        self._now = means.now
        self._api = Transport(
            name, settings.url, rates=RATES, complaint=partial(complaint, name),
            **means.of_transport,
        )  # fmt: skip
        self.track_playback = settings.track_playback
        self._session = Session(name, settings, self._api)

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
        shown = self._with_progress(found)
        return News((*shown, *unread), str(int(now)) if due else marker, complete=True)

    def _with_progress(self, magnets: Iterable[Magnet]) -> Iterator[Magnet]:
        """The list tells how far downloads are, now and then, but not how fast."""
        left = MOST_PROGRESS
        for magnet in magnets:
            known = magnet
            if magnet.status is Status.DOWNLOADING and left > 0:
                left -= 1
                with suppress(StoreError):  # the list is good without it
                    path = f"/api/media/{quote(magnet.id, safe='')}/progress"
                    told = read(Progress, self._session.call("GET", path).body, self.name)
                    known = replace(magnet, progress=_percent(told), speed=told.downloadSpeed)
            yield known

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """The list again for what movies are called, and one call a show."""
        known = {row.id: row for row in self._library() if isinstance(row, Row)}
        yield from base.one_by_one(magnets, lambda magnet: self._files_of(known.get(magnet.id)))

    def link(self, file: File) -> Link:
        """The streaming path with the session's cookie; one call makes sure that both hold.

        Not `GET /api/media/{id}`: that would note the file as played.
        """
        asked = self._now()
        media, _ = _parts(file)
        path = f"/api/media/{media}/progress"
        read(Progress, self._session.call("GET", path, urgent=True).body, self.name)
        return Link(self._settings.url + file.ref, asked + LIFE, {"Cookie": self._session.cookie})

    def add(self, wanted: Wanted) -> str:
        """Adds the link, which it wants in any case; what is there already stays as it is.

        A show is called by its generation's word. Where none is known Plank finds out itself.
        """
        word = self._word_for_show() if wanted.of_show else "movie"
        said = {"title": wanted.title or wanted.name, "type": word, "year": wanted.year}
        form = {"magnetLink": wanted.link} | {key: value for key, value in said.items() if value}
        body = self._session.call("POST", "/api/media", json=form, once=True).body
        return read(Added, body, self.name).id

    def _word_for_show(self) -> str:
        known = [row for row in self._library() if isinstance(row, Row)]
        return "" if not known else "show" if any(row.is_newer for row in known) else "tv"

    def remove(self, magnet: Magnet) -> None:
        """`DELETE /api/media/{id}`, which deletes its files too."""
        with suppress(Gone):
            self._session.call("DELETE", f"/api/media/{quote(magnet.id, safe='')}")

    def begun(self) -> tuple[Begun, ...]:
        """`GET /api/media/continue-watching`: 20 at most. The older generation tells of shows,
        not of their episodes.
        """
        with base.certain(self.name, NO_PLANK):
            body = self._session.call("GET", "/api/media/continue-watching", urgent=True).body
        told = (legible(Row, value) for value in rows(body, self.name))
        return tuple(_begun(row) for row in told if row is not None)

    def find(self, words: str) -> tuple[str, ...]:
        """`GET /api/media/search`, whose `%` would stand for anything; `_` is any character."""
        asked = {"q": words.replace("%", "_")}
        with base.certain(self.name, NO_PLANK):
            body = self._session.call("GET", "/api/media/search", params=asked, urgent=True).body
        matches = [read(Match, value, self.name) for value in rows(body, self.name)]
        return tuple(dict.fromkeys(each.parentId or each.id for each in matches))

    def position(self, file: File) -> Position:
        """`GET /api/media/{id}/position`."""
        media, episode = _parts(file)
        path = f"/api/media/{media}/position"
        params = {"episodeId": episode} if episode else None
        body = self._session.call("GET", path, params=params, urgent=True).body
        played = read(Played, body, self.name)
        return Position(played.position or 0.0, played.duration or None)

    def move(self, file: File, position: Position) -> None:
        """`PUT /api/media/{id}/position`; a duration that is not known is left as it is."""
        media, episode = _parts(file)
        said: dict[str, Json] = {"position": position.seconds}
        if position.duration is not None:
            said["duration"] = position.duration
        if episode:
            said["episodeId"] = episode
        self._session.call("PUT", f"/api/media/{media}/position", json=said)

    def account(self) -> Account:
        """The session's user."""
        with base.certain(self.name, NO_PLANK):
            body = self._session.call("GET", "/api/auth/get-session", urgent=True).body
        user = read(User, body.get("user") if isinstance(body, dict) else None, self.name)
        return Account(user.email or user.name or "?", "self-hosted")

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _library(self) -> list[Row | Unreadable]:
        with base.certain(self.name, NO_PLANK):
            body = self._session.call("GET", "/api/media").body
        return [shapes.row(Row, value) for value in rows(body, self.name)]

    def _magnet(self, row: Row, episodes: Sequence[Row]) -> Magnet:
        status = _STATUS.get(row.status, Status.UNKNOWN)
        parts = [row.type, row.status, row.filePath, row.title, str(row.year)]
        if episodes:  # of which there may be hundreds
            told = sorted(f"{each.id} {each.status} {each.filePath}" for each in episodes)
            parts.append(blake2b("\n".join(told).encode(), digest_size=16).hexdigest())
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
            trouble=_TROUBLE.get(row.status, ""),
            work=_work(row),
        )

    def _files_of(self, row: Row | None) -> tuple[File, ...]:
        if row is None:
            raise Gone(self.name, "no longer in the library")
        found: Iterable[File]
        if row.type in _SHOWS:
            found = self._episodes(row)
        else:
            name = _basename(row.filePath) or f"{row.name}.mp4"
            found = [File(name, f"/api/media/{quote(row.id, safe='')}/stream")]
        return tuple(_sent(each) for each in found if not row.is_newer or _is_direct(each.path))

    def _episodes(self, row: Row) -> Iterator[File]:
        """Each episode that has a file."""
        show = quote(row.id, safe="")
        for value in rows(self._session.call("GET", f"/api/media/{show}/seasons").body, self.name):
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
                path = f"Season {season.seasonNumber or 0:02}/{name}"
                numbers = season.seasonNumber, episode.episodeNumber
                yield File(path, ref, season=numbers[0], episode=numbers[1])


def _work(row: Row) -> Work | None:
    """None for what is called by a word that nobody knows."""
    if not row.title or not (row.type in _SHOWS or row.type == "movie"):
        return None
    return Work("show" if row.type in _SHOWS else "movie", row.title, row.year)


def _begun(row: Row) -> Begun:
    if row.type in _SHOWS:
        return Begun(row.id)
    return Begun(row.parentId or row.id, f"/api/media/{quote(row.id, safe='')}/stream")


def _parts(file: File) -> tuple[str, str]:
    """The id (as it stands in paths) of the media that a file is streamed as, and that of its
    episode, "" where it has none.
    """
    parts = urlsplit(file.ref)
    return parts.path.split("/")[-2], parse_qs(parts.query).get("episodeId", [""])[0]


def _stamp(magnet: Magnet) -> int:
    """When a show's episodes were last asked for, 0 where that is not the way to know them."""
    stamp = magnet.fingerprint.rpartition(_STAMP)[2]
    return int(stamp) if stamp.isdecimal() else 0


def _is_same_but_older(known: Magnet, row: Magnet) -> bool:
    before, now = (m.fingerprint.rpartition(_STAMP)[0] for m in (known, row))
    return before == now and 0 < _stamp(known) < _stamp(row)


def _basename(path: str) -> str:
    """Plank may run on Windows; no file name of its own has a backslash in it. "" for no name."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name if name.strip(".") else ""


def _is_direct(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _AS_STORED


def _sent(file: File) -> File:
    """As it is streamed: the older generation repacks all but these into MP4 then."""
    if _is_direct(file.path):
        return file
    path = str(PurePosixPath(file.path).with_suffix(".mp4"))
    return replace(file, path=path, mime="video/mp4")


def _percent(row: Row | Progress) -> float | None:
    """The document says 0 to 100, the service gives a fraction; exactly 1 means done."""
    if row.progress is None:
        return None
    return row.progress * 100 if row.progress <= 1 else row.progress
