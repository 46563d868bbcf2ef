"""Alive and ready, for whatever starts, restarts and balances servers. No login, no names."""

from collections.abc import Callable, Iterable, Sequence
from wsgiref.types import StartResponse, WSGIApplication
from wsgiref.types import WSGIEnvironment as Environ


def healthy(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """200 by whoever can answer at all."""
    return _say(environ, start_response, "200 OK", ["ok"])


def ready(reasons: Callable[[], Sequence[str]]) -> WSGIApplication:
    """200, or 503 with the `reasons` why a read could not be served, one a line."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = reasons()
        status = "503 Service Unavailable" if found else "200 OK"
        return _say(environ, start_response, status, found or ["ready"])

    return answer


def _say(
    environ: Environ, start_response: StartResponse, status: str, lines: Sequence[str]
) -> Iterable[bytes]:
    body = "".join(f"{line}\n" for line in lines).encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    if status.startswith("503"):
        headers.append(("Retry-After", "5"))
    start_response(status, headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
