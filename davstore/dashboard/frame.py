"""What all pages have in common: their style and script, and headers that allow nothing else."""

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Final
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment as Environ

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from davstore.dashboard import words


def _read(name: str) -> str:
    return (files("davstore.dashboard") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_STYLE, _SCRIPT = _read("page.css"), _read("page.js")
_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; "
        f"script-src 'sha256-{_hash(_SCRIPT)}'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("davstore.dashboard"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
_TEMPLATES.filters.update(
    size=words.size, rate=words.rate, span=words.span, stamp=words.stamp, day=words.day,
    clock=words.clock, ago=words.ago, many=words.many,
)  # fmt: skip


def page(
    environ: Environ, start_response: StartResponse, template: str, status: str, **values: object
) -> Iterable[bytes]:
    """A page made of `template` and `values`."""
    text = _TEMPLATES.get_template(template).render(
        style=Markup(_STYLE),  # noqa: S704 - our own file
        script=Markup(_SCRIPT),  # noqa: S704 - our own file
        base=environ["SCRIPT_NAME"] + "/",
        user=environ["davstore.user"],
        rights=environ["davstore.rights"],
        **values,
    )
    body = text.encode(errors="replace")
    start_response(status, [*_HEADERS, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def plain(
    start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """One line."""
    body = f"{text}\n".encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(status, [kind, ("Content-Length", str(len(body))), *headers])
    return [body]
