"""What was measured: kept, shown as tables, written as JSON."""

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.goals import GOALS
from tests.benchmarks.work import Figures, Work

WIDEST = 5
"""Figures that stand beside one another."""


@dataclass
class Results:
    """Figures of every round by work and server, or why there are none."""

    versions: Mapping[str, str]
    works: list[Work] = field(default_factory=list)
    rounds: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, work: Work, server: str, figures: Figures) -> None:
        """One more round."""
        self.rounds.setdefault((work.name, server), []).append(figures)

    def fail(self, work: Work, server: str, why: str) -> None:
        """No more rounds, and none that counts."""
        self.failures[work.name, server] = why
        self.rounds.pop((work.name, server), None)

    def failed(self, work: Work, server: str) -> bool:
        """Whether it has failed already."""
        return (work.name, server) in self.failures

    def median(self, work: str, server: str, figure: str) -> float | None:
        """Of all rounds; None where nothing was measured."""
        found = [f[figure] for f in self.rounds.get((work, server), []) if figure in f]
        return statistics.median(found) if found else None

    def measured(self, work: str, server: str, figure: str, other: str = "") -> float | None:
        """The median; as a share of `other`'s where that is named.

        The shares are taken round by round, since what is measured at about the same time
        suffers from the same noise.
        """
        if not other:
            return self.median(work, server, figure)
        pairs = zip(self.rounds.get((work, server), []), self.rounds.get((work, other), []),
                    strict=False)  # fmt: skip
        shares = [ours[figure] / theirs[figure] for ours, theirs in pairs
                  if figure in ours and theirs.get(figure)]  # fmt: skip
        return statistics.median(shares) if shares else None

    def ratio(self, work: Work, server: str, figure: str) -> float | None:
        """The share of the server's against which the work is compared."""
        return self.measured(work.name, server, figure, work.against) if work.against else None


def show(results: Results, console: Console) -> None:
    """A table for each work, and the goals."""
    console.print(", ".join(f"{name} {version}" for name, version in results.versions.items()))
    for work in results.works:
        console.print(_table(results, work))
    console.print(_goals(results))


def write(results: Results, path: Path) -> None:
    """The same as JSON, with every round's figures."""
    path.write_text(json.dumps({
        "versions": results.versions,
        "results": list(_rows(results)),
        "goals": list(_goal_rows(results)),
    }, indent=1) + "\n", "utf-8")  # fmt: skip


def brief(figures: Figures) -> str:
    """Figures on one line."""
    return ", ".join(f"{_number(value)} {name}" for name, value in figures.items())


def _table(results: Results, work: Work) -> Table:
    columns = _columns(results, work)
    if len(columns) > WIDEST:
        return _upright(results, work, columns)
    table = Table(title=f"{work.title}  [dim]({work.name})[/]", title_justify="left")
    table.add_column("server", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    if work.against and columns:
        table.add_column(f"{columns[0]} × {work.against}", justify="right")
    for server in work.servers:
        if results.failed(work, server):
            table.add_row(server, f"failed: {results.failures[work.name, server]}")
            continue
        cells = [_number(results.median(work.name, server, column)) for column in columns]
        if work.against and columns:
            cells.append(_number(results.ratio(work, server, columns[0])))
        table.add_row(server, *cells, style="bold" if server == "davstore" else "")
    return table


def _upright(results: Results, work: Work, figures: list[str]) -> Table:
    """Where there are many figures: a row for each, and a column for each server."""
    table = Table(title=f"{work.title}  [dim]({work.name})[/]", title_justify="left")
    table.add_column("figure")
    for server in work.servers:
        why = results.failures.get((work.name, server), "")
        table.add_column(f"{server}\nfailed: {why}" if why else server, justify="right")
    for figure in figures:
        cells = [_number(results.median(work.name, server, figure)) for server in work.servers]
        table.add_row(figure, *cells)
    return table


def _columns(results: Results, work: Work) -> list[str]:
    """Figures that any server has, as a failure needs at least one column."""
    rounds = [one for server in work.servers for one in results.rounds.get((work.name, server), [])]
    rounds.sort(key=len, reverse=True)  # the origin itself has fewer; the order is the others'
    return list(dict.fromkeys(name for figures in rounds for name in figures)) or ["figures"]


def _goals(results: Results) -> Table:
    table = Table(title="goals", title_justify="left")
    for column in ("work", "figure", "goal", "measured", ""):
        table.add_column(column, justify="right" if column == "measured" else "left")
    for row in _goal_rows(results):
        measured, reached = row["measured"], row["reached"]
        word = "[green]reached[/]" if reached else "[red]missed[/]"
        table.add_row(row["work"], row["figure"], row["goal"], _number(measured), word)
    return table


def _goal_rows(results: Results) -> Iterator[dict[str, Any]]:
    known = {work.name for work in results.works}
    for goal in GOALS:
        if goal.work in known:
            measured, reached = goal.reached(results.measured)
            yield {"work": goal.work, "figure": goal.figure, "goal": str(goal),
                   "measured": measured, "reached": reached}  # fmt: skip


def _rows(results: Results) -> Iterator[dict[str, Any]]:
    for work in results.works:
        for server in work.servers:
            row: dict[str, Any] = {"work": work.name, "title": work.title, "server": server}
            if results.failed(work, server):
                yield row | {"failed": results.failures[work.name, server]}
                continue
            rounds = results.rounds.get((work.name, server), [])
            names = list(rounds[0]) if rounds else []
            yield row | {
                "medians": {name: results.median(work.name, server, name) for name in names},
                "ratios": {name: results.ratio(work, server, name) for name in names},
                "rounds": [dict(figures) for figures in rounds],
            }


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
