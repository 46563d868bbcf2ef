"""The tree with WsgiDAV's own methods over it: what ours are compared with."""

from collections.abc import Iterable
from typing import Any

from lxml import etree
from wsgidav.dav_error import HTTP_NOT_FOUND, DAVError

from davstore.dav.listing.properties import PROPERTIES
from davstore.dav.provider import Provider
from davstore.dav.reading.resources import FileResource, FolderCollection
from davstore.model import Entry, Folder
from davstore.wsgi import Application, Environ, StartResponse

TABLE = {each.name: each for each in PROPERTIES}


class Described:
    """A resource that tells WsgiDAV of the properties in our table."""

    entry: Any

    def get_property_names(self, *, is_allprop: bool) -> list[str]:
        return [each.name for each in PROPERTIES if each.markup(self.entry) is not None]

    def get_property_value(self, name: str) -> Any:
        markup = TABLE[name].markup(self.entry) if name in TABLE else None
        if markup is None:
            raise DAVError(HTTP_NOT_FOUND)
        element = etree.fromstring(f'<D:prop xmlns:D="DAV:">{markup}</D:prop>')
        element.tag = name
        return element


class StockFile(Described, FileResource):
    pass


class StockFolder(Described, FolderCollection):
    def get_member(self, name: str) -> "StockFile | StockFolder | None":
        entry = self.entry.entries.get(name)
        return entry and described(f"{self.path.rstrip('/')}/{name}", self.environ, entry)


def described(path: str, environ: Environ, entry: Entry) -> StockFile | StockFolder:
    if isinstance(entry, Folder):
        return StockFolder(path, environ, entry)
    return StockFile(path, environ, entry)


class Stock(Provider):
    """Leaves all to WsgiDAV."""

    def get_resource_inst(self, path: str, environ: Environ) -> Any:
        found = super().get_resource_inst(path, environ)
        return found and described(path, environ, found.entry)

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        return default_handler(environ, start_response)
