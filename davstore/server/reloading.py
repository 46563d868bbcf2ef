"""Which settings take effect when they are read again, and which wait for a restart. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from davstore.config import Settings

AT_ONCE = frozenset(
    {
        "users", "log.level", "server.users_file", "server.refresh", "server.refresh_quick",
        "server.refresh_slow", "server.notice", "server.drain",
    }
)  # fmt: skip


def changed(before: Settings, after: Settings) -> list[str]:
    """The keys of all that differs, accounts, shares and views as a whole each, hooks together."""
    return sorted(_changed(before, after))


def waiting(before: Settings, after: Settings) -> list[str]:
    """Those of them that need a restart."""
    return [key for key in changed(before, after) if key not in AT_ONCE]


def at_once(before: Settings, after: Settings) -> Settings:
    """`before`, with all of `after` that needs no restart."""
    tables = {
        table: getattr(before, table).model_copy(
            update={
                key.partition(".")[2]: getattr(getattr(after, table), key.partition(".")[2])
                for key in AT_ONCE if key.startswith(f"{table}.")
            }
        )
        for table in ("server", "log")
    }  # fmt: skip
    return before.model_copy(update={**tables, "users": after.users})


def _changed(before: Settings, after: Settings) -> Iterator[str]:
    if before.users != after.users:
        yield "users"
    for table in ("server", "stream", "log"):
        old, new = getattr(before, table), getattr(after, table)
        for key in type(old).model_fields:
            is_any_port = table == "server" and key == "port" and not new.port
            if getattr(old, key) != getattr(new, key) and not is_any_port:
                yield f"{table}.{key}"
    if before.hooks != after.hooks:
        yield "hooks"
    for table in ("accounts", "shares", "views"):
        yield from _entries(table, getattr(before, table), getattr(after, table))


def _entries(table: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in old.keys() | new.keys():
        if old.get(name) != new.get(name):
            yield f"{table}.{name}"
    if list(old) != list(new) and set(old) == set(new):
        yield f"{table} (their order)"
