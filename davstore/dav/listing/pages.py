"""A folder as a page for browsers, from the same entries as `listing`. Works without script.

Sorted, searched and paged here; a page asks for nothing from elsewhere, and its
Content-Security-Policy allows nothing but its own style.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from unicodedata import normalize
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from jinja2.filters import do_filesizeformat
from markupsafe import Markup

from davstore import views
from davstore.dav.http.times import date
from davstore.dav.listing.canary import CANARY
from davstore.dav.listing.compression import GZIP, PLAIN, accepted
from davstore.dav.listing.multistatus import PATH_SAFE
from davstore.dav.listing.playlist import MEDIA_TYPE, playlist
from davstore.dav.listing.properties import content_type
from davstore.model import Entry, Folder, Leaf
from davstore.wsgi import Environ, StartResponse, query

ROWS = 1000
"""On one page."""
SEARCHABLE = 12
"""Entries from which on looking for a name is more than looking."""

_STYLE = (files("davstore.dav") / "templates" / "folder.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = (
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "private, no-cache"),
    ("Vary", "Accept-Encoding"),
)
_NOT_PLAIN = re.compile(r'[^ -~]|["\\]')
_HOST = re.compile(r"[A-Za-z0-9._~\[\]:-]+")


@dataclass(frozen=True, slots=True)
class _View:
    """How the entries are to be shown, as the query says; what it says wrongly is passed over."""

    sort: str = "name"
    descending: bool = False
    words: str = ""
    page: int = 1

    def link(self, **changes: str) -> str:
        order = "desc" if self.descending else "asc"
        now = {"sort": self.sort, "order": order, "q": self.words, **changes}
        return "?" + urlencode({key: value for key, value in now.items() if value})


@cache
def _template() -> Template:
    return Environment(
        loader=PackageLoader("davstore.dav"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    ).get_template("folder.html")


_BY: Mapping[str, Callable[[Entry], float]] = {
    "size": lambda entry: (isinstance(entry, Leaf) and entry.size) or 0,
    "date": lambda entry: entry.modified,
}
_COLUMNS = {"name": "Name", "size": "Size", "date": "Added"}


def page(
    environ: Environ,
    start_response: StartResponse,
    home: str,
    href: str,
    folder: Folder,
    doors: Mapping[str, str] = MappingProxyType({}),
) -> Iterable[bytes]:
    """A WSGI response to GET or HEAD of `folder`, which stands at `href`; `home` is the root's, and
    `doors` lead from there to other pages: paths by title.

    `?m3u` asks for its playlist instead.
    """
    fields = query(environ)
    if "m3u" in fields:
        text, headers = _playlist(environ, href, folder)
    else:
        text = _rendered(_view(fields), home, href, folder, doors)
        headers = [("Content-Type", "text/html; charset=utf-8")]
    coding = GZIP if accepted(environ.get("HTTP_ACCEPT_ENCODING", "")) else PLAIN
    body = b"".join(coding.whole([coding.piece(text.encode(errors="replace"))]))
    headers += [*_HEADERS, ("Content-Length", str(len(body))), ("Date", date())]
    if coding.name:
        headers.append(("Content-Encoding", coding.name))
    start_response("200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _view(query: Mapping[str, str]) -> _View:
    sort = query.get("sort", "")
    sort = sort if sort in _COLUMNS else "name"
    order = query.get("order", "")
    number = query.get("page", "")
    return _View(
        sort,
        order == "desc" if order else sort != "name",
        query.get("q", "").strip(),
        int(number) if number.isdecimal() and len(number) < 6 else 1,
    )


def _playlist(environ: Environ, href: str, folder: Folder) -> tuple[str, list[tuple[str, str]]]:
    name = f"{folder.name or 'davstore'}.m3u"
    plain = _NOT_PLAIN.sub("_", name)  # for clients that do not know RFC 8187
    said = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Disposition", said)]
    return playlist(folder, _origin(environ) + href), headers


def _origin(environ: Environ) -> str:
    """Scheme and host as the client wrote them, without a login."""
    host = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        host = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}"


def _rendered(view: _View, home: str, href: str, folder: Folder, doors: Mapping[str, str]) -> str:
    shown = _shown(folder, view)
    pages = max(1, -(-len(shown) // ROWS))
    number = min(max(1, view.page), pages)
    rows = shown[(number - 1) * ROWS : number * ROWS]
    return _template().render(
        title=folder.name or "davstore",
        style=Markup(_STYLE),  # noqa: S704 - our own file
        crumbs=_crumbs(home, href),
        doors={title: home + path for title, path in doors.items()},
        summary=_summary(shown),
        searchable=len(folder.entries) >= SEARCHABLE,
        words=view.words,
        sort=view.sort,
        order="desc" if view.descending else "asc",
        columns=[_column(key, view) for key in _COLUMNS],
        rows=[_row(href, entry) for entry in rows],
        page=number,
        pages=pages,
        link=lambda number: view.link(page=str(number)),
    )


def _shown(folder: Folder, view: _View) -> Sequence[Entry]:
    """Those that were looked for, in order; folders stand together at the top."""
    entries: Iterable[Entry] = [e for e in folder.entries.values() if e is not CANARY]
    words = _plain(view.words).split()
    if words:
        entries = [e for e in entries if all(word in _plain(e.name) for word in words)]
    ordered = list(views.listed(entries).values())
    if view.sort != "name":
        ordered.sort(key=_BY[view.sort], reverse=view.descending)
    elif view.descending:
        ordered.reverse()
    return sorted(ordered, key=lambda entry: isinstance(entry, Leaf))


def _plain(text: str) -> str:
    return normalize("NFC", text).casefold()


def _column(key: str, view: _View) -> dict[str, str]:
    current = key == view.sort
    descending = not view.descending if current else key != "name"
    return {
        "key": key,
        "title": _COLUMNS[key],
        "sorted": ("descending" if view.descending else "ascending") if current else "",
        "href": view.link(sort=key, order="desc" if descending else "asc"),
    }


def _row(href: str, entry: Entry) -> dict[str, str]:
    place = href + quote(entry.name, safe=PATH_SAFE)
    date = _date(entry.modified)
    if isinstance(entry, Folder):
        return {"name": entry.name, "href": f"{place}/", "kind": "folder", "size": "", "date": date}
    size = "" if entry.size is None else do_filesizeformat(entry.size)
    return {"name": entry.name, "href": place, "kind": _kind(entry), "size": size, "date": date}


def _kind(leaf: Leaf) -> str:
    kind = content_type(leaf).partition("/")[0]
    return kind if kind in {"video", "audio", "image"} else "other"


def _date(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M") if moment else ""
    except (ValueError, OverflowError, OSError):
        return ""


def _summary(entries: Sequence[Entry]) -> str:
    leaves = [entry for entry in entries if isinstance(entry, Leaf)]
    parts = []
    if len(entries) > len(leaves):
        parts.append(_count(len(entries) - len(leaves), "folder"))
    if leaves:
        parts.append(_count(len(leaves), "file"))
        parts.append(do_filesizeformat(sum(leaf.size or 0 for leaf in leaves)))
    return " · ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _crumbs(home: str, href: str) -> list[dict[str, str]]:
    """The folders above, the root first."""
    crumbs = [{"name": "davstore", "href": home}]
    place = home
    for part in href.removeprefix(home).split("/")[:-2]:
        place += f"{part}/"
        crumbs.append({"name": unquote(part), "href": place})
    return crumbs if href != home else []
