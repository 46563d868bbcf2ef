"""StremThru, its Store API (magnets) and its Torz API (https://docs.stremthru.13377001.xyz).

Both say the same in slightly other words; the store behind the instance is named in headers.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urljoin, urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator

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
from davstore.stores.paging import Page, Pages
from davstore.stores.shapes import GivenRows, Moment, Rows, Shape, Size, Word, amiss, read, rows
from davstore.tally import Tally
from davstore.transport import Json, Together, Transport, per_minute, per_second

PAGE = 500
OVERLAP = 10
"""Rows of a page that are read again with the next: fewer may leave in between unharmed."""
MOST_PAGES, MOST_PASSES = 2000, 3
RATES = (per_second(10), per_minute(200))
"""The instance has no limits of its own; the store behind it has."""
PROXIED_LIFE, DIRECT_LIFE = 12 * 3600.0, 3 * 3600.0
"""Links of the instance's own proxy live 12 h; others as long as an unknown store's."""
NO_STORE = (
    "StremThru finds no store for this login; "
    "check username and password, or give store_name and store_token"
)
NO_SUCH_API = 'no such API there; check url, and try the other api ("torz" or "magnets")'
BAD_NAME = ("invalid store name", "x-stremthru-store-name")
PROXY_PATH, NOTICE_PATH = "/v0/proxy/", "/v0/store/_/static/"

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

# Every code of the service. Where it tells an upstream's trouble, its own words are not kept.
ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "BAD_GATEWAY": (StoreUnavailable, "the store behind StremThru fails"),
    "BAD_REQUEST": (UnexpectedReply, "our request was not understood"),
    "CONFLICT": (StoreUnavailable, "busy with the same thing"),
    "FORBIDDEN": (AccountProblem, "the store forbids this: unpaid, locked, or address refused"),
    "GONE": (Gone, "no longer in the account"),
    "INTERNAL_SERVER_ERROR": (StoreUnavailable, "StremThru fails"),
    "LOCKED": (StoreUnavailable, "locked at the store"),
    "METHOD_NOT_ALLOWED": (UnexpectedReply, "StremThru does not allow this call"),
    "NOT_FOUND": (Gone, "no longer in the account"),
    "NOT_IMPLEMENTED": (UnexpectedReply, "the store behind StremThru cannot do this"),
    "PAYMENT_REQUIRED": (AccountProblem, "the store needs a premium account"),
    "PROXY_AUTHENTICATION_REQUIRED": (NotAuthorized, "username or password is wrong"),
    "SERVICE_UNAVAILABLE": (StoreUnavailable, "the store behind StremThru is unavailable"),
    "STORE_LIMIT_EXCEEDED": (QuotaExhausted, "a limit of the store is reached"),
    "STORE_MAGNET_INVALID": (Gone, "the store does not know this magnet"),
    "STORE_NAME_INVALID": (NotAuthorized, "store_name is not known to StremThru"),
    "STORE_SERVER_DOWN": (StoreUnavailable, "the store behind StremThru is down"),
    "TOO_MANY_REQUESTS": (RateLimited, "too many requests"),
    "UNAUTHORIZED": (NotAuthorized, "the login or the store's token is wrong"),
    "UNAVAILABLE_FOR_LEGAL_REASONS": (Refused, "refused as infringing"),
    "UNKNOWN": (StoreUnavailable, "the store behind StremThru fails"),
    "UNPROCESSABLE_ENTITY": (UnexpectedReply, "the store cannot use this"),
    "UNSUPPORTED_MEDIA_TYPE": (UnexpectedReply, "our request was not understood"),
}


class Settings(base.Settings):
    """`[accounts.NAME]` with `store = "stremthru"`."""

    url: base.BaseUrl = Field(description="the instance's address")
    api: Literal["torz", "magnets"] = Field(default="torz", description="which of its two APIs")
    username: str | None = Field(default=None, description="the instance's user")
    password: SecretStr | None = Field(default=None, description="that user's password")
    store_name: str | None = Field(default=None, description="the store, such as torbox")
    store_token: SecretStr | None = Field(default=None, description="the store's token")

    @model_validator(mode="after")
    def _login(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("has half a login; username and password go together")
        if not self.username and not (self.store_name and self.store_token):
            raise ValueError("has no login; give username and password, "
                             "or store_name and store_token")  # fmt: skip
        return self

    @property
    def headers(self) -> dict[str, str]:
        """The login, as the service wants it."""
        headers = {}
        if self.username and self.password:
            login = f"{self.username}:{self.password.get_secret_value()}".encode()
            basic = base64.b64encode(login).decode()
            headers["X-StremThru-Authorization"] = f"Basic {basic}"
        if self.store_name:
            headers["X-StremThru-Store-Name"] = self.store_name
        if self.store_token:
            token = self.store_token.get_secret_value().strip()
            headers["X-StremThru-Store-Authorization"] = f"Bearer {token}"
        return headers


@dataclass(frozen=True, slots=True)
class _Api:
    """Where the two APIs differ."""

    magnets: str
    link: str


_APIS: Final[Mapping[str, _Api]] = {
    "torz": _Api("/v0/store/torz", "/v0/store/torz/link/generate"),
    "magnets": _Api("/v0/store/magnets", "/v0/store/link/generate"),
}


class _Row(Shape):
    id: Annotated[str, Field(min_length=1)]
    hash: Word = ""
    name: Word = ""
    size: Size = None
    status: str
    added_at: Moment = None


class _FileRow(Shape):
    index: int | None = None
    link: Word = ""
    path: Word = ""
    name: Word = ""
    size: Size = None
    video_hash: Word = ""


class _Detail(Shape):
    files: GivenRows


class _Generated(Shape):
    link: str


class _Page(Shape):
    items: Any
    total_items: int | None = None


class _Error(Shape):
    code: Word = ""
    message: Word = ""
    errors: Rows

    def speaks_of(self, *words: str) -> bool:
        """Whether one of these stands in its message or in the places it points at."""
        told = f"{self.message} {self.errors}".lower()
        return any(word in told for word in words)


class _User(Shape):
    id: Word = ""
    email: Word = ""
    subscription_status: Word = ""


class StremThru:
    """One account behind a StremThru instance. A file's ref is the opaque link of its file."""

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
        self._base = settings.url
        self._paths = _APIS[settings.api]
        self._now = now
        self._api = Transport(
            name,
            settings.url,
            rates=RATES,
            together=together,
            tally=tally,
            secrets=settings.headers,
            complaint=self._complaint,
            sleep=sleep,
        )

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
        given = read(_Generated, _data(body, self.name), self.name).link
        found = urljoin(self._base, given) if given.startswith("/") else given
        if urlsplit(found).scheme not in {"http", "https"}:
            raise UnexpectedReply(self.name, "unexpected reply: link is no http link")
        life = PROXIED_LIFE if PROXY_PATH in urlsplit(found).path else DIRECT_LIFE
        return Link(found, asked + life, decoy=NOTICE_PATH)

    def account(self) -> Account:
        """`GET /v0/store/user`."""
        with base.certain(self.name, NO_SUCH_API):
            user = read(_User, self._data("/v0/store/user", urgent=True), self.name)
        return Account(user.email or user.id or "?", user.subscription_status)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _complaint(self, body: Json) -> StoreError | None:
        """Both error shapes have a code and a message; they may come with HTTP 200.

        Where the code is unknown the HTTP status decides, or else that there is no `data`.
        """
        if not isinstance(body, dict) or not body.get("error"):
            return None
        try:
            error = _Error.model_validate(body["error"])
        except ValidationError:
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
        page = read(_Page, data, self.name)
        # Go writes an empty list as null; that the account is empty must be said twice.
        nothing = page.items is None and (start or page.total_items == 0)
        found = [_magnet(value) for value in ([] if nothing else rows(page.items, self.name))]
        # Some stores only say that there is more; such a total tells nothing.
        total, end = page.total_items, start + len(found)
        return Page(found, total if total == end < PAGE or (total or 0) > end + 1 else None)

    def _files_of(self, magnet: Magnet) -> tuple[File, ...]:
        data = self._data(f"{self._paths.magnets}/{quote(magnet.id, safe='')}")
        files = [read(_FileRow, row, self.name) for row in read(_Detail, data, self.name).files]
        return tuple(_file(row, magnet) for row in files if row.link)

    def _data(
        self, path: str, params: Mapping[str, int] | None = None, *, urgent: bool = False
    ) -> Json:
        return _data(self._api.get(path, params, urgent=urgent).body, self.name)


