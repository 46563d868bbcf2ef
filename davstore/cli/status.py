"""`davstore status`: how all accounts stand, at a glance."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from davstore.catalog import Addition, Additions, Overview, Overviews, server_of
from davstore.catalog.database.members import machines, members
from davstore.cli.accounts import NotOffered, opened, stores_of
from davstore.cli.opening import known_of
from davstore.cli.queue import queue
from davstore.cli.screen import (
    AsJson,
    ConfigFile,
    amount,
    day,
    err,
    labelled,
    load,
    out,
    print_json,
    size,
)
from davstore.cli.standing import SKEWED, Said, ask
from davstore.config import Settings
from davstore.model import Magnet, Status
from davstore.stores.desk import Notifying

BAR = 20
"""Characters of a bar that is full."""


def status(
    config: ConfigFile = None,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no service; say only what is known here.")
    ] = False,
    dismiss: Annotated[
        tuple[str, str], typer.Option(metavar="ACCOUNT NOTICE", help="Be told it no longer.")
    ] = ("", ""),
    as_json: AsJson = False,
) -> None:
    """Show how each account stands: by what the server has written down, and what services say."""
    if dismiss[0]:
        _dismiss(config, *dismiss)
        return
    settings = load(config)
    server = server_of(settings.server.state)
    known: dict[str, Overview] = {}
    deleted: dict[str, tuple[int, int]] = {}
    others: list[str] = []
    queues: dict[str, list[Addition]] = {}
    with known_of(settings) as engine:
        if engine is not None:
            others = machines(members(engine, time.time)[0])
            overviews = Overviews(engine)
            known = {each.name: each for each in overviews.accounts()}
            deleted = overviews.trash()
            queues = {name: Additions(engine).waiting(name) for name in settings.accounts}
    said = {} if offline else _asked(settings)
    if as_json:
        print_json(_as_json(settings, server, known, said, deleted) | {"replicas": others})
        return
    where = "not running" if not others else "not running here"
    out.print(f"server: process {server}" if server else f"server: {where}")
    if others:
        out.print(f"replicas: {', '.join(others)}", soft_wrap=True)
    out.print(_table(settings, known, said))
    for name in settings.accounts:
        notes = _notes(name, known.get(name), said.get(name), time.time())
        for line in (*notes, *_trash_notes(deleted.get(name, (0, 0)))):
            out.print(labelled("yellow", name, line))
        for line in queue(queues.get(name, [])):
            out.print(f"{name}: {line}")
    for name in settings.accounts:
        for magnet in known[name].coming if name in known else ():
            out.print(f"{name}: {_bar(magnet)}")


def _asked(settings: Settings) -> dict[str, Said]:
    with stores_of(settings) as stores, err.status("asking the accounts …"):
        return ask(stores)


def _dismiss(config: Path | None, account: str, notice: str) -> None:
    with opened(config, account) as (store, _):
        if not isinstance(store, Notifying):
            raise NotOffered(store, "notices that could be dismissed")
        store.dismiss(notice)
    out.print(f"{account}: {notice} is said no more")


def _table(settings: Settings, known: Mapping[str, Overview], said: Mapping[str, Said]) -> Table:
    table = Table("account", "user", "plan", "until", "magnets", "shown", "files", "size",
                  "waiting", "asked", box=None, padding=(0, 2, 0, 0), pad_edge=False)  # fmt: skip
    for column in (table.columns[0], *table.columns[3:]):
        column.no_wrap = True
    for column in table.columns[4:]:
        column.justify = "right"
    for name in settings.accounts:
        who = said[name].account if name in said else None
        table.add_row(
            name, who.user if who else "", who.plan if who else "",
            day(who.paid_until) if who else "", *_numbers(known.get(name), time.time()),
        )  # fmt: skip
    return table


def _numbers(one: Overview | None, now: float) -> tuple[str, ...]:
    if one is None or not one.standing.taken:
        return ("", "", "", "", "", "never")
    return (
        str(one.magnets), str(one.shown), str(one.files), size(one.bytes), str(one.waiting),
        ago(now - one.standing.taken),
    )  # fmt: skip


def _notes(name: str, one: Overview | None, said: Said | None, now: float) -> Iterator[str]:
    if one is not None:
        yield from _catalog_notes(one, now)
    if said is not None:
        yield from _service_notes(name, said, now)


def _trash_notes(deleted: tuple[int, int]) -> Iterator[str]:
    trashed, leaving = deleted
    if trashed:
        yield f"in the trash: {trashed}"
    if leaving:
        yield f"to be removed at the service now: {leaving}; see `davstore audit`"


def _catalog_notes(one: Overview, now: float) -> Iterator[str]:
    stands = one.standing
    if stands.error:
        yield f"failed {ago(now - stands.failed)}: {stands.error}"
    others = [f"{n} {word}" for word, n in one.by_status.items() if word != Status.READY.value]
    if others:
        yield f"{one.by_status.get(Status.READY.value, 0)} ready, {', '.join(others)}"
    if one.doubted:
        yield (
            f"{one.doubted} of {one.magnets} magnets held back: said to be gone all at once "
            f"{ago(now - one.doubted_since)}; they stay until a second complete listing agrees"
        )
    if one.kept:
        yield f"{one.kept} magnets stay by the owner's word, whatever the service says"
    if stands.skipped:
        yield f"{stands.skipped} magnets could not be read and stay as they were; see the log"
    if one.waiting:
        yield f"the files of {one.waiting} magnets are still to be asked; newest first"


def _service_notes(name: str, said: Said, now: float) -> Iterator[str]:
    if said.problem:
        yield said.problem
    until = said.account.paid_until if said.account else None
    if until is not None:
        days = (until - now) / 86400
        yield f"paid for {days:.0f} more days" if days >= 0 else "no longer paid"
    for quota in said.limits:
        yield f"{quota.name}: {amount(quota)} left"
    if said.usage:
        total = sum(used.bytes for used in said.usage)
        hosts = sorted({used.host for used in said.usage})
        days_used = sorted({used.day for used in said.usage})
        yield f"downloaded since {days_used[0]}: {size(total)} ({', '.join(hosts)})"
    if abs(said.skew) > SKEWED:
        way = "ahead of" if said.skew > 0 else "behind"
        yield f"this machine's clock is {abs(said.skew):.0f} s {way} the service's; set it right"
    for notice in said.account.notices if said.account else ():
        yield f"notice {notice}; `davstore status --dismiss {name} {notice}` takes it away"


def _bar(magnet: Magnet) -> str:
    """How far a magnet is, in characters that every terminal has."""
    if magnet.progress is None:
        return f"{magnet.status.value}: {magnet.name}"
    full = round(BAR * magnet.progress / 100)
    bar = "#" * full + "." * (BAR - full)
    return (
        f"[{bar}] {magnet.progress:3.0f} % {magnet.status.value} {size(magnet.size)} {magnet.name}"
    )


def _as_json(
    settings: Settings,
    server: int | None,
    known: Mapping[str, Overview],
    said: Mapping[str, Said],
    deleted: Mapping[str, tuple[int, int]],
) -> dict[str, Any]:
    accounts = [
        {
            "name": name,
            "store": account.store,
            "catalog": _plain(known.get(name)),
            "trash": deleted.get(name, (0, 0))[0],
            "leaving": deleted.get(name, (0, 0))[1],
            "service": asdict(said[name]) if name in said else None,
        }
        for name, account in settings.accounts.items()
    ]
    return {"server": server, "accounts": accounts}


def _plain(one: Overview | None) -> dict[str, Any] | None:
    """Without what only machines of ours understand."""
    if one is None:
        return None
    plain = asdict(one)
    for word in ("source", "marker"):
        del plain["standing"][word]
    return plain


def ago(seconds: float) -> str:
    """How long ago, in the unit that people would use."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
