"""Sidecars as WsgiDAV's resources."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from lxml import etree

from davstore.dav.bodies import settle_xml
from davstore.dav.download import Download
from davstore.dav.entries import FolderResource, LeafResource
from davstore.dav.local import harmless, opened
from davstore.dav.overlay import SidecarFolder, SidecarLeaf

SidecarEntry: TypeAlias = SidecarLeaf | SidecarFolder
Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]

LOCK_PROPERTIES = ("{DAV:}lockdiscovery", "{DAV:}supportedlock")
_download = Download(opened, offers=False)


class SidecarFile(LeafResource):
    """A file."""

    entry: SidecarLeaf

    def __init__(self, path: str, environ: Environ, leaf: SidecarLeaf) -> None:
        super().__init__(path, environ)
        self.entry = leaf

    def download(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to GET and HEAD."""
        if environ["REQUEST_METHOD"] == "GET":
            self.entry.fetch()
        return _download(environ, harmless(start_response), self.entry)


class SidecarCollection(FolderResource):
    """A folder."""

    entry: SidecarFolder

    def __init__(self, path: str, environ: Environ, folder: SidecarFolder) -> None:
        super().__init__(path, environ)
        self.entry = folder


def with_locks(found: SidecarFile | SidecarCollection, environ: Environ) -> SidecarEntry:
    """The entry of `found` with the properties that tell of locks (RFC 4918 section 15), where this
    PROPFIND names them.
    """
    if environ.get("HTTP_DEPTH") != "0":
        return found.entry
    root = settle_xml(environ)
    named = set() if root is None else {each.tag for each in root.iterfind("{DAV:}prop/*")}
    told = tuple(
        (name, etree.tostring(found.get_property_value(name), encoding="unicode"))
        for name in LOCK_PROPERTIES if name in named
    )  # fmt: skip
    return replace(found.entry, written=(*found.entry.written, *told))
