"""A share to write in: a folder of this machine, bounded in size. WebDAV classes 1 and 2."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wsgidav import util
from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_METHOD_NOT_ALLOWED, HTTP_NOT_FOUND, DAVError
from wsgidav.fs_dav_provider import FilesystemProvider

from davstore.config import Share
from davstore.dav.access.login import Users
from davstore.dav.access.rights import READING, WRITING, check_right, options
from davstore.dav.http.bodies import replace, settle_xml
from davstore.dav.http.times import date_of
from davstore.dav.listing.multistatus import PATH_SAFE
from davstore.dav.listing.pages import page
from davstore.dav.reading.download import Download
from davstore.dav.reading.local import harmless, opened
from davstore.dav.writing.disk import DiskFile, DiskFolder, sweep
from davstore.dav.writing.moving import ShareRequests
from davstore.dav.writing.room import PARTIAL, Room, taken
from davstore.errors import StateError
from davstore.pooled import Pooled
from davstore.wsgi import Application, Environ, StartResponse

log = logging.getLogger(__name__)


_NAMES = b'<D:propfind xmlns:D="DAV:"><D:name/></D:propfind>'
"""What WsgiDAV understands as RFC 4918's propname."""
_CONDITIONS = (
    "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH",
)  # fmt: skip
_XML_METHODS = frozenset({"PROPFIND", "PROPPATCH", "LOCK"})


class Scratch(FilesystemProvider):
    """The folder of a `share`, for who sees `name`. To others, `elsewhere` answers: as if there
    were nothing. How much of it is taken, all processes write down in `rooms`.

    Raises `StateError` where the folder cannot be made.
    """

    def __init__(
        self, name: str, share: Share, users: Users, elsewhere: Any, rooms: Pooled
    ) -> None:
        self.root = share.path.expanduser()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"shares.{name}: {str(self.root)!r}: {error.strerror}; make it a folder that can "
                "be written"
            ) from None
        sweep(self.root)
        super().__init__(str(self.root), fs_opts={"follow_symlinks": False})
        self.room = Room(self.root, share.limit, rooms)
        self._name = name
        self._users = users
        self._elsewhere = elsewhere
        self._download = Download(opened, offers=False)

    def href(self, path: str) -> str:
        """The address of `path`, encoded."""
        return quote(self.mount_path + self.share_path + path, safe=PATH_SAFE)

    def ref_url(self, path: str) -> str:
        """What locks and properties know `path` by."""
        return quote(self.share_path + path)

    def file_path(self, path: str, environ: Environ) -> str:
        """Where `path` lies; raises 403 for what is outside."""
        found: str = self._loc_to_file_path(path, environ)
        return found

    def room_of(self, resource: DiskFile | DiskFolder | None) -> int:
        """What is taken by what stands there now."""
        return 0 if resource is None else taken(Path(self.file_path(resource.path, {})))

    def check_right(self, environ: Environ, method: str) -> None:
        """Raises 403 where who asks may not do this."""
        check_right(self._users.person(environ), method)

    def _loc_to_file_path(self, path: str, environ: Environ | None = None) -> str:
        if PARTIAL in path.split("/"):
            raise DAVError(HTTP_FORBIDDEN, "This name is davstore's own.")
        try:
            found: str = super()._loc_to_file_path(path, environ)
        except (OSError, ValueError):
            raise DAVError(HTTP_FORBIDDEN, "The disk does not take this.") from None
        except DAVError:
            raise DAVError(HTTP_FORBIDDEN, "That is outside.") from None
        return found

    def get_resource_inst(self, path: str, environ: Environ) -> DiskFile | DiskFolder | None:
        found = Path(self.file_path(path, environ))
        try:
            if found.is_symlink():
                return None
            if found.is_dir():
                return DiskFolder(path, environ, str(found))
            return DiskFile(path, environ, str(found)) if found.is_file() else None
        except (OSError, ValueError):  # gone meanwhile, or no name for a file
            return None

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        person, method = self._users.person(environ), environ["REQUEST_METHOD"]
        if not person.sees(self._name):
            return self._as_if_nothing(environ, start_response, default_handler)
        check_right(person, method)
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"
        if method in {"OPTIONS", "GET", "HEAD"}:
            return self._read(environ, start_response)
        if environ["PATH_INFO"] == "/" and method in {"DELETE", "MOVE"}:
            raise DAVError(HTTP_FORBIDDEN, "The share itself stays.")
        if environ["PATH_INFO"] == "/" and method == "PUT":  # WsgiDAV asks for what it stands in
            allow = [("Allow", ", ".join((*READING, *WRITING)))]
            raise DAVError(HTTP_METHOD_NOT_ALLOWED, "This is a folder.", add_headers=allow)
        if method in _XML_METHODS:
            _settle(environ)
        if method == "PUT":
            _settle_date(environ)
        answer: Application = getattr(ShareRequests(self), f"do_{method}")
        try:
            return answer(environ, start_response)
        except DAVError as error:
            if error.value == HTTP_METHOD_NOT_ALLOWED:
                error.add_headers = [("Allow", ", ".join((*READING, *WRITING)))]
            raise

    def _as_if_nothing(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        environ["PATH_INFO"] = self.share_path + environ["PATH_INFO"]
        environ["SCRIPT_NAME"] = environ["SCRIPT_NAME"].removesuffix(self.share_path)
        environ["wsgidav.provider"] = self._elsewhere
        answer: Iterable[bytes] = self._elsewhere.custom_request_handler(
            environ, start_response, default_handler
        )
        return answer

    def _read(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        found = self.get_resource_inst(path, environ)
        if environ["REQUEST_METHOD"] == "OPTIONS":
            if found is None and not self.is_collection(util.get_uri_parent(path), environ):
                raise DAVError(HTTP_NOT_FOUND)
            return options(start_response, *READING, *WRITING)
        if found is None:
            raise DAVError(HTTP_NOT_FOUND)
        if isinstance(found, DiskFile):
            return self._download(environ, harmless(start_response), found.leaf)
        home = quote(f"{self.mount_path}/", safe=PATH_SAFE)
        return page(environ, start_response, home, found.get_href(), found.folder)


def _settle_date(environ: Environ) -> None:
    """A date that cannot be read changes nothing; WsgiDAV takes whole seconds alone, of any age."""
    modified = date_of(environ.pop("HTTP_X_OC_MTIME", None))
    if modified is not None:
        environ["HTTP_X_OC_MTIME"] = str(int(modified))


def _settle(environ: Environ) -> None:
    """What WsgiDAV would stumble over in a PROPFIND, PROPPATCH or LOCK."""
    root = settle_xml(environ)
    if environ["REQUEST_METHOD"] == "PROPPATCH":
        environ["HTTP_DEPTH"] = "0"  # the only one there is, whatever a client says
    if environ["REQUEST_METHOD"] == "PROPFIND":
        for header in _CONDITIONS:
            environ.pop(header, None)
        if root is not None and root.find("{DAV:}propname") is not None:
            replace(environ, _NAMES)
