"""Where small things are kept by key, for all threads and processes: locks, properties, notes.

It is a folder of this machine, or a room in a database that machines share (`catalog.Kept`).
"""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from davstore.pooled import Pooled

MISSING = object()


class Keeping(Protocol):
    """Things by key; of diskcache's cache, what is used here."""

    def transact(self, *, retry: bool = True) -> AbstractContextManager[None]:
        """All that this thread does within is done at once, and by nobody else meanwhile."""

    def get(self, key: Any, default: Any = None) -> Any:
        """What was set last."""

    def set(self, key: Any, value: Any, expire: float | None = None) -> object:
        """Keep it, for so many seconds where that is said."""

    def delete(self, key: Any) -> bool:
        """Whether it was there."""

    def items(self) -> list[tuple[Any, Any]]:
        """All of them."""

    def close(self) -> None:
        """Let go of it."""

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def __contains__(self, key: Any) -> bool: ...


Keep: TypeAlias = Callable[[str, int | None], Keeping]
"""Keeps things under a name: in so many bytes, what was used longest ago giving way, or all."""


def in_folder(state: Path, timeout: float = 60.0) -> Keep:
    """In folders of `state`; others are waited for so many seconds."""

    def keep(name: str, room_for: int | None) -> Keeping:
        bounds: dict[str, Any] = {"eviction_policy": "none"}
        if room_for is not None:
            bounds = {"eviction_policy": "least-recently-used", "size_limit": room_for}
        kept: Keeping = Pooled(state / name, timeout, **bounds)
        return kept

    return keep


class Index(MutableMapping[str, Any]):
    """The same as a mapping; what is removed while it is looked through does no harm."""

    def __init__(self, kept: Keeping) -> None:
        self.kept = kept

    def __getitem__(self, key: str) -> Any:
        found = self.kept.get(key, MISSING)
        if found is MISSING:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: Any) -> None:
        self.kept.set(key, value)

    def __delitem__(self, key: str) -> None:
        if not self.kept.delete(key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.kept))

    def __len__(self) -> int:
        return len(self.kept)

    def items(self) -> Any:
        """All at once."""
        return self.kept.items()
