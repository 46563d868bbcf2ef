"""What WebDAV's methods mean in `incoming`: PUT drops, DELETE takes back, MOVE names, COPY adds;
MOVE of a magnet's folder adds it here, and has it go from its own account. What a search has found
is dropped by COPY and by MOVE: it stays among the results.

RFC 4918 sections 7 and 9. Clients that lock, or write an empty file first, or another name, end
with one file; whatever of it asks for a magnet is asked for once.
"""

from collections.abc import Callable, Iterable
from typing import Any

from wsgidav.dav_error import (
    HTTP_BAD_REQUEST,
    HTTP_CONFLICT,
    HTTP_FORBIDDEN,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_NOT_FOUND,
    HTTP_PRECONDITION_FAILED,
    DAVError,
)
from wsgidav.request_server import RequestServer

from davstore.catalog import magnet_of
from davstore.dav.access.people import Person
from davstore.dav.access.proxied import without
from davstore.dav.access.rights import READING, WRITING, check_right, done, options, properties_said
from davstore.dav.http.bodies import property_changes, settle_xml, whole
from davstore.dav.reading.download import Download
from davstore.dav.reading.local import of_bytes
from davstore.dav.reading.resources import LeafResource
from davstore.dav.writing.editing import Editing
from davstore.dav.writing.incoming import Incoming, Item
from davstore.dav.writing.moving import destination
from davstore.errors import Full, NotAccepted
from davstore.model import Entry, Folder, Text
from davstore.wanted import check_name, is_temporary, limit, of_hash
from davstore.wsgi import Environ, StartResponse

LONGEST_NAME = 255

_NO_FOLDERS = (
    "Folders cannot be dropped. To add another account's magnet here, move its folder in one step "
    "(rclone moveto), send COPY of it (curl -X COPY), or drop a .torrent or .magnet file."
)
_WHOLE = "Only a magnet's whole folder can be added so, and by one COPY or MOVE: no single files."
_IS_THERE = "The account has it already: it cannot be taken back here."
_STAYS_HERE = "Files dropped here can only be moved to another incoming folder."


