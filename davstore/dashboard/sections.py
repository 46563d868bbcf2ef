"""What stands on the page, section by section: each makes what its template shows of the scene.

A new section is a `Section` with a template of its own in `templates/`, handed to the `Dashboard`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from davstore import tally
from davstore.dashboard.charts import Chart, chart, gathered
from davstore.dashboard.scene import BUCKET, BUCKETS, AccountScene, Point, Process, Scene
from davstore.dashboard.words import ago, many, share, span
from davstore.model import Quota, Reading

SOON = 7 * 86400.0
"""Seconds before its end at which a plan is worth a word."""
LATE = 3600.0
"""Seconds without a refresh after which an account is worth one."""
DAYS = 90
WARNINGS = 30

Shown: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """`show` makes the values of `template` of a scene."""

    key: str
    title: str
    template: str
    show: Callable[[Scene], Shown]


@dataclass(frozen=True, slots=True)
class Health:
    """`state` is ok, warning or wrong; `said` says why."""

    state: str
    said: str


def health(account: AccountScene, scene: Scene) -> Health:
    """How an account is."""
    for process in scene.processes:
        if account.name in process.held:
            return Health("wrong", f"not read for now: {process.held[account.name]}")
    if account.error:
        when = ago(account.failed, scene.now)
        return Health("wrong" if not account.taken else "warning", f"{account.error} ({when})")
    if not account.taken:
        return Health("warning", "not listed yet")
    if scene.now - account.taken > LATE:
        return Health("warning", f"not refreshed for {span(scene.now - account.taken)}")
    if account.problem:
        return Health("warning", account.problem)
    until = account.who.paid_until if account.who else None
    if until is not None and until < scene.now:
        return Health("wrong", "the plan has ended; renew it at the service")
    if until is not None and until < scene.now + SOON:
        return Health("warning", f"the plan ends in {span(until - scene.now)}")
    return Health("ok", "all well")


def concerns(scene: Scene) -> Iterator[str]:
    """What the owner should know before all else."""
    for account in scene.accounts:
        state = health(account, scene)
        if state.state != "ok":
            yield f"{account.name}: {state.said}"
        if account.doubted:
            yield (
                f"{account.name}: {many(account.doubted, 'magnet')} said to be gone all at once; "
                "decide below"
            )
    if scene.restart:
        yield f"a restart is needed for {', '.join(scene.restart)}"


def _accounts(scene: Scene) -> Shown:
    used: dict[str, int] = {}
    for process in scene.processes:
        for name, number in process.connections.items():
            used[name] = used.get(name, 0) + number
    return {
        "accounts": [
            {
                "of": account,
                "health": health(account, scene),
                "used": used.get(account.name, 0),
                "quotas": [_quota(quota) for quota in (account.who.quotas if account.who else ())],
            }
            for account in scene.accounts
        ]
    }


def _quota(quota: Quota) -> dict[str, Any]:
    spent = None if quota.left is None or not quota.limit else quota.limit - quota.left
    return {"of": quota, "spent": spent}


def _streams(scene: Scene) -> Shown:
    found = [(each, process) for process in scene.processes for each in process.readings]
    found.sort(key=lambda pair: -pair[0].began)
    return {
        "streams": [_stream(reading) for reading, _ in found],
        "rate": sum(reading.rate for reading, _ in found),
    }


def _stream(reading: Reading) -> dict[str, Any]:
    length = max(1, reading.end - reading.start + 1)
    return {"of": reading, "done": reading.at - reading.start, "length": length}


def _downloads(scene: Scene) -> Shown:
    return {
        "downloads": [{"account": name, "of": each} for name, each in scene.under_way],
        "queue": scene.queue,
    }


def _hour(scene: Scene) -> Shown:
    last = int(scene.now // BUCKET) - 1  # the present one is not over
    numbers = range(last - BUCKETS + 1, last + 1)
    points = [_point(scene.processes, number) for number in numbers]
    sent, calls = [p.bytes / BUCKET for p in points], [p.calls * 60 / BUCKET for p in points]
    return {
        "sent": chart(gathered(sent, 3)), "total": sum(p.bytes for p in points),
        "calls": chart(gathered(calls, 6)), "asked": sum(p.calls for p in points),
    }  # fmt: skip


def _point(processes: Sequence[Process], number: int) -> Point:
    found = [process.history.get(number, Point()) for process in processes]
    return Point(sum(p.bytes for p in found), sum(p.calls for p in found))


def _catalog(scene: Scene) -> Shown:
    today = int(scene.now // 86400)
    by_day = {day: magnets for day, magnets, _ in scene.growth}
    count = sum(number for day, number in by_day.items() if day <= today - DAYS)
    levels: list[float] = []
    for day in range(today - DAYS + 1, today + 1):
        count += by_day.get(day, 0)
        levels.append(count)
    return {
        "magnets": sum(a.magnets for a in scene.accounts),
        "shown": sum(a.shown for a in scene.accounts),
        "files": sum(a.files for a in scene.accounts),
        "bytes": sum(a.bytes for a in scene.accounts),
        "waiting": sum(a.waiting for a in scene.accounts),
        "growth": _above_floor(levels),
        "from": levels[0] if levels else 0,
        "days": DAYS,
    }


def _above_floor(levels: list[float]) -> Chart:
    """What came shows better where the chart does not begin at nothing."""
    floor = 0.9 * levels[0] if levels else 0.0
    return chart([level - floor for level in levels])


def _rates(scene: Scene) -> Shown:
    counted = tally.added(process.counted for process in scene.processes)

    def of(kind: tally.Kind, **only: str) -> float:
        return tally.total(counted, kind, **only)

    links = {how: of(tally.LINKS, **{"from": how}) for how in ("known", "joined", "kept")}
    looked = of(tally.LINKS)
    errors: dict[str, float] = {}
    for (name, labels), number in counted.items():
        if name == tally.ERRORS.name:
            errors[labels[1]] = errors.get(labels[1], 0) + number
    hits = [
        ("Links at hand", sum(links.values()), looked),
        ("Beginnings and ends on disk", of(tally.EDGES, found="yes"), of(tally.EDGES)),
        ("Long listings in memory", of(tally.LISTINGS, found="yes"), of(tally.LISTINGS)),
    ]
    return {
        "hits": [
            {"name": name, "part": part, "whole": whole, "share": share(part, whole)}
            for name, part, whole in hits
        ],
        "numbers": [
            ("Reads begun", of(tally.STARTS)), ("Resumed", of(tally.RESUMES)),
            ("Links generated", of(tally.GENERATED, outcome="ok")),
            ("Upstream calls", of(tally.CALLS)), ("Requests", of(tally.REQUESTS)),
            ("Logins refused", of(tally.LOGINS)),
        ],
        "errors": sorted(errors.items(), key=lambda pair: -pair[1]),
    }  # fmt: skip


def _removals(scene: Scene) -> Shown:
    return {"doubted": [account for account in scene.accounts if account.doubted or account.kept]}


def _trash(scene: Scene) -> Shown:
    return {"trash": scene.trash, "leaving": sum(scene.leaving.values())}


def _audit(scene: Scene) -> Shown:
    return {"removed": scene.removed}


def _warnings(scene: Scene) -> Shown:
    found = [remark for process in scene.processes for remark in process.remarks]
    found.sort(key=lambda remark: -remark.at)
    return {"remarks": found[:WARNINGS], "more": max(0, len(found) - WARNINGS)}


def _server(scene: Scene) -> Shown:
    return {
        "processes": scene.processes,
        "clients": sum(process.clients for process in scene.processes),
    }


SECTIONS = (
    Section("accounts", "Accounts", "accounts.html", _accounts),
    Section("streams", "Streams now", "streams.html", _streams),
    Section("downloads", "Downloads in progress", "downloads.html", _downloads),
    Section("removals", "Held-back removals", "removals.html", _removals),
    Section("trash", "Trash", "trash.html", _trash),
    Section("hour", "The last hour", "hour.html", _hour),
    Section("catalog", "Catalog", "catalog.html", _catalog),
    Section("rates", "Since the start", "rates.html", _rates),
    Section("audit", "Removals at the services", "audit.html", _audit),
    Section("warnings", "Recent warnings", "warnings.html", _warnings),
    Section("server", "Server", "server.html", _server),
)
