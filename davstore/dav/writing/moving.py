"""COPY and MOVE within a share, RFC 4918 sections 9.8 and 9.9; and what else of WsgiDAV's request
server is not right for one.

WsgiDAV cuts a Destination at `?` and `;` (its issue 139) and moves file by file.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wsgidav import util
from wsgidav.dav_error import (
    HTTP_BAD_GATEWAY,
    HTTP_BAD_REQUEST,
    HTTP_CONFLICT,
    HTTP_FORBIDDEN,
    HTTP_NOT_FOUND,
    HTTP_PRECONDITION_FAILED,
    DAVError,
)
from wsgidav.request_server import RequestServer

from davstore.dav.access.proxied import without
from davstore.dav.access.rights import done
from davstore.dav.writing.disk import DiskFolder, disk_trouble
from davstore.wsgi import Environ, StartResponse


def destination(environ: Environ) -> str:
    """The decoded path of the Destination header, without a slash at its end.

    Raises `DAVError`: 400 where it cannot be read, 502 where it is on another server.
    """
    text = environ.get("HTTP_DESTINATION")
    if not text:
        raise DAVError(HTTP_BAD_REQUEST, "The Destination is missing.")
    try:
        parts = urlsplit(text.encode("latin-1").decode("utf-8").strip())
        path = unquote(parts.path, errors="strict")
        path.encode()
    except ValueError:
        raise DAVError(HTTP_BAD_REQUEST, "The Destination cannot be read.") from None
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or "\0" in path or ".." in names or "." in names:
        raise DAVError(HTTP_BAD_REQUEST, "The Destination is no path.")
    # Its scheme says nothing: behind a proxy it is another than ours.
    host = _bare(parts.netloc.rpartition("@")[2])
    if host and host != _bare(environ.get("HTTP_HOST", "")):
        raise DAVError(HTTP_BAD_GATEWAY, "The Destination is on another server.")
    return "/" + "/".join(names)


def _bare(host: str) -> str:
    """Without the port that need not be said."""
    return host.lower().removesuffix(":80").removesuffix(":443")


class ShareRequests(RequestServer):
    """WsgiDAV's methods for a share."""

    def __init__(self, provider: Any) -> None:
        super().__init__(provider)
        self.allow_propfind_infinite = False

    def do_LOCK(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:  # noqa: N802 - WsgiDAV's
        """What is locked into being needs a folder that may be changed, before it is made."""
        path, provider = environ["PATH_INFO"], self._davProvider
        if provider.get_resource_inst(path, environ) is None:
            above = provider.get_resource_inst(util.get_uri_parent(path), environ)
            self._check_write_permission(above, "0", environ)
        response: Iterable[bytes] = super().do_LOCK(environ, start_response)
        return response

    def _copy_or_move(
        self,
        environ: Environ,
        start_response: StartResponse,
        is_move: bool,  # noqa: FBT001 - WsgiDAV's
    ) -> Iterable[bytes]:
        provider = self._davProvider
        source = provider.get_resource_inst(environ["PATH_INFO"], environ)
        if source is None:
            raise DAVError(HTTP_NOT_FOUND)
        whole = depth(environ, source, is_move=is_move)
        path = self._within(environ)
        there = provider.get_resource_inst(path, environ)
        self._check(environ, source, path, there, is_move=is_move)
        place = Path(provider.file_path(path, environ))
        target_url = provider.ref_url(f"{path}/" if source.is_collection else path)
        if there is not None and (there.is_collection or source.is_collection):
            there.delete()
        if is_move:
            with disk_trouble():
                freed = provider.room_of(there)
                Path(provider.file_path(source.path, environ)).replace(place)
            provider.room.settle(0, -freed)
            source.remove_all_locks(recursive=True)
            provider.prop_manager.move_properties(source.get_ref_url(), target_url)
        else:
            source.copied_to(place, whole=whole)
            provider.prop_manager.copy_properties(source.get_ref_url(), target_url)
        return done(start_response, is_new=there is None)

    def _within(self, environ: Environ) -> str:
        """The Destination's path within the share; raises 403 for one outside."""
        path = without(self._davProvider.mount_path, destination(environ))
        _, provider = environ["wsgidav.app"].resolve_provider(path)
        if provider is not self._davProvider:
            raise DAVError(HTTP_FORBIDDEN, "Things can be moved within this folder only.")
        return path[len(provider.share_path) :] or "/"

    def _check(
        self, environ: Environ, source: Any, path: str, there: Any, *, is_move: bool
    ) -> None:
        """Raises what stands in the way, in the order of RFC 4918's sections 9.8.5 and 9.9.4."""
        provider, own = self._davProvider, source.path.rstrip("/")
        if own == path.rstrip("/"):
            raise DAVError(HTTP_FORBIDDEN, "That is the same place.")
        if path == "/" or own == "" or _is_below(own, path) or _is_below(path, own):
            raise DAVError(HTTP_FORBIDDEN, "One is within the other.")
        above = provider.get_resource_inst(util.get_uri_parent(path), environ)
        if not isinstance(above, DiskFolder):
            raise DAVError(HTTP_CONFLICT, "There is no such folder.")
        self._evaluate_if_headers(source, environ)
        self._evaluate_if_headers(there, environ)
        if is_move:
            self._check_write_permission(source, "infinity", environ)
            left = provider.get_resource_inst(util.get_uri_parent(own), environ)
            self._check_write_permission(left, "0", environ)
        if there is None:
            self._check_write_permission(above, "0", environ)
        self._check_write_permission(there, "infinity", environ)
        if there is not None:
            if environ.get("HTTP_OVERWRITE", "T") != "T":
                raise DAVError(HTTP_PRECONDITION_FAILED, "There is something already.")
            provider.check_right(environ, "DELETE")


def depth(environ: Environ, source: Any, *, is_move: bool) -> bool:
    """Whether the members are meant too."""
    depth = environ.get("HTTP_DEPTH", "infinity")
    if depth not in {"0", "infinity"} or (is_move and source.is_collection and depth == "0"):
        raise DAVError(HTTP_BAD_REQUEST, "That Depth means nothing here.")
    if environ.get("HTTP_OVERWRITE", "T") not in {"T", "F"}:
        raise DAVError(HTTP_BAD_REQUEST, "Overwrite is T or F.")
    return bool(depth == "infinity")


def _is_below(path: str, other: str) -> bool:
    return other.startswith(f"{path.rstrip('/')}/")
