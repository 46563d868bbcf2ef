"""How the stores read JSON: shapes that forgive what services get wrong, and never guess.

Numbers may come as strings and the reverse, null may stand for nothing, unknown members are
passed over. What cannot be read is an `UnexpectedReply` that names the place, not the content.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from davstore.errors import UnexpectedReply
from davstore.model import Unreadable


class Shape(BaseModel):
    """Base of every decoded JSON object."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, coerce_numbers_to_str=True, populate_by_name=True,
        allow_inf_nan=False,
    )  # fmt: skip


LARGEST: Final = 2**63 - 1
"""The largest whole number that a database keeps."""
LATEST: Final = 253_402_214_400.0
"""The year 9999's last day begins: it ends in every time zone before Python's calendar does."""


def whole(value: object) -> int | None:
    """`value` as a whole number from 0 on; None where it is none, or larger than any can be."""
    if value in (None, "") or isinstance(value, bool):
        return None
    try:
        number = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= LARGEST else None


def _size(value: object) -> object:
    """Services say -1, 0, "" or null where they do not know a size."""
    return whole(value) or None


def _word(value: object) -> object:
    return "" if value is None else value


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _percent(value: object) -> object:
    number = _number(value)
    return None if number is None else min(max(number, 0.0), 100.0)


def _seconds(value: object) -> object:
    number = _number(value)
    return None if number is None or number < 0 else number


def _moment(value: object) -> object:
    """RFC 3339 text or unix seconds; 0, null and nonsense are None."""
    if isinstance(value, str) and not value.strip().lstrip("-").isdigit():
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        value = aware.timestamp()
    seconds = _number(value)
    return seconds if seconds is not None and 0 < seconds <= LATEST else None


def _list(value: object) -> object:
    """PHP writes an empty list as null or {} and sometimes a list as a numbered object."""
    if value is None:
        return []
    return list(value.values()) if isinstance(value, dict) else value


Word: TypeAlias = Annotated[str, BeforeValidator(_word)]
Size: TypeAlias = Annotated[int | None, BeforeValidator(_size)]
Length: TypeAlias = Annotated[int | None, BeforeValidator(whole)]
Percent: TypeAlias = Annotated[float | None, BeforeValidator(_percent)]
Seconds: TypeAlias = Annotated[float | None, BeforeValidator(_seconds)]
Moment: TypeAlias = Annotated[float | None, BeforeValidator(_moment)]
Rows: TypeAlias = Annotated[list[Any], BeforeValidator(_list), Field(default_factory=list)]
GivenRows: TypeAlias = Annotated[list[Any], BeforeValidator(_list)]
"""The same, where the member must be there, be it null."""
GivenWords: TypeAlias = Annotated[list[str], BeforeValidator(_list)]

T = TypeVar("T", bound=BaseModel)


def read(shape: type[T], value: object, account: str) -> T:
    """`value` as a `shape`; raises `UnexpectedReply` that names what was amiss."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise UnexpectedReply(account, f"unexpected reply: {amiss(error)}") from None


def legible(shape: type[T], value: object) -> T | None:
    """`value` as a `shape`, None where it makes no sense: one row of a list costs only itself."""
    try:
        return shape.model_validate(value)
    except ValidationError:
        return None


def row(shape: type[T], value: object) -> T | Unreadable:
    """`value`, a row of a listing of magnets, as a `shape`; where it makes no sense, why, with its
    id where at least that can be read.
    """
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        known = value.get("id") if isinstance(value, dict) else None
        return Unreadable(str(known) if isinstance(known, int | str) else None, amiss(error))


def objects(value: object) -> dict[str, Any]:
    """`value` as an object of anything: PHP writes an empty one as [], and nonsense is one too."""
    return value if isinstance(value, dict) else {}


def web_link(text: str, account: str, base: str = "") -> str:
    """`text`, seen from `base`, as an address that can be asked; raises `UnexpectedReply`."""
    try:
        link = urljoin(base, text)
        parts = urlsplit(link)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good:
        raise UnexpectedReply(account, "unexpected reply: the link is no http link")
    return link


def rows(value: object, account: str) -> list[Any]:
    """`value` as a list of anything; raises `UnexpectedReply`."""
    if not isinstance(value, list):
        raise UnexpectedReply(account, f"unexpected reply: a {type(value).__name__}, no list")
    return value


def amiss(error: ValidationError) -> str:
    """Where and how a value failed, without the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return f"{place}: {first['type'].replace('_', ' ')}"
