"""What Plank knows of playing: positions, what is being watched; and the search in its library.

Seen in its source: what was played to 95 % is no longer being watched (the document says 90 %), a
search takes `%` and `_` for wildcards, and the older generation does not check an `episodeId`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Response, request

from davstore.simulator.site import json_answer

if TYPE_CHECKING:
    from davstore.simulator.plank import Plank

DONE = 0.95
MOST = 20
MISSING = "Media not found"


@dataclass
class _Played:
    position: float = 0
    duration: float | None = None
    at: float = 0.0


class Playing:
    """The routes, and the positions, by media and (in the older generation) episode."""

    def __init__(self, plank: "Plank") -> None:
        self._plank = plank
        self._played: dict[tuple[str, str], _Played] = {}
        plank.route("/api/media/continue-watching", "continue", self._continue)
        plank.route("/api/media/search", "search", self._search)
        path = "/api/media/<media>/position"
        plank.route(path, "position", self._position)
        plank.route(path, "put", self._put, "PUT")

    def members(self, media: str) -> dict[str, Any]:
        """The members of a media's row that tell of playing."""
        played = self._played.get((media, ""))
        if played is None:
            return {}
        at = f"{datetime.fromtimestamp(played.at, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
        return {"playPosition": played.position, "playDuration": played.duration,
                "lastPlayedAt": at}  # fmt: skip

    def touch(self, media: str) -> None:
        """It was looked at, which counts as playing."""
        self._played.setdefault((media, ""), _Played()).at = self._plank.clock()

    def play(
        self, media: str, position: float, duration: float | None = None, episode: str = ""
    ) -> None:
        """Have it played up to `position` just now."""
        self._played[media, episode] = _Played(position, duration, self._plank.clock())

    def position(self, media: str) -> float:
        """How far it was played, in seconds."""
        return self._played.get((media, ""), _Played()).position

    def _continue(self) -> Response:
        rows = [row for pair in self._plank.mine() for row in self._plank.shown(*pair)]
        begun = [row for row in rows if _is_begun(row["playPosition"], row["playDuration"])]
        begun.sort(key=lambda row: self._played[row["id"], ""].at, reverse=True)
        return json_answer(begun[:MOST])

    def _search(self) -> Response:
        words, wanted = request.args.get("q", ""), request.args.get("type")
        if len(words) < 2:
            return json_answer([])
        like = re.escape(words).replace("%", ".*").replace("_", ".")
        rows = [row for pair in self._plank.mine() for row in self._plank.shown(*pair)
                if re.search(like, row["title"], re.IGNORECASE)]  # fmt: skip
        return json_answer([
            {key: row[key] for key in ("id", "title", "type", "year", "parentId") if key in row}
            for row in rows if wanted in (None, row["type"])
        ])  # fmt: skip

    def _position(self, media: str) -> Response:
        if self._plank.find(media) is None:
            return self._plank.error(404, MISSING)
        played = self._played.get((media, request.args.get("episodeId", "")), _Played())
        return json_answer({"position": played.position, "duration": played.duration})

    def _put(self, media: str) -> Response:
        if self._plank.find(media) is None:
            return self._plank.error(404, MISSING)
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return self._plank.error(500, "Internal Error")
        position = body.get("position")
        if isinstance(position, bool) or not isinstance(position, int | float) or position < 0:
            return self._plank.error(400, "Invalid position")
        self.play(media, position, body.get("duration"), str(body.get("episodeId") or ""))
        return Response(status=204)


def _is_begun(position: float, duration: float | None) -> bool:
    return position > 0 and (not duration or position < DONE * duration)
