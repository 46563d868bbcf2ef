"""Everything that is known of a path, in rows for people: what it is, why it stands there, how its
link is, what went wrong with it, and what the next read would do. Asks no service.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

from davstore import views as arranging
from davstore.catalog import owner
from davstore.config import Settings
from davstore.dashboard.words import clock, size, span
from davstore.dav.tree.tree import Tree, Views
from davstore.errors import DavstoreError, NotReady
from davstore.model import Entry, Folder, Leaf, Link, Magnet, Status
from davstore.server.library import Library
from davstore.server.watch import parts

Row: TypeAlias = tuple[str, str]


class Unexplained(DavstoreError):
    """Nothing is known of a path."""


class Explainer:
    """Explains paths of the tree; `now` is unix seconds. Where it is `patient` it waits until all
    views are arranged.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        now: Callable[[], float],
        *,
        patient: bool = False,
    ) -> None:
        arranged = library.arranged
        self._arranged = arranged.complete if patient else arranged.folders
        self._settings = settings
        self._library = library
        self._now = now

    def __call__(self, path: str) -> Sequence[Row]:
        """The rows. Raises `Unexplained`."""
        names = [part for part in path.split("/") if part]
        catalog, arranged = self._library.catalog, self._library.arranged
        views = Views(arranged.names, self._arranged)
        tree = Tree(catalog.accounts, catalog.known, views=views)
        try:
            entry = tree.find(names)
        except NotReady as error:
            raise Unexplained(
                f"nothing is known of {error.name} yet; `davstore refresh {error.name}` asks"
            ) from None
        if entry is None:
            return [("path", path), *self._missing(names)]
        return [("path", path), *self._of(entry, names)]

    def _of(self, entry: Entry, names: Sequence[str]) -> Iterator[Row]:
        if isinstance(entry, Leaf):
            yield from self._file(entry)
            return
        if len(names) == 3 and names[0] in self._library.catalog.accounts:
            account, id_ = owner(entry)
            yield ("is", f"a magnet with {len(entry.entries):,} in it")
            yield from self._magnet(account, id_)
            yield from self._views(account, id_)
            return
        yield ("is", f"a folder with {len(entry.entries):,} in it")
        for leaf in _some(entry, 1):
            yield ("first", f"{leaf.name}, of account {leaf.account}")

    def _file(self, leaf: Leaf) -> Iterator[Row]:
        sized = (
            "of unknown size; the first read learns it" if leaf.size is None else size(leaf.size)
        )
        yield ("is", f"a file, {sized}")
        yield ("at the service", leaf.file.path)
        if leaf.file.path.rsplit("/", 1)[-1] != leaf.name:
            yield ("renamed", f"to {leaf.name}: safe and unique here")
        yield ("identity", leaf.identity)
        for each in (leaf, *leaf.others):
            yield from self._magnet(each.account, each.magnet)
            yield from self._reading(each)
        if leaf.others:
            order = ", then ".join(each.account for each in (leaf, *leaf.others))
            yield ("read from", f"{order} where that fails")
        yield from self._views(leaf.account, leaf.magnet, leaf.file.path)

    def _magnet(self, account: str, id_: str) -> Iterator[Row]:
        settings = self._settings.accounts.get(account)
        yield ("account", f"{account} ({settings.store})" if settings else account)
        magnet = self._library.overviews.magnet(account, id_)
        if magnet is not None:
            yield ("magnet", f"{magnet.name} (id {magnet.id}), {_stands(magnet)}")
            if magnet.hash:
                yield ("hash", magnet.hash)
        snapshot = self._library.catalog.known(account)
        if snapshot is not None:
            yield ("listed", f"{span(self._now() - snapshot.taken)} ago")

    def _reading(self, leaf: Leaf) -> Iterator[Row]:
        """How its link is, what is held against it, and what follows from both."""
        now = self._now()
        link = self._library.links.get(leaf.account, leaf.file.ref)
        yield ("link", _told(link, now))
        held = list(self._held(leaf))
        if held:
            yield ("held against it", "; ".join(held))
            yield ("next read", "is refused without asking the service, until then")
        elif link is not None and link.expires > now:
            yield ("next read", f"opens {urlsplit(link.url).hostname} with that link; no call")
        else:
            yield ("next read", "generates a link first: one call to the service")

    def _held(self, leaf: Leaf) -> Iterator[str]:
        now = self._now()
        for part in parts(self._settings.server.state, now):
            if leaf.account in part["held"]:
                yield f"the whole account: {part['held'][leaf.account]}"
            for trouble in part["files"]:
                if (trouble["account"], trouble["identity"]) == (leaf.account, leaf.identity):
                    since, left = span(now - trouble["since"]), span(trouble["until"] - now)
                    yield f"{trouble['reason']}; failing for {since}, tried again in {left}"

    def _views(self, account: str, id_: str, path: str = "") -> Iterator[Row]:
        self._arranged()
        standing = self._library.arranged.standing(account, id_)
        if standing is None:
            return
        whole, places = standing
        found = arranging.reasons(self._settings.views, whole, self._now())
        for view, reasons in found.items():
            at = places.get(view, ("", {}))[1]
            yield (f"view {view}", placing(view, whole, reasons, at, path))

    def _missing(self, names: Sequence[str]) -> Iterator[Row]:
        yield ("is", "nothing: no such path stands in the tree now")
        for name in reversed(names):
            found = self._library.overviews.named(name)
            for account, magnet in found:
                yield ("but known", f"{account} has {magnet.name}: {_stands(magnet)}")
            if found:
                return
        yield ("unknown", "no account has a magnet of that name; `davstore refresh` asks again")


def _stands(magnet: Magnet) -> str:
    parts_ = [magnet.status.value]
    if magnet.status is not Status.READY:
        if magnet.progress is not None:
            parts_.append(f"{magnet.progress:.0f} %")
        parts_.append("only ready ones are shown")
    if magnet.added:
        parts_.append(f"added {clock(magnet.added)}")
    return ", ".join(parts_)


def _told(link: Link | None, now: float) -> str:
    if link is None:
        return "none is kept"
    host = urlsplit(link.url).hostname
    if link.expires <= now:
        return f"one at {host}, too old for {span(now - link.expires)}"
    return f"one at {host}, good for another {span(link.expires - now)}"


def placing(
    view: str, whole: arranging.Facts, reasons: Mapping[str, str], places: arranging.Places,
    path: str = "",
) -> str:  # fmt: skip
    """Where a view has a magnet's files, or the one at `path` in it, or why it has none. `reasons`
    say by file why it is not to be there, `places` where it is: not yet, while it waits for its
    turn to be arranged.
    """
    pieces = [p for p in whole.pieces if not path or "/".join(p.path) == path] or whole.pieces
    shown = [piece.key for piece in pieces if not reasons.get(piece.key)]
    if not shown:
        why = next((reasons[p.key] for p in pieces if reasons.get(p.key)), "")
        return f"no, {why}" if why else "no"
    placed = [places[key] for key in shown if key in places]
    if not placed:
        return "it belongs there, and is being arranged: look again in a moment"
    more, late = len(placed) - 1, len(shown) - len(placed)
    said = "/".join(("", view, *placed[0]))
    if more:
        said += f" and {more:,} more"
    return f"{said}, {late:,} still being arranged" if late else said


def _some(folder: Folder, most: int) -> list[Leaf]:
    found: list[Leaf] = []
    for entry in folder.entries.values():
        if len(found) >= most:
            break
        found += [entry] if isinstance(entry, Leaf) else _some(entry, most - len(found))
    return found
