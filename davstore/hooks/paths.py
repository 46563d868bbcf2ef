"""Our paths -> those by which a receiver knows the same folders; pure functions."""

from collections.abc import Iterable, Mapping

from davstore.model import Change, Was


def mapped(changes: Iterable[Change], folders: Mapping[str, str]) -> list[Change]:
    """The changes as the receiver sees them, those outside its `folders` left out, in order.

    The longest of our folders that fits decides; without any, paths stay as they are. What is
    known to have changed above one of them may have changed in it.
    """
    if not folders:
        return list(changes)
    found: dict[str, Change] = {}
    for change in changes:
        fitting = [ours for ours in folders if is_below(change.path, ours)]
        if fitting:
            ours = max(fitting, key=len)
            path = _joined(folders[ours], change.path[len(ours) :])
            found.setdefault(path, Change(path, change.was))
            continue
        for ours, theirs in folders.items():
            if is_below(ours, change.path):
                found[theirs] = Change(theirs, Was.CHANGED)
    return list(found.values())


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or something in it, of either system's kind."""
    separator = "\\" if _is_windows(folder) else "/"
    above = folder.rstrip(separator)
    return path == above or path.startswith(above + separator)


def parent(path: str) -> str:
    """The folder in which it is, of either system's kind."""
    return path.rpartition("\\" if _is_windows(path) else "/")[0]


def _joined(theirs: str, rest: str) -> str:
    if _is_windows(theirs):
        return theirs.rstrip("\\") + rest.replace("/", "\\")
    return (theirs.rstrip("/") + rest) or "/"


def _is_windows(path: str) -> bool:
    return "\\" in path and not path.startswith("/")
