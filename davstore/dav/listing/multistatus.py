"""Entries -> the response elements of a 207, RFC 4918 section 14.

What is dear (encoding, escaping, dates) is prepared once an entry, as a `Row`; any property set
is then rendered from rows by filling in templates, one for each combination of properties that
entries have.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from davstore.catalog import Written
from davstore.dav.listing.properties import PROPERTIES, Markup
from davstore.dav.listing.propfind import Asked, Mode
from davstore.dav.tree.overlay import written
from davstore.model import Entry, Folder

# Only RFC 3986's unreserved characters stay as they are. More would be allowed (section 3.3), but
# clients built on neon compare the text of an href with what they would have written.
PATH_SAFE = "/-._~"

_UNRESERVED = re.compile("[A-Za-z0-9._~-]*")

Having: TypeAlias = int | tuple[int, Written]
"""Which properties an entry has, one bit each; with those that clients have written, if any."""
Row: TypeAlias = tuple[Any, ...]
"""What an entry has, its href's last part, each property's markup."""

CLOSING = b"</D:multistatus>"

_XML = "http://www.w3.org/XML/1998/namespace"
_UNDECLARED = {_XML}  # its prefix is bound for ever

_HERE = "\0"
_FOUND, _MISSING = "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"
_PLACE = {each.name: place for place, each in enumerate(PROPERTIES)}
_IN_ALL = frozenset(each.name for each in PROPERTIES if each.in_all)
_MARKUPS = tuple(each.markup for each in PROPERTIES)
_BITS = tuple(1 << place for place in range(len(PROPERTIES)))


def row(entry: Entry, href: str | None = None) -> Row:
    """`entry` prepared; `href` is its own, or else its last part."""
    if href is None:
        name = entry.name
        href = name if _UNRESERVED.fullmatch(name) else quote(name, safe=PATH_SAFE)
        if isinstance(entry, Folder):
            href += "/"
    markups = [markup(entry) for markup in _MARKUPS]
    having = 0
    for bit, markup in zip(_BITS, markups, strict=True):
        if markup is not None:
            having |= bit
    own = written(entry)
    return ((having, own) if own else having, href, *markups)


class Rendering:
    """Renders rows for one property set, their hrefs below `prefix` (encoded)."""

    def __init__(self, asked: Asked, prefix: str) -> None:
        self._asked = asked
        self._prefix = prefix.replace("%", "%%")
        self._templates: dict[Having, tuple[str, Callable[[Row], Any]]] = {}

    def __call__(self, rows: Iterable[Row]) -> bytes:
        """The response elements of `rows`, as UTF-8."""
        templates = self._templates
        rendered = []
        for each in rows:
            having = each[0]
            if having not in templates:
                template, pick = _template(self._asked, having)
                templates[having] = template.replace(_HERE, self._prefix), pick
            template, pick = templates[having]
            rendered.append(template % pick(each))
        return "".join(rendered).encode()


@lru_cache(64)
def opening(asked: Asked) -> bytes:
    """What stands before the first response element."""
    declared = "".join(
        f" xmlns:{short}={quoteattr(space)}"
        for space, short in _namespaces(asked.names).items()
        if space not in _UNDECLARED
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus{declared}>'.encode()


@lru_cache(256)
def _template(asked: Asked, having: Having) -> tuple[str, Callable[[Row], Any]]:
    """A template for entries with these properties, and what of a row it takes; `_HERE` stands
    for the folder's href.
    """
    bits, own = having if isinstance(having, tuple) else (having, ())
    found, missing = _split(asked, bits)
    dead = {name: xml for name, xml in own if asked.mode is not Mode.NAMED or name in asked.names}
    missing = [name for name in missing if name not in dead]
    spaces = _namespaces(asked.names)
    parts = [f"<D:response><D:href>{_HERE}%s</D:href>"]
    taken = [1]
    if asked.mode is Mode.NAMES:
        named = [f"<{_tag(name, spaces)}/>" for name in found]
        parts.append(_propstat([*named, *map(_named, dead)], _FOUND))
    elif found or dead or not missing:
        tags = [_tag(name, spaces) for name in found]
        shown = [f"<{tag}>%s</{tag}>" for tag in tags]
        parts.append(
            _propstat([*shown, *(xml.replace("%", "%%") for xml in dead.values())], _FOUND)
        )
        taken += [2 + _PLACE[name] for name in found]
    if missing:
        parts.append(_propstat((f"<{_tag(name, spaces)}/>" for name in missing), _MISSING))
    return "".join([*parts, "</D:response>"]), itemgetter(*taken)


def _tag(name: str, spaces: Mapping[str, str]) -> str:
    space, _, local = name.rpartition("}")
    return f"{spaces[space[1:]]}:{local}" if space else local


def _named(name: str) -> Markup:
    """A property that clients have written, without its value; it declares its namespace."""
    space, _, local = name.rpartition("}")
    tag = f"<w:{local} xmlns:w={quoteattr(space[1:])}/>" if space else f"<{local}/>"
    return tag.replace("%", "%%")


def _propstat(elements: Iterable[str], status: str) -> Markup:
    prop = "".join(elements)
    return f"<D:propstat><D:prop>{prop}</D:prop><D:status>{status}</D:status></D:propstat>"


def _split(asked: Asked, having: int) -> tuple[list[str], list[str]]:
    """The properties to answer for entries with those that `having` says: found and missing."""
    had = [each.name for each, bit in zip(PROPERTIES, _BITS, strict=True) if having & bit]
    wanted: Iterable[str] = asked.names
    if asked.mode is not Mode.NAMED:
        every = had if asked.mode is Mode.NAMES else [name for name in had if name in _IN_ALL]
        wanted = dict.fromkeys([*every, *asked.names])
    found = [name for name in wanted if name in had]
    return found, [name for name in wanted if name not in had]


def _namespaces(names: Iterable[str]) -> dict[str, str]:
    """A prefix for each namespace; names without one need none."""
    spaces = dict.fromkeys(name[1:].rpartition("}")[0] for name in names if name.startswith("{"))
    own = {"DAV:": "D", _XML: "xml"}
    return {**own, **{s: f"n{number}" for number, s in enumerate(spaces) if s not in own}}
