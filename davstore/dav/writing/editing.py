"""DELETE and MOVE in the accounts, RFC 4918 sections 9.6 and 9.9: deleting with a way back, and
renaming. Nothing is moved or copied at a store, and what stands in views is theirs.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from wsgidav.dav_error import (
    HTTP_CONFLICT,
    HTTP_FORBIDDEN,
    HTTP_NOT_FOUND,
    HTTP_PRECONDITION_FAILED,
    DAVError,
)

from davstore import names
from davstore.catalog import Editor, moved_to, owner
from davstore.dav.access.people import Person
from davstore.dav.access.proxied import without
from davstore.dav.access.rights import ALLOW, check_right, done
from davstore.dav.http.conditions import Verdict, verdict
from davstore.dav.keeping.refused_writes import RefusedWrites
from davstore.dav.tree.tree import LINKS, MAGNETS, TRASH, Links, Tree
from davstore.dav.writing.moving import depth, destination
from davstore.model import Entry, Folder, Leaf
from davstore.wsgi import Environ, StartResponse

METHODS = ("DELETE", "MOVE")
_COPY = "COPY adds it there, and leaves it here"


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at a path, whose `parts` are spelt as they are listed; `magnet` is "" above the
    folders of magnets.
    """

    parts: tuple[str, ...]
    entry: Entry
    magnet: str = ""

    @property
    def account(self) -> str:
        """The account in which it stands."""
        return self.parts[0]

    @property
    def in_trash(self) -> bool:
        """Whether it has been deleted."""
        return self.parts[1:2] == (TRASH,)

    @property
    def inner(self) -> tuple[str, ...]:
        """Its path within the magnet's folder."""
        return self.parts[3:]


