"""What people do to an account: delete with a way back, restore, rename. Nothing here asks a store.

A path is within a magnet's folder; () is that folder itself.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from davstore import names, views
from davstore.catalog.accounts.refresh import Catalog
from davstore.catalog.changes.edit_records import EditRecords, NameTaken
from davstore.catalog.changes.edited import arranged
from davstore.catalog.changes.edits import BLANK, Edit, Stage
from davstore.catalog.database.dialects import saying
from davstore.catalog.folders.trees import Tree
from davstore.errors import DavstoreError
from davstore.views import Path

LINGER = 60.0
"""Seconds for which a folder stays that lost its last file: who deletes file by file will come for
it. A magnet whose files were deleted one by one in the trash is not removed before.
"""
_UNWRITTEN = "the change cannot be written"


class NotThere(DavstoreError):
    """What was to be changed is there no more: somebody was quicker."""


class Editor:
    """Changes the edits of the accounts of a `catalog`, which shows them at once.

    All methods raise `NotThere` or `StateError`.
    """

    def __init__(
        self, catalog: Catalog, records: EditRecords, *, now: Callable[[], float] = time.time
    ) -> None:
        self._catalog = catalog
        self._records = records
        self._now = now

    def delete(
        self, account: str, magnet: str, path: Path, who: str, *, in_trash: bool,
        why: str = "deleted",
    ) -> None:  # fmt: skip
        """Delete what stands at `path` of a magnet: in the magnets it can be had back, in the trash
        it cannot. The magnet goes with its last file; `why` is said of one that goes whole.
        """
        plain, now = self._plain(account, magnet), self._now()

        def step(edit: Edit) -> Edit:
            if not (edit.in_trash if in_trash else edit.in_magnets):
                raise NotThere(f"{account}: it has been deleted already")
            if not path:
                if _is_left(edit, in_trash=in_trash):
                    return replace(_without(edit, ()), due=now)
                return _gone(edit, who, why, now)
            return _hidden(edit, plain, path, who, now, in_trash=in_trash)

        self._change(account, magnet, step)

    def restore(self, account: str, magnet: str, name: str) -> None:
        """Have it back from the trash, whole, under this name. Raises `NameTaken`."""
        given = self._given(account, magnet, name)

        def step(edit: Edit) -> Edit:
            if edit.stage is not Stage.TRASHED:
                raise NotThere(f"{account}: it is not in the trash any more")
            return Edit(folder=given, paths=edit.paths)

        self._change(account, magnet, step, is_naming=True)

    def name(self, account: str, magnet: str, name: str) -> None:
        """Give the magnet's folder this name. Raises `NameTaken`."""
        given = self._given(account, magnet, name)

        def step(edit: Edit) -> Edit:
            if edit.stage is not Stage.NONE:
                raise NotThere(f"{account}: it is there no more")
            return replace(edit, folder=given)

        self._change(account, magnet, step, is_naming=True)

    def move(self, account: str, magnet: str, source: Path, target: Path) -> None:
        """Give a file, or the files of a folder, another path within its magnet's folder."""
        plain, now = self._plain(account, magnet), self._now()

        def step(edit: Edit) -> Edit:
            shown = _shown(plain, edit, in_trash=False)
            moved = {i: (*target, *p[len(source) :]) for i, p in shown.items() if _below(p, source)}
            if edit.stage is not Stage.NONE or not moved:
                raise NotThere(f"{account}: it is there no more")
            first = _shown(plain, BLANK, in_trash=False)
            paths = {i: p for i, p in {**edit.paths, **moved}.items() if p != first.get(i)}
            after = replace(edit, paths=paths)
            return _emptied(after, shown, _shown(plain, after, in_trash=False), source, now)

        self._change(account, magnet, step)

    def reset(self, account: str, magnet: str, path: Path) -> None:
        """Give what stands at `path` the name that it had first."""
        if not path:
            self._change(account, magnet, lambda edit: replace(edit, folder=""))
            return
        plain = self._plain(account, magnet)

        def step(edit: Edit) -> Edit:
            shown = _shown(plain, edit, in_trash=False)
            kept = {i: p for i, p in edit.paths.items() if not _below(shown.get(i, ()), path)}
            return replace(edit, paths=kept)

        self._change(account, magnet, step)

    def sweep(self) -> None:
        """Let go of the folders that were emptied a while ago."""
        before = self._now() - LINGER

        def step(edit: Edit) -> Edit:
            return replace(edit, emptied={p: at for p, at in edit.emptied.items() if at >= before})

        with saying(_UNWRITTEN):
            for (account, magnet), edit in self._catalog.edits.unsettled().items():
                if any(at < before for at in edit.emptied.values()):
                    self._records.change(account, magnet, step)
                    self._catalog.edits.follow()

    def _change(
        self, account: str, magnet: str, step: Callable[[Edit], Edit], *, is_naming: bool = False
    ) -> None:
        with saying(_UNWRITTEN):
            self._records.change(account, magnet, step, is_naming=is_naming)
            self._catalog.edits.follow()

    def _plain(self, account: str, magnet: str) -> Tree:
        plain = self._catalog.keeper(account).holding.plain(magnet)
        if plain is None:
            raise NotThere(f"{account}: it is there no more")
        return plain

    def _given(self, account: str, magnet: str, name: str) -> str:
        """`name`, "" where it is the first one; raises `NameTaken` where another has it."""
        holding = self._catalog.keeper(account).holding
        other = holding.holder(name)
        if other is None:
            return name
        if other != magnet:
            edit = self._catalog.edits.of(account, other)
            given = bool(edit.folder) and names.key(edit.folder) != names.key(name)
            if edit.in_magnets and not given:
                raise NameTaken(f"{name!r} is the name of something else")
        return "" if holding.first_name(magnet) == name else name


