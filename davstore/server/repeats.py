"""Requests of one client that come again: what tells them from each other, and who answers them.

Alike are those with the same method and the same headers, whatever their target and range.
"""

import re
from dataclasses import dataclass

from davstore.dav.transfer import Again, Answer, Request, Transfer

MOST = 4
"""So many kinds a client: its listings, with and without members, its reads, its questions."""
LONGEST_BODY = 16 * 1024

_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1(?=\r\n)")
_RANGE = re.compile(rb"\r\n[Rr]ange:[ \t]*([^\r\n]*)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_SPECIAL = re.compile(rb"\r\n(transfer-encoding|expect|upgrade):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head: what it has in common with others, and what is its own."""

    kind: bytes
    target: bytes
    ranges: tuple[bytes, ...]


def read(head: bytes) -> Head | None:
    """`head` in its parts; None for what is better answered from scratch."""
    line = _LINE.match(head)
    if line is None:
        return None
    rest = head[line.end() :]
    ranges = tuple(_RANGE.findall(rest))
    return Head(line[1] + (_RANGE.sub(b"", rest) if ranges else rest), line[2], ranges)


class Repeats:
    """The kinds of requests that a client has made, the last ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Again, int]] = {}

    def learn(self, head: bytes, again: Again | None) -> None:
        """A request has been answered; `again` answers more of its kind, if there are any."""
        asked = read(head)
        if asked is None:
            return
        self._known.pop(asked.kind, None)
        length = _length(asked.kind)
        if again is not None and length is not None:
            self._known[asked.kind] = again, length
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def answer(self, head: bytes, rest: bytes) -> tuple[Answer | Transfer, int] | None:
        """The answer at once, where that can be, and how much of the `rest` is the body."""
        if not self._known:
            return None
        asked = read(head)
        known = self._known.get(asked.kind) if asked else None
        if asked is None or known is None or len(asked.ranges) > 1:
            return None
        again, length = known
        if length > len(rest):  # still on its way
            return None
        range_ = asked.ranges[0].decode("latin-1") if asked.ranges else None
        answer = again(Request(asked.target.decode("ascii"), range_, rest[:length]))
        return None if answer is None else (answer, length)


def _length(kind: bytes) -> int | None:
    """Of the bodies of such requests; None where that is not plain to see."""
    if _SPECIAL.search(kind):
        return None
    lengths = _LENGTH.findall(kind)
    if len(lengths) != kind.lower().count(b"\r\ncontent-length"):
        return None
    if not lengths:
        return 0
    return int(lengths[0]) if len(lengths) == 1 and int(lengths[0]) <= LONGEST_BODY else None
