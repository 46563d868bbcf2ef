"""Sidecars as WsgiDAV's resources."""

from collections.abc import Iterable

from davstore.dav.download import Download
from davstore.dav.entries import FolderResource, LeafResource
from davstore.dav.local import harmless, opened
from davstore.dav.overlay import SidecarFolder, SidecarLeaf
from davstore.wsgi import Environ, StartResponse

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
