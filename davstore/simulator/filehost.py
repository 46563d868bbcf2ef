"""The machines that links lead to: one file host for the services that have their own.

Whoever has the URL may read, as with Real-Debrid's and AllDebrid's hosts. Errors carry the
`X-Error` header that theirs do.
"""

import hashlib
import mimetypes
import ssl
from dataclasses import dataclass
from urllib.parse import quote

from flask import Response, request

from davstore.simulator import media
from davstore.simulator.content import Content
from davstore.simulator.delivery import deliver
from davstore.simulator.faults import Fault
from davstore.simulator.site import HTML, Site, held_up


@dataclass
class _Given:
    content: Content
    name: str
    expired: bool = False


class FileHost(Site):
    """Serves each content under the URLs that were made for it.

    `calls` tell of each request its range, status and how many body bytes the socket took.
    `expired_status` is what a dead link answers, `mime` the Content-Type of everything where
    it is not to be guessed from names (Real-Debrid has used "application/force-download").
    """

    label = "filehost"

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.expired_status = 410
        self.mime = ""
        self._links: dict[str, _Given] = {}
        for route in ("/d/<code>/<path:name>", "/moved/<code>/<path:name>"):
            self.route(route, route, self._answer)
        self.route("/static/placeholder.mp4", "placeholder", placeholder)
        self.app.register_error_handler(404, lambda _: missing())

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.origin

    @property
    def bytes_sent(self) -> int:
        """Body bytes that went out so far."""
        return sum(call.sent for call in tuple(self.calls))

    @property
    def open_transfers(self) -> int:
        """Bodies being sent right now."""
        return sum(call.open for call in tuple(self.calls))

    def link(self, content: Content, name: str) -> str:
        """A new URL under which `content` can be read."""
        return f"{self.origin}/d/{self.new_code(content, name)}/{quote(name, safe='')}"

    def new_code(self, content: Content, name: str) -> str:
        """The part of a new URL that says what is to be read."""
        with self.lock:
            seed = f"{len(self._links)}:{name}".encode()
            code = hashlib.blake2b(seed, digest_size=8).hexdigest().upper()[:13]
            self._links[code] = _Given(content, name)
        return code

    def expire_all(self) -> None:
        """Kill every link given so far."""
        with self.lock:
            for given in self._links.values():
                given.expired = True

    def expired(self, code: str) -> bool:
        """Whether the link of this code was killed."""
        given = self._links.get(code)
        return given is not None and given.expired

    def _fault(self) -> Response | None:
        """Faults are met where files are served, not before."""
        return None

    def _answer(self, code: str, name: str) -> Response:  # noqa: ARG002 - any name will do
        return self.serve(code, self.faults.take(request.method, request.path))

    def serve(self, code: str, fault: Fault | None) -> Response:
        """Answer the request at hand with the content of `code`; StremThru's proxy asks too."""
        given = self._links.get(code)
        response = _instead(fault, self.origin, code) if fault else None
        if response is not None:
            return response
        if given is None:
            return missing()
        if given.expired:
            return refusal(self.expired_status, "link_expired")
        # No validator is ever sent, so that none can match: RFC 9110 section 13.1.5.
        ranged = None if request.headers.get("If-Range") else request.headers.get("Range")
        mime = self.mime or mimetypes.guess_type(given.name)[0]
        return deliver(given.content, mime or "application/octet-stream", fault, ranged=ranged)


def placeholder() -> Response:
    """The small real video that stands in for what cannot be had."""
    ranged = request.headers.get("Range")
    return deliver(media.placeholder(), "video/mp4", None, ranged=ranged)


def missing() -> Response:
    """404 as Real-Debrid's hosts give it."""
    return refusal(404, "link_not_found")


def refusal(status: int, error: str) -> Response:
    """An error of the file host."""
    headers = {"X-Error": error} if error else {}
    return Response(error.replace("_", " "), status, headers, mimetype="text/plain")


def _instead(fault: Fault, origin: str, code: str) -> Response | None:
    """What is answered in place of the file; None where the file itself is spoilt."""
    match fault.kind:
        case "status":
            response = refusal(fault.at("status", 503), fault.at("error", ""))
            response.headers.update(fault.at("headers", {}))
            if fault.at("body"):
                response.set_data(fault.at("body"))
            return response
        case "html_200":
            return Response(HTML, 200, mimetype="text/html")
        case "placeholder":
            return Response(status=302, headers={"Location": f"{origin}/static/placeholder.mp4"})
        case "redirect":
            target = fault.at("to") or f"{origin}/moved/{code}/file"
            return Response(status=302, headers={"Location": target})
    return held_up(fault)
