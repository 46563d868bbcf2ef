"""What stands on the page, section by section: each makes what its template shows of the scene.

A new section is one of `SECTIONS`, with a template of its own in `templates/`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from davstore import tally
from davstore.dashboard import words
from davstore.dashboard.charts import chart, gathered
from davstore.dashboard.scene import BUCKET, BUCKETS, AccountScene, Point, Process, Scene
from davstore.dashboard.words import ago, many, share, span
from davstore.model import Quota, Reading

SOON = 7 * 86400.0
"""Seconds before its end at which a plan is worth a word."""
LATE = 3600.0
"""Seconds without a refresh after which an account is worth one."""
DAYS = 90
FIRST_QUOTAS = 3
"""So many of an account are shown without being asked for."""
WARNINGS = 30

Shown: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """`show` makes the values of `template` of a scene; `short` stands among the links to all
    sections. Where there is room two that are no `wide` ones stand side by side.
    """

    key: str
    title: str
    template: str
    show: Callable[[Scene], Shown]
    short: str = ""
    wide: bool = False


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


def glance(scene: Scene) -> Iterator[tuple[str, str, str, str]]:
    """The few numbers that say most: the section that says more, a number, what it is of, and what
    is to be said beside it.
    """
    readings = [each for process in scene.processes for each in process.readings]
    rate = words.rate(sum(each.rate for each in readings))
    yield "streams", f"{len(readings)}", "stream" if len(readings) == 1 else "streams", rate
    waiting = len([each for each in scene.queue if not each.failed])
    coming = len(scene.under_way)
    yield "downloads", f"{coming}", "coming", f"{waiting or 'none'} waiting to be added"
    magnets = sum(account.shown for account in scene.accounts)
    size = words.size(sum(account.bytes for account in scene.accounts))
    yield "catalog", f"{magnets:,}", "magnet" if magnets == 1 else "magnets", size
    remarks = [remark for process in scene.processes for remark in process.remarks]
    last = max((remark.at for remark in remarks), default=0.0)
    said = f"the last {ago(last, scene.now)}" if last else "none lately"
    yield "warnings", f"{len(remarks)}", "warning" if len(remarks) == 1 else "warnings", said


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
                "quotas": _quotas(account),
                "first": FIRST_QUOTAS,
            }
            for account in scene.accounts
        ]
    }


def _quotas(account: AccountScene) -> list[dict[str, Any]]:
    """What is used most stands first."""
    found = [_quota(quota) for quota in (account.who.quotas if account.who else ())]
    return sorted(found, key=lambda each: -each["share"])


def _quota(quota: Quota) -> dict[str, Any]:
    is_host = "." in quota.name
    name = quota.name if is_host else quota.name[:1].upper() + quota.name[1:]
    if quota.left is None or not quota.limit:
        return {"of": quota, "name": name, "spent": None, "share": 0.0}
    spent = quota.limit - quota.left
    return {"of": quota, "name": name, "spent": spent, "share": spent / quota.limit}


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
        "rate": words.rate, "a_minute": "{:,.0f} a minute".format,
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
        "growth": chart(levels, _floor(levels)),
        "from": levels[0] if levels else 0,
        "days": DAYS,
        "magnets_said": "{:,.0f}".format,
    }


def _floor(levels: list[float]) -> float:
    """Where the chart begins: what came shows better where that is not at nothing."""
    lowest = min(levels, default=0.0)
    return lowest - lowest % 10 if lowest > 100 else 0.0


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
    Section("accounts", "Accounts", "accounts.html", _accounts, wide=True),
    Section("streams", "Streams now", "streams.html", _streams, "Streams", wide=True),
    Section("hour", "The last hour", "hour.html", _hour, "Last hour", wide=True),
    Section("downloads", "Downloads in progress", "downloads.html", _downloads, "Downloads"),
    Section("catalog", "Catalog", "catalog.html", _catalog),
    Section("removals", "Held-back removals", "removals.html", _removals, "Held back"),
    Section("trash", "Trash", "trash.html", _trash),
    Section("rates", "Hit rates since the start", "rates.html", _rates, "Hit rates"),
    Section("warnings", "Recent warnings", "warnings.html", _warnings, "Warnings"),
    Section("audit", "Removals at the services", "audit.html", _audit, "Audit", wide=True),
    Section("server", "Server", "server.html", _server),
)
