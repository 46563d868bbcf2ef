"""Tables of settings that are checked, and what is wrong with one, in our words: its key, what was
found, and a cure.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from davstore.errors import Problem

Table: TypeAlias = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)

_SECRET = re.compile(r"token|password|secret|key|state_url", re.IGNORECASE)


class Checked(BaseModel):
    """A table in which nothing unknown may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validated(model: type[Model], table: Any, place: str) -> tuple[Model | None, list[Problem]]:
    """What the table at `place` says, or every problem with it."""
    try:
        return model.model_validate(table), []
    except ValidationError as error:
        return None, [_problem(model, detail, place) for detail in error.errors()]


def unknown(table: Table, known: Mapping[str, object], place: str) -> Iterator[Problem]:
    """A problem for each key of `table` that is not `known`."""
    for name in table:
        if name not in known:
            cure = nearest(name, known) + f"known are {', '.join(known)}"
            yield Problem(f"{place}{name}", "is not known", cure)


def _problem(model: type[BaseModel], detail: Any, place: str) -> Problem:
    """Pydantic's finding in our words, never with a secret's value."""
    key = ".".join([place, *(str(part) for part in detail["loc"])])
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(detail["loc"][-1])
        cure = nearest(name, model.model_fields) or f"known are {', '.join(model.model_fields)}"
        return Problem(key, "is not known", cure.strip())
    if kind == "missing":
        field = model.model_fields.get(str(detail["loc"][-1]))
        return Problem(key, "is missing", (field and field.description) or "add it")
    if kind == "value_error":
        found, _, cure = str(context.get("error", detail["msg"])).partition("; ")
        return Problem(key, found, cure or "see the README's part on this store")
    return Problem(key, _found(key, detail["input"]), _allowed(kind, context, detail["msg"]))


def _found(key: str, value: Any) -> str:
    if _SECRET.search(key.rpartition(".")[2]) or isinstance(value, dict | list):
        return f"cannot be a {type(value).__name__}" if not isinstance(value, str) else "is wrong"
    return f"{value!r} is not allowed"


_WORDS: Mapping[str, str] = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "greater_than_equal": "{ge:g} or more",
    "less_than_equal": "{le:g} or less",
    "string_too_short": "a text that is not empty",
    "too_short": "a text that is not empty",
    "string_pattern_mismatch": "a text without colons and control characters",
    "literal_error": "one of {expected}",
    "url_parsing": "a URL such as https://host/path",
    "url_scheme": "a URL that begins with http:// or https://",
    "path_type": "a path in quotes",
    "model_type": "a table",
    "ip_any_network": "an address or a network such as 10.0.0.0/8",
}


def _allowed(kind: str, context: Mapping[str, Any], message: str) -> str:
    words = _WORDS.get(kind)
    return f"allowed is {words.format(**context)}" if words else message


def nearest(name: str, known: Mapping[str, object]) -> str:
    """A question for the known name that looks most like this one; empty where none does."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}? " if near else ""