class Editing:
    """Answers DELETE, MOVE and COPY of what a `tree` holds by way of the `editor`, and DELETE of
    the accounts' `links`; only in the accounts that are `deletable` anything may be deleted.
    """

    def __init__(
        self,
        tree: Tree,
        editor: Editor,
        deletable: Collection[str],
        refusals: RefusedWrites,
        links: Links | None = None,
    ) -> None:
        self._tree = tree
        self._editor = editor
        self._deletable = deletable
        self._links = links
        self.refusals = refusals

    def __call__(
        self, environ: Environ, start_response: StartResponse, resource: Any, person: Person
    ) -> Iterable[bytes]:
        """A response to a method of `METHODS`; raises `DAVError`, and what the editor does."""
        method = environ["REQUEST_METHOD"]
        check_right(person, method)
        place = self._place(parts_of(environ["PATH_INFO"]), person)
        if place is None:
            raise DAVError(HTTP_NOT_FOUND)
        is_link = len(place.parts) == 3 and place.parts[1] == LINKS
        if not place.magnet and not is_link:
            raise _forbidden("This folder stays: choose something in it.")
        _check_conditions(environ, resource)
        is_new = False
        if is_link:
            self._forget(environ, place, person)
        elif method == "DELETE":
            self._delete(environ, place, person)
        else:
            is_new = self._move(environ, resource, place, person)
        return done(start_response, is_new=is_new)

    def give_away(
        self, environ: Environ, resource: Any, person: Person, to: str, add: Callable[[], object]
    ) -> None:
        """MOVE of a magnet's folder to where the account `to` is given magnets: `add` it there,
        then it goes to the trash here, where it stays until it has arrived. Raises `DAVError`, and
        what `add` raises, with nothing done.
        """
        check_right(person, "MOVE")
        depth(environ, resource, is_move=True)
        path = environ["PATH_INFO"]
        place = self._place(parts_of(path), person) if self.concerns(path, person) else None
        if place is None or not place.magnet or place.inner or place.in_trash:
            raise _forbidden(f"Only what stands in an account's magnets can be moved; {_COPY}.")
        if place.account == to:
            raise _forbidden(f"It stands in {to} already.")
        if place.account not in self._deletable:
            raise _forbidden(
                f"It would be deleted here, which accounts.{place.account}.delete = true "
                f"would allow; {_COPY}."
            )
        _check_conditions(environ, resource)
        add()
        self._editor.delete(
            place.account, place.magnet, (), person.name, in_trash=False, why=moved_to(to)
        )

    def concerns(self, path: str, person: Person) -> bool:
        """Whether `path` is in an account, and no view's."""
        parts = parts_of(path)
        return bool(parts) and self._tree.is_account(parts[0]) and person.sees(parts[0])

    def _delete(self, environ: Environ, place: Place, person: Person) -> None:
        if isinstance(place.entry, Folder) and environ.get("HTTP_DEPTH", "infinity") != "infinity":
            raise DAVError(400, "A folder is deleted with all that is in it: Depth is infinity.")
        self._check_deletable(place.account)
        self.refusals.check_delete(person.name, environ["PATH_INFO"])
        self._editor.delete(
            place.account, place.magnet, place.inner, person.name, in_trash=place.in_trash
        )

    def _forget(self, environ: Environ, place: Place, person: Person) -> None:
        if environ["REQUEST_METHOD"] != "DELETE":
            raise _forbidden("A link keeps its name: it can be read, and deleted.")
        self._check_deletable(place.account)
        self.refusals.check_delete(person.name, environ["PATH_INFO"])
        assert self._links is not None
        assert isinstance(place.entry, Leaf)
        self._links.forget(place.account, place.entry, person.name)

    def _check_deletable(self, account: str) -> None:
        if account not in self._deletable:
            raise _forbidden(
                f"Nothing may be deleted here; accounts.{account}.delete = true would allow it."
            )

    def _move(self, environ: Environ, resource: Any, place: Place, person: Person) -> bool:
        """Whether nothing stood there before."""
        depth(environ, resource, is_move=True)
        provider = resource.provider
        target = parts_of(without(provider.mount_path, destination(environ)))
        above = self._place(target[:-1], person)
        if above is None or not isinstance(above.entry, Folder):
            raise DAVError(HTTP_CONFLICT, "There is no such folder.")
        target = (*above.parts, *target[-1:])
        if target == place.parts:
            raise _forbidden("That is the same place.")
        self._check_target(place, target)
        _check_name(target[-1])
        there = self._place(target, person)
        if (
            there is not None
            and there.parts[2:] == place.parts[2:]
            and there.magnet == place.magnet
        ):
            there = None  # only its case is another, or it was emptied there a moment ago
        if there is not None:
            if environ.get("HTTP_OVERWRITE") == "F":
                raise DAVError(HTTP_PRECONDITION_FAILED, "There is something already.")
            self._check_deletable(place.account)
            self._editor.delete(
                there.account, there.magnet, there.inner, person.name, in_trash=False
            )
        self._rename(place, target, person)
        return there is None

    def _check_target(self, place: Place, target: tuple[str, ...]) -> None:
        """Raises 403 where nothing can be moved to."""
        if target[:1] != place.parts[:1]:
            raise _forbidden("Nothing is moved from one account to another.")
        if not place.inner:
            if len(target) == 3 and target[1] == MAGNETS:
                return
            if len(target) == 3 and target[1] == TRASH and not place.in_trash:
                if target[2] != place.parts[2]:
                    raise _forbidden("What goes to the trash keeps its name.")
                return
            raise _forbidden("A magnet can only be given another name.")
        if place.in_trash:
            raise _forbidden("Only whole magnets can be had back from the trash.")
        if target[:3] != place.parts[:3] or len(target) < 4:
            raise _forbidden("A file can only be moved within its magnet's folder.")
        length = min(len(target), len(place.parts))
        if target[:length] == place.parts[:length]:
            raise _forbidden("One is within the other.")

    def _rename(self, place: Place, target: tuple[str, ...], person: Person) -> None:
        account, magnet = place.account, place.magnet
        if place.inner:
            self._editor.move(account, magnet, place.inner, target[3:])
        elif target[1] == TRASH:
            self._check_deletable(account)
            self._editor.delete(account, magnet, (), person.name, in_trash=False)
        elif place.in_trash:
            self._editor.restore(account, magnet, target[2])
        else:
            self._editor.name(account, magnet, target[2])

    def _place(self, parts: Sequence[str], person: Person) -> Place | None:
        """What stands at a path, as the tree spells it; names that clash count as the same."""
        entry = self._tree.find((), person)
        spelt: list[str] = []
        magnet = ""
        for part in parts:
            found = _member(entry, part, is_wide=len(spelt) == 2)
            if found is None:
                return None
            name, entry = found
            spelt.append(name)
            if len(spelt) == 1:
                entry = self._tree.find(spelt, person)
            if len(spelt) == 3 and isinstance(entry, Folder):
                magnet = owner(entry)[1]
        return None if entry is None else Place(tuple(spelt), entry, magnet)


def _member(folder: Entry | None, part: str, *, is_wide: bool) -> tuple[str, Entry] | None:
    """A member by its name, or by one that some client would take for the same.

    Not so in a folder that `is_wide`, of thousands: there the editor knows.
    """
    if not isinstance(folder, Folder):
        return None
    for name in (part, normalize("NFC", part)):
        if name in folder.entries:
            return name, folder.entries[name]
    if is_wide:
        return None
    key = names.key(part)
    return next(((n, e) for n, e in folder.entries.items() if names.key(n) == key), None)


def parts_of(path: str) -> tuple[str, ...]:
    """The components of a path, in the form in which they are kept."""
    return tuple(normalize("NFC", part) for part in path.split("/") if part)


def _forbidden(text: str) -> DAVError:
    return DAVError(HTTP_FORBIDDEN, text, add_headers=[ALLOW])


def _check_name(name: str) -> None:
    safe = names.safe(name)
    if safe != name:
        raise _forbidden(f"Not every system could show that name; {safe!r} would do.")


def _check_conditions(environ: Environ, resource: Any) -> None:
    """If-Match and its like, RFC 9110 section 13.2: what they forbid is 412 here."""
    told = {key: value for key, value in environ.items() if key != "HTTP_IF_MODIFIED_SINCE"}
    tag = resource.get_etag()
    etag = f'"{tag}"' if tag else '"a folder has none"'
    if verdict(told, etag, resource.get_last_modified()) is not Verdict.GO_ON:
        raise DAVError(HTTP_PRECONDITION_FAILED)
