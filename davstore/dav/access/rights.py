"""Which right each method needs, and what the methods that write are told in the read-only tree.

RFC 4918 sections 9.2 to 9.11.
"""

from collections.abc import Iterable, Mapping

from wsgidav import util, xml_tools
from wsgidav.dav_error import (
    HTTP_BAD_REQUEST,
    HTTP_CONFLICT,
    HTTP_FORBIDDEN,
    HTTP_MEDIATYPE_NOT_SUPPORTED,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_NOT_FOUND,
    DAVError,
    DAVErrorCondition,
    PRECONDITION_CODE_LockTokenMismatch,
)

from davstore.dav.access.people import Person
from davstore.dav.http.bodies import property_changes
from davstore.dav.http.times import date
from davstore.model import Entry, Folder
from davstore.wsgi import Environ, StartResponse

READING = ("OPTIONS", "GET", "HEAD", "PROPFIND")
WRITING = ("PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK")

ALLOW = ("Allow", ", ".join(READING))
_NEEDS: Mapping[str, str] = {
    **dict.fromkeys(READING, "read"),
    **dict.fromkeys(WRITING, "add"),
    "DELETE": "delete",
    "MOVE": "delete",
}

_ELSEWHERE: Mapping[str, str] = {
    "COPY": "Nothing can be copied here: it is at a service. COPY of a magnet's whole folder into "
    "another account's incoming adds it there.",
    "MOVE": "Nothing can be renamed here; the magnets of an account can.",
    "DELETE": "Nothing can be deleted here; the magnets of an account can.",
}


def check_right(person: Person, method: str) -> None:
    """Raises 403 where the person may not do this."""
    needed = _NEEDS.get(method, "read")
    if needed not in person.rights:
        raise DAVError(HTTP_FORBIDDEN, f"You may not do this: it needs the right to {needed}.")


def done(start_response: StartResponse, *headers: tuple[str, str], is_new: bool) -> Iterable[bytes]:
    """The answer to a write that went well, without a body, which no client reads: 201 where
    something is there that was not (`is_new`), else 204.
    """
    status = "201 Created" if is_new else "204 No Content"
    # WsgiDAV ends the connection after a 204 without a length, though RFC 9110 wants none.
    start_response(status, [("Content-Length", "0"), ("Date", date()), *headers])
    return [b""]


def options(start_response: StartResponse, *allowed: str) -> Iterable[bytes]:
    """The answer to OPTIONS. Class 2 everywhere: Finder mounts read-only what is less."""
    start_response(
        "200 OK",
        [
            ("DAV", "1, 2"),
            ("MS-Author-Via", "DAV"),
            ("Allow", ", ".join(allowed)),
            ("Accept-Ranges", "bytes"),
            ("Content-Length", "0"),
            ("Date", date()),
        ],
    )
    return [b""]


def refused(
    environ: Environ,
    start_response: StartResponse,
    href: str,
    entry: Entry | None,
    above: Entry | None,
) -> Iterable[bytes]:
    """The answer to a method that would change `entry` (None: nothing stands there), which stands
    in `above`: the one that names what is wrong. Raises `DAVError`.
    """
    method = environ["REQUEST_METHOD"]
    if method not in WRITING:
        raise _not_allowed("This method is not known.")
    if method in {"PUT", "MKCOL", "LOCK"} and not isinstance(above, Folder):
        raise DAVError(HTTP_CONFLICT, "There is no such folder.")
    if method == "MKCOL":
        _check_new_folder(environ, entry)
    elif method == "PUT" and isinstance(entry, Folder):
        raise _not_allowed("This is a folder.")
    elif entry is None and method not in {"PUT", "LOCK"}:
        raise DAVError(HTTP_NOT_FOUND)
    elif method in {"COPY", "MOVE"} and "HTTP_DESTINATION" not in environ:
        raise DAVError(HTTP_BAD_REQUEST, "The Destination is missing.")
    elif method in {"COPY", "MOVE", "DELETE"}:
        raise DAVError(HTTP_FORBIDDEN, _ELSEWHERE[method], add_headers=[ALLOW])
    elif method == "UNLOCK":
        mismatch = DAVErrorCondition(PRECONDITION_CODE_LockTokenMismatch)
        raise DAVError(HTTP_CONFLICT, "Nothing is locked here.", err_condition=mismatch)
    elif method == "PROPPATCH":
        said = dict.fromkeys(property_changes(environ), DAVError(HTTP_FORBIDDEN))
        return properties_said(environ, start_response, href, said)
    raise DAVError(HTTP_FORBIDDEN, "Nothing can be changed here.", add_headers=[ALLOW])


def _check_new_folder(environ: Environ, entry: Entry | None) -> None:
    if util.get_content_length(environ) != 0:
        raise DAVError(HTTP_MEDIATYPE_NOT_SUPPORTED, "A folder has no content.")
    if entry is not None:
        raise _not_allowed("There is something already.")


def _not_allowed(text: str) -> DAVError:
    return DAVError(HTTP_METHOD_NOT_ALLOWED, text, add_headers=[ALLOW])


def properties_said(
    environ: Environ,
    start_response: StartResponse,
    href: str,
    said: Mapping[str, DAVError | None],
) -> Iterable[bytes]:
    """A 207 for a PROPPATCH, section 9.2.1: of each property what failed, None for nothing."""
    answer = xml_tools.make_multistatus_el()
    util.add_property_response(answer, href, list(said.items()))
    response: Iterable[bytes] = util.send_multi_status_response(environ, start_response, answer)
    return response
