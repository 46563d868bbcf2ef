"""AllDebrid's API v4 and v4.1: user, magnets, links; both prefixes answer every call.

Errors come with HTTP 200. Odd but real shapes, shown while their name stands in `odd`:
    magnets_object  where there is one magnet, `magnets` is that object and no list
    magnets_map     `magnets` is an object of objects
    garbage_prefix  `reconnect` stands before the JSON
    shuffled        another order of magnets and files at every call
    e_object        a folder's only child is not in a list
    string_sizes    sizes are strings
    delayed         links take `delay_polls` polls of link/delayed to be made
    delayed_fails   … and then cannot be made
    streams         unlock gives no link but qualities to choose from
    empty_503       a client that asks too often gets an empty 503, not 429
    demo            answers say that they are demo data
    v4_status       the discontinued v4 magnet/status still answers
"""

import random
import time
from collections import deque
from typing import Any

from flask import Response, request

from davstore.simulator.adding import Asked, of_link, of_torrent
from davstore.simulator.alldebrid_desk import Desk, Login
from davstore.simulator.alldebrid_live import LiveMode
from davstore.simulator.alldebrid_shapes import ERRORS, ApiError, files_tree, row, shaped, unlocked
from davstore.simulator.content import Content
from davstore.simulator.faults import Fault
from davstore.simulator.filehost import FileHost
from davstore.simulator.hosters import Hosters
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.site import json_answer
from davstore.simulator.store import SimulatedStore, View, code, secret

PER_SECOND, PER_MINUTE, MOST_ACTIVE = 12, 600, 30
FILE_LINK = "https://alldebrid.com/f/"
PUBLIC = ("ping", "hosts", "pin/")


