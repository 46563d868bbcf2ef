"""Plank's Media API, in its two generations: `generation` is "old" (as documented) or "new".

Logging in is in `plank_login`, JSON in `plank_rows`. Odd but real shapes, shown while their
name stands in `odd`:
    documented        statuses and percentages as the documents show them
    null_show_status  shows have no status of their own (new generation)
    wrong_file_size   `fileSize` is not what the stream delivers
    unicode_500       names beyond Latin-1 make /stream answer 500
    secure_cookie     the cookie is `__Secure-…` and flagged Secure, over plain http too
    sign_in_limit     more than 3 sign-ins in 10 s are refused with X-Retry-After
"""

import mimetypes
import re
from typing import Any

from flask import Response, g, request

from davstore.simulator import plank_rows as rows
from davstore.simulator.adding import of_link
from davstore.simulator.delivery import deliver, stream
from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.plank_login import Login, Profile
from davstore.simulator.plank_playing import Playing
from davstore.simulator.site import json_answer
from davstore.simulator.store import SimulatedStore, View, secret

MESSAGES = {
    202: "Video is buffering, please wait...",
    404: "Media not found",
    500: "Internal Error",
    503: "No seeders found for this torrent",
}
DIRECT = (".mp4", ".webm")


class Plank(SimulatedStore):
    """A Plank with one user, and a library per profile."""

    label = "plank"
    email = "ada@example.com"
    password = secret("PLANK-PASSWORD")

    def __init__(self, host: FileHost) -> None:
        super().__init__(host)
        self.generation = "old"
        self.profiles = [Profile(rows.uuid("profile", "Home"), "Home")]
        self.login = Login(self)
        self._profile_of: dict[str, str] = {}
        self.playing = Playing(self)
        routes: dict[str, View] = {
            "/api/media": self._list,
            "/api/media/<media>": self._media,
            "/api/media/<media>/seasons": self._seasons,
            "/api/media/<media>/progress": self._progress,
            "/api/media/<media>/stream": self._stream,
        }
        for path, view in routes.items():
            self.route(path, path, view)
        self.route("/api/media/<media>", "delete", self._delete, "DELETE")
        self.route("/api/media", "post", self._add, "POST")
        self.route("/health", "health", lambda: json_answer({"status": "ok"}))
        self.app.register_error_handler(404, lambda _: self._elsewhere())

    @property
    def settings(self) -> dict[str, Any]:
        """The account's keys in the configuration."""
        return {"store": "plank", "url": self.url, "email": self.email, "password": self.password}

    @property
    def profile(self) -> str:
        """The name of the first profile."""
        return self.profiles[0].name

    def add(self, magnet: SimMagnet, profile: str = "") -> str:
        """Put a magnet into the library of the profile so named, or of the first."""
        magnet_id = super().add(magnet)
        owner = next(p for p in self.profiles if profile in ("", p.name))
        self._profile_of[magnet_id] = owner.id
        return magnet_id

    def new_id(self, number: int, magnet: SimMagnet) -> str:
        """A UUID."""
        return rows.uuid("media", number, magnet.name)

    def downloads(self, magnet_id: str) -> list[tuple[str, SimFile]]:
        """What should be readable: a movie's file, or those of all episodes in seasons."""
        magnet = self._magnets[magnet_id]
        if magnet.status != "ready":
            return []
        found = [
            (rows.inner_path(magnet, file), _as_sent(file))
            for file in rows.playable(magnet)
            if not file.dead and (self.generation == "old" or _is_direct(file))
        ]
        return found[:1] if magnet.kind == "movie" else found

    def failure(self, fault: Fault) -> Response:
        """An answer by its HTTP status, with the message that Plank gives; 401 is plain text."""
        status = fault.at("code")
        headers = {"X-Retry-After": str(fault.at("retry_after", 10))} if status == 429 else {}
        if status == 401:
            return Response("Unauthorized", 401, mimetype="text/plain")
        if status in (400, 403) and not fault.at("message"):
            return self._no_profile()
        message = fault.at("message") or MESSAGES.get(status, "Error")
        return json_answer({"message": message}, status, headers)

    def error(self, status: int, message: str) -> Response:
        """An error as Plank words it."""
        return json_answer({"message": message}, status)

    def _elsewhere(self) -> Response:
        if request.path.startswith("/api/"):
            return self.error(404, "Not Found")
        return Response(status=302, headers={"Location": "/login"})

    def _no_profile(self) -> Response:
        if self.generation == "old":
            return self.error(400, "No active profile selected")
        return self.error(403, "Active profile required")

    def _refusal(self) -> Response | None:
        if not request.path.startswith("/api/") or request.path.startswith("/api/auth/"):
            return None
        session = self.login.session()
        if session is None:
            return Response("Unauthorized", 401, mimetype="text/plain")
        if session.profile is None:
            return self._no_profile()
        g.profile = session.profile
        return None

    def mine(self) -> list[tuple[str, SimMagnet]]:
        """Ids and magnets of the profile that asks, newest first."""
        return [pair for pair in self.library if self._profile_of.get(pair[0]) == g.profile]

    def find(self, media: str) -> tuple[str, SimMagnet, SimFile | None] | None:
        """A magnet by its id or, in the new generation, by that of one of its episodes."""
        for magnet_id, magnet in self.mine():
            if magnet_id == media:
                return magnet_id, magnet, None
            if self.generation == "new" and magnet.kind == "show":
                for file in rows.playable(magnet):
                    if rows.episode_id(magnet_id, file) == media:
                        return magnet_id, magnet, file
        return None

    def shown(self, magnet_id: str, magnet: SimMagnet) -> list[dict[str, Any]]:
        """The rows that a magnet has in the list."""
        shown = [rows.media(magnet_id, magnet, self.generation, self.odd)]
        if self.generation == "new" and magnet.kind == "show":
            shown += [row for season in rows.seasons(magnet_id, magnet, "new", self.odd)
                      for row in season["episodes"]]  # fmt: skip
        return [row | self.playing.members(row["id"]) for row in shown]

    def _list(self) -> Response:
        wanted = request.args.get("type")
        found = [row for pair in self.mine() for row in self.shown(*pair)]
        return json_answer([row for row in found if wanted in (None, row["type"])])

    def _media(self, media: str) -> Response:
        found = self.find(media)
        shown = self.shown(found[0], found[1]) if found else []
        row = next((row for row in shown if row["id"] == media), None)
        if row is None:
            return self.error(404, MESSAGES[404])
        self.playing.touch(media)
        return json_answer(row)

    def _add(self) -> Response:
        body = request.get_json(silent=True) or {}
        asked = of_link(str(body.get("magnetLink", "")))
        if asked is None:
            return self.error(400, "Invalid magnet link")
        refusal = self.refuses.get(asked.hash)
        if refusal is not None:
            return self.error(int(refusal), MESSAGES.get(int(refusal), "Error"))
        found = next((pair for pair in self.mine() if pair[1].infohash == asked.hash), None)
        if found is not None:
            return json_answer(rows.media(*found, self.generation, self.odd))
        magnet_id = self.take(asked)
        self._profile_of[magnet_id] = g.profile
        kind = "show" if body.get("type") in {"tv", "show"} else "movie"
        title = str(body.get("title") or asked.name)
        self.change(magnet_id, kind=kind, title=title, year=body.get("year"))
        row = rows.media(magnet_id, self._magnets[magnet_id], self.generation, self.odd)
        return json_answer(row, 201)

    def _delete(self, media: str) -> Response:
        found = self.find(media)
        if found is None:
            return self.error(404, MESSAGES[404])
        self.remove(found[0])
        return Response(status=204)

    def _seasons(self, media: str) -> Response:
        found = self.find(media)
        if found is None:
            return self.error(404, MESSAGES[404])
        magnet_id, magnet, _ = found
        if magnet.kind != "show" or media != magnet_id:
            return self.error(400, "Not a TV show" if self.generation == "old" else "Not a show")
        return json_answer(rows.seasons(magnet_id, magnet, self.generation, self.odd))

    def _progress(self, media: str) -> Response:
        found = self.find(media)
        if found is None:
            return self.error(404, MESSAGES[404])
        row = rows.media(found[0], found[1], self.generation, self.odd)
        running = found[1].status == "downloading"
        return json_answer({
            "status": row["status"], "progress": row["progress"], "filePath": row["filePath"],
            "downloadSpeed": 2_097_152 if running else 0, "uploadSpeed": 0,
            "peers": 12 if running else 0, "isActive": running,
        })  # fmt: skip

    def _stream(self, media: str) -> Response:
        found = self.find(media)
        if found is None:
            return self.error(404, MESSAGES[404])
        magnet_id, magnet, file = found
        if magnet.kind == "movie":
            file = next(iter(rows.playable(magnet)), None)
        elif self.generation == "new" and file is None:
            return self.error(400, "Shows are not directly streamable")
        elif self.generation == "old":
            wanted = request.args.get("episodeId")
            if not wanted:
                return self.error(400, "Episode ID required for TV shows")
            episodes = rows.playable(magnet)
            file = next((f for f in episodes if rows.episode_id(magnet_id, f) == wanted), None)
        if file is None:
            return self.error(404, "Episode not found")
        return self._unready(magnet, file) or self._sent(magnet, file)

    def _unready(self, magnet: SimMagnet, file: SimFile) -> Response | None:
        if magnet.status == "failed" or file.dead:
            return self.error(503, MESSAGES[503])
        if magnet.status != "ready":
            return self.error(202, MESSAGES[202])
        name = rows.file_path(magnet, file)
        if "unicode_500" in self.odd and not name.isascii() and max(name) > "\xff":
            return self.error(500, MESSAGES[500])
        if self.generation == "new" and not _is_direct(file):
            return self.error(503, "Downloaded media is not ready for direct playback")
        return None

    def _sent(self, magnet: SimMagnet, file: SimFile) -> Response:
        disposition = f'inline; filename="{quoted_name(rows.file_path(magnet, file))}"'
        if not _is_direct(file):
            headers = {"Content-Type": "video/mp4", "Content-Disposition": disposition}
            if request.method == "HEAD":  # it speaks of the source, which it will not send
                headers |= {"Content-Length": str(file.size), "Accept-Ranges": "none"}
            content = file.transmuxed or file.content
            return Response(stream(content, 0, content.size, g.fault), 200, headers)
        span = None
        if "Range" in request.headers:
            span = _range(request.headers["Range"], file.size)
            if span is None:
                return self.error(416, "Range Not Satisfiable")
            if span[1] < span[0]:
                return self.error(500, MESSAGES[500])
        mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        ranged = f"bytes={span[0]}-{span[1]}" if span else None
        response = deliver(file.content, mime, g.fault, ranged=ranged)
        response.headers["Content-Disposition"] = disposition
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response


def quoted_name(path: str) -> str:
    """The file's name as a header can carry it."""
    return path.rpartition("/")[2].encode("ascii", "replace").decode()


def _is_direct(file: SimFile) -> bool:
    return file.name.lower().endswith(DIRECT)


def _as_sent(file: SimFile) -> SimFile:
    if _is_direct(file) or file.transmuxed is None:
        return file
    return SimFile(file.path, file.transmuxed, season=file.season, episode=file.episode)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte as Plank reads them: of several ranges the first, no suffixes.

    None where it answers 416. The last may come before the first.
    """
    parts = header.removeprefix("bytes=").split("-")
    first = re.match(r"\s*(\d+)", parts[0])
    last = re.match(r"\s*(\d+)", parts[1]) if len(parts) > 1 else None
    if first is None or int(first[1]) >= size:
        return None
    return int(first[1]), min(int(last[1]), size - 1) if last else size - 1
