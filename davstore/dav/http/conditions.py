"""Ranges and conditional requests, RFC 9110 sections 13 and 14. Pure functions over headers."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from werkzeug.http import parse_date, parse_etags, parse_if_range_header, unquote_etag

from davstore.wsgi import Environ

_ONE_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d{0,99})\s*-\s*(\d{0,99})\s*", re.IGNORECASE)
"""Python reads no number of thousands of digits, and no file is so long."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` to `end`, both inclusive."""

    start: int
    end: int


class Verdict(Enum):
    """What the preconditions of a GET or HEAD say."""

    GO_ON = "go on"
    NOT_MODIFIED = "304"
    FAILED = "412"


UNSATISFIABLE: Final = "unsatisfiable"


def verdict(environ: Environ, etag: str, modified: float) -> Verdict:
    """Evaluate If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order
    of RFC 9110 section 13.2.2.

    `etag` is quoted and strong; `modified` unix seconds.
    """
    tag, _ = unquote_etag(etag)
    if "HTTP_IF_MATCH" in environ:
        if not parse_etags(environ["HTTP_IF_MATCH"]).contains(tag):
            return Verdict.FAILED
    elif _earlier(environ.get("HTTP_IF_UNMODIFIED_SINCE"), modified):
        return Verdict.FAILED
    if "HTTP_IF_NONE_MATCH" in environ:
        if parse_etags(environ["HTTP_IF_NONE_MATCH"]).contains_weak(tag):
            return Verdict.NOT_MODIFIED
    elif environ.get("HTTP_IF_MODIFIED_SINCE") and not _earlier(
        environ["HTTP_IF_MODIFIED_SINCE"], modified, unreadable=True
    ):
        return Verdict.NOT_MODIFIED
    return Verdict.GO_ON


def asked_range(environ: Environ, size: int, etag: str, modified: float) -> Range | str | None:
    """The single range that a GET asks of a file of `size` bytes, cut to its end.

    None where the whole is to be sent: no Range, one that is not understood, several ranges
    (which section 14.2 lets a server ignore), an empty file, or an If-Range that does not hold.
    `UNSATISFIABLE` where the range begins at or beyond the end.
    """
    match = _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", ""))
    if match is None or size == 0 or not _same_content(environ, etag, modified):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        wanted = min(int(last), size)
        return Range(size - wanted, size - 1) if wanted else UNSATISFIABLE
    start, end = int(first), int(last) if last else size - 1
    if end < start and last:
        return None
    return Range(start, min(end, size - 1)) if start < size else UNSATISFIABLE


def _same_content(environ: Environ, etag: str, modified: float) -> bool:
    """If-Range, section 13.1.5: a strong tag or the exact date."""
    value = environ.get("HTTP_IF_RANGE")
    if not value:
        return True
    if value.startswith("W/"):
        return False
    condition = parse_if_range_header(value)
    if condition.date is not None:
        return int(condition.date.timestamp()) == int(modified)
    return condition.etag == unquote_etag(etag)[0]


def _earlier(value: str | None, modified: float, *, unreadable: bool = False) -> bool:
    date = parse_date(value)
    return unreadable and bool(value) if date is None else date.timestamp() < int(modified)
