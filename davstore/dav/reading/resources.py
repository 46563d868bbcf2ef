"""Entries as WsgiDAV's resources: all that its own methods are told of one."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davstore.dav.listing.multistatus import PATH_SAFE
from davstore.dav.reading.download import Download
from davstore.dav.reading.local import harmless, opened
from davstore.dav.tree.overlay import SidecarFolder, SidecarLeaf
from davstore.model import Folder, Leaf
from davstore.wsgi import Environ, StartResponse

_download = Download(opened, offers=False)


class LeafResource(DAVNonCollection):
    """A file, and the `entry` that tells of it."""

    def __init__(self, path: str, environ: Environ, leaf: Leaf) -> None:
        super().__init__(path, environ)
        self.entry = leaf

    def get_href(self) -> str:
        return href(self.provider, self.path)

    def get_content_length(self) -> int | None:
        return self.entry.size

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_etag(self) -> str:
        """WsgiDAV wants it without quotes here; the property carries them."""
        return self.entry.identity

    def support_etag(self) -> bool:
        return True

    def get_content(self) -> Any:
        """Never asked: GET is answered before WsgiDAV would."""
        raise DAVError(HTTP_FORBIDDEN)


class FolderResource(DAVCollection):
    """A folder, and the `entry` that tells of it."""

    def __init__(self, path: str, environ: Environ, folder: Folder) -> None:
        super().__init__(path, environ)
        self.entry = folder

    def get_href(self) -> str:
        return href(self.provider, self.get_preferred_path())

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def create_empty_resource(self, name: str) -> Any:
        return self.provider.new_resource(f"{self.path.rstrip('/')}/{name}", self.environ)


class FolderCollection(FolderResource):
    """A folder of the tree."""


class FileResource(LeafResource):
    """A file of the tree; its bytes are `Download`'s business."""


class SidecarCollection(FolderResource):
    """A folder that was made for sidecars."""

    entry: SidecarFolder


class SidecarFile(LeafResource):
    """A sidecar."""

    entry: SidecarLeaf

    def download(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to GET and HEAD."""
        if environ["REQUEST_METHOD"] == "GET":
            self.entry.fetch()
        return _download(environ, harmless(start_response), self.entry)


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
