"""Real-Debrid's REST API 1.0: user, torrents, unrestrict, downloads, traffic.

Odd but real shapes, shown while their name stands in `odd`:
    rar                  several selected files are packed into one: one link, named .rar
    missing_links        one link fewer than selected files (the last has none)
    late_links           no links in the first `late` infos of a downloaded torrent
    long_links           links with codes of 16 characters
    dead_link            the first selected file of each torrent answers error 19
    list_is_object       /torrents is an object, with status 200
    no_links_over_100    rows have no links where more than 100 are asked for at once
    repeated_top_folder  file paths begin with a folder named like the torrent
    no_leading_slash     file paths do not begin with a slash
    shuffled_files       files are not in the order of their ids
    empty_object_list    what has no members is `[]`, be it a list page or an object
    string_numbers       sizes and ids are strings
    renamed              filenames of unrestricted links have "." for an apostrophe
"""

import hashlib
import mimetypes
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request

from davstore.simulator import realdebrid_desk as desk
from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.hosters import Hosters
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.realdebrid_adding import Adding
from davstore.simulator.realdebrid_login import OAuth
from davstore.simulator.realdebrid_shapes import ERRORS, PARIS, archive, date, with_strings
from davstore.simulator.site import json_answer
from davstore.simulator.store import View, code, secret

FILE_LINK = "https://real-debrid.com/d/"
STATUS = {
    "ready": "downloaded",
    "queued": "queued",
    "downloading": "downloading",
    "processing": "compressing",
    "failed": "error",
}