class Dropped(LeafResource):
    """A file of the folder as WsgiDAV's resource."""

    def __init__(self, path: str, environ: Environ, incoming: Incoming, item: Item) -> None:
        super().__init__(path, environ, item.leaf)
        self.item = item
        self._incoming = incoming

    def download(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to GET and HEAD."""
        data = self.item.text
        if self.item.drop is not None:
            kept = self._incoming.additions.content(self.item.leaf.account, self.item.drop.name)
            if kept is None:
                raise DAVError(HTTP_NOT_FOUND)
            data = kept
        return Download(of_bytes(data), offers=False)(environ, start_response, self.entry)


class Dropping(RequestServer):
    """Answers the methods that write, for one person; `find` follows a path of theirs, and asks for
    what was searched there, `editing` changes what stands outside.
    """

    def __init__(
        self,
        provider: Any,
        incoming: Incoming,
        person: Person,
        find: Callable[[str], Entry | None],
        editing: Editing,
    ) -> None:
        super().__init__(provider)
        self._editing = editing
        self._incoming = incoming
        self._person = person
        self._find = find

    def answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response; raises `DAVError`, `NotAccepted`, `Full` or `StateError`."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method in {"COPY", "MOVE"}:
            return self._named(environ, start_response)
        if method not in {"OPTIONS", *WRITING}:
            raise DAVError(HTTP_METHOD_NOT_ALLOWED, "This method is not known.")
        account, name = self._place(path)
        if method == "OPTIONS":
            return options(start_response, *READING, *WRITING)
        if not name or method == "MKCOL":
            return self._refuse_folder(environ, start_response, name)
        if method in {"LOCK", "PROPPATCH"}:
            settle_xml(environ)
        environ["HTTP_DEPTH"] = "0"
        answers = {"PUT": self._put, "DELETE": self._delete, "PROPPATCH": self._properties}
        if method in answers:
            return answers[method](environ, start_response, account, name)
        if method == "LOCK":
            self._check_name(account, name)
            self._incoming.additions.touch(account, name)
        response: Iterable[bytes] = getattr(self, f"do_{method}")(environ, start_response)
        return response

    def _place(self, path: str) -> tuple[str, str]:
        found = self._incoming.place(path, self._person)
        if found is None:
            raise DAVError(HTTP_CONFLICT, "There is no such folder.")
        return found

    def _refuse_folder(
        self, environ: Environ, start_response: StartResponse, name: str
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method == "PROPPATCH":
            return self._said(environ, start_response, DAVError(HTTP_FORBIDDEN))
        if method == "MKCOL" and name:
            raise DAVError(HTTP_FORBIDDEN, _NO_FOLDERS)
        if method in {"MKCOL", "PUT"}:
            raise DAVError(HTTP_METHOD_NOT_ALLOWED, "This is a folder.")
        raise DAVError(HTTP_FORBIDDEN, "This folder stays as it is: drop files into it.")

    def _put(
        self, environ: Environ, start_response: StartResponse, account: str, name: str
    ) -> Iterable[bytes]:
        refusals, path = self._editing.refusals, environ["PATH_INFO"]
        try:
            there = self._free(environ, account, name)
            self._check_name(account, name)
            content = whole(environ, limit(name))
            self._writable(environ, there)  # it may have been locked while the body came
            drop = self._incoming.put(account, name, content, self._person)
        except (NotAccepted, Full, DAVError):
            refusals.note(self._person.name, path)
            raise
        refusals.forget(self._person.name, path)
        return done(start_response, ("ETag", f'"{drop.identity}"'), is_new=there is None)

    def _delete(
        self, environ: Environ, start_response: StartResponse, account: str, name: str
    ) -> Iterable[bytes]:
        there = self._resource(environ["PATH_INFO"], environ)
        if there is None:
            raise DAVError(HTTP_NOT_FOUND)
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        self._editing.refusals.check_delete(self._person.name, environ["PATH_INFO"])
        item, additions = there.item, self._incoming.additions
        if not item.can_go:
            raise DAVError(HTTP_FORBIDDEN, _IS_THERE)
        if item.drop is None:
            additions.forget(account, item.hash)
        else:
            additions.remove(account, item.drop.name)
        there.remove_all_locks(recursive=True)
        return done(start_response, is_new=False)

    def _properties(
        self, environ: Environ, start_response: StartResponse, account: str, name: str
    ) -> Iterable[bytes]:
        """Desktops set times and attributes after they have written; nobody asks for them again."""
        there = self._resource(environ["PATH_INFO"], environ)
        if there is None:
            raise DAVError(HTTP_NOT_FOUND)
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        self._incoming.additions.touch(account, name)
        return self._said(environ, start_response, None)

    def _named(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """COPY and MOVE: of a file here to another name, or of what stands elsewhere to here."""
        is_move, path = environ["REQUEST_METHOD"] == "MOVE", environ["PATH_INFO"]
        target = without(self._davProvider.mount_path, destination(environ))
        there = self._incoming.place(target, self._person)
        if there is None or not there[1]:
            raise DAVError(HTTP_FORBIDDEN, _STAYS_HERE)
        account, name = there
        source = self._resource(path, environ)
        if source is None and self._incoming.place(path, self._person):
            raise DAVError(HTTP_NOT_FOUND)
        goal = self._resource(target, environ)
        if goal is not None and environ.get("HTTP_OVERWRITE", "T") == "F":
            raise DAVError(HTTP_PRECONDITION_FAILED, "There is something already.")
        self._writable(environ, goal)
        if source is None:
            self._from_elsewhere(environ, account, name, path)
        else:
            self._rename(environ, account, name, source, is_move=is_move)
        return done(start_response, is_new=goal is None)

    def _rename(
        self, environ: Environ, account: str, name: str, source: Dropped, *, is_move: bool
    ) -> None:
        self._evaluate_if_headers(source, environ)
        if is_move:
            self._writable(environ, source)
        item, additions = source.item, self._incoming.additions
        if item.drop is None:
            raise DAVError(HTTP_FORBIDDEN, "This text only tells how far a magnet is.")
        if (item.leaf.account, item.drop.name) == (account, name):
            raise DAVError(HTTP_FORBIDDEN, "That is the same place.")
        content = additions.content(item.leaf.account, item.drop.name)
        if content is None:
            raise DAVError(HTTP_NOT_FOUND)
        self._check_name(account, name)
        self._incoming.put(account, name, content, self._person)
        if is_move:
            additions.remove(item.leaf.account, item.drop.name)
            source.remove_all_locks(recursive=True)

    def _from_elsewhere(self, environ: Environ, account: str, name: str, path: str) -> None:
        """Add what stands at `path`: a magnet's folder, or a file with a link that was found."""
        check_right(self._person, "GET")
        entry = self._find(path)
        if entry is None:
            raise DAVError(HTTP_NOT_FOUND)
        if isinstance(entry, Text):
            self._check_name(account, name)
            self._incoming.put(account, name, entry.content, self._person)
        else:
            self._magnet(environ, account, name, entry)

    def _magnet(self, environ: Environ, account: str, name: str, entry: Entry) -> None:
        """Add the magnet of a folder, of any account, by its hash."""
        magnet = magnet_of(entry) if isinstance(entry, Folder) else None
        if magnet is None:
            raise DAVError(HTTP_FORBIDDEN, _WHOLE)
        if not magnet.hash:
            raise DAVError(HTTP_FORBIDDEN, "Its service does not tell its hash: drop its link.")
        each = of_hash(magnet.hash, magnet.name)
        file_name = name if name.endswith(".magnet") else f"{name[:200]}.magnet"

        def add() -> None:
            self._incoming.put(account, file_name, f"{each.link}\n".encode(), self._person)

        if environ["REQUEST_METHOD"] == "COPY":
            add()
        else:
            source = self._davProvider.get_resource_inst(environ["PATH_INFO"], environ)
            self._editing.give_away(environ, source, self._person, account, add)

    def _free(self, environ: Environ, account: str, name: str) -> "Dropped | None":
        """What stands where something is to be written, which this request may do."""
        there = self._resource(environ["PATH_INFO"], environ)
        if there is not None and there.item.drop is None:
            raise DAVError(HTTP_FORBIDDEN, "This text only tells how far a magnet is.")
        if "HTTP_CONTENT_RANGE" in environ:
            raise DAVError(HTTP_BAD_REQUEST, "A part cannot be written.")
        if there is None and environ.get("HTTP_IF_MATCH"):
            raise DAVError(HTTP_PRECONDITION_FAILED)
        self._evaluate_if_headers(there, environ)
        self._writable(environ, there)
        return there

    def _check_name(self, account: str, name: str) -> None:
        if len(name.encode()) > LONGEST_NAME:
            raise DAVError(HTTP_BAD_REQUEST, "The name is too long.")
        if not is_temporary(name):
            check_name(name, self._incoming.takes[account])

    def _resource(self, path: str, environ: Environ) -> Dropped | None:
        found = self._davProvider.get_resource_inst(path, environ)
        return found if isinstance(found, Dropped) else None

    def _writable(self, environ: Environ, there: Dropped | None) -> None:
        """Raises 423 where somebody else has locked it."""
        self._check_write_permission(there, "0", environ)

    def _said(
        self, environ: Environ, start_response: StartResponse, failure: DAVError | None
    ) -> Iterable[bytes]:
        """The same of each property of a PROPPATCH: what failed, or that all is well."""
        href = self._davProvider.href(environ["PATH_INFO"])
        said = dict.fromkeys(property_changes(environ), failure)
        return properties_said(environ, start_response, href, said)
