"""Entries of the snapshots as WsgiDAV's collections and resources."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote

from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_PRECONDITION_FAILED, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.util import get_uri_name, get_uri_parent, parse_if_header_dict, test_if_header_dict

from davstore.dav import canary
from davstore.dav.bodies import settle_xml
from davstore.dav.download import Download
from davstore.dav.listing import Listing
from davstore.dav.login import Users
from davstore.dav.multistatus import PATH_SAFE
from davstore.dav.noise import Noise, NoiseResource, Note, is_noise, noise_path
from davstore.dav.pages import page
from davstore.dav.people import Person
from davstore.dav.properties import content_type, etag, property_element, property_names
from davstore.dav.rights import READING, check_right, options, refused
from davstore.dav.tree import NotReady, Tree
from davstore.model import Entry, Folder, Leaf
from davstore.tally import Tally

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
        return href(self.provider, self.get_preferred_path())  # type: ignore[attr-defined]


class FolderCollection(_Listed, DAVCollection):
    """A folder."""

    def __init__(self, path: str, environ: Environ, folder: Folder) -> None:
        super().__init__(path, environ)
        self.entry: Folder = folder

    def get_member_names(self) -> list[str]:
        return list(self.entry.entries)

    def create_empty_resource(self, name: str) -> NoiseResource:
        note: NoiseResource = self.provider.new_note(
            f"{self.path.rstrip('/')}/{name}", self.environ
        )
        return note

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


Resource: TypeAlias = FolderCollection | FileResource | NoiseResource


def resource(path: str, environ: Environ, entry: Folder | Leaf) -> FolderCollection | FileResource:
    """The WsgiDAV face of an entry."""
    if isinstance(entry, Folder):
        return FolderCollection(path, environ, entry)
    return FileResource(path, environ, entry)


class Provider(DAVProvider):
    """The whole tree but for the shares. It is read-only: nothing can be written in it but noise.

    What reads is answered without WsgiDAV's own methods, and what writes is refused; only the
    notes of `noise` (None: there are none) are theirs.
    """

    def __init__(
        self,
        tree: Tree,
        download: Download,
        users: Users,
        noise: Noise | None,
        tally: Tally | None = None,
    ) -> None:
        super().__init__()
        self._tree = tree
        self._download = download
        self._users = users
        self._noise = noise
        self._canary = Download(canary.opened, offers=False)
        self._listing = Listing(tally=tally)

    def ref_url_to_path(self, ref_url: str) -> str:
        path: str = noise_path(ref_url) or super().ref_url_to_path(ref_url)
        return path

    def get_resource_inst(self, path: str, environ: Environ) -> Resource | None:
        """The resource at `path`; raises 503 while nothing is known of its account."""
        person = self._users.person(environ)
        entry = self._entry(path, person)
        if entry is not None:
            return resource(path, environ, entry)
        if self._noise is not None and is_noise(get_uri_name(path)):
            note = self._noise.get(person.name, path)
            if note is not None:
                return NoiseResource(path, environ, self._noise, person.name, note)
        return None

    def new_note(self, path: str, environ: Environ) -> NoiseResource:
        """An empty note at `path`; raises 403 where it is not noise."""
        if self._noise is None or not is_noise(get_uri_name(path)):
            raise DAVError(HTTP_FORBIDDEN)
        user = self._users.person(environ).name
        self._noise.put(user, path, b"")
        return NoiseResource(path, environ, self._noise, user, Note(b"", 0.0))

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        person = self._users.person(environ)
        found = self.get_resource_inst(path, environ)
        if method in READING:
            check_right(person, method)
            if found is None:
                raise DAVError(HTTP_NOT_FOUND)
            return self._read(environ, start_response, found, person)
        is_note = isinstance(found, NoiseResource) or (
            found is None and is_noise(get_uri_name(path))
        )
        if is_note and self._noise is not None and method in _NOTE_METHODS:
            if method in {"LOCK", "PROPPATCH"}:
                settle_xml(environ)
            environ["HTTP_DEPTH"] = "0"
            return default_handler(environ, start_response)
        entry = None if found is None else found.entry
        above = self._entry(get_uri_parent(path) or "/", person)
        return refused(environ, start_response, href(self, path), entry, above)

    def _read(
        self, environ: Environ, start_response: StartResponse, found: Resource, person: Person
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "OPTIONS":
            return options(start_response, *READING)
        if method == "PROPFIND":
            _check_if(found, environ)
            return self._listing(environ, start_response, found.get_href(), found.entry)
        if isinstance(found, NoiseResource):
            return found.download(environ, start_response)
        if isinstance(found, FileResource):
            if found.entry is canary.CANARY:
                return self._canary(environ, start_response, found.entry)
            later = partial(self._again, path, person)
            return self._download(environ, start_response, found.entry, later)
        home = quote(f"{self.mount_path}{self.share_path}/", safe=PATH_SAFE)
        return page(environ, start_response, home, found.get_href(), found.entry)

    def _again(self, path: str, person: Person) -> Leaf | None:
        """What stands at `path` for this person, if that is still who they are."""
        if self._users.people[person.name] != person:
            return None
        try:
            entry = self._entry(path, person)
        except DAVError:
            return None
        return entry if isinstance(entry, Leaf) else None

    def _entry(self, path: str, person: Person) -> Entry | None:
        try:
            return self._tree.find([part for part in path.split("/") if part], person)
        except NotReady as account:
            raise DAVError(
                SERVICE_UNAVAILABLE,
                f"Nothing is known of '{account}' yet: no store has answered; try again soon.",
                add_headers=[("Retry-After", RETRY_AFTER)],
            ) from None


_NOTE_METHODS = frozenset({"PUT", "DELETE", "PROPPATCH", "LOCK", "UNLOCK"})


def href(provider: Any, path: str) -> str:
    """The address of `path`, encoded."""
    return quote(provider.mount_path + provider.share_path + path, safe=PATH_SAFE)


def _check_if(found: Resource, environ: Environ) -> None:
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