class RealDebrid(Adding):
    """An account at Real-Debrid; `token` opens it.

    An added magnet takes `converts` seconds until its files are known, and does not come in before
    it is told which are wanted. Adds that are nearer to each other than `add_pause` are refused.
    """

    label = "realdebrid"
    token = secret("RD-TOKEN")

    def __init__(self, host: FileHost) -> None:
        super().__init__(host)
        self.late = 2
        self._infos: dict[str, int] = {}
        self._history: list[dict[str, Any]] = []
        self.hosters = Hosters()
        self.login = OAuth(self.now)
        self.choices = desk.Settings()
        routes: dict[str, View] = {
            "GET /user": self._user,
            "GET /time": lambda: Response(f"{datetime.now(PARIS):%Y-%m-%d %H:%M:%S}"),
            "GET /time/iso": lambda: Response(f"{datetime.now(PARIS):%Y-%m-%dT%H:%M:%S%z}"),
            "GET /traffic": self._traffic,
            "GET /traffic/details": lambda: self._answer(desk.DETAILS),
            "GET /disable_access_token": self._disable,
            "GET /hosts/status": lambda: self._answer(desk.HOSTS),
            "GET /hosts/domains": lambda: self._answer(desk.DOMAINS),
            "GET /settings": lambda: self._answer(self.choices.values),
            "POST /settings/update": self._update,
            "POST /unrestrict/check": lambda: desk.check(self.hosters) or self._error(24),
            "POST /unrestrict/folder": lambda: desk.folder(self.hosters),
            "PUT /unrestrict/containerFile": lambda: self._container(request.get_data()),
            "POST /unrestrict/containerLink": lambda: self._container(
                request.form.get("link", "").encode()
            ),
            "GET /streaming/mediaInfos/<code>": lambda code: self._media(code, desk.MEDIA),
            "GET /streaming/transcode/<code>": lambda code: self._media(
                code, {"apple": {"full": f"{self.origin}/t/{code}/full.m3u8"}, "dash": []}
            ),
            "GET /torrents": self._torrents,
            "GET /torrents/info/<path:torrent>": self._info,
            "GET /torrents/activeCount": self._active,
            "GET /torrents/instantAvailability/<path:_>": lambda _: self._error(37),
            "DELETE /torrents/delete/<path:torrent>": self._delete,
            "POST /torrents/addMagnet": self._add_magnet,
            "PUT /torrents/addTorrent": self._add_torrent,
            "POST /torrents/selectFiles/<path:torrent>": self._select,
            "POST /unrestrict/link": self._unrestrict,
            "GET /downloads": self._downloads,
            "DELETE /downloads/delete/<code>": self._forget,
        }
        for route, view in routes.items():
            method, path = route.split()
            self.route(f"/rest/1.0{path}", route, view, method)
        for verb, place, answer in (
            ("GET", "device/code", self.login.device),
            ("GET", "device/credentials", self.login.credentials),
            ("POST", "token", self.login.token),
        ):
            path = f"/oauth/v2/{place}"
            self.route(path, path, answer, verb)
        self.app.register_error_handler(404, lambda _: self._error(3))
        self.app.register_error_handler(405, lambda _: self._error(4))

    @property
    def url(self) -> str:
        """The base URL of the REST API."""
        return f"{self.origin}/rest/1.0"

    @property
    def settings(self) -> dict[str, Any]:
        """The account's keys in the configuration."""
        return {"store": "realdebrid", "token": self.token, "url": self.url}

    def new_id(self, number: int, magnet: SimMagnet) -> str:
        """13 characters of [A-Z2-7]."""
        return code("torrent", number, magnet.name)

    def readable(self, magnet: SimMagnet) -> list[SimFile]:
        """The selected files, as far as there are links; or the archive that holds them."""
        files = magnet.selected
        if "rar" in self.odd and len(files) > 1:
            return [archive(magnet)]
        if "missing_links" in self.odd:
            files = files[:-1]
        return files[1:] if "dead_link" in self.odd else files

    def failure(self, fault: Fault) -> Response:
        """An error by its number; details go into the body (`remote=0`, `error_details=`)."""
        details = {k: v for k, v in fault.details.items() if k not in {"code", "method", "status"}}
        return self._error(fault.at("code"), status=fault.at("status"), **details)

    def _error(self, number: int, *, status: int | None = None, **more: Any) -> Response:
        word, usual = ERRORS[number]
        body = {"error": word, "error_code": number} | more
        return json_answer(body, status or usual, indent="\t")

    def _refusal(self) -> Response | None:
        if request.path.startswith(("/rest/1.0/time", "/oauth/")):
            return None
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token not in (token, request.args.get("auth_token")) and not (
            self.login.is_good(token)
        ):
            return self._error(8)
        return None

    def _answer(self, body: Any, headers: dict[str, str] | None = None) -> Response:
        if "string_numbers" in self.odd:
            body = with_strings(body)
        if "empty_object_list" in self.odd and body == {}:
            body = []
        response = json_answer(body, headers=headers)
        response.set_etag(hashlib.sha1(response.get_data(), usedforsecurity=False).hexdigest())
        response.make_conditional(request)
        return response

    def _user(self) -> Response:
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=100)
        return self._answer({
            "id": 4711, "username": "ada", "email": "a**@example.com", "points": 1250,
            "locale": "en", "avatar": "https://s.real-debrid.com/images/default.png",
            "type": "premium" if self.premium else "free",
            "premium": 100 * 86400 if self.premium else 0,
            "expiration": date(expires.timestamp() if self.premium else 0.0),
        })  # fmt: skip

    def _traffic(self) -> Response:
        if "empty_object_list" in self.odd:
            return self._answer({})
        return self._answer(desk.TRAFFIC)

    def _disable(self) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.login.tokens.pop(token, None)
        return Response(status=204)

    def _update(self) -> Response:
        return Response(status=204) if self.choices.update() else self._error(2)

    def _container(self, content: bytes) -> Response:
        return desk.container(self.hosters, content) or self._error(2)

    def _media(self, code: str, known: dict[str, Any]) -> Response:
        if code not in {row["id"] for row in self._history}:
            return self._error(7)
        return self._answer(known)

    def _page(self, rows: list[Any], shown_as: Callable[[Any], dict[str, Any]]) -> Response:
        """One page of a list; an empty one is 204 without a count."""
        try:
            limit = int(request.args.get("limit", 50))
            page = int(request.args.get("page", 0))
            offset = (page - 1) * limit if page else int(request.args.get("offset", 0))
        except ValueError:
            return self._error(2)
        if not 0 <= limit <= 2500 or offset < 0:
            return self._error(2)
        shown = [shown_as(row) for row in rows[offset : offset + limit]]
        if not shown and "empty_object_list" not in self.odd:
            return Response(status=204)
        if limit > 100 and "no_links_over_100" in self.odd:
            shown = [row | {"links": []} for row in shown]
        return self._answer(shown, {"X-Total-Count": str(len(rows))})

    def _torrents(self) -> Response:
        if "list_is_object" in self.odd:
            return json_answer({"message": "list unavailable"})
        library = self.library
        if request.args.get("filter") == "active":
            library.sort(key=lambda pair: pair[1].status in {"ready", "failed"})
        return self._page(library, lambda pair: self._row(*pair))

    def _row(self, torrent: str, magnet: SimMagnet) -> dict[str, Any]:
        files = magnet.selected
        status = magnet.vendor_status or STATUS[magnet.status]
        row: dict[str, Any] = {
            "id": torrent,
            "filename": files[0].name if len(files) == 1 else magnet.name,
            "hash": magnet.infohash,
            "bytes": magnet.size,  # of everything, selected or not
            "host": "real-debrid.com",
            "split": 2000,
            "progress": round(magnet.percent, 2),
            "status": status,
            "added": date(magnet.added or 0),
            "links": self._links(torrent, magnet) if magnet.status == "ready" else [],
        }
        if magnet.status == "ready":
            # When the service first had it, often long before it was added here.
            row["ended"] = date((magnet.added or 0) - 200 * 86400)
        elif magnet.status in {"downloading", "processing"}:
            row |= {"speed": 2_500_000, "seeders": 7}
        return row

    def _info(self, torrent: str) -> Response:
        if not re.fullmatch("[A-Z2-7]{13}", torrent):
            return self._error(3)
        magnet = self._magnets.get(torrent)
        if magnet is None:
            return self._error(7)
        self._infos[torrent] = self._infos.get(torrent, 0) + 1
        return self._answer(self._row(torrent, magnet) | {
            "original_filename": magnet.name,
            "bytes": sum(file.size for file in magnet.selected),
            "original_bytes": magnet.size,
            "files": self._files(magnet),
        })  # fmt: skip

    def _files(self, magnet: SimMagnet) -> list[dict[str, Any]]:
        if magnet.vendor_status == "magnet_conversion":
            return []
        files = [
            {"id": number, "path": self._path(magnet, file), "bytes": file.size,
             "selected": int(file.selected)}
            for number, file in enumerate(magnet.files, start=1)
        ]  # fmt: skip
        return files[::-1] if "shuffled_files" in self.odd else files

    def _path(self, magnet: SimMagnet, file: SimFile) -> str:
        top = f"/{magnet.name}" if "repeated_top_folder" in self.odd else ""
        path = f"{top}/{file.path}"
        return path.lstrip("/") if "no_leading_slash" in self.odd else path

    def _links(self, torrent: str, magnet: SimMagnet) -> list[str]:
        if "late_links" in self.odd and self._infos.get(torrent, 0) <= self.late:
            return []
        count = len(magnet.selected)
        count = 1 if "rar" in self.odd else count - ("missing_links" in self.odd)
        tail = "AAA" if "long_links" in self.odd else ""
        return [f"{FILE_LINK}{self.link_code(torrent, k)}{tail}" for k in range(count)]

    def _linked(self, link: str) -> SimFile | None:
        """The file of a link of ours, whose code counts by its first 13 characters.

        None if it is dead. Raises `KeyError` if there is no such link.
        """
        found = self.linked(link.removeprefix(FILE_LINK)[:13])
        if found is None:
            raise KeyError(link)
        _, magnet, number = found
        files = magnet.selected
        if "rar" in self.odd and len(files) > 1:
            return archive(magnet)
        if number >= len(files):
            raise KeyError(link)
        dead = files[number].dead or (number == 0 and "dead_link" in self.odd)
        return None if dead else files[number]

    def _unrestrict(self) -> Response:
        link = request.form.get("link", "")
        if not link:
            return self._error(1, error_details="link is missing")
        if not self.premium:
            return self._error(20)
        file = self._file(link)
        if isinstance(file, Response):
            return file
        url = self.link_to(file)
        name = file.name.replace("'", ".") if "renamed" in self.odd else file.name
        mime = mimetypes.guess_type(name)[0]
        row = {
            "id": self._download_id(file, url), "filename": name, "mimeType": mime,
            "filesize": file.size, "link": link, "host": self._host(link), "chunks": 32,
            "download": url,
        }  # fmt: skip
        self._history.insert(0, row | {"generated": date(time.time())})
        streamable = int((mime or "").startswith("video/"))
        icon = "https://fcdn.real-debrid.com/images/hosters/realdebrid.png"
        return self._answer(row | {"host_icon": icon, "crc": 1, "streamable": streamable})

    def _file(self, link: str) -> SimFile | Response:
        """The file behind a link of ours or of another host, or the error that it is."""
        hosted = self.hosters.files.get(link)
        if hosted is not None:
            if hosted.password not in ("", request.form.get("password", "")):
                return self._error(24)
            return self._error(24) if hosted.down else hosted.file
        if not link.startswith(FILE_LINK):
            return self._error(16)
        try:
            return self._linked(link) or self._error(19)
        except KeyError:
            return self._error(24)

    def _host(self, link: str) -> str:
        hosted = self.hosters.files.get(link)
        return hosted.host if hosted else "real-debrid.com"

    def _download_id(self, file: SimFile, url: str) -> str:
        """What the service's own URLs hold; made up for others."""
        return code("download", len(self._history), url) if file.url else url.split("/")[4]

    def _downloads(self) -> Response:
        return self._page(list(self._history), dict)

    def _forget(self, code: str) -> Response:
        kept = [row for row in self._history if row["id"] != code]
        if len(kept) == len(self._history):
            return self._error(7)
        self._history = kept
        return Response(status=204)

    def _active(self) -> Response:
        active = [m.infohash for _, m in self.library if m.status not in {"ready", "failed"}]
        return self._answer({"nb": len(active), "limit": 25, "list": active})
