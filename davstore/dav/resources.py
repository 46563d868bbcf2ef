"""Entries as WsgiDAV's collections and resources."""

from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote

from davstore.dav.beside import SidecarCollection, SidecarFile
from davstore.dav.entries import FolderResource, LeafResource
from davstore.dav.multistatus import PATH_SAFE
from davstore.dav.overlay import SidecarFolder, SidecarLeaf
from davstore.model import Folder, Leaf
from davstore.wsgi import Environ


class FolderCollection(FolderResource):
    """A folder."""

    def __init__(self, path: str, environ: Environ, folder: Folder) -> None:
        super().__init__(path, environ)
        self.entry = folder


class FileResource(LeafResource):
    """A file; its bytes are `Download`'s business."""

    def __init__(self, path: str, environ: Environ, leaf: Leaf) -> None:
        super().__init__(path, environ)
        self.entry = leaf


EntryResource: TypeAlias = FolderCollection | FileResource | SidecarCollection | SidecarFile


def resource(path: str, environ: Environ, entry: Folder | Leaf) -> EntryResource:
    """The WsgiDAV face of an entry."""
    if isinstance(entry, SidecarLeaf):
        return SidecarFile(path, environ, entry)
    if isinstance(entry, SidecarFolder):
        return SidecarCollection(path, environ, entry)
    if isinstance(entry, Folder):
        return FolderCollection(path, environ, entry)
    return FileResource(path, environ, entry)


def href(provider: Any, path: str) -> str:
    """The address of `path`, encoded."""
    return _quoted(provider.mount_path + provider.share_path + path)


@lru_cache(4096)
def _quoted(path: str) -> str:
    return quote(path, safe=PATH_SAFE)
