"""Whether a condition holds of a magnet or a file, and if not, why."""

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from davstore.config.views import Condition
from davstore.views.facts import Facts

DAY = 86400.0


def failing(rule: Condition, facts: Facts, now: float) -> str:
    """What of `rule` does not hold of `facts`; "" where all of it does."""
    return next(_failures(rule, facts, now), "")


def turning(rule: Condition, added: float, now: float) -> float:
    """The next moment at which time alone may change whether `rule` holds; infinite if never."""
    moments = {added + days * DAY for each in _nested(rule)
               for days in (each.days_from, each.days_to) if days is not None}  # fmt: skip
    return min((moment for moment in moments if moment > now), default=float("inf"))


def _nested(rule: Condition) -> Iterator[Condition]:
    yield rule
    for inner in (*rule.any, *rule.all, *([rule.not_] if rule.not_ else [])):
        yield from _nested(inner)


def _failures(rule: Condition, facts: Facts, now: float) -> Iterator[str]:
    yield from _names(rule, facts)
    yield from _words(rule, facts)
    yield from _numbers(rule, facts, now)
    for inner in rule.all:
        if reason := failing(inner, facts, now):
            yield reason
    if rule.any:
        reasons = [failing(inner, facts, now) for inner in rule.any]
        if all(reasons):
            yield f"none of any: {'; '.join(reasons)}"
    if rule.not_ is not None and not failing(rule.not_, facts, now):
        yield f"not: {_said(rule.not_)}"


def _names(rule: Condition, facts: Facts) -> Iterator[str]:
    paths = ["/".join(piece.path) for piece in facts.pieces]
    lasts = [piece.path[-1] for piece in facts.pieces]
    for field, texts, holds in (
        ("name_regex", [facts.name], _found),
        ("name_contains", [facts.name], _within),
        ("name_glob", [facts.name], _like),
        ("file_regex", paths, _found),
        ("file_contains", paths, _within),
        ("file_glob", lasts, _like),
    ):
        wanted: tuple[str, ...] = getattr(rule, field)
        if wanted and not _some(wanted, texts, holds):
            yield f"{field} is not {_or(wanted)}"


def _words(rule: Condition, facts: Facts) -> Iterator[str]:
    said = facts.release
    for field, wanted, has in (
        ("kind", rule.kind, (facts.kind,)),
        ("account", rule.account, facts.accounts),
        ("status", rule.status, (facts.status.value,)),
        ("resolution", rule.resolution, (said.resolution,)),
        ("codec", rule.codec, (said.codec,)),
        ("language", rule.language, said.languages),
    ):
        if wanted and not {word.lower() for word in wanted} & {word.lower() for word in has}:
            yield f"{field} is {', '.join(filter(None, has)) or 'unknown'}, not {_or(wanted)}"


def _numbers(rule: Condition, facts: Facts, now: float) -> Iterator[str]:
    for field, value, least, most in (
        ("year", facts.release.year, rule.year_from, rule.year_to),
        ("size", facts.size, rule.size_from, rule.size_to),
        ("files", len(facts.pieces), rule.files_from, rule.files_to),
    ):
        if least is None and most is None:
            continue
        if value is None:
            yield f"{field} is unknown"
        elif (least is not None and value < least) or (most is not None and value > most):
            yield f"{field} is {value}, not {_range(least, most)}"
    days = (now - facts.added) / DAY
    # The moments are compared as `turning` tells them, so that both agree to the last bit.
    if rule.days_from is not None and now < facts.added + rule.days_from * DAY:
        yield f"was added {days:.1f} days ago, not {_range(rule.days_from, None)}"
    if rule.days_to is not None and now >= facts.added + rule.days_to * DAY:
        yield f"was added {days:.1f} days ago, not {_range(None, rule.days_to)}"


def _some(wanted: Iterable[str], texts: list[str], holds: Callable[[str, str], bool]) -> bool:
    return any(holds(each, text) for each in wanted for text in texts)


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _found(pattern: str, text: str) -> bool:
    return bool(_compiled(pattern).search(text))


def _within(word: str, text: str) -> bool:
    return word.casefold() in text.casefold()


def _like(pattern: str, text: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


def _or(wanted: Iterable[str]) -> str:
    return " or ".join(wanted)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return f"{most} or less"
    return f"{least} or more" if most is None else f"{least} to {most}"


def _said(rule: Condition) -> str:
    """A rule in a line."""
    given = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return ", ".join(f"{key} = {value}" for key, value in given.items())
