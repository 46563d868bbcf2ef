"""The same request again, but for its target, its range and its body: answered at once.

Clients ask thousands of times in the very same words. Who they are and what they may do was
found out the first time, by all the layers around; all that is looked for now is whether that is
still so, and whether the answer is at hand.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from urllib.parse import unquote_to_bytes

from davstore.dav.access.gate import LONGEST_PATH
from davstore.dav.access.login import Users
from davstore.dav.access.people import Person
from davstore.dav.access.rights import options
from davstore.dav.http.transfer import AGAIN, OFFER, Answer, Request, Transfer
from davstore.dav.listing.listing import Listing
from davstore.dav.reading.download import Download
from davstore.dav.tree.overlay import SidecarLeaf
from davstore.dav.tree.tree import Tree
from davstore.model import Entry, Leaf, Text
from davstore.wsgi import Environ, Headers, StartResponse

# Whatever takes more than undoing %XX is left to who answers from scratch: queries, "." and "..",
# empty parts, encoded slashes (which stay as they are, and are no separators).
_ODD = re.compile(r"[?#]|//|/\.\.?(?:/|\Z)|%2[ef]|%00|[^!-~]", re.IGNORECASE)


class Repeats:
    """Makes what answers requests again. `href` is the address of an entry at a path, encoded;
    `allowed` are the methods that somebody may use at a path.
    """

    def __init__(
        self,
        tree: Tree,
        users: Users,
        listing: Listing,
        download: Download,
        href: Callable[[str, Entry], str],
        allowed: Callable[[str, Person], tuple[str, ...]],
    ) -> None:
        self._tree = tree
        self._users = users
        self._listing = listing
        self._download = download
        self._href = href
        self._allowed = allowed

    def offer(self, environ: Environ, person: Person) -> None:
        """Leave in `environ` what answers this request of this person again, if that can be."""
        target, path = path_of(environ.get("REQUEST_URI", "")), environ["PATH_INFO"]
        if OFFER not in environ or target is None or not target.endswith(path):
            return
        if "HTTP_IF" in environ:  # is about locks, and tags of one resource
            return
        if not environ.get("HTTP_AUTHORIZATION", "basic ").lower().startswith("basic "):
            return  # others are good for one request
        prefix = target.removesuffix(path)
        asked = {name: value for name, value in environ.items() if name != "wsgi.input"}
        environ[AGAIN] = partial(self._again, asked, prefix, person)

    def _again(
        self, environ: Environ, prefix: str, person: Person, request: Request
    ) -> Answer | Transfer | None:
        path = path_of(request.target)
        if path is None or not path.startswith(f"{prefix}/"):
            return None
        if self._users.people[person.name] != person:
            return None
        path = path.removeprefix(prefix)
        entry = self._tree.at_hand([part for part in path.split("/") if part], person)
        if entry is None or isinstance(entry, SidecarLeaf):
            return None  # another process may have written it since
        method = environ["REQUEST_METHOD"]
        if method == "PROPFIND":
            address = self._href(path, entry)
            return self._listing.at_hand(environ, request.body, address, entry)
        if method == "OPTIONS":
            allowed = self._allowed(path, person)
            return _collected(lambda start_response: options(start_response, *allowed))
        if isinstance(entry, Leaf) and entry.size is not None and not isinstance(entry, Text):
            return self._read(environ, entry, request)
        return None  # a page takes its time, and who does not know a size must ask for it

    def _read(self, environ: Environ, leaf: Leaf, request: Request) -> Answer | Transfer | None:
        asked = {name: value for name, value in environ.items() if name != "HTTP_RANGE"}
        if request.range is not None:
            asked["HTTP_RANGE"] = request.range
        if environ["REQUEST_METHOD"] == "GET":
            return self._download.transfer(asked, leaf)
        said = _collected(lambda start_response: self._download(asked, start_response, leaf))
        return Answer(said.status, said.headers)  # a body would be taken for the next answer


@lru_cache(4096)
def path_of(target: str) -> str | None:
    """The decoded path that a request's target means; None where that is not plain to see."""
    if not target.startswith("/") or len(target) > LONGEST_PATH or _ODD.search(target):
        return None
    try:
        return unquote_to_bytes(target).decode()
    except UnicodeDecodeError:
        return None


def _collected(application: Callable[[StartResponse], Iterable[bytes]]) -> Answer:
    """A short WSGI response as a value."""
    said: list[tuple[str, Headers]] = []
    parts: list[bytes] = []

    def start_response(
        status: str, headers: Headers, _exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        said.append((status, headers))
        return parts.append

    parts += application(start_response)
    return Answer(*said[0], tuple(parts))
