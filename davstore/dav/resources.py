"""Entries as WsgiDAV's collections and resources."""

from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote

from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_NOT_FOUND, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davstore.dav.beside import SidecarCollection, SidecarFile
from davstore.dav.multistatus import PATH_SAFE
from davstore.dav.overlay import SidecarFolder, SidecarLeaf
from davstore.dav.properties import content_type, etag, property_element, property_names
from davstore.model import Folder, Leaf

Environ: TypeAlias = dict[str, Any]

_Resource: Any = object
"""WsgiDAV's classes have no types: what the mixin finds in those beside it is Any."""


class _Listed(_Resource):
    """What collections and resources have in common: properties from one table."""

    entry: Folder | Leaf
    path: str
    provider: Any

    def get_display_name(self) -> str:
        return self.entry.name

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_creation_date(self) -> float:
        return self.entry.modified

    def get_property_names(self, *, is_allprop: bool) -> list[str]:
        del is_allprop  # all are cheap
        return property_names(self.entry)

    def get_property_value(self, name: str) -> Any:
        try:
            return property_element(self.entry, name)
        except KeyError:
            raise DAVError(HTTP_NOT_FOUND) from None

    def get_properties(
        self, mode: str, *, name_list: list[str] | None = None
    ) -> list[tuple[str, Any]]:
        """Found ones first: clients such as rclone look at the first propstat alone."""
        found: list[tuple[str, Any]] = super().get_properties(mode, name_list=name_list)
        return sorted(found, key=lambda pair: isinstance(pair[1], DAVError))

    def get_href(self) -> str:
        return href(self.provider, self.get_preferred_path())


class FolderCollection(_Listed, DAVCollection):
    """A folder."""

    def __init__(self, path: str, environ: Environ, folder: Folder) -> None:
        super().__init__(path, environ)
        self.entry: Folder = folder

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def create_empty_resource(self, name: str) -> Any:
        return self.provider.new_resource(f"{self.path.rstrip('/')}/{name}", self.environ)

    def get_member(self, name: str) -> "EntryResource | None":
        entry = self.entry.entries.get(name)
        path = f"{self.path.rstrip('/')}/{name}"
        return None if entry is None else resource(path, self.environ, entry)


class FileResource(_Listed, DAVNonCollection):
    """A file; its bytes are `Download`'s business."""

    def __init__(self, path: str, environ: Environ, leaf: Leaf) -> None:
        super().__init__(path, environ)
        self.entry: Leaf = leaf

    def get_content_length(self) -> int | None:
        return self.entry.size

    def get_content_type(self) -> str:
        return content_type(self.entry)

    def get_etag(self) -> str:
        """WsgiDAV wants it without quotes here; the property carries them."""
        return etag(self.entry).strip('"')

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return self.entry.size is not None

    def get_content(self) -> Any:
        """Never asked: GET is answered before WsgiDAV would."""
        raise DAVError(HTTP_FORBIDDEN)


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
