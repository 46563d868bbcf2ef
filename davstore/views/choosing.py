"""Which views a magnet's files are in: their rules one after the other, groups, and the reasons."""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b

from davstore.config.views import ViewSettings
from davstore.views.arranging import Want, absent, refused, wants
from davstore.views.facts import Facts, Piece
from davstore.views.rules import turning

Views = Mapping[str, ViewSettings]


def chosen(views: Views, whole: Facts, folder: str, now: float) -> dict[str, list[Want]]:
    """Where each view that shows something of `whole` wants it; `folder` is its own name."""
    absences = reasons(views, whole, now)
    found = {}
    for name, view in views.items():
        pieces = [piece for piece in whole.pieces if not absences[name][piece.key]]
        if pieces:
            found[name] = wants(view, whole, pieces, folder)
    return found


def reasons(views: Views, whole: Facts, now: float) -> dict[str, dict[str, str]]:
    """By view and file key why the file is not there; "" where it is."""
    had: dict[str, dict[str, str]] = defaultdict(dict)  # by group, then file: the view that has it
    return {
        name: _of_view(name, view, whole, now, had[view.group] if view.group else {})
        for name, view in views.items()
    }


def _of_view(
    name: str, view: ViewSettings, whole: Facts, now: float, had: dict[str, str]
) -> dict[str, str]:
    refusal = refused(view, whole, now)
    found = {}
    for piece in whole.pieces:
        found[piece.key] = refusal or _of_piece(view, whole, piece, now, had)
        claimed = view.of == "magnets" and not refusal
        if claimed or not found[piece.key]:
            had.setdefault(piece.key, name)
    return found


def _of_piece(
    view: ViewSettings, whole: Facts, piece: Piece, now: float, had: Mapping[str, str]
) -> str:
    if other := had.get(piece.key):
        return f"group {view.group}: {other} has it"
    return absent(view, piece, whole, now)


def next_turn(views: Views, added: float, now: float) -> float:
    """When the mere passing of time may change which views a magnet is in; infinite if never."""
    return min((turning(view, added, now) for view in views.values()), default=float("inf"))


def digest(view: ViewSettings) -> str:
    """Changes when the view's settings do."""
    return blake2b(view.model_dump_json().encode(), digest_size=8).hexdigest()
