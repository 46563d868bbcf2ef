"""An account's torrents: listing them, what changed, their files, adding and removing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import quote

from davstore.errors import Gone, Refused, StoreError, StoreUnavailable
from davstore.model import File, Magnet, Status, Unreadable, Wanted
from davstore.stores import base, shapes
from davstore.stores.base import FileLists, Listing, News
from davstore.stores.paging import Mark, Page, Pages, Row
from davstore.stores.realdebrid.api import NO_API
from davstore.stores.realdebrid.errors import Done
from davstore.stores.realdebrid.links import Links
from davstore.stores.realdebrid.shapes import (
    Added,
    FileRow,
    Info,
    Torrent,
    Unrestricted,
    local,
)
from davstore.stores.shapes import read, rows, whole
from davstore.transport import Json

PAGE = 100
"""Rows a page: beyond this the service has been seen to leave out members."""
MOST_PAGES, MOST_RETURNS = 10_000, 6
RECENT, MOST_DONE = 24 * 3600.0, 5
ADD_PAUSE = 21.0
"""Seconds between two adds: the 20 that the service asks for, and one for the way there."""

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

_UNCHOSEN = "waiting_files_selection"
_CONVERTING = "magnet_conversion"
_TROUBLE: Mapping[str, str] = {
    _UNCHOSEN: "it waits for being told which files are wanted",
    "magnet_error": "the magnet link leads nowhere",
    "error": "Real-Debrid could not get it",
    "virus": "Real-Debrid found a virus in it",
    "dead": "nobody has it any more",
}

_BUSY = frozenset({Status.QUEUED, Status.DOWNLOADING, Status.PROCESSING})


class Torrents(Links):
    """What concerns torrents. A file's ref is its restricted link."""

    add_pause = ADD_PAUSE
    _select: Sequence[str]

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

    def add(self, wanted: Wanted) -> str:
        """Adds the torrent file or the link; what is there already would stand there twice."""
        if wanted.torrent:
            body = self._api.call(
                "PUT", "/torrents/addTorrent", data=wanted.torrent, once=True
            ).body
        else:
            form = {"magnet": wanted.link}
            body = self._api.call("POST", "/torrents/addMagnet", data=form, once=True).body
        return read(Added, body, self.name).id

    def choose(self, id_: str) -> bool:
        """Selects the files that `select` names, or all where it names none of them."""
        place = quote(id_, safe="")
        info = read(Info, self._api.get(f"/torrents/info/{place}").body, self.name)
        if info.status != _UNCHOSEN:
            return info.status != _CONVERTING
        files = [read(FileRow, row, self.name) for row in info.files]
        chosen = [str(row.id) for row in files if self._is_chosen(row)]
        form = {"files": ",".join(chosen) or "all"}
        with suppress(Done):
            self._api.post(f"/torrents/selectFiles/{place}", form)
        return True

    def _is_chosen(self, row: FileRow) -> bool:
        name = row.path.rpartition("/")[2].lower()
        return any(fnmatchcase(name, pattern.lower()) for pattern in self._select)

    def remove(self, magnet: Magnet) -> None:
        """`DELETE /torrents/delete/{id}`."""
        with suppress(Gone):
            self._api.call("DELETE", f"/torrents/delete/{quote(magnet.id, safe='')}")

    def _page(self, page: int, etag: str = "", **query: str) -> Page:
        """One page, and how many rows there are on all pages where that is told."""
        headers = {"If-None-Match": etag} if etag else None
        params = {"page": page, "limit": PAGE, **query}
        with base.certain(self.name, NO_API):
            reply = self._api.call("GET", "/torrents", params=params, headers=headers)
        total = whole(reply.headers.get("X-Total-Count"))
        if reply.unchanged and etag:
            return Page(total=total, unchanged=True)
        found = [] if reply.empty else [self._magnet(v) for v in rows(reply.body, self.name)]
        before = (page - 1) * PAGE
        if total is None and not found:
            total = before
        if total is not None and not query and len(found) < min(PAGE, total - before):
            raise StoreUnavailable(self.name, "a page has fewer magnets than it says")
        return Page(found, total, reply.headers.get("ETag", ""))

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
        row = shapes.row(Torrent, value)
        if isinstance(row, Unreadable):
            return row
        return Magnet(
            id=row.id,
            name=row.filename or row.original_filename or row.hash or row.id,
            status=_STATUS.get(row.status, Status.UNKNOWN),
            fingerprint=f"{row.status} {len(row.links)} {row.bytes} {row.filename}",
            hash=row.hash.lower(),
            size=row.bytes,
            progress=row.progress,
            added=local(row.added),
            speed=row.speed,
            trouble=_TROUBLE.get(row.status, ""),
        )

    def _files_of(self, magnet: Magnet) -> tuple[File, ...] | StoreError:
        reply = self._api.get(f"/torrents/info/{quote(magnet.id, safe='')}")
        info = read(Info, reply.body, self.name)
        every = [read(FileRow, row, self.name) for row in info.files]
        chosen = sorted((row for row in every if row.selected), key=lambda row: row.id)
        if not info.links:
            return StoreUnavailable(self.name, "it has no links yet")
        if len(chosen) == len(info.links):
            return tuple(map(_file, chosen, info.links))
        found = tuple(self._identified(chosen, info.links))
        return found or Gone(self.name, "none of its links works; add the magnet again")

    def _identified(self, chosen: Sequence[FileRow], links: Sequence[str]) -> Iterator[File]:
        """Some links are missing, or one holds all as an archive: only the service can say
        which is which. A link that fits no file by size stands under its own name.
        """
        left = list(chosen)
        for link in links:
            try:
                found = self.unrestricted(link)
            except (Gone, Refused):
                continue
            row = _fitting(left, found)
            if row is None:
                name = found.filename.replace("/", "_") or link.rpartition("/")[2]
                yield File(name, link, found.filesize, mime=found.mimeType)
            else:
                left.remove(row)
                yield _file(row, link)


def _file(row: FileRow, link: str) -> File:
    return File(row.path.lstrip("/") or str(row.id), link, row.bytes, index=row.id - 1)


def _fitting(rows: Sequence[FileRow], found: Unrestricted) -> FileRow | None:
    """The one row of this size; among several the one of this name; else none."""
    same = [row for row in rows if row.bytes == found.filesize and found.filesize is not None]
    if len(same) > 1:
        same = [row for row in same if row.path.rpartition("/")[2] == found.filename]
    return same[0] if len(same) == 1 else None
