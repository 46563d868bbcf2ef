"""What WebDAV's methods mean for sidecars, RFC 4918 sections 7 and 9: in the folder of a magnet, or
in a view, whoever may add writes, names and deletes them. What is a store's is never touched here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wsgidav import util
from wsgidav.dav_error import (
    HTTP_BAD_REQUEST,
    HTTP_CONFLICT,
    HTTP_FAILED_DEPENDENCY,
    HTTP_FORBIDDEN,
    HTTP_MEDIATYPE_NOT_SUPPORTED,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_NOT_FOUND,
    HTTP_PRECONDITION_FAILED,
    DAVError,
)
from wsgidav.request_server import RequestServer

from davstore import names
from davstore.dav.access.people import Person
from davstore.dav.access.proxied import without
from davstore.dav.access.rights import WRITING, check_right, done, properties_said
from davstore.dav.http.bodies import blocks, element_text, length, property_changes, settle_xml
from davstore.dav.http.times import TIMES, date_of
from davstore.dav.keeping.refused_writes import RefusedWrites
from davstore.dav.reading.resources import SidecarCollection, SidecarFile
from davstore.dav.tree.noise_names import is_noise
from davstore.dav.tree.overlay import Home, Overlay, SidecarFolder, SidecarLeaf
from davstore.dav.tree.tree import MAGNETS, Tree
from davstore.dav.writing.editing import parts_of
from davstore.dav.writing.moving import depth, destination
from davstore.errors import Full
from davstore.model import Entry, Folder, Leaf
from davstore.views import Path
from davstore.wsgi import Environ, StartResponse

_MAKING = frozenset({"PUT", "MKCOL", "LOCK"})

_THEIRS = "The service has a file or folder of this name, which always wins: choose another name."
_IN_TRASH = "Nothing is changed in the trash: move the folder back to magnets first."
_ELSEWHERE = "A sidecar can only be moved into the folder of a magnet, or into a view."
_OCCUPIED = "A sidecar has that name: delete it first."


@dataclass(frozen=True, slots=True)
class Spot:
    """A path within a home, and what stands there now."""

    home: Home
    entry: Entry | None

    @property
    def path(self) -> Path:
        """Within the home."""
        return self.home.path

    @property
    def is_sidecar(self) -> bool:
        """Whether a sidecar, or a folder made for some, stands there."""
        return isinstance(self.entry, SidecarLeaf | SidecarFolder)


class Overlaying:
    """Answers the methods that write sidecars, in a `tree` with an `overlay`; `refusals` remembers
    what was refused. It serves all requests.
    """

    def __init__(self, tree: Tree, overlay: Overlay, refusals: RefusedWrites) -> None:
        self._tree = tree
        self.overlay = overlay
        self.refusals = refusals

    def spot(self, path: str, person: Person) -> Spot | None:
        """What `path` means, below a home; None anywhere else. Raises `NotReady`."""
        parts = parts_of(path)
        home = self._tree.home(parts, person)
        if home is None or not home.inner:
            return None
        return Spot(home, self._tree.find(parts, person))

    def is_open(self, path: str, person: Person) -> bool:
        """Whether this person may write in or at what stands at `path`; only its form is looked
        at.
        """
        parts = [part for part in path.split("/") if part]
        if not parts or "add" not in person.rights:
            return False
        return self._tree.is_view(parts[0]) or (len(parts) > 2 and parts[1] == MAGNETS)

    def concerns(self, environ: Environ, person: Person, mount_path: str) -> bool:
        """Whether a request is about sidecars. Raises `NotReady` or `DAVError`."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method not in WRITING or is_noise(util.get_uri_name(path)):
            return False
        spot = self.spot(path, person)
        if spot is not None and spot.is_sidecar:
            return True
        if method in {"COPY", "MOVE"} and "HTTP_DESTINATION" in environ:
            target = self.spot(without(mount_path, destination(environ)), person)
            return target is not None and target.is_sidecar
        if spot is None or not spot.home.is_open:
            return False
        if method == "PUT" and isinstance(spot.entry, Leaf):
            return True
        return spot.entry is None and method in _MAKING

    def follow(self, to: str, person: Person, home: Home) -> None:
        """The folder at the path of this `home` was moved to another path `to`, or deleted (""): so
        are the sidecars in it.
        """
        sidecars = self.overlay.sidecars
        if home.path not in sidecars.of(home.key).touched:
            return
        target = self._tree.home(parts_of(to), person) if to else None
        if target is None:
            sidecars.remove(home.key, home.path)
        else:
            sidecars.move(home.key, home.path, target.key, target.path)