class AllDebrid(SimulatedStore):
    """An account at AllDebrid; `token` opens it.

    While `strict`, requests beyond 12 a second or 600 a minute are refused (and `refused`
    counts them).
    """

    label = "alldebrid"
    token = secret("AD-TOKEN")

    def __init__(self, host: FileHost) -> None:
        super().__init__(host)
        self.strict = True
        self.refused = 0
        self.delay_polls = 2
        self._recent: deque[float] = deque()
        self._delayed: dict[int, tuple[SimFile, int]] = {}
        self._streams: dict[str, SimFile] = {}
        self.hosters = Hosters()
        self.login = Login(self.now)
        self.desk = Desk(self.now)
        self._live = LiveMode()
        routes: dict[str, View] = {
            "ping": lambda: {"ping": "pong"},
            "user": self._user,
            "hosts/domains": lambda: {"hosts": ["example.com"], "streams": [], "redirectors": []},
            "pin/get": self.login.get,
            "pin/check": self.login.check,
            "user/verif": lambda: self.login.verif(self.token),
            "user/verif/resend": self.login.resend,
            "magnet/status": self._status,
            "magnet/files": self._files,
            "magnet/delete": self._delete,
            "magnet/restart": self._restart,
            "magnet/upload": self._upload,
            "magnet/upload/file": self._upload_files,
            "link/unlock": self._unlock,
            "link/delayed": self._poll,
            "link/streaming": self._stream,
            "link/infos": self._infos,
            **self.desk.routes,
        }
        for path, view in routes.items():
            for version in ("v4", "v4.1"):
                name = f"{version}/{path}"
                self.route(f"/{name}", name, self._view(view), "GET", "POST")
        self.app.register_error_handler(404, lambda _: self._error("404", status=404))

    @property
    def settings(self) -> dict[str, Any]:
        """The account's keys in the configuration."""
        return {"store": "alldebrid", "token": self.token, "url": self.url}

    def new_id(self, number: int, magnet: SimMagnet) -> str:  # noqa: ARG002 - counted
        """A number."""
        return str(100_000 + number)

    def failure(self, fault: Fault) -> Response:
        """An error by its code, with HTTP 200 unless `status=` says otherwise."""
        return self._error(fault.at("code"), status=fault.at("status", 200))

    def _error(self, error: str, *, status: int = 200, **more: str) -> Response:
        said = {"code": error, "message": ERRORS.get(error, "Something went wrong")} | more
        return self._json({"status": "error", "error": said}, status)

    def _json(self, body: dict[str, Any], status: int = 200) -> Response:
        if "demo" in self.odd:
            body = body | {"demo": True}
        response = json_answer(body, status)
        if "garbage_prefix" in self.odd:
            response.set_data(b"reconnect" + response.get_data())
        return response

    def _view(self, view: Any) -> Any:
        def answer() -> Response:
            try:
                return self._json({"status": "success", "data": view()})
            except ApiError as error:
                return self._error(str(error))

        return answer

    def _refusal(self) -> Response | None:
        if self.strict and self._too_often():
            return Response(status=503 if "empty_503" in self.odd else 429)
        path = request.path.removeprefix("/v4.1/").removeprefix("/v4/")
        if path.startswith(PUBLIC):
            return None
        if self.login.mailed and not path.startswith("user/verif"):
            return self._error("AUTH_BLOCKED", token=self.login.mailed)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = token or request.values.get("apikey", "")
        if not token:
            return self._error("AUTH_MISSING_APIKEY")
        if token != self.token and token not in self.login.keys:
            return self._error("AUTH_BAD_APIKEY")
        return None

    def _too_often(self) -> bool:
        """Refused requests count too. A twentieth of a second is granted to the network."""
        now = time.monotonic()
        with self.lock:
            self._recent.append(now)
            while self._recent[0] < now - 60:
                self._recent.popleft()
            second = sum(moment > now - 0.95 for moment in list(self._recent)[-2 * PER_SECOND :])
            over = second > PER_SECOND or len(self._recent) > PER_MINUTE
            self.refused += over
        return over

    def _user(self) -> dict[str, Any]:
        until: int | str = int(time.time()) + 100 * 86400 if self.premium else 0
        until = str(until) if "string_sizes" in self.odd else until
        return {"user": {
            "username": "ada", "email": "ada@example.com", "isPremium": self.premium,
            "isSubscribed": False, "isTrial": False, "premiumUntil": until, "lang": "en",
            "preferedDomain": "com", "fidelityPoints": 80, "limitedHostersQuotas": [],
            "notifications": list(self.desk.notices),
        }}  # fmt: skip

    def _magnet(self, magnet_id: str) -> SimMagnet:
        magnet = self._magnets.get(magnet_id)
        if magnet is None:
            raise ApiError("MAGNET_INVALID_ID")
        return magnet

    def _status(self) -> dict[str, Any]:
        if request.path.startswith("/v4/") and "v4_status" not in self.odd:
            raise ApiError("DISCONTINUED")
        wanted = request.values.get("id", "")
        if wanted not in ("", "0"):  # an empty id is as good as none
            magnet = self._magnet(wanted)
            one = row(wanted, magnet)
            if magnet.status == "ready":
                one["files"] = self._tree(wanted, magnet)
            return {"magnets": shaped([one], self.odd)}
        rows = [row(magnet_id, magnet) for magnet_id, magnet in self.library]
        if "session" in request.values:
            with self.lock:
                return self._live.answer(
                    request.values["session"], request.values.get("counter", "0"), rows, self.odd
                )
        groups = {"active": range(4), "ready": [4], "expired": [11], "error": range(5, 16)}
        group = groups.get(request.values.get("status", ""), range(16))
        rows = [row for row in rows if row["statusCode"] in group]
        if "shuffled" in self.odd:
            random.shuffle(rows)
        return {"magnets": shaped(rows, self.odd)}

    def _tree(self, magnet_id: str, magnet: SimMagnet) -> list[dict[str, Any]]:
        links = [FILE_LINK + self.link_code(magnet_id, k) for k in range(len(magnet.files))]
        return files_tree(magnet, links, self.odd)

    def _files(self) -> dict[str, Any]:
        ids = request.values.getlist("id[]") or request.values.getlist("id")
        answer: list[dict[str, Any]] = []
        for magnet_id in ids:
            try:
                magnet = self._magnet(magnet_id)
            except ApiError as error:
                failed = {"code": str(error), "message": ERRORS[str(error)]}
                answer.append({"id": magnet_id, "error": failed})
                continue
            ready = magnet.status == "ready"
            files = self._tree(magnet_id, magnet) if ready else []
            answer.append({"id": magnet_id, "files": files})
        if not ids:
            raise ApiError("MAGNET_INVALID_ID")
        if "shuffled" in self.odd:
            random.shuffle(answer)
        return {"magnets": shaped(answer, self.odd)}

    def _delete(self) -> dict[str, Any]:
        magnet_id = request.values.get("id", "")
        self._magnet(magnet_id)
        self.remove(magnet_id)
        return {"message": "Magnet was successfully deleted"}

    def _upload(self) -> dict[str, Any]:
        links = request.values.getlist("magnets[]")
        if not links:
            raise ApiError("MAGNET_NO_URI")
        return {"magnets": [{"magnet": link} | self._answered(of_link(link), "MAGNET_INVALID_URI")
                            for link in links]}  # fmt: skip

    def _upload_files(self) -> dict[str, Any]:
        files = list(request.files.values())
        if not files:
            raise ApiError("MAGNET_NO_URI")
        return {"files": [
            {"file": file.filename} | self._answered(of_torrent(file.read()), "MAGNET_INVALID_FILE")
            for file in files
        ]}  # fmt: skip

    def _answered(self, asked: Asked | None, invalid: str) -> dict[str, Any]:
        """What is said of one item; a hash that is there already stays as it is."""
        if not self.premium:
            raise ApiError("MAGNET_MUST_BE_PREMIUM")
        refusal = invalid if asked is None else str(self.refuses.get(asked.hash, ""))
        if asked is None or refusal:
            return {"error": {"code": refusal, "message": ERRORS.get(refusal, "No.")}}
        found = self.held(asked.hash)
        if found is None and self.active >= MOST_ACTIVE:
            raise ApiError("MAGNET_TOO_MANY_ACTIVE")
        magnet_id = found[0] if found else self.take(asked)
        magnet = self._magnets[magnet_id]
        return {"hash": asked.hash, "name": magnet.name, "filename_original": "",
                "size": magnet.size, "ready": magnet.status == "ready",
                "id": int(magnet_id)}  # fmt: skip

    def _restart(self) -> dict[str, Any]:
        ids = request.values.getlist("ids[]")
        if not ids:
            return self._restarted(request.values.get("id", ""))
        answer: list[dict[str, Any]] = []
        for magnet_id in ids:
            try:
                answer.append({"magnet": magnet_id} | self._restarted(magnet_id))
            except ApiError as error:
                failed = {"code": str(error), "message": ERRORS[str(error)]}
                answer.append({"magnet": magnet_id, "error": failed})
        return {"magnets": answer}

    def _restarted(self, magnet_id: str) -> dict[str, Any]:
        if self._magnet(magnet_id).status != "failed":
            raise ApiError("MAGNET_PROCESSING")
        self.change(magnet_id, status="queued", vendor_status=None)
        return {"message": "Magnet was successfully restarted"}

    def _linked(self, link: str) -> SimFile:
        """The file behind a link of ours or of another host."""
        if not link:
            raise ApiError("LINK_IS_MISSING")
        hosted = self.hosters.files.get(link)
        if hosted is not None:
            if hosted.password not in ("", request.values.get("password", "")):
                raise ApiError("LINK_PASS_PROTECTED")
            if hosted.down:
                raise ApiError("LINK_DOWN")
            return hosted.file
        if not link.startswith(FILE_LINK):
            raise ApiError("LINK_HOST_NOT_SUPPORTED")
        found = self.linked(link.removeprefix(FILE_LINK))
        if found is None:
            raise ApiError("LINK_NOT_SUPPORTED")
        _, magnet, number = found
        if magnet.files[number].dead:
            raise ApiError("LINK_DOWN")
        return magnet.files[number]

    def link_code(self, magnet_id: str, number: int) -> str:
        """43 characters."""
        return code("file", magnet_id, number, length=43)

    def _unlock(self) -> dict[str, Any]:
        if not self.premium:
            raise ApiError("MUST_BE_PREMIUM")
        link = request.values.get("link", "")
        file = self._linked(link)
        self.desk.history.append(self.desk.visited(link, file.name, file.size, "alldebrid"))
        if "streams" in self.odd:
            return self._qualities(file)
        return self._given(file, unlocked(file, self.odd))

    def _given(self, file: SimFile, answer: dict[str, Any]) -> dict[str, Any]:
        """`answer` with a link, or with the number under which it can be polled for."""
        if "delayed" in self.odd or "delayed_fails" in self.odd:
            number = 2_277_000 + len(self._delayed)
            self._delayed[number] = (file, self.delay_polls)
            return answer | {"delayed": number}
        url = self.link_to(file)
        return answer | {"link": url, "id": url.split("/")[4]}

    def _qualities(self, file: SimFile) -> dict[str, Any]:
        """The file itself is the best quality; the others are something else."""
        generation = code("generation", len(self._streams))
        small = Content.random(f"small {file.path}", max(1, file.size // 3))
        qualities = {
            "140": ("mp3", small),
            "398+140": (720, small),
            "137+140": (1080, file.content),
        }
        for stream, (_, content) in qualities.items():
            self._streams[f"{generation}/{stream}"] = SimFile(file.path, content)
        streams = [
            {"id": stream, "ext": "mp3" if quality == "mp3" else "mp4", "quality": quality,
             "filesize": content.size, "proto": "https", "name": ""}
            for stream, (quality, content) in qualities.items()
        ]  # fmt: skip
        return {"link": "", "host": "stream", "filename": file.name, "filesize": 0,
                "id": generation, "streams": streams}  # fmt: skip

    def _stream(self) -> dict[str, Any]:
        generation, stream = request.values.get("id", ""), request.values.get("stream", "")
        if not any(key.startswith(f"{generation}/") for key in self._streams):
            raise ApiError("STREAM_INVALID_GEN_ID")
        file = self._streams.get(f"{generation}/{stream}")
        if file is None:
            raise ApiError("STREAM_INVALID_STREAM_ID")
        return self._given(file, {"filename": file.name, "filesize": file.size})

    def _poll(self) -> dict[str, Any]:
        number = request.values.get("id", "")
        if not number.isdecimal() or int(number) not in self._delayed:
            raise ApiError("DELAYED_INVALID_ID")
        file, polls = self._delayed[int(number)]
        if polls > 0:
            self._delayed[int(number)] = (file, polls - 1)
            return {"status": 1, "time_left": 5 * polls}
        if "delayed_fails" in self.odd:
            return {"status": 3, "time_left": 0}
        return {"status": 2, "time_left": 0, "link": self.link_to(file)}

    def _infos(self) -> dict[str, Any]:
        infos: list[dict[str, Any]] = []
        for link in request.values.getlist("link[]") or request.values.getlist("link"):
            try:
                file = self._linked(link)
            except ApiError as error:
                failed = {"code": str(error), "message": ERRORS[str(error)]}
                infos.append({"link": link, "error": failed})
                continue
            infos.append({"link": link, "filename": file.name, "size": file.size,
                          "host": "alldebrid", "hostDomain": "alldebrid.com"})  # fmt: skip
        return {"infos": infos}
