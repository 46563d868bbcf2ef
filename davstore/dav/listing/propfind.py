"""What a PROPFIND asks: its Depth and its body, RFC 4918 sections 9.1, 10.2 and 14.20.

The body comes from anybody who may log in: it is small, or refused, and no DTD is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from xml.etree.ElementTree import Element

from wsgidav.dav_error import (
    HTTP_BAD_REQUEST,
    HTTP_FORBIDDEN,
    DAVError,
    DAVErrorCondition,
    PRECONDITION_CODE_PropfindFiniteDepth,
)

from davstore.dav.http.bodies import parsed, whole
from davstore.wsgi import Environ

LONGEST_BODY = 16 * 1024
"""Bytes; the longest that a client is known to send has 3 KiB."""


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
    """Which entries are meant; raises `DAVError`, also for all levels at once, which a missing
    header means.
    """
    text = environ.get("HTTP_DEPTH", "infinity").lower().replace(" ", "")
    if text in {"infinity", "infinity,noroot"}:
        finite = DAVErrorCondition(PRECONDITION_CODE_PropfindFiniteDepth)
        raise DAVError(HTTP_FORBIDDEN, err_condition=finite)
    if text not in _DEPTHS:
        raise DAVError(HTTP_BAD_REQUEST, "The Depth header must be 0, 1 or infinity.")
    return _DEPTHS[text]


def asked(environ: Environ) -> Asked:
    """The property set that the body names; raises `DAVError`."""
    return property_set(whole(environ, LONGEST_BODY))


@lru_cache(64)  # clients send the same few bodies, byte for byte
def property_set(body: bytes) -> Asked:
    """The property set that `body` names; raises `DAVError`."""
    if not body:
        return Asked(Mode.ALL)
    root = parsed(body)
    if root.tag != "{DAV:}propfind":
        raise DAVError(HTTP_BAD_REQUEST, "The body is no propfind element.")
    parts = {child.tag: child for child in root if child.tag in _PARTS}
    if frozenset(parts) not in _TOGETHER:
        raise DAVError(
            HTTP_BAD_REQUEST, "A propfind holds one of prop, propname, and allprop with include."
        )
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
