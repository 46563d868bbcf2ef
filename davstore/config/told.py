"""`[[hooks]]` -> settings of hooks."""

from typing import Any

from pydantic import ValidationError

from davstore.config.words import nearest, problem
from davstore.errors import Problem
from davstore.hook_settings import KINDS, AnyHook


def hooks(rows: Any) -> tuple[tuple[AnyHook, ...], list[Problem]]:
    """The hooks of `rows`, and every problem with them."""
    if not isinstance(rows, list):
        cure = "write each as [[hooks]], or JSON in DAVSTORE_HOOKS"
        return (), [Problem("hooks", "is not a list", cure)]
    found: list[AnyHook] = []
    problems: list[Problem] = []
    for at, row in enumerate(rows):
        place = f"hooks.{at}"
        hook, wrong = _hook(row, place)
        problems += wrong
        if hook is None:
            continue
        if hook.called in {other.called for other in found}:
            cure = "give each of them a name of its own"
            problems.append(Problem(f"{place}.name", f"{hook.called!r} stands there twice", cure))
        found.append(hook)
    return tuple(found), problems


def _hook(row: Any, place: str) -> tuple[AnyHook | None, list[Problem]]:
    if not isinstance(row, dict):
        return None, [Problem(place, "is not a table", "write it as [[hooks]]")]
    known = f"one of {', '.join(KINDS)}"
    kind = row.get("kind")
    if kind is None:
        return None, [Problem(f"{place}.kind", "is missing", known)]
    if kind not in KINDS:
        cure = nearest(str(kind), KINDS) + known
        return None, [Problem(f"{place}.kind", f"{kind!r} is not known", cure)]
    try:
        return KINDS[kind].model_validate(row), []
    except ValidationError as error:
        return None, [problem(KINDS[kind], detail, place) for detail in error.errors()]
