"""What a PROPFIND asks: its Depth and its body, RFC 4918 sections 9.1, 10.2 and 14.20.

The body comes from anybody who may log in: it is small, or refused, and no DTD is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from davstore.wsgi import Environ

LONGEST_BODY = 16 * 1024
"""Bytes; the longest that a client is known to send has 3 KiB."""


class BadRequest(Exception):
    """The request means nothing; the text says why."""


class TooLarge(Exception):
    """The request is longer than any that a client needs."""


class Infinite(Exception):
    """All levels were asked for at once."""


class Mode(Enum):
    """Which properties are meant."""

    ALL = "allprop"
    NAMES = "propname"
    NAMED = "prop"


@dataclass(frozen=True, slots=True)
class Asked:
    """A property set. `names`, in Clark notation: the ones asked for, or to be included in all."""

    mode: Mode
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Depth:
    """Whether the entry itself and whether its members are meant."""

    itself: bool
    members: bool


_DEPTHS = {
    "0": Depth(itself=True, members=False),
    "1": Depth(itself=True, members=True),
    "1,noroot": Depth(itself=False, members=True),
}


def depth(environ: Environ) -> Depth:
    """Which entries are meant; raises `Infinite`, which a missing header means, or `BadRequest`."""
    text = environ.get("HTTP_DEPTH", "infinity").lower().replace(" ", "")
    if text in {"infinity", "infinity,noroot"}:
        raise Infinite
    if text not in _DEPTHS:
        raise BadRequest("The Depth header must be 0, 1 or infinity.")
    return _DEPTHS[text]


def asked(environ: Environ) -> Asked:
    """The property set that the body names; raises `BadRequest` or `TooLarge`."""
    return parsed(_body(environ))


@lru_cache(64)  # clients send the same few bodies, byte for byte
def parsed(body: bytes) -> Asked:
    """The property set that `body` names; raises `BadRequest`."""
    if not body:
        return Asked(Mode.ALL)
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise BadRequest("The body is not XML that can be read.") from None
    if root.tag != "{DAV:}propfind":
        raise BadRequest("The body is no propfind element.")
    parts = {child.tag: child for child in root if child.tag in _PARTS}
    if frozenset(parts) not in _TOGETHER:
        raise BadRequest("A propfind holds one of prop, propname, and allprop with include.")
    if "{DAV:}propname" in parts:
        return Asked(Mode.NAMES)
    if "{DAV:}prop" in parts:
        return Asked(Mode.NAMED, _names(parts["{DAV:}prop"]))
    return Asked(Mode.ALL, _names(parts.get("{DAV:}include", ())))


# What else stands in a propfind is an extension and is passed over, section 17.
_PARTS = frozenset({"{DAV:}prop", "{DAV:}propname", "{DAV:}allprop", "{DAV:}include"})
_TOGETHER = frozenset(
    frozenset(f"{{DAV:}}{name}" for name in names)
    for names in (("prop",), ("propname",), ("allprop",), ("allprop", "include"))
)


def _names(elements: Iterable[Element]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(element.tag for element in elements))


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        body: bytes = stream.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            raise TooLarge
        return body
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BadRequest("The Content-Length is no number.") from None
    if length < 0:
        raise BadRequest("The Content-Length is negative.")
    if length > LONGEST_BODY:
        raise TooLarge
    environ["wsgidav.all_input_read"] = 1
    return stream.read(length) if length else b""
