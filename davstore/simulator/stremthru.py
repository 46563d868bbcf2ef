"""StremThru: the Store API (magnets) and the Torz API over one account of a debrid store.

Both APIs are there on each instance, with their own error shapes. Ids hold a slash, a space
and a plus, as those of some stores do, and must come escaped. Odd but real shapes, shown while
their name stands in `odd`:
    null_files       `files` is null
    unknown_sizes    size and index of files are -1
    no_paths         `path` is empty, only `name` is there
    duplicate_paths  folders are dropped from paths, and indexes repeat
    wrong_total      `total_items` is 1, whatever there is
    error_200        errors come with HTTP 200
    proxy            generated links lead to /v0/proxy on the instance itself
    proxy_limit      … and from there to a placeholder video: too many connections
    notice           generated links lead to a placeholder video: still downloading
    short_urls       a proxy before it refuses URLs beyond 8 KiB (414)
    upper_hash       hashes are in upper case
"""

import base64
import itertools
from typing import Any
from urllib.parse import quote, unquote

from flask import Response, g, request

from davstore.simulator.adding import Asked, of_link, of_torrent
from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost, placeholder
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.site import json_answer
from davstore.simulator.store import SimulatedStore, View, secret
from davstore.simulator.stremthru_shapes import ApiError, failed, file_row, row
from davstore.simulator.torznab import Torznab

NAMES = {
    "alldebrid", "debrider", "debridlink", "easydebrid", "offcloud", "pikpak", "premiumize",
    "realdebrid", "stremthru", "torbox", "torrin",
}  # fmt: skip
LARGEST_TORRENT = 1024 * 1024
LIMIT_REACHED = "content_proxy_limit_reached.mp4"


