"""AllDebrid, API v4 and v4.1 (https://docs.alldebrid.com)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from urllib.parse import urlsplit

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
from davstore.model import Account, File, Link, Magnet, Quota, Status, Unreadable
from davstore.stores import base
from davstore.stores.base import FileLists, Listing
from davstore.stores.shapes import Length, Moment, Rows, Shape, Size, Word, amiss, read, rows
from davstore.transport import Json, Transport, per_minute, per_second

BATCH = 50
LIFE = 24 * 3600.0
RATES = (per_second(10), per_minute(540))
"""Below the 12 calls a second and 600 a minute that the service allows."""
DELAY_POLL, DELAY_BOUND = 5.0, 60.0
DEEPEST = 64
NO_API = "AllDebrid's API does not answer there; check url"

_READY = 4
_STATUS: Mapping[int, Status] = {
    0: Status.QUEUED,
    1: Status.DOWNLOADING,
    2: Status.PROCESSING,
    3: Status.PROCESSING,
    _READY: Status.READY,
    **dict.fromkeys(range(5, 16), Status.FAILED),
}


class _Lost(Gone):
    """A magnet that is no longer in the account."""


_BAD_KEY = (NotAuthorized, "the API key is wrong or revoked; get one at alldebrid.com/apikeys")
_SERVER = (AccountProblem, "AllDebrid refuses servers and VPNs; see alldebrid.com/vpn")
_UNPAID = (AccountProblem, "needs a premium account")
_OURS = "our request was not understood"
_ELSEWHERE = "concerns another call"

# Every code of the API document, and those that were only seen.
ERRORS: Mapping[str, tuple[type[StoreError], str]] = {
    "GENERIC": (StoreUnavailable, "an error at AllDebrid"),
    "404": (UnexpectedReply, "AllDebrid does not know this call"),
    "DISCONTINUED": (UnexpectedReply, "AllDebrid has discontinued this call"),
    "MAINTENANCE": (StoreUnavailable, "AllDebrid is in maintenance"),
    "AUTH_MISSING_APIKEY": _BAD_KEY,
    "AUTH_BAD_APIKEY": _BAD_KEY,
    "AUTH_BLOCKED": (AccountProblem, "this machine is new to AllDebrid: confirm its e-mail to you"),
    "AUTH_USER_BANNED": (AccountProblem, "the account is banned"),
    "ALREADY_SENT": (UnexpectedReply, _ELSEWHERE),
    "NO_SERVER": _SERVER,
    "LINK_IS_MISSING": (UnexpectedReply, _OURS),
    "BAD_LINK": (Gone, "AllDebrid does not know this link"),
    "LINK_HOST_NOT_SUPPORTED": (Gone, "AllDebrid does not serve this host"),
    "LINK_DOWN": (Gone, "the file is no longer available; add the magnet again"),
    "LINK_PASS_PROTECTED": (Refused, "the link is protected by a password"),
    "LINK_HOST_UNAVAILABLE": (StoreUnavailable, "the file's host is in maintenance"),
    "LINK_TOO_MANY_DOWNLOADS": (RateLimited, "too many downloads at once"),
    "LINK_HOST_FULL": (RateLimited, "the file's host is full"),
    "LINK_HOST_LIMIT_REACHED": (QuotaExhausted, "the limit of the file's host is reached"),
    "LINK_ERROR": (StoreUnavailable, "AllDebrid could not unlock the file"),
    "LINK_TEMPORARY_UNAVAILABLE": (StoreUnavailable, "the file is unavailable for now"),
    "LINK_NOT_SUPPORTED": (Gone, "not to be had by this account; add the magnet again"),
    "REDIRECTOR_NOT_SUPPORTED": (UnexpectedReply, _ELSEWHERE),
    "REDIRECTOR_ERROR": (StoreUnavailable, "AllDebrid could not follow the link"),
    "STREAM_INVALID_GEN_ID": (StoreUnavailable, "the stream's choice has expired"),
    "STREAM_INVALID_STREAM_ID": (StoreUnavailable, "the stream's choice has expired"),
    "DELAYED_INVALID_ID": (StoreUnavailable, "the delayed link has expired"),
    "FREE_TRIAL_LIMIT_REACHED": (QuotaExhausted, "the free trial is used up"),
    "MUST_BE_PREMIUM": _UNPAID,
    "MAGNET_INVALID_ID": (_Lost, "no longer in the account"),
    "MAGNET_INVALID_URI": (UnexpectedReply, "the magnet is not valid"),
    "MAGNET_INVALID_FILE": (UnexpectedReply, "the torrent file is not valid"),
    "MAGNET_FILE_UPLOAD_FAILED": (StoreUnavailable, "the upload failed"),
    "MAGNET_NO_URI": (UnexpectedReply, _OURS),
    "MAGNET_NO_SERVER": _SERVER,
    "MAGNET_PROCESSING": (StoreUnavailable, "the magnet is being processed"),
    "MAGNET_PROCESSING_COOLDOWN": (StoreUnavailable, "the magnet rests before a new try"),
    "MAGNET_TOO_MANY_ACTIVE": (QuotaExhausted, "30 magnets are active already"),
    "MAGNET_TOO_MANY": (QuotaExhausted, "the account is full; delete old magnets"),
    "MAGNET_MUST_BE_PREMIUM": _UNPAID,
    "MAGNET_TOO_LARGE": (Refused, "the magnet is larger than 1 TB"),
    "MAGNET_UPLOAD_FAILED": (StoreUnavailable, "the upload failed"),
    "MAGNET_INTERNAL_ERROR": (StoreUnavailable, "an error at AllDebrid"),
    "MAGNET_CANT_BOOTSTRAP": (Gone, "the magnet found no peers"),
    "MAGNET_MAGNET_TOO_BIG": (Refused, "the magnet is larger than 1 TB"),
    "MAGNET_TOOK_TOO_LONG": (Gone, "the magnet took longer than 72 hours"),
    "MAGNET_LINKS_REMOVED": (Gone, "the files were removed; add the magnet again"),
    "MAGNET_PROCESSING_FAILED": (Gone, "AllDebrid could not process the magnet"),
    "PIN_ALREADY_AUTHED": (UnexpectedReply, _ELSEWHERE),
    "PIN_EXPIRED": (UnexpectedReply, _ELSEWHERE),
    "PIN_INVALID": (UnexpectedReply, _ELSEWHERE),
    "USER_LINK_MISSING": (UnexpectedReply, _ELSEWHERE),
    "USER_LINK_INVALID": (UnexpectedReply, _ELSEWHERE),
    "MISSING_NOTIF_ENDPOINT": (UnexpectedReply, _ELSEWHERE),
    "VOUCHER_DURATION_INVALID": (UnexpectedReply, _ELSEWHERE),
    "VOUCHER_NB_INVALID": (UnexpectedReply, _ELSEWHERE),
    "NO_MORE_VOUCHER": (UnexpectedReply, _ELSEWHERE),
    "INSUFFICIENT_BALANCE": (UnexpectedReply, _ELSEWHERE),
    "DOWNLOAD_FAILED": (StoreUnavailable, "the download failed"),
    "ACCOUNT_INVALID": (AccountProblem, "the account may not use this call"),
    "NO_JSON_PARAM": (UnexpectedReply, _OURS),
    "JSON_INVALID": (UnexpectedReply, _OURS),
    "FREEDAYS_INVALID_COUNTRY": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_PHONE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_PROVIDER": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_USED_PHONE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_ALREADY_REQUESTED": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_STATUS": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_TOO_MUCH_RETRIES": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_INVALID_CODE": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_DENIED": (UnexpectedReply, _ELSEWHERE),
    "FREEDAYS_ERROR_SENDING": (UnexpectedReply, _ELSEWHERE),
}


class Settings(base.TokenSettings):
    """`[accounts.NAME]` with `store = "alldebrid"`."""

    url: base.BaseUrl = "https://api.alldebrid.com"


class _Row(Shape):
    """One magnet of `magnet/status`."""

    id: str
    filename: Word = ""
    hash: Word = ""
    size: Size = None
    statusCode: int  # noqa: N815 - the service's word
    downloaded: Size = None
    uploadDate: Moment = None  # noqa: N815
    completionDate: Moment = None  # noqa: N815
    nbLinks: Size = None  # noqa: N815


class _Node(Shape):
    """A folder (has `e`) or a file (has `l`) of `magnet/files`."""

    n: Word = ""
    s: Length = None
    l: Word = ""  # noqa: E741 - the service's word
    e: Json = None


class _Unlocked(Shape):
    """`link/unlock`, `link/streaming` and `link/delayed`."""

    link: Word = ""
    filesize: Size = None
    id: Word = ""
    delayed: Size = None
    streams: Rows
    streaming: Rows
    status: int = 0
    max_chunks: Size = None


class _Stream(Shape):
    id: str
    quality: Word = ""
    filesize: Size = None


class _User(Shape):
    username: str
    isPremium: bool = False  # noqa: N815
    isTrial: bool = False  # noqa: N815
    premiumUntil: Moment = None  # noqa: N815
    remainingTrialQuota: Size = None  # noqa: N815


class AllDebrid:
    """One AllDebrid account. A file's ref is its locked link."""

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
        self._sleep = sleep
        self._api = Transport(
            name,
            settings.url,
            rates=RATES,
            secrets={"Authorization": f"Bearer {settings.secret}"},
            complaint=self._complaint,
            sleep=sleep,
        )

    def magnets(self) -> Listing:
        """One call: the service does not page."""
        with base.certain(self.name, NO_API):
            data = self._data("/v4.1/magnet/status", {})
        seen: set[str] = set()
        for value in _items(data.get("magnets"), self.name):
            row = _magnet(value)
            if row.id is None or row.id not in seen:
                seen.add(row.id or "")
                yield row

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        """Up to 50 magnets a call; each answer is taken for the id that it names."""
        left = iter(magnets)
        while batch := list(islice(left, BATCH)):
            told = self._told(batch)
            for magnet in batch:
                yield magnet, self._files_of(told.get(magnet.id))

    def link(self, file: File) -> Link:
        """Unlocks the file, choosing the best stream and waiting for a delayed link."""
        asked = self._now()
        found = self._unlocked("/v4/link/unlock", {"link": file.ref})
        streams = found.streams or found.streaming
        if not found.link and not found.delayed and streams:
            best = max((read(_Stream, s, self.name) for s in streams), key=_quality)
            found = self._unlocked("/v4/link/streaming", {"id": found.id, "stream": best.id})
        if found.delayed and not found.link:
            found = self._awaited(found.delayed)
        if urlsplit(found.link).scheme not in {"http", "https"}:
            raise UnexpectedReply(self.name, "unexpected reply: link is no http link")
        return Link(found.link, asked + LIFE, size=found.filesize, connections=found.max_chunks)

    def account(self) -> Account:
        """`GET /v4/user`."""
        with base.certain(self.name, NO_API):
            data = self._data("/v4/user", urgent=True)
        user = read(_User, data.get("user"), self.name)
        plan = "premium" if user.isPremium else "trial" if user.isTrial else "free"
        quotas: tuple[Quota, ...] = ()
        if user.remainingTrialQuota is not None:
            quotas = (Quota("trial traffic", left=user.remainingTrialQuota * 1_000_000),)
        return Account(user.username, plan, user.premiumUntil, quotas)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def _complaint(self, body: Json) -> StoreError | None:
        """Errors come with HTTP 200; a reply without a status is none of the service's."""
        if not isinstance(body, dict) or body.get("status") != "error":
            return None
        return self._error(body.get("error"))

    def _error(self, error: Json) -> StoreError:
        code = str(error.get("code")) if isinstance(error, dict) else ""
        if code not in ERRORS:
            shown = code if code.replace("_", "").isalnum() else "unknown"
            return UnexpectedReply(self.name, f"unexpected reply: error {shown:.40}")
        kind, reason = ERRORS[code]
        return kind(self.name, reason)

    def _data(
        self, path: str, form: Mapping[str, Json] | None = None, *, urgent: bool = False
    ) -> dict[str, Json]:
        """The `data` of a success; POST where there is a form, even an empty one."""
        method = "GET" if form is None else "POST"
        body = self._api.call(method, path, data=form, urgent=urgent).body
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise UnexpectedReply(self.name, "unexpected reply: data is no object")
        return data

    def _told(self, batch: Sequence[Magnet]) -> dict[str, Json]:
        """What `magnet/files` says, by id; asked one by one where a lost one spoils the answer."""
        try:
            data = self._data("/v4/magnet/files", {"id[]": [magnet.id for magnet in batch]})
        except _Lost:
            if len(batch) == 1:
                return {}
            return {id_: item for one in batch for id_, item in self._told([one]).items()}
        except Gone:
            raise UnexpectedReply(self.name, NO_API) from None
        items = _items(data.get("magnets"), self.name)
        return {str(item.get("id")): item for item in items if isinstance(item, dict)}

    def _files_of(self, item: Json) -> tuple[File, ...] | StoreError:
        if item is None:
            return _Lost(self.name, "no longer in the account")
        if item.get("error"):
            return self._error(item["error"])
        found = tuple(_walk(_nodes(item.get("files")), ()))
        return found or StoreUnavailable(self.name, "it has no files yet")

    def _unlocked(self, path: str, form: Mapping[str, Json]) -> _Unlocked:
        return read(_Unlocked, self._data(path, form, urgent=True), self.name)

    def _awaited(self, delayed: int) -> _Unlocked:
        """Polls a delayed link every 5 s, as the document asks, for a minute."""
        waited = 0.0
        while waited < DELAY_BOUND:
            found = self._unlocked("/v4/link/delayed", {"id": delayed})
            if found.link:
                return found
            if found.status not in {1, 2}:
                raise StoreUnavailable(self.name, "AllDebrid could not generate the link")
            self._sleep(DELAY_POLL)
            waited += DELAY_POLL
        raise StoreUnavailable(self.name, "the link is being prepared", retry_after=30.0)