class SidecarRequests(RequestServer):
    """Answers one request, of one person; raises `DAVError`, `Full` or `StateError`."""

    def __init__(self, provider: Any, overlaying: Overlaying, person: Person) -> None:
        super().__init__(provider)
        self._overlaying = overlaying
        self._sidecars = overlaying.overlay.sidecars
        self._person = person

    def answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        check_right(self._person, "PUT")  # what is a person's own needs no right to delete
        if method in {"COPY", "MOVE"}:
            return self._named(environ, start_response, is_move=method == "MOVE")
        spot = self._overlaying.spot(path, self._person)
        if spot is None:
            raise DAVError(HTTP_NOT_FOUND)
        if not spot.home.is_open:
            raise DAVError(HTTP_FORBIDDEN, _IN_TRASH)
        if method in {"LOCK", "PROPPATCH"}:
            settle_xml(environ)
        if isinstance(spot.entry, Leaf) or spot.entry is None:
            environ["HTTP_DEPTH"] = "0"
        answers = {"PUT": self._put, "DELETE": self._delete, "MKCOL": self._make,
                   "PROPPATCH": self._properties}  # fmt: skip
        if method in answers:
            return answers[method](environ, start_response, spot)
        if method == "LOCK" and spot.entry is None:
            self._check_new(environ, spot)
        response: Iterable[bytes] = getattr(self, f"do_{method}")(environ, start_response)
        return response

    def _put(self, environ: Environ, start_response: StartResponse, spot: Spot) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        try:
            there = self._free(environ, spot)
            modified = date_of(environ.get("HTTP_X_OC_MTIME"))
            expected = length(environ)
            with self._sidecars.writing(expected) as coming:
                for block in blocks(environ, expected):
                    coming.write(block)
                self._writable(environ, there)  # it may have been locked while the body came
                made = self._sidecars.put(spot.home.key, spot.path, coming, modified)
        except (DAVError, Full):
            if spot.entry is not None:  # rclone deletes what it could not write
                self._overlaying.refusals.note(self._person.name, path)
            raise
        self._overlaying.refusals.forget(self._person.name, path)
        headers = [("ETag", f'"{made.content}"')]
        if modified is not None:
            headers.append(("X-OC-MTime", "accepted"))
        return done(start_response, *headers, is_new=there is None)

    def _make(self, environ: Environ, start_response: StartResponse, spot: Spot) -> Iterable[bytes]:
        if util.get_content_length(environ) != 0:
            raise DAVError(HTTP_MEDIATYPE_NOT_SUPPORTED, "A folder has no content.")
        if spot.entry is not None:
            raise DAVError(HTTP_METHOD_NOT_ALLOWED, "There is something already.")
        self._check_new(environ, spot)
        self._sidecars.make(spot.home.key, spot.path)
        return done(start_response, is_new=True)

    def _delete(
        self, environ: Environ, start_response: StartResponse, spot: Spot
    ) -> Iterable[bytes]:
        there = self._resource(environ["PATH_INFO"], environ)
        if environ.get("HTTP_DEPTH", "infinity") != "infinity" and isinstance(spot.entry, Folder):
            raise DAVError(HTTP_BAD_REQUEST, "A folder is deleted whole: Depth is infinity.")
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        self._overlaying.refusals.check_delete(self._person.name, environ["PATH_INFO"])
        self._sidecars.remove(spot.home.key, spot.path)
        there.remove_all_locks(recursive=True)
        return done(start_response, is_new=False)

    def _properties(
        self, environ: Environ, start_response: StartResponse, spot: Spot
    ) -> Iterable[bytes]:
        """All or nothing, section 9.2. Dates are set; of DAV's own properties nothing else can
        be.
        """
        there = self._resource(environ["PATH_INFO"], environ)
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        changes = property_changes(environ)
        fixed = [name for name in changes if name.startswith("{DAV:}") and name not in TIMES]
        said: dict[str, DAVError | None] = dict.fromkeys(changes)
        if fixed:
            said = dict.fromkeys(changes, DAVError(HTTP_FAILED_DEPENDENCY))
            said |= dict.fromkeys(fixed, DAVError(HTTP_FORBIDDEN))
        else:
            dates = [
                date_of(each.text) for name in TIMES if (each := changes.get(name)) is not None
            ]
            written = {
                name: None if each is None else element_text(each)
                for name, each in changes.items() if not name.startswith("{DAV:}")
            }  # fmt: skip
            modified = next((date for date in dates if date is not None), None)
            self._sidecars.describe(spot.home.key, spot.path, written, modified)
        return properties_said(environ, start_response, there.get_href(), said)

    def _named(
        self, environ: Environ, start_response: StartResponse, *, is_move: bool
    ) -> Iterable[bytes]:
        """COPY and MOVE, sections 9.8 and 9.9."""
        target = without(self._davProvider.mount_path, destination(environ))
        spot = self._overlaying.spot(environ["PATH_INFO"], self._person)
        if spot is None or not spot.is_sidecar:
            raise DAVError(HTTP_FORBIDDEN, _OCCUPIED)
        source = self._resource(environ["PATH_INFO"], environ)
        whole = depth(environ, source, is_move=is_move)
        goal = self._overlaying.spot(target, self._person)
        if goal is None:
            raise DAVError(HTTP_FORBIDDEN, _ELSEWHERE)
        if not goal.home.is_open or (is_move and not spot.home.is_open):
            raise DAVError(HTTP_FORBIDDEN, _IN_TRASH)
        _check_apart(spot, goal)
        there = self._check_goal(environ, target, goal)
        self._evaluate_if_headers(source, environ)
        if is_move:
            self._writable(environ, source)
        key, to = spot.home.key, goal.home.key
        if is_move:
            self._sidecars.move(key, spot.path, to, goal.path)
            source.remove_all_locks(recursive=True)
        else:
            self._sidecars.copy(key, spot.path, to, goal.path, whole=whole)
        return done(start_response, is_new=there is None)

    def _check_goal(self, environ: Environ, target: str, goal: Spot) -> Any:
        """What stands where something is to be moved to; raises what is in the way."""
        if goal.entry is not None and not goal.is_sidecar:
            raise DAVError(HTTP_FORBIDDEN, _THEIRS)
        there = self._resource(target, environ) if goal.entry is not None else None
        if there is not None and environ.get("HTTP_OVERWRITE", "T") == "F":
            raise DAVError(HTTP_PRECONDITION_FAILED, "There is something already.")
        self._writable(environ, there)
        self._check_place(environ, target, goal)
        return there

    def _free(self, environ: Environ, spot: Spot) -> Any:
        """What stands where something is to be written, which this request may do."""
        if isinstance(spot.entry, Folder):
            raise DAVError(HTTP_METHOD_NOT_ALLOWED, "This is a folder.")
        if spot.entry is not None and not spot.is_sidecar:
            raise DAVError(HTTP_FORBIDDEN, _THEIRS)
        if "HTTP_CONTENT_RANGE" in environ:
            raise DAVError(HTTP_BAD_REQUEST, "A part cannot be written.")
        if spot.entry is None:
            self._check_new(environ, spot)
            return None
        there = self._resource(environ["PATH_INFO"], environ)
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        return there

    def _check_new(self, environ: Environ, spot: Spot) -> None:
        """Raises what is in the way of something new."""
        if environ.get("HTTP_IF_MATCH"):
            raise DAVError(HTTP_PRECONDITION_FAILED)
        self._evaluate_if_headers(None, environ)
        self._check_place(environ, environ["PATH_INFO"], spot)

    def _check_place(self, environ: Environ, path: str, spot: Spot) -> None:
        """Raises where there is no folder for it, or its name would not do."""
        parent = util.get_uri_parent(path.rstrip("/"))
        above = self._davProvider.get_resource_inst(parent, environ)
        if above is None or not isinstance(above.entry, Folder):
            raise DAVError(HTTP_CONFLICT, "There is no such folder.")
        if isinstance(above.entry, SidecarFolder):
            self._check_write_permission(above, "0", environ)  # other members may be locked
        name = spot.path[-1]
        if names.safe(name) != name:
            raise DAVError(
                HTTP_FORBIDDEN,
                f"Not every system could show that name; {names.safe(name)!r} would do.",
            )
        if spot.entry is None and _is_taken(name, above.entry):
            raise DAVError(HTTP_FORBIDDEN, _THEIRS)

    def _resource(self, path: str, environ: Environ) -> Any:
        found = self._davProvider.get_resource_inst(path, environ)
        if not isinstance(found, SidecarFile | SidecarCollection):
            raise DAVError(HTTP_NOT_FOUND)
        return found

    def _writable(self, environ: Environ, there: Any) -> None:
        """Raises 423 where somebody else has locked it."""
        whole = "infinity" if isinstance(there, SidecarCollection) else "0"
        self._check_write_permission(there, whole, environ)


def _is_taken(name: str, folder: Folder) -> bool:
    """Whether something of a store has a name that some client would take for the same."""
    key = names.key(name)
    return any(
        names.key(entry.name) == key and not isinstance(entry, SidecarLeaf | SidecarFolder)
        for entry in folder.entries.values()
    )


def _check_apart(spot: Spot, goal: Spot) -> None:
    if spot.home.key != goal.home.key:
        return
    if spot.path == goal.path:
        raise DAVError(HTTP_FORBIDDEN, "That is the same place.")
    length = min(len(spot.path), len(goal.path))
    if spot.path[:length] == goal.path[:length]:
        raise DAVError(HTTP_FORBIDDEN, "One is within the other.")
