"""The properties of entries, as one table: name -> what stands in its element.

`listing` renders them, of many entries at once. RFC 4918 section 15.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias
from xml.sax.saxutils import escape

from davstore.dav.http.media_types import media_type
from davstore.dav.http.times import modified, tellable
from davstore.model import Entry, Folder, Leaf, Played

Markup: TypeAlias = str
"""XML that stands for itself: escaped, and with "D" for the namespace "DAV:"."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_PLAIN = re.compile("[^\t\n\r\x20-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def etag(leaf: Leaf) -> str:
    """A strong entity tag, quotes included: of the content, whatever link delivers it."""
    return f'"{leaf.identity}"'


def content_type(leaf: Leaf) -> str:
    """What the file is; its store's word counts where its name says nothing."""
    by_name, told = media_type(leaf.name), leaf.file.mime
    if by_name == "application/octet-stream" and told and told.isascii() and told.isprintable():
        return told
    return by_name


def escaped(text: str) -> Markup:
    """Any text as XML; what XML 1.0 cannot hold becomes a replacement character."""
    return escape(_NOT_XML.sub("\ufffd", text)) if _NOT_PLAIN.search(text) else text


@dataclass(frozen=True, slots=True)
class Property:
    """`markup` gives what stands in the element, None where an entry lacks this property; allprop
    means it too where it is `in_all`.
    """

    name: str
    markup: Callable[[Entry], Markup | None]
    in_all: bool = True


def _resource_type(entry: Entry) -> Markup:
    return "<D:collection/>" if isinstance(entry, Folder) else ""


def _is_collection(entry: Entry) -> Markup:
    return "1" if isinstance(entry, Folder) else "0"


@lru_cache(4096)
def _created(moment: float) -> Markup:
    return datetime.fromtimestamp(tellable(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _length(entry: Entry) -> Markup | None:
    # Infuse takes a folder without a length for a file (WsgiDAV issue 316).
    if isinstance(entry, Folder):
        return "0"
    return None if entry.size is None else str(entry.size)


def _used(entry: Entry) -> Markup | None:
    used = entry.used if isinstance(entry, Folder) else None
    return None if used is None else str(used)


POSITION, DURATION = "{davstore:}position", "{davstore:}duration"
"""In seconds."""
SERVICES = frozenset({POSITION, DURATION})
"""A service is asked for these, so that they are no part of what stands in all properties."""


def _position(entry: Entry) -> Markup | None:
    return f"{entry.position.seconds:g}" if isinstance(entry, Played) else None


def _duration(entry: Entry) -> Markup | None:
    known = entry.position.duration if isinstance(entry, Played) else None
    return None if known is None else f"{known:g}"


PROPERTIES = (
    Property("{DAV:}resourcetype", _resource_type),
    Property("{DAV:}displayname", lambda entry: escaped(entry.name)),
    Property("{DAV:}getlastmodified", lambda entry: modified(entry.modified)),
    Property("{DAV:}creationdate", lambda entry: _created(entry.modified)),
    # Not in RFC 4918; Infuse and older Windows clients take it for the kind of an entry.
    Property("{DAV:}iscollection", _is_collection),
    Property("{DAV:}getcontentlength", _length),
    Property(
        "{DAV:}getcontenttype",
        lambda entry: escaped(content_type(entry)) if isinstance(entry, Leaf) else None,
    ),
    Property(
        "{DAV:}getetag",
        lambda entry: escaped(etag(entry)) if isinstance(entry, Leaf) else None,
    ),
    # RFC 4331 section 4; what is still available (section 3) no service tells.
    Property("{DAV:}quota-used-bytes", _used, in_all=False),
    Property(POSITION, _position, in_all=False),
    Property(DURATION, _duration, in_all=False),
)
