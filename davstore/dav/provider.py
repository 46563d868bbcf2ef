"""Entries of the snapshots as WsgiDAV's collections and resources."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias
from urllib.parse import quote

from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_PRECONDITION_FAILED, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.util import parse_if_header_dict, test_if_header_dict

from davstore.dav.download import Download
from davstore.dav.listing import Listing
from davstore.dav.multistatus import PATH_SAFE
from davstore.dav.pages import page
from davstore.dav.properties import content_type, etag, property_element, property_names
from davstore.dav.tree import NotReady, Tree
from davstore.model import Folder, Leaf

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

SERVICE_UNAVAILABLE = 503
RETRY_AFTER = "15"


class _Listed:
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
        found: list[tuple[str, Any]] = super().get_properties(  # type: ignore[misc]
            mode, name_list=name_list
        )
        return sorted(found, key=lambda pair: isinstance(pair[1], DAVError))

    def get_href(self) -> str:
        place = self.provider.mount_path + self.provider.share_path + self.get_preferred_path()  # type: ignore[attr-defined]
        return quote(place, safe=PATH_SAFE)


class FolderCollection(_Listed, DAVCollection):
    """A folder."""

    def __init__(self, path: str, environ: Environ, folder: Folder) -> None:
        super().__init__(path, environ)
        self.entry: Folder = folder

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def get_member(self, name: str) -> "FolderCollection | FileResource | None":
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


def resource(path: str, environ: Environ, entry: Folder | Leaf) -> FolderCollection | FileResource:
    """The WsgiDAV face of an entry."""
    if isinstance(entry, Folder):
        return FolderCollection(path, environ, entry)
    return FileResource(path, environ, entry)


class Provider(DAVProvider):
    """The whole tree, read-only. What reads it is answered without WsgiDAV's own methods."""

    def __init__(self, tree: Tree, download: Download) -> None:
        super().__init__()
        self._tree = tree
        self._download = download
        self._listing = Listing()

    def is_readonly(self) -> bool:
        return True

    def get_resource_inst(
        self, path: str, environ: Environ
    ) -> FolderCollection | FileResource | None:
        """The resource at `path`; raises 503 while nothing is known of its account."""
        try:
            entry = self._tree.find(_parts(path))
        except NotReady as account:
            raise DAVError(
                SERVICE_UNAVAILABLE,
                f"Nothing is known of '{account}' yet: no store has answered; try again soon.",
                add_headers=[("Retry-After", RETRY_AFTER)],
            ) from None
        return None if entry is None else resource(path, environ, entry)

    def _leaf(self, path: str) -> Leaf | None:
        try:
            entry = self._tree.find(_parts(path))
        except NotReady:
            return None
        return entry if isinstance(entry, Leaf) else None

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD", "PROPFIND"}:
            return default_handler(environ, start_response)
        found = self.get_resource_inst(environ["PATH_INFO"], environ)
        if found is None:
            raise DAVError(HTTP_NOT_FOUND)
        if method == "PROPFIND":
            _check_if(found, environ)
            return self._listing(environ, start_response, found.get_href(), found.entry)
        if isinstance(found, FileResource):
            path = environ["PATH_INFO"]
            return self._download(environ, start_response, found.entry, lambda: self._leaf(path))
        home = quote(f"{self.mount_path}{self.share_path}/", safe=PATH_SAFE)
        return page(environ, start_response, home, found.get_href(), found.entry)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _check_if(found: FolderCollection | FileResource, environ: Environ) -> None:
    """The If header holds, RFC 4918 section 10.4; conditions that are meant for a GET do not
    concern a PROPFIND.
    """
    if "HTTP_IF" not in environ:
        return
    parse_if_header_dict(environ)
    tag = found.get_etag() or "[]"  # as WsgiDAV has it: one that nothing can be equal to
    conditions = environ["wsgidav.conditions.if"]
    if not test_if_header_dict(found, conditions, found.get_ref_url(), [], tag):
        raise DAVError(HTTP_PRECONDITION_FAILED)
