"""Links of file hosts: unrestricting them, and the account's list of what was unrestricted."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import quote, urlsplit

from davstore.errors import Gone, Refused, StoreError, UnexpectedReply
from davstore.model import File, Link, Saved, Unlocked
from davstore.stores.base import certain
from davstore.stores.realdebrid.api import NO_API, Api
from davstore.stores.realdebrid.shapes import Checked, Download, Unrestricted, local
from davstore.stores.shapes import legible, read, rows, web_link

LIFE = 24 * 3600.0
SHORT_CODE = 13
"""Longer codes have been seen that only work when cut to this."""
OWN = "real-debrid.com"
MOST_LINKS = 1000
PAGE = 500
CONTAINERS = (".dlc", ".rsdf", ".ccf", ".ccf3")


class Links:
    """What concerns links."""

    name: str
    _api: Api
    _now: Callable[[], float]

    def link(self, file: File) -> Link:
        """Unrestricts the file's link; of a torrent's also cut to 13 characters."""
        asked = self._now()
        found = self.unrestricted(file.ref, urgent=True)
        if file.size is not None and found.filesize not in (None, file.size):
            raise Gone(
                self.name, f"delivers {found.filesize} bytes where {file.size} were promised"
            )
        return Link(found.download, asked + LIFE, size=found.filesize, connections=found.chunks)

    def unrestricted(self, link: str, *, password: str = "", urgent: bool = False) -> Unrestricted:
        """What `POST /unrestrict/link` says."""
        form = {"link": link} | ({"password": password} if password else {})
        try:
            reply = self._api.post("/unrestrict/link", form, urgent=urgent)
        except Gone:
            start, slash, code = link.rpartition("/")
            if len(code) <= SHORT_CODE or not _is_own(link):
                raise
            short = start + slash + code[:SHORT_CODE]
            reply = self._api.post("/unrestrict/link", form | {"link": short}, urgent=urgent)
        found = read(Unrestricted, reply.body, self.name)
        web_link(found.download, self.name)
        return found

    def links(self) -> tuple[Saved, ...]:
        """The downloads list, but for the files of torrents, which every reading adds to it."""
        found: dict[str, Saved] = {}
        for page in range(1, MOST_LINKS // PAGE + 1):
            with certain(self.name, NO_API):
                reply = self._api.get("/downloads", {"page": page, "limit": PAGE})
            given = [] if reply.empty else rows(reply.body, self.name)
            for row in filter(None, (legible(Download, value) for value in given)):
                if not _is_own(row.link):
                    file = File(row.filename or row.link, row.link, row.filesize, mime=row.mimeType)
                    saved = Saved(row.id, file, local(row.generated), "downloads", row.host)
                    found.setdefault(row.link, saved)
            if len(given) < PAGE:
                break
        return tuple(found.values())

    def take(self, links: Sequence[str], password: str = "") -> None:
        """Unrestricting a link is what puts it into the list. Of a folder one file is enough."""
        for link in links:
            found = self.unlock(link, password)
            if not any(one.url for one in found):
                raise Gone(self.name, found[0].problem if found else "there is nothing behind it")

    def forget(self, saved: Saved) -> None:
        """Every row of this link; the service makes one each time that it is unrestricted."""
        with certain(self.name, NO_API):
            reply = self._api.get("/downloads", {"page": 1, "limit": PAGE})
        given = [] if reply.empty else rows(reply.body, self.name)
        ids = {row.id for value in given if (row := legible(Download, value))
               and row.link == saved.file.ref}  # fmt: skip
        for id_ in ids | {saved.id}:
            with suppress(Gone):
                self._api.call("DELETE", f"/downloads/delete/{quote(id_, safe='')}")

    def unlock(self, link: str, password: str = "") -> tuple[Unlocked, ...]:
        """A file's link; else a folder's, or that of a container, with all that is in it."""
        if link.partition("?")[0].lower().endswith(CONTAINERS):
            body = self._api.post("/unrestrict/containerLink", {"link": link}).body
            return self._each(rows(body, self.name), password)
        try:
            return (self._unlocked(link, password),)
        except Gone as error:
            try:
                inside = rows(self._api.post("/unrestrict/folder", {"link": link}).body, self.name)
            except StoreError:
                raise error from None
            if not inside:
                raise
            return self._each(inside, password)

    def inside(self, content: bytes) -> tuple[str, ...]:
        """`PUT /unrestrict/containerFile`."""
        try:
            body = self._api.call("PUT", "/unrestrict/containerFile", data=content).body
        except UnexpectedReply:
            reason = "Real-Debrid makes nothing of this container"
            raise Refused(self.name, reason) from None
        return tuple(map(str, rows(body, self.name)[:MOST_LINKS]))

    def look_up(self, links: Sequence[str], password: str = "") -> tuple[Unlocked, ...]:
        """`POST /unrestrict/check` for each."""
        found = []
        for link in links:
            form = {"link": link} | ({"password": password} if password else {})
            try:
                body = self._api.post("/unrestrict/check", form).body
                row = read(Checked, body, self.name)
            except Gone as error:
                found.append(Unlocked(link, problem=error.reason.partition(";")[0]))
                continue
            problem = "" if row.supported else "Real-Debrid does not serve this host"
            found.append(Unlocked(link, row.filename, row.filesize, row.host, problem=problem))
        return tuple(found)

    def _unlocked(self, link: str, password: str) -> Unlocked:
        found = self.unrestricted(link, password=password)
        return Unlocked(link, found.filename, found.filesize, found.host, found.download)

    def _each(self, links: Sequence[object], password: str) -> tuple[Unlocked, ...]:
        """One that fails costs only itself."""
        found = []
        for link in map(str, links[:MOST_LINKS]):
            try:
                found.append(self._unlocked(link, password))
            except Gone as error:
                found.append(Unlocked(link, problem=error.reason.partition(";")[0]))
        return tuple(found)


def _is_own(link: str) -> bool:
    """Whether it is a file of a torrent, on the service's own disks."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return (parts.hostname or "").endswith(OWN) and parts.path.startswith("/d/")
