"""Small servers that speak the APIs of those who are told, as these are documented."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-the-owner"


@dataclass
class Told:
    """What a server was told, and how it is to answer."""

    url: str = ""
    calls: list[tuple[str, str, Any, Mapping[str, str]]] = field(default_factory=list)
    status: int = 0
    """Instead of what it would answer."""

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.calls]


class Answering(BaseHTTPRequestHandler):
    told: ClassVar[Told]

    def answer(self, status: int, body: Any = None) -> None:
        content = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status in {301, 302}:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def handle_one(self, body: Any) -> None:
        raise NotImplementedError

    def _any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.told.calls.append((self.command, self.path, raw, dict(self.headers)))
        if self.told.status:
            self.answer(self.told.status)
        else:
            self.handle_one(raw)

    def do_GET(self) -> None:
        self._any()

    def do_POST(self) -> None:
        self._any()

    def log_message(self, *said: object) -> None:
        pass


class Plex(Answering):
    """`X-Plex-Token`; XML unless JSON is accepted; a scan answers 200 with nothing."""

    sections: ClassVar[Mapping[str, tuple[str, list[str]]]] = {
        "1": ("Films", ["/mnt/media/Movies"]),
        "2": ("Series", ["/mnt/media/Shows", "/mnt/other"]),
    }

    def handle_one(self, body: Any) -> None:
        if self.headers.get("X-Plex-Token") != TOKEN:
            self.answer(401, b"<html><head><title>Unauthorized</title></head></html>")
            return
        url = urlsplit(self.path)
        match url.path.strip("/").split("/"):
            case ["library", "sections"] if self.headers.get("Accept") == "application/json":
                self.answer(200, {"MediaContainer": {"size": 2, "Directory": [
                    {"key": key, "type": "movie", "title": title,
                     "Location": [{"id": at, "path": path} for at, path in enumerate(paths)]}
                    for key, (title, paths) in self.sections.items()
                ]}})  # fmt: skip
            case ["library", "sections"]:
                self.answer(200, b'<?xml version="1.0"?><MediaContainer size="2"/>')
            case ["library", "sections", key, "refresh"] if key in self.sections:
                assert self.command == "GET"
                assert set(parse_qs(url.query)) == {"path"}
                self.answer(200)
            case _:
                self.answer(404)


class Jellyfin(Answering):
    """`Authorization: MediaBrowser Token="…"`; 204 for what was taken."""

    def may(self) -> bool:
        return self.headers.get("Authorization") == f'MediaBrowser Token="{TOKEN}"'

    def handle_one(self, body: Any) -> None:
        path = self.path.removeprefix("/emby")
        if not self.may():
            self.answer(401)
        elif (self.command, path) == ("GET", "/System/Info"):
            self.answer(200, {"ServerName": "home", "Version": "10.11.2"})
        elif (self.command, path) == ("POST", "/Library/Media/Updated"):
            for update in json.loads(body)["Updates"]:
                assert update["UpdateType"] in {"Created", "Modified", "Deleted"}
            self.answer(204)
        else:
            self.answer(404)


class Emby(Jellyfin):
    """The same with `X-Emby-Token`, below /emby."""

    def may(self) -> bool:
        return self.headers.get("X-Emby-Token") == TOKEN and self.path.startswith("/emby/")


class Taking(Answering):
    """Takes whatever is posted."""

    def handle_one(self, body: Any) -> None:
        self.answer(202)


@contextmanager
def running(kind: type[Answering]) -> Iterator[Told]:
    """A server of this kind, until the end of the block."""
    told = Told()
    handler = type("Handler", (kind,), {"told": told})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield told
        finally:
            server.shutdown()
