"""Numbers in words that people read."""

from datetime import UTC, datetime

from jinja2.filters import do_filesizeformat

_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def size(count: float) -> str:
    """Bytes."""
    return do_filesizeformat(max(0.0, count))


def rate(count: float) -> str:
    """Bytes a second."""
    return f"{size(count)}/s"


def span(seconds: float) -> str:
    """How long: in the largest unit of which there are two."""
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    whole = max(0, round(seconds))
    return f"{whole} second{'' if whole == 1 else 's'}"


def ago(moment: float, now: float) -> str:
    """When it was."""
    return f"{span(now - moment)} ago" if moment else "never"


def stamp(moment: float) -> str:
    """For the `datetime` of a <time>; "" for none."""
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
    except (ValueError, OverflowError, OSError):
        return ""


def day(moment: float) -> str:
    """A date."""
    return stamp(moment)[:10]


def clock(moment: float) -> str:
    """A date and time of day."""
    return stamp(moment)[:16].replace("T", " ")


def share(part: float, whole: float) -> str:
    """Per cent; "–" of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def many(count: float, word: str) -> str:
    """A number and its word."""
    return f"{count:,.0f} {word}{'' if count == 1 else 's'}"
