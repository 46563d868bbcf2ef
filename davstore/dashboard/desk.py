"""The WSGI application under `/-/`: the status page, the page on which things are added, metrics,
what can be done there, and a question before what cannot be undone.

Which right a request needs is said here (`right`); whether somebody has it is asked before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment as Environ

from davstore.dashboard import forms
from davstore.dashboard.adding import KINDS, Found, Intake
from davstore.dashboard.forms import Form
from davstore.dashboard.frame import page, plain
from davstore.dashboard.scene import Queued, Scene
from davstore.dashboard.sections import SECTIONS, concerns, glance
from davstore.dashboard.tokens import Tokens
from davstore.errors import DavstoreError

STATUS, ADD, METRICS, DO = "/", "/add", "/metrics", "/do/"
PURGE: Final = "purge"
"""Both the page that asks whether something may go from the trash, and what is done then."""
WATCH, MANAGE, ADDING, DELETE = "watch", "manage", "add", "delete"
KEPT_FIELDS: Final = ("words", "kind", "to")
"""Of a form, what the page after it is to show again."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a button does: `do` may raise `DavstoreError`; `done` is said when it is. It
    needs the `right`.
    """

    key: str
    done: str
    do: Callable[[Form], object]
    right: str = MANAGE


class Dashboard:
    """Shows `scene()`; `explain` says of a path what is known, as rows of text.
    Things are added by the `intake`.
    """

    def __init__(
        self,
        scene: Callable[[], Scene],
        tokens: Tokens,
        actions: Sequence[Action] = (),
        *,
        explain: Callable[[str], Sequence[tuple[str, str]]] | None = None,
        intake: Intake | None = None,
    ) -> None:
        self._scene = scene
        self._tokens = tokens
        self._actions = {action.key: action for action in actions}
        self._explain = explain
        self._intake = intake

    def right(self, method: str, path: str) -> str:
        """The right that a request needs."""
        if method == "POST":
            action = self._actions.get(path.removeprefix(DO))
            return action.right if action else MANAGE
        return {ADD: ADDING, f"/{PURGE}": DELETE}.get(path, WATCH)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A response; `environ` says who asks, what they may, and which accounts they see."""
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith(DO) and method == "POST":
            return self._do(path.removeprefix(DO), environ, start_response)
        if path in {"", STATUS, ADD, f"/{PURGE}"} and method == "POST":
            return plain(start_response, "405 Method Not Allowed", "There is nothing to do here.")
        if path == "":
            where = ("Location", environ["SCRIPT_NAME"] + "/")
            return plain(start_response, "308 Permanent Redirect", "At /-/", where)
        if path == METRICS:
            from davstore.dashboard.metrics import metrics  # noqa: PLC0415 - for Prometheus alone

            return metrics(self._scene(), environ, start_response)
        if path == STATUS:
            return self._status(environ, start_response, _query(environ))
        if path == ADD and self._intake is not None:
            return self._add(environ, start_response, _query(environ), self._intake)
        if path == f"/{PURGE}":
            return self._asked(environ, start_response, _query(environ))
        return plain(start_response, "404 Not Found", "There is no such page.")

    def _status(
        self,
        environ: Environ,
        start_response: StartResponse,
        query: Mapping[str, str],
        problem: str = "",
    ) -> Iterable[bytes]:
        scene = self._scene()
        path = query.get("path", "").strip()
        return page(
            environ, start_response, "status.html", _answer(problem),
            **self._common(environ, query, problem),
            scene=scene,
            now=scene.now,
            sections=[(section, section.show(scene)) for section in SECTIONS],
            concerns=list(concerns(scene)),
            glance=list(glance(scene)),
            path=path,
            explained=self._explained(path),
            can_explain=self._explain is not None,
        )  # fmt: skip

    def _add(
        self,
        environ: Environ,
        start_response: StartResponse,
        query: Mapping[str, str],
        intake: Intake,
        problem: str = "",
    ) -> Iterable[bytes]:
        sees, words = environ["davstore.sees"], query.get("words", "").strip()
        kind = query.get("kind", "")
        found: Found | None = None
        queue: Sequence[Queued] = ()
        try:
            queue = intake.queue(sees)
            found = intake.find(words, sees, kind) if words else None
        except DavstoreError as error:
            found = Found(problems=[str(error)])
        return page(
            environ, start_response, "add.html", _answer(problem),
            **self._common(environ, query, problem),
            now=self._tokens.now(),
            accounts=intake.accounts(sees),
            searching=intake.searching(sees),
            queue=queue,
            downloads=[{"account": name, "of": each} for name, each in intake.coming(sees)],
            to=query.get("to", ""),
            links=query.get("links", ""),
            words=words,
            kinds=KINDS,
            kind=kind,
            found=found,
        )  # fmt: skip

    def _asked(
        self, environ: Environ, start_response: StartResponse, query: Mapping[str, str]
    ) -> Iterable[bytes]:
        """Whether something in the trash may go for good."""
        sees, scene = environ["davstore.sees"], self._scene()
        for each in scene.trash:
            if (each.account, each.id) == (query.get("account"), query.get("magnet")) and sees(
                each.account
            ):
                return page(
                    environ, start_response, "purge.html", _answer(""),
                    **self._common(environ, {}, ""), now=scene.now, each=each,
                )  # fmt: skip
        return plain(start_response, "404 Not Found", "That is in the trash no more.")

    def _common(
        self, environ: Environ, query: Mapping[str, str], problem: str
    ) -> dict[str, object]:
        """What every page is told: what has been done, and what this person may do."""
        rights = environ["davstore.rights"]
        done = self._actions.get(query.get("did", ""))
        return {
            "may": {key for key, action in self._actions.items() if action.right in rights},
            "token": self._tokens.of(environ["davstore.user"]),
            "can_add": self._intake is not None and ADDING in rights,
            "can_watch": WATCH in rights,
            "said": done.done if done and not problem else "",
            "problem": problem,
        }

    def _explained(self, path: str) -> Sequence[tuple[str, str]]:
        if self._explain is None or not path:
            return ()
        try:
            return self._explain(path)
        except DavstoreError as error:
            return [("problem", str(error))]

    def _do(self, key: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        action = self._actions.get(key)
        if action is None:
            return plain(start_response, "404 Not Found", "There is no such action.")
        is_ours = environ.get("HTTP_SEC_FETCH_SITE", "same-origin") in {"same-origin", "none"}
        fields: Mapping[str, str] = {}
        try:
            form = forms.read(environ)
            fields = form.fields
            if not is_ours or not self._tokens.fits(form.user, fields.get("token", "")):
                return plain(
                    start_response, "403 Forbidden",
                    "This form is not from the page, or too old: open the page again.",
                )  # fmt: skip
            action.do(form)
        except DavstoreError as error:
            rights = environ["davstore.rights"]
            if fields.get("back") == "add" and self._intake is not None and ADDING in rights:
                return self._add(environ, start_response, fields, self._intake, str(error))
            if WATCH in rights:
                return self._status(environ, start_response, {}, str(error))
            return plain(start_response, "409 Conflict", str(error))
        back = ADD if fields.get("back") == "add" else STATUS
        kept = {name: fields[name] for name in KEPT_FIELDS if back == ADD and fields.get(name)}
        query = urlencode({"did": key, **kept})
        where = ("Location", f"{environ['SCRIPT_NAME']}{back}?{query}")
        return plain(start_response, "303 See Other", action.done, where)


def _answer(problem: str) -> str:
    return "409 Conflict" if problem else "200 OK"


def _query(environ: Environ) -> Mapping[str, str]:
    try:
        fields = parse_qs(
            environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=20
        )
    except ValueError:
        return {}
    return {key: values[-1] for key, values in fields.items()}
