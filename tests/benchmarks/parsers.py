"""How well parsers of release names read the 300 of tests/views/names.tsv.

    pip install guessit anitopy parse-torrent-name
    python -m tests.benchmarks.parsers

Those that are not installed are left out.
"""

import csv
import importlib
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NAMES = Path(__file__).parent.parent / "views" / "names.tsv"
FIELDS = ("title", "year", "season", "episodes", "resolution")

# The package, its function, and what it calls our fields.
PARSERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "parsett": ("PTT", "parse_title", ("title", "year", "seasons", "episodes", "resolution")),
    "guessit": ("guessit", "guessit", ("title", "year", "season", "episode", "screen_size")),
    "anitopy": ("anitopy", "parse", ("anime_title", "anime_year", "anime_season",
                                     "episode_number", "video_resolution")),
    "parse-torrent-name": ("PTN", "parse", ("title", "year", "season", "episode", "resolution")),
}  # fmt: skip


def plain(value: object) -> str:
    """Comparable: numbers as such, several with a space, a title without its dots."""
    if isinstance(value, list | tuple):
        return " ".join(plain(each) for each in value)
    text = {"1920x1080": "1080p", "4k": "2160p"}.get(str(value or "").lower(), str(value or ""))
    return str(int(text)) if text.isdecimal() else re.sub(r"[\W_]+", "", text.lower())


def shares(parse: Callable[[str], Any], names: tuple[str, ...]) -> tuple[Counter[str], int]:
    """How many were right, by field and altogether, and of how many."""
    right: Counter[str] = Counter()
    with NAMES.open(encoding="utf-8") as file:
        rows = [
            r for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if r["title"]
        ]
    for row in rows:
        found = parse(row["name"])
        good = []
        for field, name in zip(FIELDS, names, strict=True):
            several = field == "episodes"
            truth = row[field] if several else plain(row[field])
            good.append(plain(found.get(name)) == truth)
            right[field] += good[-1]
        right["all"] += all(good)
    return right, len(rows)


def main() -> None:
    """Compare all that are installed."""
    print(f"{'':<20}" + "".join(f"{field:>12}" for field in (*FIELDS, "all")) + f"{'ms':>8}")
    for parser, (package, function, names) in PARSERS.items():
        try:
            parse = getattr(importlib.import_module(package), function)
        except ImportError:
            continue
        began = time.perf_counter()
        right, total = shares(parse, names)
        took = (time.perf_counter() - began) / total * 1000
        row = "".join(f"{right[field] / total:>12.1%}" for field in (*FIELDS, "all"))
        print(f"{parser:<20}{row}{took:>8.2f}")


if __name__ == "__main__":
    main()
