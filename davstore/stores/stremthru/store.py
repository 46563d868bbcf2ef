"""StremThru, its Store API (magnets) and its Torz API (https://docs.stremthru.13377001.xyz).

Both say the same in slightly other words; the store behind the instance is named in headers.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, urlsplit

from davstore.errors import (
    Gone,
    NotAuthorized,
    Refused,
    StoreError,
    StoreUnavailable,
    TooLong,
    UnexpectedReply,
)
from davstore.model import Account, File, Found, Link, Magnet, Query, Status, Unreadable, Wanted
from davstore.stores import base, shapes, torznab
from davstore.stores.base import USUAL, FileLists, Listing, Means, News, Seen
from davstore.stores.paging import Page, Pages
from davstore.stores.shapes import legible, read, rows, web_link
from davstore.stores.stremthru.errors import ERRORS, NOTICES, Invalid
from davstore.stores.stremthru.settings import STORES, Settings
from davstore.stores.stremthru.shapes import (
    Added,
    Answers,
    Checked,
    Debug,
    Detail,
    Failure,
    FileRow,
    Generated,
    Row,
    User,
)
from davstore.transport import Json, Transport, per_minute, per_second

PAGE = 500
OVERLAP = 10
"""Rows of a page that are read again with the next: fewer may leave in between unharmed."""
MOST_PAGES, MOST_PASSES = 2000, 3
MOST_HASHES = 500
"""So many can be checked in one call."""
RATES = (per_second(10), per_minute(200))
"""The instance has no limits of its own; the store behind it has."""
ADD_PAUSE, ADD_PAUSE_OF_OTHERS = 21.0, 3.0
"""Seconds between two adds: Real-Debrid's, and where the store behind is another for certain."""
LARGEST_TORRENT = 1_000_000
"""Bytes of a torrent file that an instance takes, as long as it is not told otherwise."""
PROXIED_LIFE, DIRECT_LIFE = 12 * 3600.0, 3 * 3600.0
"""Links of the instance's own proxy live 12 h; others as long as an unknown store's."""
NO_STORE = (
    "StremThru finds no store for this login; "
    "check username and password, or give store_name and store_token"
)
NO_SUCH_API = 'no such API there; check url, and try the other api ("torz" or "magnets")'
NO_SEARCH = "this StremThru has no search; check url, or turn it on there"
BAD_NAME = ("invalid store name", "x-stremthru-store-name")
PROXY_PATH, NOTICE_PATH = "/v0/proxy/", "/v0/store/_/static/"

LINKS_ONLY: Final = frozenset({"offcloud"})
"""Stores that take no torrent files."""

