"""Entries as WsgiDAV's resources: all that its own methods are told of one."""

from typing import Any

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davstore.model import Folder, Leaf


class LeafResource(DAVNonCollection):
    """A file, and the `entry` that tells of it."""

    entry: Leaf

    def get_href(self) -> str:
        href: str = self.provider.href(self.path)
        return href

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

    entry: Folder

    def get_href(self) -> str:
        href: str = self.provider.href(self.get_preferred_path())
        return href

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def create_empty_resource(self, name: str) -> Any:
        return self.provider.new_resource(f"{self.path.rstrip('/')}/{name}", self.environ)
