"""The whole tree but for the shares, to WsgiDAV: who answers what is asked of which path."""

from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import quote

from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_PRECONDITION_FAILED, DAVError
from wsgidav.dav_provider import DAVProvider
from wsgidav.util import (
    get_content_length,
    get_uri_name,
    get_uri_parent,
    parse_if_header_dict,
    test_if_header_dict,
)

from davstore.dav.access.dashboard_pages import doors as dashboard_doors
from davstore.dav.access.login import Users
from davstore.dav.access.people import Person
from davstore.dav.access.proxied import without
from davstore.dav.access.rights import READING, WRITING, check_right, done, options, refused
from davstore.dav.http.bodies import settle_xml
from davstore.dav.listing.listing import Listing
from davstore.dav.listing.lock_properties import with_locks
from davstore.dav.listing.multistatus import PATH_SAFE
from davstore.dav.listing.pages import page
from davstore.dav.listing.playback import NO_PLAYBACK, Playback
from davstore.dav.reading.download import Download
from davstore.dav.reading.local import of_bytes
from davstore.dav.reading.repeats import Repeats
from davstore.dav.reading.resources import (
    EntryResource,
    FileResource,
    FolderCollection,
    SidecarCollection,
    SidecarFile,
    href,
    resource,
)
from davstore.dav.tree.noise_names import is_noise
from davstore.dav.tree.overlay import Home
from davstore.dav.tree.tree import Tree
from davstore.dav.writing.dropping import Dropped, Dropping
from davstore.dav.writing.editing import METHODS, Editing
from davstore.dav.writing.incoming import Incoming
from davstore.dav.writing.moving import destination
from davstore.dav.writing.noise import HINTS, Noise, NoiseResource, Note, noise_path
from davstore.dav.writing.overlaying import Overlaying, SidecarRequests
from davstore.model import Entry, Folder, Text
from davstore.tally import Tally
from davstore.wsgi import Application, Environ, StartResponse

Resource: TypeAlias = EntryResource | NoiseResource | Dropped


