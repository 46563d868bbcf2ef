"""One simulated site: a Flask app behind a socket, with its calls recorded and its faults."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self, TypeAlias

from flask import Flask, Response, g, request
from werkzeug.routing import Map

from davstore.simulator.faults import Fault, Faults
from davstore.simulator.wire import HOST, Connection, Server

FOREVER = 24 * 3600.0
Route: TypeAlias = tuple[str, str, tuple[str, ...]]
"""A path, the name of what answers there, and the methods."""
HTML = "<!doctype html><html><body><h1>Something went wrong</h1></body></html>"


@dataclass
class Call:
    """One request as it came, and what became of it.

    `path` is decoded and without the query, `range` the Range header. `status` is 0 until
    answered; `sent` grows with every byte of a file's body that the socket takes.
    """

    method: str
    path: str
    query: str = ""
    body: str = field(default="", repr=False)
    range: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    status: int = 0
    sent: int = 0
    started: bool = False
    ended: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def open(self) -> bool:
        """Whether a file's body is being sent right now."""
        return self.started and not self.ended


def connection() -> Connection:
    """The client's connection of the request being answered."""
    found = request.environ["simulator.connection"]
    assert isinstance(found, Connection)
    return found


def json_answer(
    body: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    indent: str | None = None,
) -> Response:
    """A JSON answer."""
    text = json.dumps(body, indent=indent)
    return Response(text, status, headers, mimetype="application/json")


class Site:
    """A server at a free port (the same one again after a restart); each `Fault` is met once."""

    label = "site"

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.calls: list[Call] = []
        self.faults = Faults()
        self.lock = threading.RLock()
        self._port = 0
        self._server: Server | None = None
        self.app = Flask(f"{__name__}.{self.label}", static_folder=None)
        self._routes: list[Route] = []
        self.app.before_request(self._arrive)
        self.app.after_request(self._leave)

    def route(self, path: str, name: str, view: Callable[..., Any], *methods: str) -> None:
        """Have `view` answer `path`, as Flask writes paths; where no `methods` are said, to GET."""
        self._routes.append((path, name, methods or ("GET",)))
        self.app.view_functions[name] = view

    def start(self) -> Self:
        """Listen; nothing happens if it does already."""
        if self._server is None:
            self.app.url_map = _routed(tuple(self._routes))
            self._server = Server(self.app, self._port, self.tls)
            self._port = self._server.port
        return self

    def stop(self) -> None:
        """Refuse and drop all connections, as a dead machine does; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://{HOST}:{self._port}"

    @property
    def open_connections(self) -> int:
        """Clients now connected, idle ones included."""
        return self._server.open_connections if self._server else 0

    def count(self, text: str = "") -> int:
        """How many calls have `text` in their path."""
        return sum(text in call.path for call in tuple(self.calls))

    def failure(self, fault: Fault) -> Response:
        """The site's own documented error for a `fail` fault."""
        raise NotImplementedError

    def _arrive(self) -> Response | None:
        call = Call(
            request.method,
            request.path,
            request.query_string.decode("latin-1"),
            request.get_data().decode("utf-8", "replace"),
            request.headers.get("Range"),
            dict(request.headers),
        )
        g.call = call
        self.calls.append(call)
        return self._refusal() or self._fault()

    def _refusal(self) -> Response | None:
        """The answer to a client that asks too often."""
        return None

    def _fault(self) -> Response | None:
        g.fault = fault = self.faults.take(request.method, request.path)
        if fault is None:
            return None
        match fault.kind:
            case "status":
                return Response(fault.at("body", ""), fault.at("status", 503), fault.at("headers"))
            case "html":
                return Response(HTML, fault.at("status", 200), mimetype="text/html")
            case "empty":
                return Response(b"", fault.at("status", 200), mimetype="application/json")
            case "fail":
                return self.failure(fault)
        return held_up(fault)

    def _leave(self, response: Response) -> Response:
        g.call.status = response.status_code
        fault: Fault | None = g.get("fault")
        if fault is None or not response.is_json:
            return response
        if fault.kind == "truncated_json":
            body = response.get_data()
            response.set_data(body[: len(body) // 2])
        elif fault.kind == "wrong_type":
            other: Any = {"surprise": True} if isinstance(response.json, list) else ["surprise"]
            response.set_data(json.dumps(fault.at("body", other)))
        return response


@cache
def _routed(routes: tuple[Route, ...]) -> Map:
    """Compiling them takes longer than all else about a site, and all of a kind have the same."""
    app = Flask(__name__, static_folder=None)
    for path, name, methods in routes:
        app.add_url_rule(path, name, methods=list(methods))
    return app.url_map


def held_up(fault: Fault) -> Response | None:
    """What `slow`, `hang` and `reset` do before an answer; None where it follows."""
    match fault.kind:
        case "slow":
            connection().wait(fault.at("seconds", 1))
        case "hang":
            connection().wait(fault.at("seconds", FOREVER))
            return _unanswered(ConnectionAbortedError("hung"))
        case "reset" if fault.at("at_bytes") is None:
            return _unanswered(connection().reset())
    return None


def _unanswered(error: ConnectionError) -> Response:
    """An answer of which no byte is sent: the connection ends as `error` says."""

    def body() -> Any:
        raise error
        yield b""

    return Response(body())
