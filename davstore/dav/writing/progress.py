"""How far dropped magnets are, in words: a name and a text for each that is coming."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from davstore import names
from davstore.catalog import Addition, State
from davstore.model import Magnet, Status

Line = tuple[str, str]

_STATUS = {
    Status.READY: "ready; its files are being listed",
    Status.QUEUED: "queued at the service",
    Status.DOWNLOADING: "downloading at the service",
    Status.PROCESSING: "being processed at the service",
    Status.FAILED: "failed",
    Status.UNKNOWN: "unknown",
}


def of_magnet(magnet: Magnet) -> tuple[str, str]:
    """The name and the text of a magnet that is in the account, but not ready."""
    word = str(magnet.status)
    if magnet.progress is not None and magnet.status is not Status.FAILED:
        word = f"{math.floor(magnet.progress)} %"
    lines = [("Status", _STATUS[magnet.status])]
    if magnet.progress is not None:
        lines.append(("Progress", f"{magnet.progress:.1f} %"))
    if magnet.speed is not None:
        lines.append(("Speed", f"{_size(magnet.speed)}/s"))
    if magnet.size:
        lines.append(("Size", _size(magnet.size)))
    if magnet.added:
        lines.append(("Added", _moment(magnet.added)))
    if magnet.status is Status.FAILED:
        lines.append(("Error", magnet.trouble or "the service does not say why"))
    elif magnet.trouble:
        lines.append(("Note", magnet.trouble))
    return _named(magnet.name, word), _text(magnet.name, lines)


def of_addition(addition: Addition, ahead: int) -> tuple[str, str]:
    """Those of a magnet that the account does not show yet; `ahead` come before it."""
    lines = [("Status", addition.state.said)]
    if addition.state is State.WAITING and ahead:
        lines.append(("Before it", f"{ahead} other{'s' if ahead > 1 else ''}"))
    lines.append(("Dropped", _moment(addition.dropped)))
    if addition.tried:
        times = "once" if addition.tries == 1 else f"{addition.tries} times"
        lines.append(("Tried", f"{times}, last {_moment(addition.tried)}"))
    if addition.reason:
        lines.append(("Error", addition.reason))
    word = {State.REFUSED: "refused", State.ADDED: "added"}.get(addition.state, "waiting")
    return _named(addition.name, word), _text(addition.name, lines)


def _named(name: str, word: str) -> str:
    return names.marked(f"{names.safe(name)}.txt", word)


def _text(name: str, lines: Sequence[Line]) -> str:
    shown = " ".join(name.split())
    return "\n".join([shown, "", *(f"{key}: {value}" for key, value in lines), ""])


def _moment(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
