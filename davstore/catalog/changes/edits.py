"""What people changed in davstore alone, as values and in memory: names given, files hidden,
magnets in the trash. `edit_records` keeps it on disk, `editor` changes it, `holding` shows it.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from davstore.views import Path

Key: TypeAlias = tuple[str, str]
"""Account and id of a magnet."""
_NONE: Final[Mapping[str, "Edit"]] = MappingProxyType({})


class Stage(StrEnum):
    """How far the deleting of a magnet is."""

    NONE = ""
    TRASHED = "trashed"  # it can be had back
    WANTED = "wanted"  # deleted from the trash too: removed at the store when it is due
    REMOVING = "removing"
    REMOVED = "removed"  # until the store's list agrees


@dataclass(frozen=True, slots=True)
class Edit:
    """All that was changed about one magnet.

    `folder` is the name given to it. `paths` are those given to its files by identity, `hidden` the
    files deleted alone, each with the moment, and `emptied` the folders in it (() being its own)
    that lost their last file then: for a while they stay, for who deletes file by file.
    `deleted`, by `who` and `why`, concerns the magnet; `due` is when a WANTED one may be removed,
    when the store was first asked for a REMOVING one, and when a REMOVED one went.
    """

    folder: str = ""
    stage: Stage = Stage.NONE
    deleted: float = 0.0
    due: float = 0.0
    who: str = ""
    why: str = ""
    paths: Mapping[str, Path] = field(default_factory=dict)
    hidden: Mapping[str, float] = field(default_factory=dict)
    emptied: Mapping[Path, float] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing is changed."""
        return self == BLANK

    @property
    def in_magnets(self) -> bool:
        """Whether it stands among the account's magnets, be it emptied a moment ago."""
        if self.stage is Stage.NONE:
            return True
        return self.stage in _HIDDEN_FOR_NOW and 0 < self.emptied.get((), 0.0) <= self.deleted

    @property
    def in_trash(self) -> bool:
        """Whether it stands in the trash, be it emptied there a moment ago."""
        if self.stage is Stage.TRASHED:
            return True
        return self.stage is Stage.WANTED and self.emptied.get((), 0.0) > self.deleted

    @property
    def is_leaving(self) -> bool:
        """Whether it is, or was, removed at the store on purpose."""
        return self.stage in {Stage.REMOVING, Stage.REMOVED}

    def is_another(self, added: float | None) -> bool:
        """Whether what was `added` then is not what was removed, but came later under its id."""
        return self.is_leaving and (added or 0.0) > self.due

    def hides(self, *, in_trash: bool) -> frozenset[str]:
        """The files not to be seen there: the trash has all that the magnet had when it came."""
        if in_trash:
            return frozenset(i for i, since in self.hidden.items() if since > self.deleted)
        return frozenset(self.hidden)

    def lingering(self, *, in_trash: bool) -> list[Path]:
        """The emptied folders still to be seen there."""
        every = self.stage is Stage.NONE
        return [path for path, since in self.emptied.items()
                if path and (every or (since > self.deleted) is in_trash)]  # fmt: skip


BLANK: Final = Edit()
_HIDDEN_FOR_NOW = frozenset({Stage.TRASHED, Stage.WANTED})


class Reading(Protocol):
    """Where edits are kept."""

    def read(self, since: int) -> tuple[int, Mapping[Key, Edit]]:
        """The number of the last change, and what was changed after that of number `since`."""


class Edits:
    """The edits of all accounts as of the last `follow`, and who is told of changes."""

    def __init__(self, records: Reading) -> None:
        self._records = records
        self._seen = -1
        self._by_account: dict[str, dict[str, Edit]] = defaultdict(dict)
        self._unsettled: dict[Key, Edit] = {}
        self._listeners: dict[str, Callable[[Collection[str]], object]] = {}
        self._lock = threading.RLock()

    def of_account(self, account: str) -> Mapping[str, Edit]:
        """The edits of an account's magnets by id; blank ones are not there."""
        return self._by_account[account]

    def of(self, account: str, magnet: str) -> Edit:
        """The edit of a magnet."""
        return self._by_account.get(account, _NONE).get(magnet, BLANK)

    @property
    def number(self) -> int:
        """That of the last change that is known."""
        return self._seen

    def unsettled(self) -> Mapping[Key, Edit]:
        """Those with which something will happen: of what was deleted, or folders emptied."""
        with self._lock:
            return dict(self._unsettled)

    def listen(self, account: str, told: Callable[[Collection[str]], object]) -> None:
        """Have `told` the ids of the account's magnets whose edits changed."""
        self._listeners[account] = told

    def follow(self, *, anew: bool = False) -> None:
        """Take over what was changed, by whichever process; who listens has been told then. `anew`
        where what is known may never have been.

        Raises `SQLAlchemyError`.
        """
        with self._lock:
            self._seen, changed = self._records.read(-1 if anew else self._seen)
            if anew:
                known = ((name, id_) for name, of in self._by_account.items() for id_ in of)
                changed = {**dict.fromkeys(known, BLANK), **changed}
            touched: dict[str, list[str]] = defaultdict(list)
            for (account, magnet), edit in changed.items():
                touched[account].append(magnet)
                if edit.stage is Stage.NONE and not edit.emptied:
                    self._unsettled.pop((account, magnet), None)
                else:
                    self._unsettled[account, magnet] = edit
                if edit.is_blank:
                    self._by_account[account].pop(magnet, None)
                else:
                    self._by_account[account][magnet] = edit
            for account, ids in touched.items():
                if account in self._listeners:
                    self._listeners[account](ids)