_STATUS: Mapping[str, Status] = {
    "cached": Status.READY,
    "downloaded": Status.READY,
    "queued": Status.QUEUED,
    "downloading": Status.DOWNLOADING,
    "processing": Status.PROCESSING,
    "uploading": Status.PROCESSING,
    "failed": Status.FAILED,
    # Real-Debrid's magnets are so called while they are still being converted.
    "invalid": Status.QUEUED,
    "unknown": Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Api:
    """Where the two APIs differ: paths, what an added link or torrent file is called, and how a
    hash is checked.
    """

    magnets: str
    magnet: str
    check: str
    link: str
    word: str
    file: str
    checked: str
    hash: str


_APIS: Final[Mapping[str, _Api]] = {
    "torz": _Api(
        "/v0/store/torz",
        "/v0/store/torz/{}",
        "/v0/store/torz/check",
        "/v0/store/torz/link/generate",
        word="link", file="file", checked="hash", hash="{}",
    ),
    "magnets": _Api(
        "/v0/store/magnets",
        "/v0/store/magnets/{}",
        "/v0/store/magnets/check",
        "/v0/store/link/generate",
        word="magnet", file="torrent", checked="magnet", hash="magnet:?xt=urn:btih:{}",
    ),
}  # fmt: skip


class StremThru:
    """One account behind a StremThru instance. A file's ref is the opaque link of its file."""

    def __init__(self, name: str, settings: Settings, means: Means = USUAL) -> None:
        self.name = name
        self._base = settings.url
        self._paths = _APIS[settings.api]
        is_other = settings.store_name not in {None, "realdebrid"}
        self.add_pause = ADD_PAUSE_OF_OTHERS if is_other else ADD_PAUSE
        self._store_name = settings.store_name or ""
        self._takes_files = settings.store_name not in LINKS_ONLY
        self._now = means.now
        self._api = Transport(
            name, settings.url, rates=RATES, secrets=settings.headers, complaint=self._complaint,
            **means.of_transport,
        )  # fmt: skip

    def magnets(self) -> Listing:
        """Pages until nothing new comes: neither `total_items` nor the page's length is to be
        trusted, and some stores give everything at once, whatever the offset.

        Pages overlap. Where nothing of the overlap is met again, rows have left meanwhile and
        others may have slipped past: then the listing is begun anew.
        """
        seen: set[str] = set()
        for _ in range(MOST_PASSES):
            met: set[str] = set()
            start = overlap = 0
            for _ in range(MOST_PAGES):
                found = self._page(start).rows
                ids = {row.id for row in found if row.id is not None}
                if overlap and not ids & met:
                    break
                if not found or (start and ids <= met):
                    return
                yield from _unseen(found, seen)
                met |= ids
                overlap = min(OVERLAP, len(found) // 2)
                start += len(found) - overlap
        raise StoreUnavailable(self.name, "the listing kept changing while it was read")

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        """The first page; see `paging`."""
        pages = Pages(PAGE, lambda page, _: self._page((page - 1) * PAGE), self.magnets)
        return pages.news(marker, known, self._now())[0]

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """One call a magnet: the listing has no files."""
        return base.one_by_one(magnets, self._files_of)

    def link(self, file: File) -> Link:
        """Generates the link; one that ends at the instance's notices is marked as a decoy."""
        asked = self._now()
        body = self._api.post(self._paths.link, json_body={"link": file.ref}, urgent=True).body
        given = read(Generated, _data(body, self.name), self.name).link
        found = web_link(given, self.name, self._base if given.startswith("/") else "")
        path = urlsplit(found).path
        if NOTICE_PATH in path:
            raise self._notice(path)
        life = PROXIED_LIFE if PROXY_PATH in path else DIRECT_LIFE
        return Link(found, asked + life, decoy=NOTICE_PATH)

    def add(self, wanted: Wanted) -> str:
        """Adds the torrent file, if the instance takes such a large one, or the link."""
        paths = self._paths
        if wanted.torrent and self._takes_files and len(wanted.torrent) <= LARGEST_TORRENT:
            torrent = (f"{wanted.hash}.torrent", wanted.torrent, "application/x-bittorrent")
            sent: Mapping[str, Json] = {"files": {paths.file: torrent}}
        else:
            sent = {"json": {paths.word: wanted.link}}
        try:
            body = self._api.call("POST", paths.magnets, once=True, **sent).body
        except Invalid as error:
            raise Refused(self.name, "the store cannot use this magnet") from error
        return read(Added, _data(body, self.name), self.name).id

    def remove(self, magnet: Magnet) -> None:
        """`DELETE …/{id}`; some stores behind StremThru cannot do this."""
        with suppress(Gone):
            self._api.call("DELETE", self._magnet_path(magnet))

    def check(self, hashes: Sequence[str]) -> frozenset[str]:
        """`GET …/check`: from the instance's own memory, hours old, so that it is a hint."""
        ready: set[str] = set()
        for start in range(0, len(hashes), MOST_HASHES):
            ready |= self._checked(hashes[start:][:MOST_HASHES])
        return frozenset(hashes) & ready

    def _checked(self, hashes: Sequence[str]) -> frozenset[str]:
        """In one call, or in more where a proxy before the instance takes no URL of that length."""
        asked = ",".join(map(self._paths.hash.format, hashes))
        try:
            with base.certain(self.name, NO_SUCH_API):
                data = self._data(self._paths.check, {self._paths.checked: asked}, urgent=True)
        except TooLong:
            if len(hashes) == 1:
                raise
            half = len(hashes) // 2
            return self._checked(hashes[:half]) | self._checked(hashes[half:])
        answers = rows(read(Answers, data, self.name).items, self.name)
        return frozenset().union(*(_ready(read(Checked, row, self.name)) for row in answers))

    def search(self, query: Query) -> tuple[Found, ...]:
        """`GET /v0/torznab/api`; the document writes torzab, the service knows the other alone."""
        with base.certain(self.name, NO_SEARCH):
            reply = self._api.call(
                "GET", "/v0/torznab/api", params=torznab.parameters(query), urgent=True,
                decode=torznab.decoded,
            )  # fmt: skip
        return torznab.results(reply.body, self.name)

    def account(self) -> Account:
        """`GET /v0/store/user`."""
        with base.certain(self.name, NO_SUCH_API):
            user = read(User, self._data("/v0/store/user", urgent=True), self.name)
        return Account(user.email or user.id or "?", user.subscription_status)

    def seen(self) -> Seen | None:
        """`GET /v0/health/__debug__`: undocumented, read from the server's source
        (internal/endpoint/health.go).
        """
        told = read(Debug, self._data("/v0/health/__debug__", urgent=True), self.name)
        if told.ip is None:
            return None
        name = self._store_name or told.user.store.default
        exposed = told.ip.exposed
        its = exposed.get(f":{STORES.get(name, name)}:api:") or exposed.get("*") or told.ip.machine
        return Seen(told.ip.client, its)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _notice(self, path: str) -> StoreError:
        kind, reason = NOTICES.get(
            PurePosixPath(path).stem, (StoreUnavailable, "a notice in place of the file")
        )
        return kind(self.name, reason)

    def _complaint(self, body: Json) -> StoreError | None:
        """Both error shapes have a code and a message; they may come with HTTP 200.

        Where the code is unknown the HTTP status decides, or else that there is no `data`.
        """
        if not isinstance(body, dict) or not body.get("error"):
            return None
        error = legible(Failure, body["error"])
        if error is None:
            return None
        if error.speaks_of("missing store"):  # a bad request, where the username is unknown
            return NotAuthorized(self.name, NO_STORE)
        code = "STORE_NAME_INVALID" if error.speaks_of(*BAD_NAME) else error.code
        if code not in ERRORS:
            return None
        kind, reason = ERRORS[code]
        return kind(self.name, reason)

    def _page(self, start: int) -> Page:
        with base.certain(self.name, NO_SUCH_API):
            data = self._data(self._paths.magnets, {"limit": PAGE, "offset": start})
        page = read(Answers, data, self.name)
        # Go writes an empty list as null; that the account is empty must be said twice.
        nothing = page.items is None and (start or page.total_items == 0)
        found = [_magnet(value) for value in ([] if nothing else rows(page.items, self.name))]
        # Some stores only say that there is more; such a total tells nothing.
        total, end = page.total_items, start + len(found)
        return Page(found, total if total == end < PAGE or (total or 0) > end + 1 else None)

    def _files_of(self, magnet: Magnet) -> tuple[File, ...]:
        data = self._data(self._magnet_path(magnet))
        files = [read(FileRow, row, self.name) for row in read(Detail, data, self.name).files]
        return tuple(_file(row, magnet) for row in files if row.link)

    def _magnet_path(self, magnet: Magnet) -> str:
        return self._paths.magnet.format(quote(magnet.id, safe=""))

    def _data(
        self, path: str, params: Mapping[str, int | str] | None = None, *, urgent: bool = False
    ) -> Json:
        return _data(self._api.get(path, params, urgent=urgent).body, self.name)


def _data(body: Json, account: str) -> Json:
    if not isinstance(body, dict) or "data" not in body:
        raise UnexpectedReply(account, "unexpected reply: it has no data")
    return body["data"]


def _magnet(value: Json) -> Magnet | Unreadable:
    row = shapes.row(Row, value)
    if isinstance(row, Unreadable):
        return row
    return Magnet(
        id=row.id,
        name=row.name,
        status=_STATUS.get(row.status, Status.UNKNOWN),
        fingerprint=f"{row.status} {row.size} {row.name}",
        hash=row.hash.lower(),
        size=row.size,
        added=row.added_at,
    )


def _ready(row: Checked) -> frozenset[str]:
    """The hash, wherever it stands, if what it names is there already."""
    if _STATUS.get(row.status) is not Status.READY:
        return frozenset()
    return frozenset({row.hash.lower(), row.magnet.lower().partition("btih:")[2].partition("&")[0]})


def _file(row: FileRow, magnet: Magnet) -> File:
    path = row.path.lstrip("/") or row.name or magnet.name
    return File(path, row.link, row.size, index=row.index, video_hash=row.video_hash)


def _unseen(rows: Sequence[Magnet | Unreadable], seen: set[str]) -> Iterator[Magnet | Unreadable]:
    """Those of `rows` that are not among `seen`, to which they are added."""
    for row in rows:
        if row.id is None or row.id not in seen:
            yield row
        if row.id is not None:
            seen.add(row.id)
