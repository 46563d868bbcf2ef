"""The log: readable lines or JSON, each with the request that it belongs to, and the net under
it all: no URL's path and no login passes, whoever wrote it.
"""

import logging
import re
import secrets
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final, Literal, ParamSpec, TypeAlias, TypeVar, get_args

from pythonjsonlogger.json import JsonFormatter

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)
Form: TypeAlias = Literal["text", "json"]

P = ParamSpec("P")
T = TypeVar("T")

KEPT = 100
"""So many warnings are kept for whoever looks at the dashboard."""

_URL = re.compile(r"(https?|stremthru)://([^/\s\"'<>]*@)?([^/\s\"'<>]*)/[^\s\"'<>]*", re.IGNORECASE)
_USER = re.compile(r"([a-z][a-z0-9+.-]*://)[^/\s\"'<>]*@", re.IGNORECASE)
# How HTTP libraries name a request; with retries they do so even at WARNING.
_REQUEST = re.compile(r"(\"[A-Z]+|with url:) /[^\s\"]*")
_LOGIN = re.compile(r"(Bearer|Basic|token=|apikey=|password=)\s*[^\s\"'&,;]+", re.IGNORECASE)

_request: ContextVar[str] = ContextVar("request", default="")
_numbers = count(1)
_process: Final = secrets.token_hex(2)


def redacted(text: str) -> str:
    """`text` without what may be a secret. Whatever leaves davstore as a log passes here."""
    text = _USER.sub(r"\1", _URL.sub(r"\1://\3/…", text))
    text = _REQUEST.sub(r"\1 …", text)
    return _LOGIN.sub(r"\1 …", text)


def new_request() -> str:
    """A name for a request, by which all that it causes is found in the log."""
    return f"{_process}-{next(_numbers):x}"


def begin_request(name: str) -> None:
    """What this thread or task logs from now on belongs to this request."""
    _request.set(name)


def request() -> str:
    """The one that this thread or task works for, "" for none."""
    return _request.get()


class Threads(ThreadPoolExecutor):
    """Threads that work for the request of whoever asked them to."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As of any executor."""
        return super().submit(copy_context().run, partial(fn, *args, **kwargs))


class Redacted(logging.Formatter):
    """A record as a line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return redacted(super().format(record))


class Json(JsonFormatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The object; redacted once more within, since `"` ends a secret there."""
        return redacted(super().format(record))


class OfRequest(logging.Filter):
    """Tells each record the request that it belongs to: `request`, and `of` for people."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True."""
        name = _request.get()
        record.__dict__.update(request=name, of=f"[{name}] " if name else "")
        return True


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning or an error; `at` in unix seconds."""

    at: float
    level: str
    text: str


class Recent(logging.Handler):
    """Keeps the last warnings, redacted."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.remarks: deque[Remark] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        text = redacted(record.getMessage())
        self.remarks.append(Remark(record.created, record.levelname.lower(), text))


recent: Final = Recent()
"""This process's."""


def start(level: Level = "info", form: Form = "text", *, tells_process: bool = False) -> None:
    """Log to standard error: davstore's own lines, and other packages' only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OfRequest())
    if form == "json":
        fields = "asctime levelname name message request" + (" process" if tells_process else "")
        names = {"asctime": "at", "levelname": "level", "name": "logger"}
        handler.setFormatter(Json(fields.split(), rename_fields=names, timestamp=False))
    else:
        process = "[%(process)d] " if tells_process else ""
        line = f"%(asctime)s %(levelname)-7s {process}%(of)s%(message)s"
        handler.setFormatter(Redacted(line, "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler, recent], force=True)
    set_level(level)


def set_level(level: str) -> None:
    """From now on; one of `LEVELS`."""
    logging.getLogger("davstore").setLevel(level.upper())


def level() -> str:
    """The one in force."""
    return logging.getLevelName(logging.getLogger("davstore").getEffectiveLevel()).lower()
