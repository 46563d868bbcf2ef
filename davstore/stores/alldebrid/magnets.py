"""An account's magnets: listing them, what changed, their files, adding, removing, restarting."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from pydantic import ValidationError

from davstore.errors import Gone, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import File, Magnet, Status, Unreadable, Wanted
from davstore.stores import base, shapes
from davstore.stores.alldebrid.api import NO_API, Part, items
from davstore.stores.alldebrid.errors import Lost
from davstore.stores.alldebrid.shapes import Added, Live, Mark, Node, Restarted, Row
from davstore.stores.base import FileLists, Listing, News
from davstore.stores.shapes import legible, read
from davstore.transport import Json

BATCH = 50
SESSION = 6 * 3600.0
"""Seconds after which everything is asked again: a complete answer costs one call too."""
DEEPEST = 64

_TROUBLE: Mapping[int, str] = {
    5: "the upload to AllDebrid's disks failed",
    6: "it could not be unpacked",
    7: "it was not downloaded within 20 minutes",
    8: "it is larger than 1 TB",
    9: "an error at AllDebrid",
    10: "it took longer than 72 hours",
    11: "the files were removed; add it again",
    12: "AllDebrid could not process it",
    13: "AllDebrid could not process it",
    14: "the tracker does not answer",
    15: "nobody has it",
}
_READY = 4
_STATUS: Mapping[int, Status] = {
    0: Status.QUEUED,
    1: Status.DOWNLOADING,
    2: Status.PROCESSING,
    3: Status.PROCESSING,
    _READY: Status.READY,
    **dict.fromkeys(range(5, 16), Status.FAILED),
}


class Magnets(Part):
    """What concerns magnets."""

    add_pause = 1.0

    def magnets(self) -> Listing:
        """One call: the service does not page."""
        with base.certain(self.name, NO_API):
            data = self._api.post("/v4.1/magnet/status", {})
        seen: set[str] = set()
        for value in items(data.get("magnets"), self.name):
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

    def add(self, wanted: Wanted) -> str:
        """Uploads the torrent file or the link; what is there already stays as it is."""
        if wanted.torrent:
            torrent = (f"{wanted.hash}.torrent", wanted.torrent, "application/x-bittorrent")
            files = {"files[0]": torrent}
            data = self._api.post("/v4/magnet/upload/file", files=files, once=True)
        else:
            form = {"magnets[]": wanted.link}
            data = self._api.post("/v4/magnet/upload", form, once=True)
        for item in items(data.get("files") or data.get("magnets"), self.name):
            added = read(Added, item, self.name)
            if added.error:
                raise self._api.error(added.error)
            return "" if added.id == "0" else added.id
        raise UnexpectedReply(self.name, "unexpected reply: nothing is said of the magnet")

    def remove(self, magnet: Magnet) -> None:
        """`POST /v4/magnet/delete`."""
        with base.certain(self.name, NO_API), suppress(Lost):
            self._api.post("/v4/magnet/delete", {"id": magnet.id})

    def restart(self, magnets: Sequence[Magnet]) -> tuple[tuple[Magnet, str], ...]:
        """`POST /v4/magnet/restart`, up to 50 a call; an answer that names no magnet is for all."""
        left, found = iter(magnets), []
        while batch := list(islice(left, BATCH)):
            data = self._api.post("/v4/magnet/restart", {"ids[]": [m.id for m in batch]})
            told = {row.magnet: row for value in items(data.get("magnets") or [], self.name)
                    if (row := legible(Restarted, value))}  # fmt: skip
            for magnet in batch:
                row = told.get(magnet.id)
                trouble = "" if row is None or not row.error else self._api.error(row.error).reason
                if row is None and told:
                    trouble = "AllDebrid says nothing of it"
                found.append((magnet, trouble))
        return tuple(found)

    def _mark(self, marker: str) -> Mark:
        """The session that goes on; now and then a new one, lest a lost change stay lost."""
        try:
            mark = Mark.model_validate_json(marker)
        except ValidationError:
            mark = None
        if mark is not None and 0 <= self._now() - mark.since < SESSION:
            return mark
        return Mark(session=1 + secrets.randbelow(10**9), counter=0, since=self._now())

    def _live(self, mark: Mark, known: Mapping[str, Magnet]) -> News | None:
        """None where the answer cannot be understood by what is known."""
        form = {"session": mark.session, "counter": mark.counter}
        with base.certain(self.name, NO_API):
            told = read(Live, self._api.post("/v4.1/magnet/status", form), self.name)
        given = items(told.magnets, self.name)
        if told.fullsync or (told.counter is None and mark.counter == 0):
            # Where not even a first answer has a counter, there is no live mode but a plain list.
            found = {row.id or at: row for at, row in enumerate(map(_magnet, given))}
            return News(tuple(found.values()), _next(mark, told.counter), complete=True)
        if told.counter is None or mark.counter == 0:
            return None
        rows, gone = [], set()
        for item in given:
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
            data = self._api.post("/v4/magnet/files", {"id[]": [magnet.id for magnet in batch]})
        except Lost:
            if len(batch) == 1:
                return {}
            return {id_: item for one in batch for id_, item in self._told([one]).items()}
        except Gone:
            raise UnexpectedReply(self.name, NO_API) from None
        given = items(data.get("magnets"), self.name)
        return {str(item.get("id")): item for item in given if isinstance(item, dict)}

    def _files_of(self, item: Json) -> tuple[File, ...] | StoreError:
        if item is None:
            return Lost(self.name, "no longer in the account")
        if item.get("error"):
            return self._api.error(item["error"])
        found = tuple(_walk(_nodes(item.get("files")), ()))
        return found or StoreUnavailable(self.name, "it has no files yet")


def _magnet(value: Json) -> Magnet | Unreadable:
    row = shapes.row(Row, value)
    if isinstance(row, Unreadable):
        return row
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
        speed=row.downloadSpeed if row.statusCode < _READY else None,  # it is not taken back
        trouble=_TROUBLE.get(row.statusCode, ""),
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
        "downloadSpeed": magnet.speed,
    }  # fmt: skip


def _next(mark: Mark, counter: int | None) -> str:
    if counter is None:
        return ""
    return mark.model_copy(update={"counter": counter}).model_dump_json()


def _walk(nodes: Sequence[Json], above: tuple[str, ...]) -> Iterator[File]:
    """Depth first; a node that makes no sense costs only itself."""
    for node in (legible(Node, value) for value in nodes if len(above) < DEEPEST):
        if node is None:
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
