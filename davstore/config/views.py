"""`[views.NAME]`: rules that choose, and how what was chosen is shown. What they mean is done in
`davstore.views`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, ByteSize, ConfigDict, Field

from davstore.config.checking import Checked, nearest, validated
from davstore.errors import Problem

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?")

Kind: TypeAlias = Literal["movie", "show", "anime", "music", "book", "software", "other"]
Status: TypeAlias = Literal["ready", "queued", "downloading", "processing", "failed", "unknown"]
Layout: TypeAlias = Literal["flat", "as given", "arranged"]
Hidden: TypeAlias = Literal["samples", "trailers", "extras"]


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _regexes(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression; {error}") from None
    return patterns


Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]
Regexes: TypeAlias = Annotated[Words, AfterValidator(_regexes)]
Kinds: TypeAlias = Annotated[tuple[Kind, ...], BeforeValidator(_several)]
Statuses: TypeAlias = Annotated[tuple[Status, ...], BeforeValidator(_several)]


class Condition(Checked):
    """What must hold of a magnet (or a file): all that is said; of several words, one of them."""

    model_config = ConfigDict(populate_by_name=True)

    name_regex: Regexes = Field(default=(), description="found in the magnet's name, any case")
    name_contains: Words = Field(default=(), description="stands in the magnet's name, any case")
    name_glob: Words = Field(default=(), description="the whole name, with * and ?")
    file_regex: Regexes = Field(default=(), description="found in the path of one of its files")
    file_contains: Words = Field(default=(), description="stands in the path of one of its files")
    file_glob: Words = Field(default=(), description="the whole name of one of its files")
    kind: Kinds = Field(default=(), description="movie, show, anime, music, book, software, other")
    account: Words = Field(default=(), description="an account that has it")
    status: Statuses = Field(default=(), description="ready; others have no files to show")
    resolution: Words = Field(default=(), description="such as 1080p, 2160p")
    codec: Words = Field(default=(), description="avc, hevc, av1, xvid")
    language: Words = Field(default=(), description="two letters, such as de")
    year_from: int | None = Field(default=None, description="its year, this or later")
    year_to: int | None = Field(default=None, description="its year, this or earlier")
    size_from: ByteSize | None = Field(default=None, description="bytes, or as in 2GiB")
    size_to: ByteSize | None = Field(default=None, description="bytes, or as in 2GiB")
    files_from: int | None = Field(default=None, description="so many files or more")
    files_to: int | None = Field(default=None, description="so many files or fewer")
    days_from: float | None = Field(default=None, description="added so many days ago or more")
    days_to: float | None = Field(default=None, description="added so many days ago or less")
    any: "tuple[Condition, ...]" = Field(default=(), description="one of these holds")
    all: "tuple[Condition, ...]" = Field(default=(), description="each of these holds")
    not_: "Condition | None" = Field(default=None, alias="not", description="this does not hold")


class ViewSettings(Condition):
    """`[views.NAME]`: a folder of what holds to its conditions, from all accounts."""

    layout: Layout = Field(default="as given", description="flat, as given, or arranged")
    of: Literal["magnets", "files"] = Field(
        default="magnets", description="whether magnets are chosen, or single files"
    )
    accounts: Words = Field(default=(), description="only what these accounts have; none: all")
    group: str = Field(
        default="", description="of the views of a group, the first that matches has it alone"
    )
    biggest: bool = Field(default=False, description="only the biggest file of each magnet")
    hide: tuple[Hidden, ...] | None = Field(
        default=None, description="samples, trailers, extras; by default all where arranged"
    )
    hide_names: Words = Field(default=(), description="names of files not to show, with * and ?")
    hide_smaller: ByteSize = Field(default=ByteSize(0), description="do not show smaller files")

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        """What is not shown."""
        if self.hide is not None:
            return self.hide
        return ("samples", "trailers", "extras") if self.layout == "arranged" else ()


DEFAULT_VIEWS: Mapping[str, ViewSettings] = {
    "Movies": ViewSettings(kind=("movie",), layout="arranged"),
    "Shows": ViewSettings(kind=("show", "anime"), layout="arranged"),
    "Everything": ViewSettings(),
}
"""What there is where the configuration says nothing of views."""


def checked_views(
    tables: Any, accounts: Mapping[str, object], shares: Mapping[str, object]
) -> tuple[dict[str, ViewSettings], list[Problem]]:
    """The views of `tables` (None: nothing is said of any), and every problem with them."""
    taken = {name.lower() for name in (*accounts, *shares)}
    if tables is None:
        return {n: view for n, view in DEFAULT_VIEWS.items() if n.lower() not in taken}, []
    if not isinstance(tables, dict):
        return {}, [Problem("views", "is not a table", "write each as [views.NAME]")]
    views: dict[str, ViewSettings] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        place = f"views.{name}"
        if not _NAME.fullmatch(name):
            cure = "it becomes a folder: use letters, digits, spaces and . _ - (at most 64)"
            problems.append(Problem(place, "is no name for a view", cure))
        if name.lower() in taken:
            cure = "rename one of them: both would be the same folder"
            problems.append(Problem(place, "is the name of something else too", cure))
        taken.add(name.lower())
        view, found = validated(ViewSettings, table, place)
        problems += found
        if view is None:
            continue
        views[name] = view
        for key, account in _named(view):
            if account not in accounts:
                cure = nearest(account, accounts) + f"known are {', '.join(accounts)}"
                problems.append(Problem(f"{place}.{key}", f"{account!r} is not known", cure))
    return views, problems


def _named(view: Condition) -> Iterator[tuple[str, str]]:
    """The accounts that a view names, and by which key."""
    if isinstance(view, ViewSettings):
        yield from (("accounts", name) for name in view.accounts)
    yield from (("account", name) for name in view.account)
    for inner in (*view.any, *view.all, *filter(None, [view.not_])):
        yield from _named(inner)
