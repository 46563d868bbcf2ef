"""PROPFIND answered from the snapshot, in one piece and fast; RFC 4918 section 9.1.

Finished bodies are kept by path and property set. One whose folder has changed lends its pieces
to the next. Nothing here asks for the entries of an entry that is listed.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wsgidav.dav_error import HTTP_REQUEST_ENTITY_TOO_LARGE, DAVError

from davstore.dav.http.times import date
from davstore.dav.http.transfer import Answer
from davstore.dav.keeping.sized_cache import SizedCache
from davstore.dav.listing import propfind
from davstore.dav.listing.compression import GZIP, PLAIN, Coding, accepted
from davstore.dav.listing.multistatus import CLOSING, Rendering, opening, row
from davstore.dav.listing.prepared import Prepared, prepared
from davstore.dav.listing.properties import SERVICES
from davstore.dav.listing.propfind import Asked, Depth
from davstore.model import Entry, Folder
from davstore.tally import LISTINGS, Tally
from davstore.wsgi import Environ, StartResponse

Parts: TypeAlias = tuple[bytes, ...]

ROOM = 48 * 2**20
"""Bytes for prepared entries, and as many for finished bodies."""
MANY = 32
"""Entries; shorter folders are rendered as a whole, and reach the client in one round trip without
gzip.
"""
OVERHEAD = 512
"""Bytes that a body takes beside its own."""
LONGEST_NAMES = 128 * 2**20
"""Bytes that the names of properties may take in one reply: no client asks for so many."""

_XML = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Question:
    """What distinguishes one body from another."""

    href: str
    asked: Asked
    depth: Depth
    coding: Coding

    def __hash__(self) -> int:
        return hash(self.href)  # the rest hardly tells one from another, and takes its time


@dataclass(frozen=True, eq=False)
class _Body:
    """A finished body of `of`; `pieces` are those of its blocks, by serial."""

    of: Entry
    parts: Parts = field(repr=False)
    pieces: dict[int, Any] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory, about; what is compressed is there in pieces and as a whole."""
        copies = 2 if self.pieces and len(self.parts) == 1 else 1
        return OVERHEAD + copies * sum(map(len, self.parts))


class Listing:
    """Answers PROPFIND of an entry, keeping up to `room` bytes of rows and as many of bodies."""

    def __init__(self, room: int = ROOM, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._prepared: SizedCache[str, Prepared] = SizedCache(room)
        self._bodies: SizedCache[_Question, _Body] = SizedCache(room)
        self._making = threading.Lock()

    def __call__(
        self, environ: Environ, start_response: StartResponse, href: str, entry: Entry
    ) -> Iterable[bytes]:
        """A WSGI response; `href` is the entry's own, encoded. Raises `DAVError`."""
        depth, asked = propfind.depth(environ), propfind.asked(environ)
        question, members = _question(environ, depth, asked, href, entry)
        kept = self._kept(question, entry)
        answer = _answer(question, kept or self._rendered(question, entry, members))
        start_response(answer.status, answer.headers)
        return answer.parts

    def at_hand(self, environ: Environ, text: bytes, href: str, entry: Entry) -> Answer | None:
        """The same for a request with the body `text`, where it takes next to no time, else None.

        Also None where it is to be refused, or a service asked.
        """
        try:
            depth, asked = propfind.depth(environ), propfind.property_set(text)
            question, members = _question(environ, depth, asked, href, entry)
        except DAVError:
            return None
        if SERVICES.intersection(asked.names):
            return None
        parts = self._kept(question, entry)
        if parts is None and members < MANY:
            parts = self._rendered(question, entry, members)
        return None if parts is None else _answer(question, parts)

    def _kept(self, question: _Question, entry: Entry) -> Parts | None:
        body = self._bodies.get(question)
        if body is not None and body.of is entry:
            self._tally.count(LISTINGS, "yes")
            return body.parts
        return None

    def _rendered(self, question: _Question, entry: Entry, members: int) -> Parts:
        if isinstance(entry, Folder) and members >= MANY:
            self._tally.count(LISTINGS, "no")
            return self._large(question, entry)
        body = _Body(entry, (_small(question, entry),), {})
        if members:
            self._bodies.put(question, body)
        return body.parts

    def _large(self, question: _Question, folder: Folder) -> Parts:
        with self._making:  # once, for all who wait for it
            body = self._bodies.get(question)
            if body is not None and body.of is folder:
                return body.parts
            now = prepared(folder, self._prepared.get(question.href))
            self._prepared.put(question.href, now)
            body = _made(question, folder, now, body.pieces if body else {})
            self._bodies.put(question, body)
            return body.parts


def _made(
    question: _Question, folder: Folder, members: Prepared, known: Mapping[int, Any]
) -> _Body:
    """A body from the prepared `members` of `folder`, and what is `known` of their pieces."""
    rendering, piece = Rendering(question.asked, question.href), question.coding.piece
    pieces = {}
    for block in members.blocks.values():
        pieces[block.serial] = known.get(block.serial) or piece(rendering(block.rows))
    parts = [piece(_beginning(question, folder)), *pieces.values(), piece(CLOSING)]
    return _Body(folder, question.coding.whole(parts), pieces)


def _small(question: _Question, entry: Entry) -> bytes:
    """The body of few entries."""
    members: Iterable[Entry] = ()
    if question.depth.members and isinstance(entry, Folder):
        members = entry.entries.values()
    rendering = Rendering(question.asked, question.href)
    return _beginning(question, entry) + rendering(map(row, members)) + CLOSING


def _beginning(question: _Question, entry: Entry) -> bytes:
    first = opening(question.asked)
    if question.depth.itself:
        first += Rendering(question.asked, "")([row(entry, question.href)])
    return first


def _question(
    environ: Environ, depth: Depth, asked: Asked, href: str, entry: Entry
) -> tuple[_Question, int]:
    """What is asked, and how many members will be listed; raises `DAVError`."""
    members = len(entry.entries) if depth.members and isinstance(entry, Folder) else 0
    if members * sum(map(len, asked.names)) > LONGEST_NAMES:
        raise DAVError(HTTP_REQUEST_ENTITY_TOO_LARGE, "That would be too long an answer.")
    wanted = environ.get("HTTP_ACCEPT_ENCODING", "")
    coding = GZIP if members >= MANY and accepted(wanted) else PLAIN
    return _Question(href, asked, depth, coding), members


def _answer(question: _Question, parts: Parts) -> Answer:
    coding = question.coding
    headers = [
        ("Content-Type", _XML),
        ("Content-Length", str(sum(map(len, parts)))),
        ("Date", date()),
        ("Vary", "Accept-Encoding"),
    ]
    if coding.name:
        headers.append(("Content-Encoding", coding.name))
    return Answer("207 Multi-Status", headers, parts)