def _is_left(edit: Edit, *, in_trash: bool) -> bool:
    """Whether nothing but an emptied folder is there."""
    return edit.stage is Stage.WANTED if in_trash else edit.stage is not Stage.NONE


def _gone(edit: Edit, who: str, why: str, now: float, due: float = 0.0) -> Edit:
    """The magnet goes one step further: to the trash, and from there for good."""
    if edit.stage is Stage.NONE:
        return replace(edit, stage=Stage.TRASHED, deleted=now, who=who, why=why, emptied={})
    return replace(edit, stage=Stage.WANTED, due=due or now, who=who, why=f"{why} from the trash")


def _without(edit: Edit, path: Path) -> Edit:
    """Without the emptied folders at or below `path`."""
    return replace(edit, emptied={p: at for p, at in edit.emptied.items() if not _below(p, path)})


def _hidden(edit: Edit, plain: Tree, path: Path, who: str, now: float, *, in_trash: bool) -> Edit:
    """Without what stands at `path`; where that was the last file, the magnet goes too."""
    shown = _shown(plain, edit, in_trash=in_trash)
    which = [identity for identity, p in shown.items() if _below(p, path)]
    if not which and not any(_below(p, path) for p in edit.emptied):
        raise NotThere("it has been deleted already")
    moment = max(now, edit.deleted + 0.001) if in_trash else now
    after = replace(edit, hidden={**edit.hidden, **dict.fromkeys(which, moment)})
    left = _shown(plain, after, in_trash=in_trash)
    after = _emptied(_without(after, path), shown, left, path, moment)
    if left or not which:
        return after
    gone = _gone(after, who, "its last file deleted", moment, moment + LINGER)
    return replace(gone, emptied={**after.emptied, (): moment})


def _emptied(
    edit: Edit, before: Mapping[str, Path], after: Mapping[str, Path], deed: Path, now: float
) -> Edit:
    """With the folders that lost their last file, but for those at or below that of the `deed`."""
    had, has = _folders(before), _folders(after)
    lost = {path: now for path in had - has if not _below(path, deed)}
    return replace(edit, emptied={**edit.emptied, **lost}) if lost else edit


def _folders(paths: Mapping[str, Path]) -> set[Path]:
    return {path[:depth] for path in paths.values() for depth in range(1, len(path))}


def _shown(plain: Tree, edit: Edit, *, in_trash: bool) -> dict[str, Path]:
    """The paths of the files to be seen, by identity."""
    whole = arranged(plain, edit, in_trash=in_trash)
    return {leaf.identity: path for path, leaf in views.walked(whole)}


def _below(path: Path, above: Path) -> bool:
    """Whether `path` is `above` or below it."""
    return path[: len(above)] == above