class StremThru(SimulatedStore):
    """An instance with one user, and the account that this user's requests are for.

    `api` is the one that `settings` name. With "torz" they hold the instance's user and
    password, with "magnets" a store's name and token; the instance itself takes either.
    `cached` are hashes that the store has on its disks beside the account's own. It has the address
    `machine`, and the store behind it sees `exposed`, a tunnel's.
    """

    label = "stremthru"
    username = "simulated-user"
    password = secret("ST-PASSWORD")
    store_token = secret("STORE-TOKEN")
    machine, exposed = "198.51.100.7", "203.0.113.9"

    def __init__(self, host: FileHost, api: str, store_name: str) -> None:
        super().__init__(host)
        self.api = api
        self.store_name = store_name
        self.cached: set[str] = set()
        self.torznab = Torznab(self)
        routes: dict[str, View] = {
            "GET /v0/health": lambda: json_answer({"data": {"status": "ok"}}),
            "GET /v0/health/__debug__": self._debug,
            "GET /v0/store/user": self._user,
            "POST /v0/store/link/generate": self._generate,
            "POST /v0/store/torz/link/generate": self._generate,
            "GET /v0/store/_/static/<name>": lambda name: placeholder(),  # noqa: ARG005
            "GET /v0/proxy/<token>/<path:name>": self._proxy,
        }
        for kind in ("torz", "magnets"):
            routes |= {
                f"GET /v0/store/{kind}": self._list,
                f"POST /v0/store/{kind}": self._add,
                f"GET /v0/store/{kind}/check": self._check,
                f"GET /v0/store/{kind}/<path:_>": self._get,
                f"DELETE /v0/store/{kind}/<path:_>": self._delete,
            }
        for route, view in routes.items():
            method, path = route.split()
            self.route(path, route, view, method)
        self.app.register_error_handler(404, lambda _: _not_found())
        self.app.register_error_handler(ApiError, self._failed)
        self.app.after_request(self._echo)

    @property
    def settings(self) -> dict[str, Any]:
        """The account's keys in the configuration."""
        common = {"store": "stremthru", "api": self.api, "url": self.url}
        if self.api == "torz":
            return common | {"username": self.username, "password": self.password}
        return common | {"store_name": self.store_name, "store_token": self.store_token}

    def new_id(self, number: int, magnet: SimMagnet) -> str:  # noqa: ARG002 - counted
        """Opaque, and in need of escaping."""
        return f"folder/{number} a+b"

    def readable(self, magnet: SimMagnet) -> list[SimFile]:
        """The selected files."""
        return [] if "null_files" in self.odd else magnet.selected

    def failure(self, fault: Fault) -> Response:
        """An error by its code in the shape of the API asked; `status=`, `message=`."""
        error = ApiError(
            fault.at("code"), fault.at("message", ""), fault.at("status"), upstream=True
        )
        response = self._failed(error)
        response.headers.update(fault.at("headers", {}))
        return response

    def _failed(self, error: ApiError) -> Response:
        torz = request.path.startswith("/v0/store/torz")
        status = 200 if "error_200" in self.odd else error.status
        response = json_answer(failed(error, torz=torz, store_name=self.store_name), status)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = f'Bearer realm="store:{self.store_name}"'
        return response

    def _echo(self, response: Response) -> Response:
        response.headers["Request-ID"] = request.headers.get("Request-ID") or "d2pgsimulated"
        if request.path.startswith("/v0/store/"):
            response.headers["X-StremThru-Store-Name"] = self.store_name
        return response

    def _refusal(self) -> Response | None:
        path = request.path
        if "short_urls" in self.odd and len(request.environ["REQUEST_URI"]) > 8192:
            return Response("URI Too Long", 414, mimetype="text/html")
        if not path.startswith("/v0/store/") or path.startswith("/v0/store/_/"):
            return None
        try:
            self._authorize()
        except ApiError as error:
            return self._failed(error)
        return None

    def _authorize(self) -> None:
        """Whose account is meant, and whether the token opens it.

        Wrong proxy credentials are as good as none: it is the store that is then missing.
        """
        known_user = self._is_user()
        name = request.headers.get("X-StremThru-Store-Name") or (
            self.store_name if known_user else ""
        )
        if not name:
            raise ApiError("BAD_REQUEST", "missing store")
        if name not in NAMES:
            if request.path.startswith("/v0/store/torz"):
                raise ApiError(
                    "BAD_REQUEST", "invalid store name", location="X-StremThru-Store-Name"
                )
            raise ApiError("INTERNAL_SERVER_ERROR", "invalid store name")
        given = request.headers.get("X-StremThru-Store-Authorization") or request.headers.get(
            "Authorization", ""
        )
        token = given.partition(" ")[2] or (self.store_token if known_user else "")
        if not token:
            raise ApiError("UNAUTHORIZED", "missing store token")
        if (name, token) != (self.store_name, self.store_token):
            raise ApiError("UNAUTHORIZED", "bad_token", upstream=True)

    def _is_user(self) -> bool:
        headers = request.headers
        given = headers.get("X-StremThru-Authorization") or headers.get("Proxy-Authorization", "")
        given = given.removeprefix("Basic ").strip()
        plain = f"{self.username}:{self.password}"
        return given in (plain, base64.b64encode(plain.encode()).decode())

    def _debug(self) -> Response:
        """Only the instance's own users are told who they are and from where they ask."""
        data: dict[str, Any] = {"time": "2026-01-01T00:00:00Z", "version": "0.0.0"}
        if self._is_user():
            store = {"default": self.store_name, "names": [self.store_name]}
            exposed = {"*": self.machine, f":{self.store_name}:api:": self.exposed}
            data["user"] = {"name": self.username, "store": store}
            data["ip"] = {"client": request.remote_addr, "exposed": exposed, "tunnel": {},
                          "machine": self.machine}  # fmt: skip
        return json_answer({"data": data})

    def _user(self) -> Response:
        status = "premium" if self.premium else "expired"
        user = {"id": "4711", "email": "ada@example.com", "subscription_status": status}
        return json_answer({"data": user | {"has_usenet": False}})

    def _list(self) -> Response:
        try:
            limit = int(request.args.get("limit") or 100)
            offset = int(request.args.get("offset") or 0)
        except ValueError:
            raise ApiError("BAD_REQUEST", "invalid limit or offset", location="limit") from None
        if limit > 500 and request.path.endswith("/torz"):
            raise ApiError("BAD_REQUEST", "limit cannot be greater than 500", location="limit")
        library = self.library
        shown = library[offset:][: min(limit, 500)] if limit > 0 <= offset else []
        total = len(library) if shown else 0
        items = [row(magnet_id, magnet, self.odd) for magnet_id, magnet in shown]
        total = 1 if "wrong_total" in self.odd else total
        return json_answer({"data": {"items": items, "total_items": total}})

    def _magnet(self) -> tuple[str, SimMagnet]:
        """The one that the path names; a slash in its id must have been escaped."""
        raw = request.environ["REQUEST_URI"].partition("?")[0]
        escaped = raw.removeprefix("/v0/store/torz/").removeprefix("/v0/store/magnets/")
        magnet_id = unquote(escaped)
        if "/" in escaped or magnet_id not in self._magnets:
            raise ApiError("NOT_FOUND", "unknown_ressource", upstream=True)
        return magnet_id, self._magnets[magnet_id]

    def _get(self, _: str) -> Response:
        magnet_id, magnet = self._magnet()
        shown = row(magnet_id, magnet, self.odd)
        if "null_files" in self.odd:
            return json_answer({"data": shown | {"files": None}})
        files = []
        for number, file in enumerate(magnet.files):
            if file.selected and magnet.status == "ready":
                link = self._store_link(magnet_id, number)
                files.append(file_row(number, file, link, self.odd))
        return json_answer({"data": shown | {"files": files}})

    def _add(self) -> Response:
        torz = request.path.endswith("/torz")
        word, name = ("link", "file") if torz else ("magnet", "torrent")
        if request.mimetype == "multipart/form-data":
            files = request.files.getlist(name)
            if self.store_name == "offcloud":
                raise ApiError("NOT_IMPLEMENTED", upstream=True)
            if len(files) != 1:
                raise ApiError("BAD_REQUEST", f"missing {name}", location=name)
            data = files[0].read()
            if len(data) > LARGEST_TORRENT:
                raise ApiError("INTERNAL_SERVER_ERROR", "http: request body too large")
            asked = of_torrent(data)
        elif request.is_json:
            asked = of_link(str((request.get_json(silent=True) or {}).get(word, "")))
        else:
            raise ApiError("UNSUPPORTED_MEDIA_TYPE")
        if asked is None and torz:
            raise ApiError("BAD_REQUEST", "invalid payload", location=word)
        if asked is None:
            raise ApiError("STORE_MAGNET_INVALID", upstream=True)
        return self._taken(asked)

    def _taken(self, asked: Asked) -> Response:
        """What is there already is used again, as for Real-Debrid."""
        refusal = self.refuses.get(asked.hash)
        if refusal is not None:
            raise ApiError(str(refusal), upstream=True)
        if not self.premium:
            raise ApiError("PAYMENT_REQUIRED", upstream=True)
        found = self.held(asked.hash)
        magnet_id = found[0] if found else self.take(asked)
        shown = row(magnet_id, self._magnets[magnet_id], self.odd)
        link = f"magnet:?xt=urn:btih:{asked.hash}"
        return json_answer({"data": shown | {"magnet": link, "files": None}}, 201)

    def _delete(self, _: str) -> Response:
        if self.store_name == "offcloud":
            raise ApiError("NOT_IMPLEMENTED", upstream=True)
        magnet_id, _magnet = self._magnet()
        self.remove(magnet_id)
        return json_answer({"data": {"id": magnet_id}})

    def _check(self) -> Response:
        name = "hash" if request.path.startswith("/v0/store/torz") else "magnet"
        asked = list(itertools.chain(*(v.split(",") for v in request.args.getlist(name) if v)))
        if not 1 <= len(asked) <= 500:
            raise ApiError("BAD_REQUEST", f"missing {name}", location=name)
        if not self.premium:
            raise ApiError("FORBIDDEN", "premium needed")
        ready = {hash_: self.offers.get(hash_) for hash_ in self.cached}
        ready |= {m.infohash: m for _, m in self.library if m.status == "ready"}
        items = []
        for wanted in asked:
            infohash = wanted.partition("btih:")[2].partition("&")[0] or wanted
            is_ready, magnet = infohash.lower() in ready, ready.get(infohash.lower())
            files = (
                [file_row(k, f, "", self.odd) for k, f in enumerate(magnet.files)]
                if magnet and self.store_name != "offcloud"
                else []
            )
            status = "cached" if is_ready else "unknown"
            items.append({"hash": infohash, "magnet": f"magnet:?xt=urn:btih:{infohash}",
                          "status": status, "files": files})  # fmt: skip
        return json_answer({"data": {"items": items}})

    def _store_link(self, magnet_id: str, number: int) -> str:
        """Opaque to clients; its base64 may hold "/", "+" and "="."""
        inside = f"{magnet_id}:{self.link_code(magnet_id, number)}?>~"
        return f"stremthru://store/{self.store_name}/{base64.b64encode(inside.encode()).decode()}"

    def _generate(self) -> Response:
        if not request.is_json:
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", "unsupported media type")
        if not request.get_data():
            raise ApiError("BAD_REQUEST", "missing body")
        body = request.get_json(silent=True)
        if body is None:
            raise ApiError("INTERNAL_SERVER_ERROR", "invalid character in JSON")
        link = body.get("link") if isinstance(body, dict) else None
        if not self.premium:
            raise ApiError("PAYMENT_REQUIRED", "hoster_not_free", upstream=True)
        if not isinstance(link, str) or not link:
            raise ApiError("BAD_REQUEST", "missing link", location="link")
        return json_answer({"data": {"link": self._direct(self._linked(link))}})

    def _linked(self, link: str) -> SimFile:
        prefix = f"stremthru://store/{self.store_name}/"
        try:
            inside = base64.b64decode(link.removeprefix(prefix), validate=True).decode()
        except ValueError:
            raise ApiError("BAD_REQUEST", "invalid link") from None
        found = self.linked(inside.rpartition(":")[2].removesuffix("?>~"))
        if found is None:
            raise ApiError("NOT_FOUND", "unavailable_file", upstream=True)
        _, magnet, number = found
        if magnet.files[number].dead:
            raise ApiError("SERVICE_UNAVAILABLE", "hoster_unavailable", upstream=True)
        return magnet.files[number]

    def _direct(self, file: SimFile) -> str:
        if "notice" in self.odd:
            return f"{self.origin}/v0/store/_/static/downloading.mp4"
        if self.odd & {"proxy", "proxy_limit"}:
            token = self.host.new_code(file.content, file.name)
            return f"{self.origin}/v0/proxy/{token}/{quote(file.name, safe='')}"
        return self.link_to(file)

    def _proxy(self, token: str, name: str) -> Response:  # noqa: ARG002 - any name will do
        if "proxy_limit" in self.odd:
            place = f"{self.origin}/v0/store/_/static/{LIMIT_REACHED}"
            return Response(status=302, headers={"Location": place})
        if self.host.expired(token):
            return json_answer({"error": {"code": "UNAUTHORIZED", "message": "token expired"}}, 401)
        self.host.calls.append(g.call)
        return self.host.serve(token, self.host.faults.take(request.method, request.path))


def _not_found() -> Response:
    return Response("404 page not found\n", 404, mimetype="text/plain")
