"""Real-Debrid, REST API 1.0 (https://api.real-debrid.com). Its "torrent" is our magnet."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

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
from davstore.stores.base import FileLists, Listing
from davstore.stores.shapes import (
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
from davstore.transport import Json, Transport, per_minute, per_second

PAGE = 100
"""Rows a page: beyond this the service has been seen to leave out members."""
MOST_PAGES = 10_000
MOST_PASSES = 3
LIFE = 24 * 3600.0
RATES = (per_second(8), per_minute(200))
"""Below the 250 calls a minute that the service allows (refused ones count too)."""
SHORT_CODE = 13

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

# Every code of the API document, and 37, which is not in it.
ERRORS: Mapping[int, tuple[type[StoreError], str]] = {
    -1: (StoreUnavailable, "internal error at Real-Debrid"),
    1: (UnexpectedReply, "our request lacks a parameter"),
    2: (UnexpectedReply, "our request has a bad parameter"),
    3: (Gone, "Real-Debrid does not know this id or call"),
    4: (UnexpectedReply, "Real-Debrid does not allow this call"),
    5: (RateLimited, "asked too quickly"),
    6: (StoreUnavailable, "the file's server cannot be reached"),
    7: (Gone, "no longer in the account"),
    8: (NotAuthorized, "the token is wrong or revoked; get one at real-debrid.com/apitoken"),
    9: (AccountProblem, "permission denied: the account is locked or not premium"),
    10: (NotAuthorized, "the account asks for a second factor; log in on the site"),
    11: (NotAuthorized, "the account waits for its second factor; log in on the site"),
    12: (NotAuthorized, "the login is wrong"),
    13: (NotAuthorized, "the password is wrong"),
    14: (AccountProblem, "the account is locked; ask Real-Debrid's support"),
    15: (AccountProblem, "the account is not activated; see your e-mail"),
    16: (Gone, "Real-Debrid no longer serves this file"),
    17: (StoreUnavailable, "the file's server is in maintenance"),
    18: (QuotaExhausted, "the limit of the file's host is reached"),
    19: (Gone, "the file is no longer on Real-Debrid's disks; add the magnet again"),
    20: (AccountProblem, "needs a premium account"),
    21: (QuotaExhausted, "too many active downloads"),
    22: (AccountProblem, "Real-Debrid refuses this machine's address"),
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


Links = Annotated[list[str], Field(default_factory=list)]


class _Row(Shape):
    """One row of `GET /torrents`."""

    id: str
    filename: Word = ""
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
    files: Rows
    links: Links


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
    ) -> None:
        self.name = name
        self._now = now
        self._api = Transport(
            name,
            str(settings.url),
            rates=RATES,
            secrets={"Authorization": f"Bearer {settings.secret}"},
            complaint=self._complaint,
            sleep=sleep,
        )

    def magnets(self) -> Listing:
        """Pages of 100, newest first; all read again if rows were removed meanwhile, since one
        may have slipped from one page to another that was read already.
        """
        seen: set[str | None] = {None}
        for _ in range(MOST_PASSES):
            met: set[str | None] = set()
            total = 0
            for page in range(1, MOST_PAGES):
                reply = self._api.get("/torrents", {"page": page, "limit": PAGE})
                total = _count(reply.headers.get("X-Total-Count"), total)
                listed = [] if reply.empty else rows(reply.body, self.name)
                found = [self._magnet(row) for row in listed]
                yield from (row for row in found if row.id is None or row.id not in seen)
                met |= {row.id for row in found}
                seen |= met
                if not found or page * PAGE >= total > 0:
                    break
            if len(met) >= total:
                return
        raise StoreUnavailable(self.name, "the listing kept changing while it was read")

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """One call a magnet; more only for those whose links do not fit their files."""
        for magnet in magnets:
            try:
                yield magnet, self._files_of(magnet)
            except (Gone, Refused, UnexpectedReply) as error:
                yield magnet, error

    def link(self, file: File) -> Link:
        """Unrestricts the file's link; a code longer than 13 characters also cut to that."""
        asked = self._now()
        found = self._unrestrict(file.ref)
        if file.size is not None and found.filesize not in (None, file.size):
            raise Gone(
                self.name, f"delivers {found.filesize} bytes where {file.size} were promised"
            )
        return Link(found.download, asked + LIFE, size=found.filesize, connections=found.chunks)

    def account(self) -> Account:
        """`GET /user`."""
        user = read(_User, self._api.get("/user", urgent=True).body, self.name)
        return Account(user.username, user.type, _local(user.expiration))

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _complaint(self, body: Json) -> StoreError | None:
        if not isinstance(body, dict) or "error" not in body:
            return None
        code = body.get("error_code")
        if not isinstance(code, int) or code not in ERRORS:
            return None if code is None else UnexpectedReply(self.name, f"error {code!r:.20}")
        kind, reason = ERRORS[code]
        return kind(self.name, reason)

    def _magnet(self, value: Json) -> Magnet | Unreadable:
        try:
            row = _Row.model_validate(value)
        except ValidationError as error:
            known = value.get("id") if isinstance(value, dict) else None
            return Unreadable(known if isinstance(known, str) else None, amiss(error))
        return Magnet(
            id=row.id,
            name=row.filename,
            status=_STATUS.get(row.status, Status.UNKNOWN),
            fingerprint=f"{row.status} {len(row.links)} {row.bytes} {row.filename}",
            hash=row.hash.lower(),
            size=row.bytes,
            progress=row.progress,
            added=_local(row.added),
        )

    def _files_of(self, magnet: Magnet) -> tuple[File, ...]:
        info = read(_Info, self._api.get(f"/torrents/info/{magnet.id}").body, self.name)
        every = [read(_FileRow, row, self.name) for row in info.files]
        chosen = sorted((row for row in every if row.selected), key=lambda row: row.id)
        if len(chosen) == len(info.links):
            return tuple(
                File(row.path.lstrip("/"), link, row.bytes, index=row.id - 1)
                for row, link in zip(chosen, info.links, strict=True)
            )
        return tuple(self._identified(chosen, info.links))

    def _identified(self, chosen: Sequence[_FileRow], links: Sequence[str]) -> Iterator[File]:
        """Some links are missing, or one holds all as an archive: only the service can say
        which is which. A link that fits no file by size stands under its own name.
        """
        left = list(chosen)
        for link in links:
            try:
                found = self._unrestrict(link)
            except (Gone, Refused):
                continue
            row = _fitting(left, found)
            if row is None:
                yield File(found.filename, link, found.filesize, mime=found.mimeType)
            else:
                left.remove(row)
                yield File(row.path.lstrip("/"), link, row.bytes, index=row.id - 1)

    def _unrestrict(self, link: str) -> _Unrestricted:
        try:
            reply = self._api.post("/unrestrict/link", {"link": link}, urgent=True)
        except Gone:
            start, slash, code = link.rpartition("/")
            if len(code) <= SHORT_CODE:
                raise
            short = start + slash + code[:SHORT_CODE]
            reply = self._api.post("/unrestrict/link", {"link": short}, urgent=True)
        found = read(_Unrestricted, reply.body, self.name)
        if urlsplit(found.download).scheme not in {"http", "https"}:
            raise UnexpectedReply(self.name, "unexpected reply: download is no http link")
        return found


def _fitting(rows: Sequence[_FileRow], found: _Unrestricted) -> _FileRow | None:
    """The one row of this size; among several the one of this name; else none."""
    same = [row for row in rows if row.bytes == found.filesize and found.filesize is not None]
    if len(same) > 1:
        same = [row for row in same if row.path.rpartition("/")[2] == found.filename]
    return same[0] if len(same) == 1 else None


def _count(header: str | None, otherwise: int) -> int:
    return int(header) if header and header.isdigit() else otherwise


def _local(moment: float | None) -> float | None:
    """The service writes Paris time with a Z, as if it were UTC."""
    if moment is None:
        return None
    shown = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    return shown.replace(tzinfo=_PARIS).timestamp()
