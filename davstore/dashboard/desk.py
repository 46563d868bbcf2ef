"""The WSGI application under `/-/`: the page, its parts for the script that keeps it fresh,
metrics, and the few things that can be done there.

Whether somebody may see it or act is decided before it is asked.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from davstore.dashboard import words
from davstore.dashboard.metrics import metrics
from davstore.dashboard.scene import Scene
from davstore.dashboard.sections import SECTIONS, Section, concerns
from davstore.dashboard.tokens import Tokens
from davstore.errors import DavstoreError

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Fields: TypeAlias = Mapping[str, str]

LONGEST_FORM = 16 * 1024


def _read(name: str) -> str:
    return (files("davstore.dashboard") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_STYLE, _SCRIPT = _read("page.css"), _read("page.js")
_HEADERS = (
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


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a button does: `do` gets the form's fields and may raise `DavstoreError`;
    `done` is said when it is.
    """

    key: str
    done: str
    do: Callable[[Fields], object]


class Dashboard:
    """Shows `scene()` in `sections`; `explain` says of a path what is known, as rows of text."""

    def __init__(
        self,
        scene: Callable[[], Scene],
        tokens: Tokens,
        actions: Sequence[Action] = (),
        *,
        sections: Sequence[Section] = SECTIONS,
        explain: Callable[[str], Sequence[tuple[str, str]]] | None = None,
    ) -> None:
        self._scene = scene
        self._tokens = tokens
        self._actions = {action.key: action for action in actions}
        self._sections = tuple(sections)
        self._explain = explain
        environment = Environment(
            loader=PackageLoader("davstore.dashboard"), autoescape=True,
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        environment.filters.update(
            size=words.size, rate=words.rate, span=words.span, stamp=words.stamp, day=words.day,
            clock=words.clock, ago=words.ago, many=words.many,
        )  # fmt: skip
        self._page = environment.get_template("page.html")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response; `environ` says who asks, and what they may."""
        path = environ["PATH_INFO"]
        if path in {"", "/"} and environ["REQUEST_METHOD"] == "POST":
            return _plain(start_response, "405 Method Not Allowed", "There is nothing to do here.")
        if path == "":
            where = ("Location", environ["SCRIPT_NAME"] + "/")
            return _plain(start_response, "308 Permanent Redirect", "At /-/", where)
        if path == "/metrics":
            return metrics(self._scene(), environ, start_response)
        if path == "/":
            return self._show(environ, start_response)
        if path.startswith("/do/") and environ["REQUEST_METHOD"] == "POST":
            return self._do(path.removeprefix("/do/"), environ, start_response)
        return _plain(start_response, "404 Not Found", "There is no such page.")

    def _show(
        self, environ: Environ, start_response: StartResponse, said: str = "", problem: str = ""
    ) -> Iterable[bytes]:
        query = _fields(environ.get("QUERY_STRING", ""))
        action = self._actions.get(query.get("did", ""))
        scene = self._scene()
        user, rights = environ["davstore.user"], environ["davstore.rights"]
        path = query.get("path", "").strip()
        text = self._page.render(
            style=Markup(_STYLE),  # noqa: S704 - our own file
            script=Markup(_SCRIPT),  # noqa: S704 - our own file
            base=environ["SCRIPT_NAME"] + "/",
            scene=scene,
            now=scene.now,
            sections=[(section, section.show(scene)) for section in self._sections],
            concerns=list(concerns(scene)),
            user=user,
            token=self._tokens.of(user) if "manage" in rights else "",
            said=said or (action.done if action else ""),
            problem=problem,
            path=path,
            explained=self._explained(path),
            can_explain=self._explain is not None,
        )
        body = text.encode(errors="replace")
        status = "409 Conflict" if problem else "200 OK"
        start_response(status, [*_HEADERS, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _explained(self, path: str) -> Sequence[tuple[str, str]]:
        if self._explain is None or not path:
            return ()
        try:
            return self._explain(path)
        except DavstoreError as error:
            return [("problem", str(error))]

    def _do(self, key: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        action = self._actions.get(key)
        fields = _form(environ)
        if action is None:
            return _plain(start_response, "404 Not Found", "There is no such action.")
        is_ours = environ.get("HTTP_SEC_FETCH_SITE", "same-origin") in {"same-origin", "none"}
        if not is_ours or not self._tokens.fits(environ["davstore.user"], fields.get("token", "")):
            return _plain(
                start_response, "403 Forbidden",
                "This form is not from the page, or too old: open the page again.",
            )  # fmt: skip
        try:
            action.do(fields)
        except DavstoreError as error:
            return self._show({**environ, "QUERY_STRING": ""}, start_response, problem=str(error))
        where = ("Location", f"{environ['SCRIPT_NAME']}/?did={key}")
        return _plain(start_response, "303 See Other", action.done, where)


def _form(environ: Environ) -> Fields:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return {}
    if not 0 < length <= LONGEST_FORM:
        return {}
    return _fields(environ["wsgi.input"].read(length).decode("utf-8", "replace"))


def _fields(text: str) -> dict[str, str]:
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {key: values[-1] for key, values in fields.items()}


def _plain(
    start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(status, [kind, ("Content-Length", str(len(body))), *headers])
    return [body]
