"""Sidecars as WsgiDAV's resources."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davstore.dav.download import Download
from davstore.dav.local import harmless, opened
from davstore.dav.overlay import SidecarFolder, SidecarLeaf
from davstore.dav.properties import content_type

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]

_download = Download(opened, offers=False)


class SidecarFile(DAVNonCollection):
    """A file."""

    def __init__(self, path: str, environ: Environ, leaf: SidecarLeaf) -> None:
        super().__init__(path, environ)
        self.entry = leaf

    def download(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to GET and HEAD."""
        if environ["REQUEST_METHOD"] == "GET":
            self.entry.fetch()
        return _download(environ, harmless(start_response), self.entry)

    def get_href(self) -> str:
        href: str = self.provider.href(self.path)
        return href

    def get_content_length(self) -> int | None:
        return self.entry.size

    def get_content_type(self) -> str:
        return content_type(self.entry)

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_etag(self) -> str:
        return self.entry.identity

    def support_etag(self) -> bool:
        return True

    def support_ranges(self) -> bool:
        return True

    def get_content(self) -> Any:
        """Never asked: GET is answered before WsgiDAV would."""
        raise DAVError(HTTP_FORBIDDEN)


class SidecarCollection(DAVCollection):
    """A folder."""

    def __init__(self, path: str, environ: Environ, folder: SidecarFolder) -> None:
        super().__init__(path, environ)
        self.entry = folder

    def get_href(self) -> str:
        href: str = self.provider.href(self.get_preferred_path())
        return href

    def get_last_modified(self) -> float:
        return self.entry.modified

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def get_member(self, name: str) -> Any:
        return self.provider.get_resource_inst(f"{self.path.rstrip('/')}/{name}", self.environ)

    def create_empty_resource(self, name: str) -> Any:
        return self.provider.new_resource(f"{self.path.rstrip('/')}/{name}", self.environ)
