"""Entries -> the response elements of a 207, RFC 4918 section 14.

What is dear (encoding, escaping, dates) is prepared once an entry, as a `Row`; any property set
is then rendered from rows by filling in templates, one for each combination of properties that
entries have.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from davstore.dav.properties import PROPERTIES, Markup
from davstore.dav.propfind import Asked, Mode
from davstore.model import Entry, Folder

# Only RFC 3986's unreserved characters stay as they are. More would be allowed (section 3.3), but
# clients built on neon compare the text of an href with what they would have written.
PATH_SAFE = "/-._~"

Row: TypeAlias = tuple[Any, ...]
"""Which properties an entry has (one bit each), its href's last part, each property's markup."""

CLOSING = b"</D:multistatus>"

_XML = "http://www.w3.org/XML/1998/namespace"
_UNDECLARED = {_XML}  # its prefix is bound for ever

_FOUND, _MISSING = "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"
_PLACE = {each.name: place for place, each in enumerate(PROPERTIES)}
_MARKUPS = tuple(each.markup for each in PROPERTIES)
_BITS = tuple(1 << place for place in range(len(PROPERTIES)))


def row(entry: Entry, href: str | None = None) -> Row:
    """`entry` prepared; `href` is its own, or else its last part."""
    if href is None:
        href = quote(entry.name, safe=PATH_SAFE) + ("/" if isinstance(entry, Folder) else "")
    markups = [markup(entry) for markup in _MARKUPS]
    pairs = zip(_BITS, markups, strict=True)
    return (sum(bit for bit, markup in pairs if markup is not None), href, *markups)


class Rendering:
    """Renders rows for one property set, their hrefs below `prefix` (encoded)."""

    def __init__(self, asked: Asked, prefix: str) -> None:
        self._asked = asked
        self._prefix = prefix
        self._spaces = _namespaces(asked.names)
        self._templates: dict[int, tuple[str, Callable[[Row], Any]]] = {}

    @property
    def opening(self) -> bytes:
        """What stands before the first response element."""
        declared = "".join(
            f" xmlns:{short}={quoteattr(space)}"
            for space, short in self._spaces.items()
            if space not in _UNDECLARED
        )
        return f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus{declared}>'.encode()

    def __call__(self, rows: Iterable[Row]) -> bytes:
        """The response elements of `rows`, as UTF-8."""
        templates = self._templates
        rendered = []
        for each in rows:
            having = each[0]
            if having not in templates:
                templates[having] = self._template(having)
            template, pick = templates[having]
            rendered.append(template % pick(each))
        return "".join(rendered).encode()

    def _template(self, having: int) -> tuple[str, Callable[[Row], Any]]:
        """A template for entries with these properties, and what of a row it takes."""
        found, missing = _split(self._asked, having)
        prefix = self._prefix.replace("%", "%%")
        parts = [f"<D:response><D:href>{prefix}%s</D:href>"]
        taken = [1]
        if self._asked.mode is Mode.NAMES:
            parts.append(_propstat(map(self._empty, found), _FOUND))
        elif found or not missing:
            filled = (f"<{tag}>%s</{tag}>" for tag in map(self._tag, found))
            parts.append(_propstat(filled, _FOUND))
            taken += [2 + _PLACE[name] for name in found]
        if missing:
            parts.append(_propstat(map(self._empty, missing), _MISSING))
        return "".join([*parts, "</D:response>"]), itemgetter(*taken)

    def _tag(self, name: str) -> str:
        space, _, local = name.rpartition("}")
        return f"{self._spaces[space[1:]]}:{local}" if space else local

    def _empty(self, name: str) -> str:
        return f"<{self._tag(name)}/>"


def _propstat(elements: Iterable[str], status: str) -> Markup:
    prop = "".join(elements)
    return f"<D:propstat><D:prop>{prop}</D:prop><D:status>{status}</D:status></D:propstat>"


def _split(asked: Asked, having: int) -> tuple[list[str], list[str]]:
    """The properties to answer for entries with those that `having` says: found and missing."""
    had = [each.name for each, bit in zip(PROPERTIES, _BITS, strict=True) if having & bit]
    wanted: Iterable[str] = asked.names
    if asked.mode is not Mode.NAMED:
        wanted = dict.fromkeys([*had, *asked.names])
    found = [name for name in wanted if name in had]
    return found, [name for name in wanted if name not in had]


def _namespaces(names: Iterable[str]) -> dict[str, str]:
    """A prefix for each namespace; names without one need none."""
    spaces = dict.fromkeys(name[1:].rpartition("}")[0] for name in names if name.startswith("{"))
    own = {"DAV:": "D", _XML: "xml"}
    return {**own, **{s: f"n{number}" for number, s in enumerate(spaces) if s not in own}}