def _magnet(value: Json) -> Magnet | Unreadable:
    try:
        row = _Row.model_validate(value)
    except ValidationError as error:
        known = value.get("id") if isinstance(value, dict) else None
        return Unreadable(str(known) if isinstance(known, int | str) else None, amiss(error))
    done = 100.0 if row.statusCode == _READY else None
    if done is None and row.size and row.downloaded:
        done = min(100.0, 100.0 * row.downloaded / row.size)
    return Magnet(
        id=row.id,
        name=row.filename or row.hash or row.id,
        status=_STATUS.get(row.statusCode, Status.UNKNOWN),
        fingerprint=f"{row.statusCode} {row.completionDate} {row.nbLinks} {row.size}",
        hash=row.hash.lower(),
        size=row.size,
        progress=done,
        added=row.uploadDate or row.completionDate,
    )


def _items(value: Json, account: str) -> list[Json]:
    """`data.magnets` comes as a list, as one bare object, or as a map of objects."""
    if isinstance(value, dict):
        value = [value] if "id" in value else list(value.values())
        if not all(isinstance(item, dict) for item in value):
            raise UnexpectedReply(account, "unexpected reply: magnets is an object of no magnets")
    return rows(value, account)


def _walk(nodes: Sequence[Json], above: tuple[str, ...]) -> Iterator[File]:
    """Depth first; a node that makes no sense costs only itself."""
    for value in nodes if len(above) < DEEPEST else ():
        try:
            node = _Node.model_validate(value)
        except ValidationError:
            continue
        path = (*above, node.n.replace("/", "_"))
        if node.e is not None:
            yield from _walk(_nodes(node.e), path)
        elif node.l:
            yield File("/".join(path), node.l, node.s)


def _nodes(value: Json) -> list[Json]:
    """What a folder holds: a list, a numbered object, or its only node without a list."""
    if isinstance(value, dict):
        return [value] if "n" in value else list(value.values())
    return value if isinstance(value, list) else []


def _quality(stream: _Stream) -> tuple[int, int]:
    """Video by its height before sound, then by size."""
    digits = "".join(c for c in stream.quality if c.isdigit())
    height = int(digits) if digits and not stream.quality.lower().startswith("mp") else 0
    return height, stream.filesize or 0
