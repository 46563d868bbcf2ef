"""PROPFIND answered from the snapshot, in one piece and fast; RFC 4918 section 9.1.

Finished bodies are kept by path and property set. One whose folder has changed lends its pieces
to the next. Nothing here asks for the entries of an entry that is listed.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from werkzeug.http import http_date

from davstore.dav import propfind
from davstore.dav.compression import GZIP, PLAIN, Coding, accepted
from davstore.dav.kept import Kept
from davstore.dav.multistatus import CLOSING, Rendering, opening, row
from davstore.dav.prepared import Prepared, prepared
from davstore.dav.propfind import Asked, BadRequest, Depth, Infinite, TooLarge
from davstore.model import Entry, Folder
from davstore.tally import LISTINGS, Tally

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Headers: TypeAlias = list[tuple[str, str]]

ROOM = 48 * 2**20
"""Bytes for prepared entries, and as many for finished bodies."""
WORTH_KEEPING = 32
"""Entries; shorter folders are rendered in less time than the rest of a request takes, and reach
the client in one round trip without gzip.
"""
LONGEST_NAMES = 128 * 2**20
"""Bytes that the names of properties may take in one reply: no client asks for so many."""

_INFINITE = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>\n'
)
_XML = "application/xml; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Question:
    """What distinguishes one body from another."""

    href: str
    asked: Asked
    depth: Depth
    coding: Coding


@dataclass(frozen=True, eq=False)
class _Body:
    """A finished body of `of`; `pieces` are those of its blocks, by serial."""

    of: Entry
    parts: tuple[bytes, ...] = field(repr=False)
    pieces: dict[int, Any] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory, about; what is compressed is there in pieces and as a whole."""
        return sum(map(len, self.parts)) * (2 if len(self.parts) == 1 else 1)


class Listing:
    """Answers PROPFIND of an entry, keeping up to `room` bytes of rows and as many of bodies."""

    def __init__(self, room: int = ROOM, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._prepared: Kept[str, Prepared] = Kept(room)
        self._bodies: Kept[_Question, _Body] = Kept(room)
        self._making = threading.Lock()

    def __call__(
        self, environ: Environ, start_response: StartResponse, href: str, entry: Entry
    ) -> Iterable[bytes]:
        """A WSGI response; `href` is the entry's own, encoded."""
        try:
            depth, asked = propfind.depth(environ), propfind.asked(environ)
            members = _members(depth, asked, entry)
        except Infinite:
            return _say(start_response, "403 Forbidden", _INFINITE, ("Content-Type", _XML))
        except BadRequest as error:
            return _say(start_response, "400 Bad Request", f"{error}\n")
        except TooLarge:
            closing = ("Connection", "close")  # the rest of its body is not read
            return _say(start_response, "413 Content Too Large", "Too much.\n", closing)
        wanted = environ.get("HTTP_ACCEPT_ENCODING", "")
        coding = GZIP if members >= WORTH_KEEPING and accepted(wanted) else PLAIN
        question = _Question(href, asked, depth, coding)
        if isinstance(entry, Folder) and members >= WORTH_KEEPING:
            parts = self._body(question, entry).parts
        else:
            parts = _made(question, entry).parts
        start_response("207 Multi-Status", _headers(parts, coding))
        return parts

    def _body(self, question: _Question, folder: Folder) -> _Body:
        body = self._bodies.get(question)
        if body is not None and body.of is folder:
            self._tally.count(LISTINGS, "yes")
            return body
        self._tally.count(LISTINGS, "no")
        with self._making:  # once, for all who wait for it
            body = self._bodies.get(question)
            if body is not None and body.of is folder:
                return body
            now = prepared(folder, self._prepared.get(question.href))
            self._prepared.put(question.href, now)
            body = _made(question, folder, now, body.pieces if body else {})
            self._bodies.put(question, body)
            return body


def _made(
    question: _Question,
    entry: Entry,
    members: Prepared | None = None,
    known: Mapping[int, Any] = MappingProxyType({}),
) -> _Body:
    """A body from the prepared `members` of `entry`, and what is `known` of their pieces."""
    if members is None and question.depth.members and isinstance(entry, Folder):
        members = prepared(entry)
    rendering, piece = Rendering(question.asked, question.href), question.coding.piece
    pieces = {}
    for block in members.blocks.values() if members else ():
        pieces[block.serial] = known.get(block.serial) or piece(rendering(block.rows))
    first = opening(question.asked)
    if question.depth.itself:
        first += Rendering(question.asked, "")([row(entry, question.href)])
    return _Body(
        entry, question.coding.whole([piece(first), *pieces.values(), piece(CLOSING)]), pieces
    )


def _members(depth: Depth, asked: Asked, entry: Entry) -> int:
    """How many members will be listed; raises `TooLarge`."""
    if not depth.members or not isinstance(entry, Folder):
        return 0
    count = len(entry.entries)
    if count * sum(map(len, asked.names)) > LONGEST_NAMES:
        raise TooLarge
    return count


def _headers(parts: Iterable[bytes], coding: Coding) -> Headers:
    headers = [
        ("Content-Type", _XML),
        ("Content-Length", str(sum(map(len, parts)))),
        ("Date", http_date()),
        ("Vary", "Accept-Encoding"),
    ]
    return [*headers, ("Content-Encoding", coding.name)] if coding.name else headers


def _say(
    start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = text.encode()
    facts = {"Content-Type": _TEXT, "Content-Length": str(len(body)), "Date": http_date()}
    start_response(status, [*{**facts, **dict(headers)}.items()])
    return [body]
