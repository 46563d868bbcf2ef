"""StremThru's Torznab endpoint, over an index of magnets that are in no account yet.

As the service has it: no login, a redirect to the capabilities where `t` is missing, errors with
HTTP 200, and a JSON form of everything. https://torznab.github.io/spec-1.3-draft.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from flask import Response, request

from davstore.simulator.magnets import SimMagnet
from davstore.simulator.site import json_answer

if TYPE_CHECKING:
    from davstore.simulator.stremthru import StremThru

FUNCTIONS = {"search", "tvsearch", "movie"}
CATEGORIES = {2000: "Movies", 4000: "PC", 5000: "TV", 8000: "Other"}
SPACE = "http://torznab.com/schemas/2015/feed"


@dataclass(frozen=True)
class Indexed:
    """One entry of the index."""

    magnet: SimMagnet
    seeders: int
    category: int

    @property
    def link(self) -> str:
        """Its magnet link."""
        return f"magnet:?xt=urn:btih:{self.magnet.infohash}&dn={quote(self.magnet.name)}"


class Torznab:
    """The route, and the index that it searches. What is found there can be added."""

    def __init__(self, instance: "StremThru") -> None:
        self._instance = instance
        self._index: list[Indexed] = []
        instance.route("/v0/torznab/api", "torznab", self._answer)

    def index(self, magnet: SimMagnet, seeders: int = 10, category: int = 2000) -> str:
        """Have `magnet` found from now on; its hash."""
        self._index.append(Indexed(magnet, seeders, category))
        self._instance.offers[magnet.infohash] = magnet
        return magnet.infohash

    def _answer(self) -> Response:
        asked = request.args
        function = asked.get("t")
        if not function:
            return Response(status=307, headers={"Location": f"{request.path}?t=caps"})
        if function == "caps":
            return _xml(_capabilities())
        if function not in FUNCTIONS:
            return _failed(202, "No such function")
        if not asked.get("q") and function == "search":
            return _failed(200, "Missing parameter: q")
        found = [each for each in self._index if _matches(each)]
        if asked.get("o") == "json":
            return _sent(json_answer({"channel": {"item": [_json(each) for each in found]}}))
        items = "".join(map(_item, found))
        return _xml(f'<rss version="2.0" xmlns:torznab="{SPACE}"><channel>'
                    f"<title>StremThru</title>{items}</channel></rss>")  # fmt: skip


def _matches(each: Indexed) -> bool:
    name = each.magnet.name.lower()
    words = re.findall(r"\w+", request.args.get("q", "").lower())
    wanted = [int(text) for text in request.args.get("cat", "").split(",") if text.isdecimal()]
    of_category = not wanted or any(
        each.category == one or (one % 1000 == 0 and each.category // 1000 == one // 1000)
        for one in wanted
    )
    season, episode = request.args.get("season", ""), request.args.get("ep", "")
    numbered = f"s{int(season):02}" if season.isdecimal() else ""
    numbered += f"e{int(episode):02}" if episode.isdecimal() else ""
    return of_category and numbered in name and all(word in name for word in words)


def _attributes(each: Indexed) -> dict[str, Any]:
    return {"category": each.category, "size": each.magnet.size, "seeders": each.seeders,
            "infohash": each.magnet.infohash, "magneturl": each.link}  # fmt: skip


def _item(each: Indexed) -> str:
    attributes = "".join(
        f"<torznab:attr name={quoteattr(name)} value={quoteattr(str(value))}/>"
        for name, value in _attributes(each).items()
    )
    kind = "application/x-bittorrent;x-scheme-handler/magnet"
    return (
        f"<item><title>{escape(each.magnet.name)}</title><guid>{each.magnet.infohash}</guid>"
        f"<link>{escape(each.link)}</link><size>{each.magnet.size}</size>"
        f"<category>{each.category}</category>"
        f'<enclosure url={quoteattr(each.link)} length="{each.magnet.size}" type="{kind}"/>'
        f"{attributes}</item>"
    )


def _json(each: Indexed) -> dict[str, Any]:
    attributes = [{"@attributes": {"name": name, "value": str(value)}}
                  for name, value in _attributes(each).items()]  # fmt: skip
    return {"title": each.magnet.name, "guid": each.magnet.infohash, "link": each.link,
            "attr": attributes}  # fmt: skip


def _capabilities() -> str:
    categories = "".join(f'<category id="{number}" name="{name}"/>'
                         for number, name in CATEGORIES.items())  # fmt: skip
    return (
        '<caps><server title="StremThru"/><searching>'
        '<search available="yes" supportedParams="q"/>'
        '<tv-search available="yes" supportedParams="q,season,ep"/>'
        '<movie-search available="yes" supportedParams="q"/>'
        f"</searching><categories>{categories}</categories></caps>"
    )


def _failed(code: int, description: str) -> Response:
    if request.args.get("o") == "json":
        attributes = {"code": str(code), "description": description}
        return _sent(json_answer({"error": {"@attributes": attributes}}))
    return _xml(f'<error code="{code}" description={quoteattr(description)}/>')


def _xml(text: str) -> Response:
    declared = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return _sent(Response(declared, 200, mimetype="application/xml"))


def _sent(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=7200"
    return response
