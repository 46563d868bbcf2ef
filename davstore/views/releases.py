"""What the name of a release says. Alone knows the parser of names.

`parsett` reads 300 names of all styles best (`python -m tests.benchmarks.parsers`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_PARTS = re.compile(r"\bS(\d{1,4})[ ._-]?E(\d{1,4})((?:[ ._-]?-?E\d{1,4}|-\d{1,4}(?!\d))*)", re.I)
_CROSS = re.compile(r"(?<![\dx])(\d{1,2})x(\d{2,3})(?!\d|p)", re.I)
_SEASON = re.compile(r"\b(?:season|staffel|saison|series)[ ._-]*(\d{1,3})\b", re.I)
_ANIME = re.compile(
    r"^\[[^\]]+\][ _].+?[ _]-[ _]\d{1,4}(?:v\d)?(?:[ _.]|$)|\[[0-9A-F]{8}\]"
    r"|\b(?:NC(?:OP|ED)\d*|OVA|ONA)\b"
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d|p)")
_DATED = re.compile(
    r"(.+?)[ ._\[(-]+((?:19|20)\d\d)[\])]?[ ._-]+(?:S\d{1,4}[ ._-]?E\d|\d{1,2}x\d\d)", re.I
)
LONGEST = 512
"""Characters that are read: the parser takes seconds for 8,000, and minutes for more."""
_TALL = re.compile(r"^(\d{3,4})[pi]$")


@dataclass(frozen=True, slots=True)
class Release:
    """What a name says; empty where it does not.

    `anime` is whether it is written as anime releases are, `quality` such as "BluRay".
    """

    title: str = ""
    year: int | None = None
    seasons: tuple[int, ...] = ()
    episodes: tuple[int, ...] = ()
    resolution: str = ""
    codec: str = ""
    quality: str = ""
    group: str = ""
    languages: tuple[str, ...] = ()
    anime: bool = False

    @property
    def of_show(self) -> bool:
        """Whether it is of a show: an episode, a season or all."""
        return bool(self.seasons or self.episodes or self.anime)


def release(name: str) -> Release:
    """What `name`, of a magnet or a file, says; of a very long one, its beginning."""
    import PTT  # noqa: PLC0415 - its hundreds of expressions take memory, and most names need none

    name = name[:LONGEST]
    try:
        found = PTT.parse_title(name.replace("_", " ") if " " not in name else name)
    except Exception:  # noqa: BLE001 - a name that trips the parser says nothing
        return Release(title=name)
    return Release(
        title=str(found.get("title") or "").strip(" .-_"),
        year=_year(found.get("year")),
        seasons=_numbers(found.get("seasons")),
        episodes=_numbers(found.get("episodes")),
        resolution=_resolution(str(found.get("resolution") or "")),
        codec=str(found.get("codec") or "").lower(),
        quality=str(found.get("quality") or ""),
        group=str(found.get("group") or ""),
        languages=tuple(str(each) for each in found.get("languages") or ()),
        anime=bool(_ANIME.search(name)),
    )


@lru_cache(4096)
def year(name: str) -> int | None:
    """The year that the name of a magnet says; most say none, which costs nothing to know."""
    return release(name).year if _YEAR.search(name) else None


def year_of_show(title: str, files: Iterable[str]) -> int | None:
    """The year that names of a show's files say between this title and the number of the episode,
    where they agree. (One behind that is when it was shown.)
    """
    found = {
        int(said[2]) for name in files
        if (said := _DATED.match(name)) and _words(said[1]) == _words(title)
    }  # fmt: skip
    return found.pop() if len(found) == 1 else None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def numbers(path: tuple[str, ...]) -> tuple[int | None, tuple[int, ...]]:
    """Season and episodes of a file that its path says outright; None and () where it does not.

    Costs a hundredth of what the parser does: most files of shows are named like that.
    """
    stem = path[-1]
    if found := _PARTS.search(stem):
        more = [int(number) for number in re.findall(r"\d+", found[3])]
        return int(found[1]), _run(int(found[2]), more)
    if found := _CROSS.search(stem):
        return int(found[1]), (int(found[2]),)
    return season(path[:-1]), ()


def season(folders: tuple[str, ...]) -> int | None:
    """The season that a file's folders say."""
    for folder in reversed(folders):
        if found := _SEASON.search(folder):
            return int(found[1])
        if folder.lower() == "specials":
            return 0
    return None


def _run(first: int, more: list[int]) -> tuple[int, ...]:
    if len(more) == 1 and first < more[0] < first + 30:
        return tuple(range(first, more[0] + 1))
    return (first, *more)


def _numbers(found: object) -> tuple[int, ...]:
    return tuple(n for n in found if isinstance(n, int)) if isinstance(found, list) else ()


def _year(found: object) -> int | None:
    text = str(found or "")[:4]
    return int(text) if text.isdecimal() and len(text) == 4 else None


def _resolution(found: str) -> str:
    text = {"4k": "2160p", "2k": "1440p", "8k": "4320p"}.get(found.lower(), found.lower())
    return text if _TALL.match(text) else ""