def _data(body: Json, account: str) -> Json:
    if not isinstance(body, dict) or "data" not in body:
        raise UnexpectedReply(account, "unexpected reply: it has no data")
    return body["data"]


def _magnet(value: Json) -> Magnet | Unreadable:
    try:
        row = _Row.model_validate(value)
    except ValidationError as error:
        known = value.get("id") if isinstance(value, dict) else None
        return Unreadable(known if isinstance(known, str) else None, amiss(error))
    return Magnet(
        id=row.id,
        name=row.name,
        status=_STATUS.get(row.status, Status.UNKNOWN),
        fingerprint=f"{row.status} {row.size} {row.name}",
        hash=row.hash.lower(),
        size=row.size,
        added=row.added_at,
    )


def _file(row: _FileRow, magnet: Magnet) -> File:
    index = row.index if row.index is not None and row.index >= 0 else None
    path = row.path.lstrip("/") or row.name or magnet.name
    return File(path, row.link, row.size, index=index, video_hash=row.video_hash)


def _unseen(rows: Sequence[Magnet | Unreadable], seen: set[str]) -> Iterator[Magnet | Unreadable]:
    """Those of `rows` that are not among `seen`, to which they are added."""
    for row in rows:
        if row.id is None or row.id not in seen:
            yield row
        if row.id is not None:
            seen.add(row.id)
