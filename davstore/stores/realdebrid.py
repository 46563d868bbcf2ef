"""Real-Debrid, REST API 1.0 (https://api.real-debrid.com). Its "torrent" is our magnet."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Account, File, Link, Magnet, Status, Unreadable
from davstore.stores import base
from davstore.stores.base import FileLists, Listing, News
from davstore.stores.paging import Mark, Page, Pages, Row
from davstore.stores.shapes import (
    GivenRows,
    GivenWords,
    Length,
    Moment,
    Percent,
    Rows,
    Shape,
    Size,
    Word,
    amiss,
    read,
    rows,
)
from davstore.tally import Tally
from davstore.transport import Json, Together, Transport, per_minute, per_second

PAGE = 100
"""Rows a page: beyond this the service has been seen to leave out members."""
MOST_PAGES, MOST_RETURNS = 10_000, 6
RECENT, MOST_DONE = 24 * 3600.0, 5
LIFE = 24 * 3600.0
RATES = (per_second(8), per_minute(200))
"""Below the 250 calls a minute that the service allows (refused ones count too)."""
SHORT_CODE = 13
"""Longer codes have been seen that only work when cut to this."""
NO_API = "Real-Debrid's API does not answer there; check url"

_PARIS = ZoneInfo("Europe/Paris")

_STATUS: Mapping[str, Status] = {
    "magnet_error": Status.FAILED,
    "magnet_conversion": Status.QUEUED,
    "waiting_files_selection": Status.QUEUED,
    "queued": Status.QUEUED,
    "downloading": Status.DOWNLOADING,
    "downloaded": Status.READY,
    "error": Status.FAILED,
    "virus": Status.FAILED,
    "compressing": Status.PROCESSING,
    "uploading": Status.PROCESSING,
    "dead": Status.FAILED,
}

_BUSY = frozenset({Status.QUEUED, Status.DOWNLOADING, Status.PROCESSING})

# Every code of the API document, and 37, which is not in it.
ERRORS: Mapping[int, tuple[type[StoreError], str]] = {
    -1: (StoreUnavailable, "internal error at Real-Debrid"),
    1: (UnexpectedReply, "our request lacks a parameter"),
    2: (UnexpectedReply, "our request has a bad parameter"),
    3: (Gone, "Real-Debrid does not know this id"),
    4: (UnexpectedReply, "Real-Debrid does not allow this call"),
    5: (RateLimited, "asked too quickly"),
    6: (StoreUnavailable, "the file's server cannot be reached"),
    7: (Gone, "no longer in the account"),
    8: (NotAuthorized, "the token is wrong or revoked; get one at real-debrid.com/apitoken"),
    9: (
        AccountProblem,
        "the account is locked or not premium; log in on the site",
    ),
    10: (NotAuthorized, "the account asks for a second factor; log in on the site"),
    11: (NotAuthorized, "the account waits for its second factor; log in on the site"),
    12: (NotAuthorized, "the login is wrong"),
    13: (NotAuthorized, "the password is wrong"),
    14: (AccountProblem, "the account is locked; ask Real-Debrid's support"),
    15: (AccountProblem, "the account is not activated; see your e-mail"),
    16: (Gone, "Real-Debrid no longer serves this file; add the magnet again"),
    17: (StoreUnavailable, "the file's server is in maintenance"),
    18: (QuotaExhausted, "the limit of the file's host is reached"),
    19: (Gone, "the file is no longer on Real-Debrid's disks; add the magnet again"),
    20: (AccountProblem, "needs a premium account; renew it at real-debrid.com"),
    21: (QuotaExhausted, "too many active downloads"),
    22: (
        AccountProblem,
        "Real-Debrid refuses this address; leave out servers and VPNs",
    ),
    23: (QuotaExhausted, "the traffic is used up until midnight in Paris"),
    24: (Gone, "the file is no longer available; add the magnet again"),
    25: (StoreUnavailable, "the service is unavailable"),
    26: (UnexpectedReply, "the upload is too big"),
    27: (StoreUnavailable, "the upload failed"),
    28: (Refused, "the file is not allowed"),
    29: (Refused, "the torrent is too big"),
    30: (UnexpectedReply, "the torrent file is invalid"),
    31: (UnexpectedReply, "already done"),
    32: (UnexpectedReply, "bad image"),
    33: (UnexpectedReply, "the torrent is active already"),
    34: (RateLimited, "too many requests"),
    35: (Refused, "refused as infringing"),
    36: (QuotaExhausted, "the fair use limit is reached"),
    37: (AccountProblem, "the service has switched this call off"),
}


class Settings(base.TokenSettings):
    """`[accounts.NAME]` with `store = "realdebrid"`."""

    url: base.BaseUrl = "https://api.real-debrid.com/rest/1.0"


class _Row(Shape):
    """One row of `GET /torrents`."""

    id: str
    filename: Word = ""
    original_filename: Word = ""
    hash: Word = ""
    bytes: Size = None
    progress: Percent = None
    status: str
    added: Moment = None
    links: Rows


class _FileRow(Shape):
    id: int
    path: str
    bytes: Length = None
    selected: int = 0


class _Info(Shape):
    """`GET /torrents/info/{id}`."""

    filename: Word = ""
    files: GivenRows
    links: GivenWords


class _Unrestricted(Shape):
    """`POST /unrestrict/link`."""

    download: str
    filename: Word = ""
    filesize: Size = None
    mimeType: Word = ""  # noqa: N815 - the service's word
    chunks: Size = None


class _User(Shape):
    username: str
    type: Word = ""
    expiration: Moment = None


class RealDebrid:
    """One Real-Debrid account. A file's ref is its restricted link."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        together: Together | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.name = name
        self._now = now
        self._api = Transport(
            name,
            settings.url,
            rates=RATES,
            together=together,
            tally=tally,
            secrets={"Authorization": f"Bearer {settings.secret}"},
            complaint=self._complaint,
            sleep=sleep,
        )

    def magnets(self) -> Listing:
        """Pages of 100, newest first, until all that `X-Total-Count` promises has been read.

        Rows that leave meanwhile pull later ones onto pages that were read already; no more of
        them than the count has dropped by, so that many are gone back for.
        """
        seen: set[str | None] = set()
        page, total, returns = 1, 0, 0
        while page <= MOST_PAGES and returns <= MOST_RETURNS:
            read = self._page(page)
            found, told = read.rows, read.total
            fresh = [row for row in found if row.id not in seen]
            yield from fresh
            seen |= {row.id for row in fresh} - {None}
            count = total if told is None else told
            if count < total:
                page = max(1, page - math.ceil((total - count) / PAGE))
                returns += 1
            elif page == 1 and seen and not found:
                break
            elif not found or page * PAGE >= count > 0 or not (count or fresh):
                return
            else:
                page += 1
            total = count
        raise StoreUnavailable(self.name, "the listing kept changing while it was read")

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        """The first page and the count of all, by ETag; see `paging`."""
        pages = Pages(PAGE, self._page, self.magnets)
        news, mark = pages.news(marker, known, self._now())
        if news.complete:
            return news
        return replace(news, rows=news.rows + tuple(self._unfinished(news, mark, known)))

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """One call a magnet; more only for those whose links do not fit their files."""
        return base.one_by_one(magnets, self._files_of)

    def link(self, file: File) -> Link:
        """Unrestricts the file's link; a code longer than 13 characters also cut to that."""
        asked = self._now()
        found = self._unrestricted(file.ref, urgent=True)
        if file.size is not None and found.filesize not in (None, file.size):
            raise Gone(
                self.name, f"delivers {found.filesize} bytes where {file.size} were promised"
            )
        return Link(found.download, asked + LIFE, size=found.filesize, connections=found.chunks)

    def account(self) -> Account:
        """`GET /user`."""
        with base.certain(self.name, NO_API):
            user = read(_User, self._api.get("/user", urgent=True).body, self.name)
        return Account(user.username, user.type, _local(user.expiration) or None)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _complaint(self, body: Json) -> StoreError | None:
        """`error_code` may be missing or new; then the HTTP status has to do."""
        code = body.get("error_code") if isinstance(body, dict) and "error" in body else None
        if not str(code).lstrip("-").isdecimal() or int(str(code)) not in ERRORS:
            return None
        kind, reason = ERRORS[int(str(code))]
        return kind(self.name, reason)

    def _page(self, page: int, etag: str = "", **query: str) -> Page:
        """One page, and how many rows there are on all pages where that is told."""
        headers = {"If-None-Match": etag} if etag else None
        params = {"page": page, "limit": PAGE, **query}
        with base.certain(self.name, NO_API):
            reply = self._api.call("GET", "/torrents", params=params, headers=headers)
        count = reply.headers.get("X-Total-Count", "")
        if reply.unchanged and etag:
            return Page(total=int(count) if count.isdecimal() else None, unchanged=True)
        found = [] if reply.empty else [self._magnet(v) for v in rows(reply.body, self.name)]
        before = (page - 1) * PAGE
        told = count or ("" if found else str(before))
        if not told.isdecimal():
            return Page(found, etag=reply.headers.get("ETag", ""))
        if not query and len(found) < min(PAGE, int(told) - before):
            raise StoreUnavailable(self.name, "a page has fewer magnets than it says")
        return Page(found, int(told), reply.headers.get("ETag", ""))

    def _unfinished(self, news: News, mark: Mark, known: Mapping[str, Magnet]) -> list[Row]:
        """Magnets below the first page at which the service is at work, as they are now.

        Those added within a day at every look, older ones, which often are stuck, at times.
        """
        now = self._now()
        since = -math.inf if mark.rolled == now else now - RECENT
        met = {row.id for row in news.rows} | news.gone | set(mark.ids)
        below = [id_ for id_, magnet in known.items() if magnet.status in _BUSY
                 and (magnet.added or 0.0) >= since and id_ not in met]  # fmt: skip
        if not below:
            return []
        found = [row for row in self._page(1, filter="active").rows if row.id not in met]
        done = [id_ for id_ in below if id_ not in {row.id for row in found}]
        return found + [row for id_ in done[:MOST_DONE] if (row := self._one(id_)) is not None]

    def _one(self, id_: str) -> Row | None:
        try:
            return self._magnet(self._api.get(f"/torrents/info/{quote(id_, safe='')}").body)
        except Gone:
            return None  # the count will tell

    def _magnet(self, value: Json) -> Magnet | Unreadable:
        try:
            row = _Row.model_validate(value)
        except ValidationError as error:
            known = value.get("id") if isinstance(value, dict) else None
            return Unreadable(known if isinstance(known, str) else None, amiss(error))
        return Magnet(
            id=row.id,
            name=row.filename or row.original_filename or row.hash or row.id,
            status=_STATUS.get(row.status, Status.UNKNOWN),
            fingerprint=f"{row.status} {len(row.links)} {row.bytes} {row.filename}",
            hash=row.hash.lower(),
            size=row.bytes,
            progress=row.progress,
            added=_local(row.added),
        )

    def _files_of(self, magnet: Magnet) -> tuple[File, ...] | StoreError:
        reply = self._api.get(f"/torrents/info/{quote(magnet.id, safe='')}")
        info = read(_Info, reply.body, self.name)
        every = [read(_FileRow, row, self.name) for row in info.files]
        chosen = sorted((row for row in every if row.selected), key=lambda row: row.id)
        if not info.links:
            return StoreUnavailable(self.name, "it has no links yet")
        if len(chosen) == len(info.links):
            return tuple(map(_file, chosen, info.links))
        found = tuple(self._identified(chosen, info.links))
        return found or Gone(self.name, "none of its links works; add the magnet again")

    def _identified(self, chosen: Sequence[_FileRow], links: Sequence[str]) -> Iterator[File]:
        """Some links are missing, or one holds all as an archive: only the service can say
        which is which. A link that fits no file by size stands under its own name.
        """
        left = list(chosen)
        for link in links:
            try:
                found = self._unrestricted(link)
            except (Gone, Refused):
                continue
            row = _fitting(left, found)
            if row is None:
                name = found.filename.replace("/", "_") or link.rpartition("/")[2]
                yield File(name, link, found.filesize, mime=found.mimeType)
            else:
                left.remove(row)
                yield _file(row, link)

    def _unrestricted(self, link: str, *, urgent: bool = False) -> _Unrestricted:
        try:
            reply = self._api.post("/unrestrict/link", {"link": link}, urgent=urgent)
        except Gone:
            start, slash, code = link.rpartition("/")
            if len(code) <= SHORT_CODE:
                raise
            short = start + slash + code[:SHORT_CODE]
            reply = self._api.post("/unrestrict/link", {"link": short}, urgent=urgent)
        found = read(_Unrestricted, reply.body, self.name)
        if urlsplit(found.download).scheme not in {"http", "https"}:
            raise UnexpectedReply(self.name, "unexpected reply: download is no http link")
        return found


def _file(row: _FileRow, link: str) -> File:
    return File(row.path.lstrip("/") or str(row.id), link, row.bytes, index=row.id - 1)


def _fitting(rows: Sequence[_FileRow], found: _Unrestricted) -> _FileRow | None:
    """The one row of this size; among several the one of this name; else none."""
    same = [row for row in rows if row.bytes == found.filesize and found.filesize is not None]
    if len(same) > 1:
        same = [row for row in same if row.path.rpartition("/")[2] == found.filename]
    return same[0] if len(same) == 1 else None


def _local(moment: float | None) -> float | None:
    """The service writes Paris time with a Z, as if it were UTC."""
    if moment is None:
        return None
    shown = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    return shown.replace(tzinfo=_PARIS).timestamp()
