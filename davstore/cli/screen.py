"""What the commands share: the two consoles, the common options, words for sizes and dates."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.filesize import decimal
from rich.segment import Segment
from rich.text import Text

from davstore.model import Quota

if TYPE_CHECKING:
    from davstore.config import Settings

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn round the direction of what follows."""


class _Screen(Console):
    """What services say is shown as it is, as text: nothing in it is markup, an emoji's name, or
    commands the terminal. A line of text is not broken; tables fit the screen.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """As a console's."""
        is_text = all(isinstance(each, str | Text) for each in objects)
        super().print(*objects, **{"soft_wrap": is_text, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else _COMMANDS.sub("?", text), style, control)


out: Final = _Screen()
err: Final = _Screen(stderr=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", envvar="DAVSTORE_CONFIG", show_default=False,
                 help="The TOML file to read; by default config.toml in the platform's folder."),
]  # fmt: skip
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log every request and every call to a store.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs: times are unix seconds.")
]


def labelled(style: str, of: str, text: object) -> Text:
    """A line about something, whose name stands first, in this style."""
    return Text.assemble((of, style), f": {text}")


def print_json(value: Any) -> None:
    """`value`, dataclasses and all, as JSON, whatever the width of the screen."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(type(value).__name__)


def load(path: Path | None) -> "Settings":
    """The settings, checked; raises `ConfigError`."""
    from davstore import config  # noqa: PLC0415 - some commands need no configuration
    from davstore.stores import STORES  # noqa: PLC0415 - as above

    return config.load(path, {name: kind.settings for name, kind in STORES.items()})


def day(moment: float | None) -> str:
    """A date as people read it, local time."""
    if not moment:
        return ""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d")


def minute(moment: float | None) -> str:
    """A date and time, local time."""
    if not moment:
        return ""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def amount(quota: Quota | None) -> str:
    """What is left of a quota, and of how much."""
    if quota is None or (quota.left is None and quota.limit is None):
        return ""
    said = size if quota.unit == "bytes" else str
    left = "?" if quota.left is None else said(quota.left)
    of = "" if quota.limit is None else f" of {said(quota.limit)}"
    return f"{left}{of}" if quota.unit == "bytes" else f"{left}{of} {quota.unit}"


def size(number: int | None) -> str:
    """A size in powers of ten, "?" where unknown."""
    return "?" if number is None else decimal(number)
