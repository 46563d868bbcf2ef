"""Links of file hosts: unlocking them, and what the account keeps of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from davstore.errors import Gone, Refused, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import RECENT, File, Link, Saved
from davstore.model import Unlocked as Found
from davstore.stores.alldebrid.api import NO_API, Part, items
from davstore.stores.alldebrid.errors import Unsupported
from davstore.stores.alldebrid.shapes import Info, Kept, Stream, Unlocked
from davstore.stores.base import certain
from davstore.stores.shapes import legible, read, web_link
from davstore.transport import Json

LIFE = 24 * 3600.0
DELAY_POLL, DELAY_BOUND = 5.0, 60.0
BATCH = 50
OWN = "https://alldebrid.com/f/"
"""How links to the files of magnets begin."""


class Links(Part):
    """What concerns links."""

    _quality: int | None

    def link(self, file: File) -> Link:
        """Unlocks the file, choosing the best stream and waiting for a delayed link."""
        asked = self._now()
        found = self._unlocked(file.ref)
        return Link(found.link, asked + LIFE, size=found.filesize, connections=found.max_chunks)

    def links(self) -> tuple[Saved, ...]:
        """Saved links, then recent ones that are not saved and no magnet's files."""
        found: dict[str, Saved] = {}
        with certain(self.name, NO_API):
            lists = (
                ("saved", self._api.get("/v4/user/links")),
                (RECENT, self._api.get("/v4/user/history")),
            )
        for kind, data in lists:
            given = items(data.get("links") or [], self.name)
            kept = list(filter(None, (legible(Kept, value) for value in given)))
            for row in sorted(kept, key=lambda row: -(row.date or 0.0)):
                if kind == "saved" or not row.link.startswith(OWN):
                    file = File(row.filename or row.link, row.link, row.size)
                    found.setdefault(row.link, Saved(row.link, file, row.date, kind, row.host))
        return tuple(self._completed(found).values())

    def _completed(self, found: dict[str, Saved]) -> dict[str, Saved]:
        """With sizes and names that the lists lack, as far as one more call tells them."""
        lacking = [link for link, saved in found.items() if saved.file.size is None][:BATCH]
        try:
            infos = self.look_up(lacking) if lacking else ()
        except (Gone, Refused, StoreUnavailable, UnexpectedReply):
            return found
        for info in infos:
            known = found.get(info.link)
            if known is not None and not info.problem:
                name = info.name if known.file.path == info.link else known.file.path
                file = replace(known.file, path=name or info.link, size=info.size)
                found[info.link] = replace(known, file=file)
        return found

    def take(self, links: Sequence[str], password: str = "") -> None:
        """`POST /v4/user/links/save`, of what the service serves: it would save anything. Of a
        redirector's link, all to which it leads. A password cannot be saved with them.
        """
        if password:
            reason = "AllDebrid cannot save a link with its password; unlock it instead"
            raise Refused(self.name, reason)
        left = iter(self._served(links))
        while batch := list(islice(left, BATCH)):
            with certain(self.name, NO_API):
                self._api.post("/v4/user/links/save", {"links[]": batch})

    def _served(self, links: Sequence[str]) -> Iterator[str]:
        """Those links, or what they lead to. Raises the first one's error."""
        problems = {info.link: info.error for info in self._infos(links) if info.error}
        for link in links:
            if link not in problems:
                yield link
                continue
            error = self._api.error(problems[link])
            if not isinstance(error, Unsupported):
                raise error
            yield from self._behind(link, error)

    def _behind(self, link: str, otherwise: StoreError) -> list[str]:
        """The links to which a redirector's link leads; raises `otherwise` where it is none."""
        try:
            data = self._api.post("/v4/link/redirector", {"link": link})
        except Unsupported:
            raise otherwise from None
        return [str(each) for each in items(data.get("links") or [], self.name)]

    def forget(self, saved: Saved) -> None:
        """A saved link alone; recent ones can only be forgotten all at once."""
        if saved.kind == RECENT:
            reason = "AllDebrid forgets recent links only all at once: `davstore links --purge`"
            raise Refused(self.name, reason)
        with certain(self.name, NO_API):
            self._api.post("/v4/user/links/delete", {"links[]": [saved.id]})

    def purge(self) -> None:
        """Forget all recent links."""
        with certain(self.name, NO_API):
            self._api.post("/v4/user/history/delete", {})

    def unlock(self, link: str, password: str = "") -> tuple[Found, ...]:
        """A file's link; else a redirector's, with all to which it leads."""
        try:
            return (self._found(link, password),)
        except Unsupported as error:
            inside = self._behind(link, error)
        return tuple(self._one_of(each, password) for each in inside)

    def look_up(self, links: Sequence[str], password: str = "") -> tuple[Found, ...]:
        """`POST /v4/link/infos`."""
        return tuple(
            Found(row.link, row.filename, row.size, row.host,
                  problem=_problem(self._api.error(row.error)) if row.error else "")
            for row in self._infos(links, password)
        )  # fmt: skip

    def _infos(self, links: Sequence[str], password: str = "") -> Iterator[Info]:
        """Up to 50 links a call."""
        left = iter(links)
        while batch := list(islice(left, BATCH)):
            form = {"link[]": batch} | _with(password)
            with certain(self.name, NO_API):
                data = self._api.post("/v4/link/infos", form)
            given = (legible(Info, value) for value in items(data.get("infos") or [], self.name))
            yield from (row for row in given if row is not None)

    def _one_of(self, link: str, password: str) -> Found:
        """One of several, of which those that fail cost only themselves."""
        try:
            return self._found(link, password)
        except (Gone, Refused) as error:
            return Found(link, problem=_problem(error))

    def _found(self, link: str, password: str) -> Found:
        got = self._unlocked(link, password)
        return Found(link, got.filename, got.filesize, got.host, got.link)

    def _unlocked(self, link: str, password: str = "") -> Unlocked:
        """With a direct address: the wanted quality chosen, a delayed link waited for."""
        first = self._read(self._api.post("/v4/link/unlock", {"link": link} | _with(password),
                                          urgent=True))  # fmt: skip
        found, streams = first, first.streams or first.streaming
        if not found.link and not found.delayed and streams:
            best = self._best([read(Stream, s, self.name) for s in streams])
            form = {"id": found.id, "stream": best.id}
            found = self._read(self._api.post("/v4/link/streaming", form, urgent=True))
        if found.delayed and not found.link:
            waited = self._awaited(found.delayed)
            found = found.model_copy(update={"link": waited.link})
        web_link(found.link, self.name)
        named = {"filename": found.filename or first.filename, "host": found.host or first.host}
        return found.model_copy(update=named)

    def _best(self, streams: Sequence[Stream]) -> Stream:
        """The highest up to `quality`; where all are higher, the lowest."""
        most = self._quality
        fitting = [s for s in streams if most is None or 0 < _height(s) <= most]
        if fitting:
            return max(fitting, key=_rank)
        return min((s for s in streams if _height(s)), key=_rank, default=streams[0])

    def _read(self, data: Mapping[str, Json]) -> Unlocked:
        return read(Unlocked, data, self.name)

    def _awaited(self, delayed: int) -> Unlocked:
        """Polls a delayed link every 5 s, as the document asks, for a minute."""
        waited = 0.0
        while waited < DELAY_BOUND:
            found = self._read(self._api.post("/v4/link/delayed", {"id": delayed}, urgent=True))
            if found.link:
                return found
            if found.status not in {1, 2}:
                raise StoreUnavailable(self.name, "AllDebrid could not generate the link")
            self._sleep(DELAY_POLL)
            waited += DELAY_POLL
        raise StoreUnavailable(self.name, "the link is being prepared", retry_after=30.0)


def _problem(error: StoreError) -> str:
    """Without a cure that is for magnets."""
    return error.reason.partition(";")[0]


def _with(password: str) -> dict[str, str]:
    return {"password": password} if password else {}


def _height(stream: Stream) -> int:
    """Of a picture; 0 of sound alone."""
    lines = re.search("[0-9]{1,5}", stream.quality)
    return int(lines[0]) if lines and not stream.quality.lower().startswith("mp") else 0


def _rank(stream: Stream) -> tuple[int, int]:
    return _height(stream), stream.filesize or 0
