"""`davstore notify`: what hooks are to be told, whether they can be, and telling them by hand."""

import time
from typing import Annotated

import typer

from davstore.catalog import Outbox
from davstore.cli.opening import known_of
from davstore.cli.screen import ConfigFile, labelled, load, minute, out
from davstore.errors import DavstoreError, HookError
from davstore.hook_settings import AnyHook
from davstore.hooks import Message, receiver
from davstore.hooks.paths import mapped
from davstore.model import Change, Was


class NoHook(DavstoreError):
    """The configuration has no hook that could be meant."""


def notify(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Folders that are to be told as changed.")
    ] = None,
    hook: Annotated[str | None, typer.Option(help="Only the hook of this name.")] = None,
    config: ConfigFile = None,
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Look whether every hook could be told.")
    ] = False,
) -> None:
    """Show what hooks have still to be told; test them, or tell them that PATHS changed."""
    settings = load(config)
    chosen = _chosen(settings.hooks, hook)
    if not test and not paths:
        with known_of(settings) as engine:
            _show(Outbox(engine) if engine is not None else None, chosen)
        return
    changes = [Change("/" + path.strip("/"), Was.CHANGED) for path in paths or ()]
    failed = False
    for each in chosen:
        try:
            said = _tested(each) if test else _told(each, changes)
        except HookError as error:
            failed = True
            out.print(labelled("red", each.called, error))
        else:
            out.print(labelled("green", each.called, said))
    if failed:
        raise typer.Exit(1)


def _chosen(hooks: tuple[AnyHook, ...], name: str | None) -> list[AnyHook]:
    if not hooks:
        raise NoHook("there are no hooks; add [[hooks]] with a kind, see the README's part on them")
    chosen = [each for each in hooks if name in (None, each.called)]
    if not chosen:
        known = ", ".join(each.called for each in hooks)
        raise NoHook(f"there is no hook {name!r}; known are {known}")
    return chosen


def _tested(hook: AnyHook) -> str:
    told = receiver(hook)
    try:
        return told.test()
    finally:
        told.close()


def _told(hook: AnyHook, changes: list[Change]) -> str:
    theirs = mapped(changes, hook.map)
    if not theirs:
        return "not told: its map has no such folder"
    now = time.time()
    told = receiver(hook)
    try:
        told.tell(Message(f"hand-{now:.3f}", now, theirs))
    finally:
        told.close()
    return f"told of {', '.join(change.path for change in theirs)}"


def _show(outbox: Outbox | None, hooks: list[AnyHook]) -> None:
    for hook in hooks:
        waiting = outbox.untold(hook.called) if outbox else []
        deafness = outbox.deafness(hook.called) if outbox else None
        count = f"{len(waiting)} changes to be told" if waiting else "has been told everything"
        why = (
            f"; cannot be told since {minute(deafness.since)}: {deafness.error}; "
            f"tried again {minute(deafness.again)}" if deafness else ""
        )  # fmt: skip
        out.print(f"{hook.called}: {count}{why}")
        for each in waiting:
            out.print(f"  {each.change.was} {each.change.path}")
