"""The properties that tell of locks, RFC 4918 section 15, of what can be locked in the tree."""

from dataclasses import fields, replace
from typing import Any, Protocol

from lxml import etree

from davstore.dav.http.bodies import settle_xml
from davstore.dav.tree.overlay import DescribedLeaf, SidecarFolder
from davstore.model import Entry, Leaf
from davstore.wsgi import Environ

LOCK_PROPERTIES = ("{DAV:}lockdiscovery", "{DAV:}supportedlock")


class Lockable(Protocol):
    """A WsgiDAV resource whose provider keeps locks."""

    @property
    def entry(self) -> Any:
        """It as an entry of the tree."""

    def get_property_value(self, name: str) -> Any:
        """A property as an lxml element."""


def with_locks(found: Lockable, environ: Environ) -> Entry:
    """The entry of `found` with those of these properties that this PROPFIND asks of it alone."""
    entry: Leaf | SidecarFolder = found.entry
    told = tuple(
        (name, etree.tostring(found.get_property_value(name), encoding="unicode"))
        for name in _asked(environ)
    )
    if not told:
        return entry
    if isinstance(entry, DescribedLeaf | SidecarFolder):
        return replace(entry, written=(*entry.written, *told))
    plain = {each.name: getattr(entry, each.name) for each in fields(Leaf)}
    return DescribedLeaf(**plain, written=told)


def _asked(environ: Environ) -> list[str]:
    """All of them where no property is named: they are live ones of RFC 4918 (section 9.1)."""
    if environ.get("HTTP_DEPTH") != "0":
        return []
    root = settle_xml(environ)
    named = None if root is None else root.find("{DAV:}prop")
    if named is None:
        return list(LOCK_PROPERTIES)
    return [name for name in LOCK_PROPERTIES if named.find(name) is not None]
