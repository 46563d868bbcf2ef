"""Requests that come again: what tells them from each other, and who answers them.

Alike are those from the same address with the same method and the same headers, whatever their
target, range and body. Who asks so is who they were: the login is among the headers.
"""

import re
from dataclasses import dataclass

from davstore.dav.http.transfer import Again, Answer, Request, Transfer

MOST = 256
"""So many kinds of requests are known; the last ones."""
LONGEST_KIND, LONGEST_BODY = 8 * 1024, 16 * 1024

_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1(?=\r\n)")
_RANGE = re.compile(rb"\r\nrange:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_SPECIAL = re.compile(rb"\r\n(transfer-encoding|expect|upgrade):", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*(?=\r\n)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repeated:
    """An answer at once; `length` of what follows the head was its body, and the connection ends
    with it where it `is_last`.
    """

    answer: Answer | Transfer
    length: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class _Known:
    again: Again
    length: int
    is_last: bool


class Repeats:
    """The kinds of requests that clients have made."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], _Known] = {}

    def learn(self, address: str, head: bytes, again: Again | None, *, is_last: bool) -> None:
        """A request has been answered, as the last one of its connection or not; `again` answers
        more of its kind, if there are any.
        """
        asked = _read(head)
        if asked is None:
            return
        kind, _, _ = asked
        self._known.pop((address, kind), None)
        length = _length(kind, LONGEST_BODY) if len(kind) <= LONGEST_KIND else None
        if again is None or length is None or (is_last and not _LAST.search(kind)):
            return
        self._known[address, kind] = _Known(again, length, is_last)
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def answer(self, address: str, head: bytes, rest: bytes) -> Repeated | None:
        """What answers this request, where that can be at once."""
        asked = _read(head)
        if asked is None:
            return None
        kind, target, ranges = asked
        known = self._known.get((address, kind))
        if known is None or len(ranges) > 1 or known.length > len(rest):  # still on its way
            return None
        range_ = ranges[0].decode("latin-1") if ranges else None
        answer = known.again(Request(target.decode("ascii"), range_, rest[: known.length]))
        return None if answer is None else Repeated(answer, known.length, known.is_last)


def _read(head: bytes) -> tuple[bytes, bytes, list[bytes]] | None:
    """What a head has in common with others, its target, its ranges; None for one that is better
    answered from scratch.
    """
    line = _LINE.match(head)
    if line is None:
        return None
    rest = head[line.end() :]
    ranges = _RANGE.findall(rest)
    return line[1] + (_RANGE.sub(b"", rest) if ranges else rest), line[2], ranges


def plain_length(head: bytes, most: int) -> int:
    """Of the body of a request; 0 where there is none, or more than `most`, or it is not plain."""
    return _length(head, most) or 0


def _length(kind: bytes, most: int) -> int | None:
    """Of the bodies of such requests; None where that is not plain to see."""
    if _SPECIAL.search(kind):
        return None
    lengths = _LENGTH.findall(kind)
    if len(lengths) != kind.lower().count(b"\r\ncontent-length"):
        return None
    if not lengths:
        return 0
    return int(lengths[0]) if len(lengths) == 1 and int(lengths[0]) <= most else None
