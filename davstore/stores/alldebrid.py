"""AllDebrid, API v4 and v4.1 (https://docs.alldebrid.com)."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from davstore.errors import (
    Gone,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Account, File, Link, Magnet, Quota, Status, Unreadable
from davstore.stores import base
from davstore.stores.alldebrid_errors import ERRORS, Lost
from davstore.stores.base import FileLists, Listing, News
from davstore.stores.shapes import Length, Moment, Rows, Shape, Size, Word, amiss, read, rows
from davstore.tally import Tally
from davstore.transport import Json, Together, Transport, per_minute, per_second

BATCH = 50
LIFE = 24 * 3600.0
RATES = (per_second(10), per_minute(540))
"""Below the 12 calls a second and 600 a minute that the service allows."""
SESSION = 6 * 3600.0
"""Seconds after which everything is asked again: a complete answer costs one call too."""
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


class _Live(Shape):
    """`magnet/status` in its live mode: what changed since `counter`, or all of it."""

    magnets: Any
    counter: Size = None
    fullsync: bool = False


class _Mark(Shape):
    """What is remembered between two looks: the session, the count, and when it began."""

    session: int
    counter: int
    since: float


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
        together: Together | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.name = name
        self._now = now
        self._sleep = sleep
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
        """One call: the service does not page."""
        with base.certain(self.name, NO_API):
            data = self._data("/v4.1/magnet/status", {})
        seen: set[str] = set()
        for value in _items(data.get("magnets"), self.name):
            row = _magnet(value)
            if row.id is None or row.id not in seen:
                seen.add(row.id or "")
                yield row

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        """One call in live mode: who keeps count is told only the members that changed."""
        mark = self._mark(marker)
        news = self._live(mark, known) or self._live(self._mark(""), known)
        if news is not None:
            return news
        return News(tuple(self.magnets()), "", complete=True)

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

    def _mark(self, marker: str) -> _Mark:
        """The session that goes on; now and then a new one, lest a lost change stay lost."""
        try:
            mark = _Mark.model_validate_json(marker)
        except ValidationError:
            mark = None
        if mark is not None and 0 <= self._now() - mark.since < SESSION:
            return mark
        return _Mark(session=1 + secrets.randbelow(10**9), counter=0, since=self._now())

    def _live(self, mark: _Mark, known: Mapping[str, Magnet]) -> News | None:
        """None where the answer cannot be understood by what is known."""
        form = {"session": mark.session, "counter": mark.counter}
        with base.certain(self.name, NO_API):
            told = read(_Live, self._data("/v4.1/magnet/status", form), self.name)
        items = _items(told.magnets, self.name)
        if told.fullsync or (told.counter is None and mark.counter == 0):
            # Where not even a first answer has a counter, there is no live mode but a plain list.
            found = {row.id or at: row for at, row in enumerate(map(_magnet, items))}
            return News(tuple(found.values()), _next(mark, told.counter), complete=True)
        if told.counter is None or mark.counter == 0:
            return None
        rows, gone = [], set()
        for item in items:
            id_ = str(item.get("id")) if isinstance(item, dict) else ""
            if isinstance(item, dict) and item.get("deleted"):
                gone.add(id_)
                continue
            if not isinstance(item, dict) or (id_ not in known and "statusCode" not in item):
                return None
            rows.append(_magnet(_members(known.get(id_)) | item))
        return News(tuple(rows), _next(mark, told.counter), gone=frozenset(gone))

    def _told(self, batch: Sequence[Magnet]) -> dict[str, Json]:
        """What `magnet/files` says, by id; asked one by one where a lost one spoils the answer."""
        try:
            data = self._data("/v4/magnet/files", {"id[]": [magnet.id for magnet in batch]})
        except Lost:
            if len(batch) == 1:
                return {}
            return {id_: item for one in batch for id_, item in self._told([one]).items()}
        except Gone:
            raise UnexpectedReply(self.name, NO_API) from None
        items = _items(data.get("magnets"), self.name)
        return {str(item.get("id")): item for item in items if isinstance(item, dict)}

    def _files_of(self, item: Json) -> tuple[File, ...] | StoreError:
        if item is None:
            return Lost(self.name, "no longer in the account")
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
        fingerprint=f"{row.statusCode} {row.completionDate} {row.nbLinks} {row.size}",  # _members
        hash=row.hash.lower(),
        size=row.size,
        progress=done,
        added=row.uploadDate or row.completionDate,
    )


def _members(magnet: Magnet | None) -> dict[str, Json]:
    """What the service once said of a magnet, as far as we read it."""
    if magnet is None:
        return {}
    code, completed, links, size = (magnet.fingerprint.split(" ") + [""] * 4)[:4]
    downloaded = (magnet.size or 0) * (magnet.progress or 0.0) / 100
    return {
        "id": magnet.id, "filename": magnet.name, "hash": magnet.hash, "size": size,
        "statusCode": code, "downloaded": downloaded, "uploadDate": magnet.added,
        "completionDate": completed.removesuffix(".0"), "nbLinks": links,
    }  # fmt: skip


def _next(mark: _Mark, counter: int | None) -> str:
    if counter is None:
        return ""
    return mark.model_copy(update={"counter": counter}).model_dump_json()


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
