"""Property name -> value of an entry, as one table. RFC 4918 section 15."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from werkzeug.http import http_date

from davstore.dav.media_types import media_type
from davstore.model import Entry, Folder, Leaf

Value = Any  # text, an lxml element, or None for an empty element


def etag(leaf: Leaf) -> str:
    """A strong entity tag, quotes included: of the content, whatever link delivers it."""
    return f'"{leaf.identity}"'


def content_type(leaf: Leaf) -> str:
    """What the file is; its store's word counts where its name says nothing."""
    by_name = media_type(leaf.name)
    if by_name == "application/octet-stream" and leaf.file.mime:
        return leaf.file.mime
    return by_name


def _resource_type(entry: Entry) -> Value:
    element = etree.Element("{DAV:}resourcetype")
    if isinstance(entry, Folder):
        etree.SubElement(element, "{DAV:}collection")
    return element


def _created(entry: Entry) -> Value:
    return datetime.fromtimestamp(entry.modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_OF_ALL: Mapping[str, Callable[[Entry], Value]] = {
    "{DAV:}resourcetype": _resource_type,
    "{DAV:}displayname": lambda entry: entry.name,
    "{DAV:}getlastmodified": lambda entry: http_date(int(entry.modified)),
    "{DAV:}creationdate": _created,
    # Not in RFC 4918; Infuse and older Windows clients take it for the kind of an entry.
    "{DAV:}iscollection": lambda entry: "1" if isinstance(entry, Folder) else "0",
}

_OF_FILES: Mapping[str, Callable[[Leaf], Value]] = {
    "{DAV:}getcontentlength": lambda leaf: str(leaf.size),
    "{DAV:}getcontenttype": content_type,
    "{DAV:}getetag": etag,
}


def property_names(entry: Entry) -> list[str]:
    """The names of the properties that `entry` has, in Clark notation."""
    names = list(_OF_ALL)
    if isinstance(entry, Leaf):
        names += [n for n in _OF_FILES if entry.size is not None or not n.endswith("length")]
    return names


def property_value(entry: Entry, name: str) -> Value:
    """The value of a property; raises `KeyError` where `entry` has none of this name."""
    if name in _OF_ALL:
        return _OF_ALL[name](entry)
    if isinstance(entry, Folder) or name not in property_names(entry):
        # Infuse takes a folder without a length for a file (WsgiDAV issue 316).
        if name == "{DAV:}getcontentlength" and isinstance(entry, Folder):
            return "0"
        raise KeyError(name)
    return _OF_FILES[name](entry)