class Provider(DAVProvider):
    """The whole tree but for the shares. Nothing can be written in it but noise, into `incoming`,
    and the sidecars of `overlaying`; what may be deleted and renamed is said by `editing`.

    What reads is answered without WsgiDAV's own methods, and what writes is refused; only the
    notes of `noise` are theirs. All four are None where there are none.
    """

    def __init__(
        self,
        tree: Tree,
        download: Download,
        users: Users,
        noise: Noise | None,
        *,
        editing: Editing | None = None,
        incoming: Incoming | None = None,
        playback: Playback = NO_PLAYBACK,
        overlaying: Overlaying | None = None,
        has_dashboard: bool = False,
        tally: Tally | None = None,
    ) -> None:
        super().__init__()
        self._has_dashboard = has_dashboard
        self._overlaying = overlaying
        self._editing = editing
        self._playback = playback
        self._tree = tree
        self._download = download
        self._users = users
        self._noise = noise
        self._incoming = incoming
        self._listing = Listing(tally=tally)
        self._repeats = Repeats(tree, users, self._listing, download, self._address, self._allowed)

    def ref_url_to_path(self, ref_url: str) -> str:
        path: str = noise_path(ref_url) or super().ref_url_to_path(ref_url)
        return path

    def get_resource_inst(self, path: str, environ: Environ) -> Resource | None:
        """The resource at `path`; raises `NotReady`."""
        person = self._users.person(environ)
        place = self._incoming.place(path, person) if self._incoming else None
        found = None if place is None else self._dropped(path, environ, *place)
        if found is not None:
            return found
        asking = environ["REQUEST_METHOD"] in _ASKING
        entry = self._entry(path, person, asking=asking) if place is None else None
        if entry is not None:
            return resource(path, environ, entry)
        if self._noise is not None and is_noise(get_uri_name(path)):
            note = self._noise.get(person.name, path)
            if (
                note is None
                and environ["REQUEST_METHOD"] in READING
                and self._is_hint(path, person)
            ):
                note = Note(b"", 0.0)
            if note is not None:
                return NoiseResource(path, environ, self._noise, person.name, note)
        return None

    def _is_hint(self, path: str, person: Person) -> bool:
        """Whether an empty file is to stand there for macOS: in every folder, as any may be
        mounted.
        """
        if get_uri_name(path) not in HINTS:
            return False
        return isinstance(self._entry(get_uri_parent(path) or "/", person), Folder)

    def href(self, path: str) -> str:
        """The address of `path`, encoded."""
        return href(self, path)

    def _address(self, path: str, entry: Entry) -> str:
        """As the resource of `entry` has it: that of a folder ends with a slash."""
        return self.href(f"{path.rstrip('/')}/" if isinstance(entry, Folder) else path)

    def new_resource(self, path: str, environ: Environ) -> NoiseResource | Dropped | SidecarFile:
        """An empty file at `path`; raises 403 where it is neither noise, nor dropped, nor a
        sidecar.
        """
        person, name = self._users.person(environ), get_uri_name(path)
        if self._noise is not None and is_noise(name):
            self._noise.put(person.name, path, b"")
            return NoiseResource(path, environ, self._noise, person.name, Note(b"", 0.0))
        place = self._incoming.place(path, person) if self._incoming else None
        if place is None or self._incoming is None:
            return self._new_sidecar(path, environ, person)
        self._incoming.put(*place, b"", person)
        made = self._dropped(path, environ, *place)
        assert isinstance(made, Dropped)
        return made

    def _new_sidecar(self, path: str, environ: Environ, person: Person) -> SidecarFile:
        spot = self._overlaying.spot(path, person) if self._overlaying else None
        if spot is None or self._overlaying is None or not spot.home.is_open:
            raise DAVError(HTTP_FORBIDDEN)
        sidecars = self._overlaying.overlay.sidecars
        with sidecars.writing(0) as coming:
            sidecars.put(spot.home.key, spot.path, coming)
        made = self.get_resource_inst(path, environ)
        assert isinstance(made, SidecarFile)
        return made

    def _dropped(
        self, path: str, environ: Environ, account: str, name: str
    ) -> FolderCollection | Dropped | None:
        assert self._incoming is not None
        if not name:
            return FolderCollection(path, environ, self._incoming.folder(account))
        item = self._incoming.item(account, name)
        return None if item is None else Dropped(path, environ, self._incoming, item)

    def _dropping(self, environ: Environ, person: Person) -> Dropping | None:
        """What answers a request that writes into `incoming`, or asks what may be written there."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if self._incoming is None or self._editing is None or is_noise(get_uri_name(path)):
            return None
        places = [path] if method not in {"GET", "HEAD", "PROPFIND"} else []
        if method in {"COPY", "MOVE"} and "HTTP_DESTINATION" in environ:
            places.append(without(self.mount_path, destination(environ)))
        if not any(self._incoming.place(each, person) for each in places):
            return None
        return Dropping(
            self, self._incoming, person,
            lambda path: self._entry(path, person, asking=True), self._editing,
        )  # fmt: skip

    def _beside(self, environ: Environ, person: Person) -> SidecarRequests | None:
        """What answers a request that writes sidecars."""
        if self._overlaying and self._overlaying.concerns(environ, person, self.mount_path):
            return SidecarRequests(self, self._overlaying, person)
        return None

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        person = self._users.person(environ)
        writing = self._dropping(environ, person) or self._beside(environ, person)
        if writing is not None:
            return writing.answer(environ, start_response)
        found = self.get_resource_inst(path, environ)
        if method in READING:
            check_right(person, method)
            if found is None:
                raise DAVError(HTTP_NOT_FOUND)
            self._repeats.offer(environ, person)
            return self._read(environ, start_response, found, person)
        is_note = isinstance(found, NoiseResource) or (
            found is None and is_noise(get_uri_name(path))
        )
        if is_note and self._noise is not None and method in _NOTE_METHODS:
            if method in {"LOCK", "PROPPATCH"}:
                settle_xml(environ)
            environ["HTTP_DEPTH"] = "0"
            return default_handler(environ, start_response)
        asking = self._asking(environ, found, person)
        if asking is not None:
            return asking(environ, start_response)
        if self._editing is not None and self._editing.concerns(path, person):
            if method in METHODS and isinstance(found, FolderCollection | FileResource):
                _check_if(found, environ)
                home = self._home(path, person)
                answer = self._editing(environ, start_response, found, person)
                self._follow(environ, person, home)
                return answer
            if method == "PUT":  # it will be refused
                self._editing.refusals.note(person.name, path)
        entry = None if found is None else found.entry
        above = self._entry(get_uri_parent(path) or "/", person)
        return refused(environ, start_response, href(self, path), entry, above)

    def _asking(
        self, environ: Environ, found: Resource | None, person: Person
    ) -> Application | None:
        """What answers a method that writes, where it is a service that is asked."""
        method = environ["REQUEST_METHOD"]
        if method == "MKCOL" and found is None and self._begins_search(environ, person):
            return _begun
        if method == "PROPPATCH" and isinstance(found, FileResource):
            return self._playback.patched(environ, found.get_href(), found.entry, person)
        return None

    def _begins_search(self, environ: Environ, person: Person) -> bool:
        """Whether making this folder is how a search is asked for: by mounts, which open only what
        stands in the folder above.
        """
        if "add" not in person.rights or get_content_length(environ):
            return False
        return isinstance(self._entry(environ["PATH_INFO"], person, asking=True), Folder)

    def _read(
        self, environ: Environ, start_response: StartResponse, found: Resource, person: Person
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "OPTIONS":
            return options(start_response, *self._allowed(path, person))
        if method == "PROPFIND":
            _check_if(found, environ)
            entry: Entry = found.entry
            if isinstance(found, NoiseResource | Dropped | SidecarFile | SidecarCollection):
                entry = with_locks(found, environ)
            if isinstance(found, FileResource):
                entry = self._playback.asked(environ, found.entry)
            return self._listing(environ, start_response, found.get_href(), entry)
        if isinstance(found, NoiseResource | Dropped | SidecarFile):
            return found.download(environ, start_response)
        if isinstance(found, FileResource) and isinstance(found.entry, Text):
            download = Download(of_bytes(found.entry.content), offers=False)
            return download(environ, start_response, found.entry)
        if isinstance(found, FileResource):
            return self._download(environ, start_response, found.entry)
        home = quote(f"{self.mount_path}{self.share_path}/", safe=PATH_SAFE)
        doors = dashboard_doors(person) if self._has_dashboard else {}
        return page(environ, start_response, home, found.get_href(), found.entry, doors)

    def _allowed(self, path: str, person: Person) -> tuple[str, ...]:
        """The methods that this person may use there."""
        if self._overlaying is not None and self._overlaying.is_open(path, person):
            return (*READING, *WRITING)
        if self._editing is None or "delete" not in person.rights:
            return READING
        return (*READING, *METHODS) if self._editing.concerns(path, person) else READING

    def _home(self, path: str, person: Person) -> Home | None:
        """The home of what is about to be moved or deleted."""
        if self._overlaying is None:
            return None
        spot = self._overlaying.spot(path, person)
        return spot.home if spot is not None and isinstance(spot.entry, Folder) else None

    def _follow(self, environ: Environ, person: Person, home: Home | None) -> None:
        """A folder of a store's was moved, or deleted: its sidecars are with it."""
        if self._overlaying is not None and home is not None and home.is_open:
            is_move = environ["REQUEST_METHOD"] == "MOVE"
            to = without(self.mount_path, destination(environ)) if is_move else ""
            self._overlaying.follow(to, person, home)

    def _entry(self, path: str, person: Person, *, asking: bool = False) -> Entry | None:
        return self._tree.find([part for part in path.split("/") if part], person, asking=asking)


_ASKING = frozenset({"GET", "HEAD", "PROPFIND"})
"""Methods for which a service may be asked what stands in a folder."""
_NOTE_METHODS = frozenset({"PUT", "DELETE", "PROPPATCH", "LOCK", "UNLOCK"})


def _begun(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return done(start_response, is_new=True)


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
