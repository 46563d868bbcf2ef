"""Which folders differ between two moments of a tree; loads no file tree to find out.

What has not changed is the same value again in the next snapshot, and is passed over unseen.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from davstore.catalog.arranged.shown import Shown
from davstore.catalog.folders.trees import Tree
from davstore.model import Change, Folder, Was

MANY = 100
"""So many changed folders beside each other are told as one change of the folder above them."""


def differences(before: Mapping[str, Folder], after: Mapping[str, Folder]) -> list[Change]:
    """What became of the folders below these, each known by its path; parents before children."""
    found: list[Change] = []
    for path, folder in after.items():
        was = before.get(path)
        if was is None:
            found.append(Change(path, Was.ADDED))
        else:
            found += _below(path, was, folder)
    return folded(found)


def folded(changes: Iterable[Change]) -> list[Change]:
    """The same by path, very many in one folder as a change of that."""
    by_parent: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_parent[change.path.rpartition("/")[0]].append(change)
    found: dict[str, Change] = {}
    for parent, each in by_parent.items():
        if parent and len(each) > MANY:
            found.setdefault(parent, Change(parent, Was.CHANGED))
        else:
            found.update((change.path, change) for change in each)
    return [found[path] for path in sorted(found)]


def _below(path: str, before: Folder, after: Folder) -> Iterator[Change]:
    if before is after:
        return
    old, new = _inner(before), _inner(after)
    if _has_other_files(before, after):
        yield Change(path, Was.CHANGED)
    for name in old.keys() - new.keys():
        yield Change(f"{path}/{name}", Was.REMOVED)
    for name, folder in new.items():
        was = old.get(name)
        if was is None:
            yield Change(f"{path}/{name}", Was.ADDED)
        elif was is not folder:
            yield from _below(f"{path}/{name}", was, folder)


def _inner(folder: Folder) -> Mapping[str, Folder]:
    """The folders in it, as far as they can be seen without loading files."""
    entries = folder.entries
    if isinstance(entries, Tree):
        return {}
    if isinstance(entries, Shown):
        return {each.name: each for each in entries.inner}
    return {name: each for name, each in entries.items() if isinstance(each, Folder)}


def _has_other_files(before: Folder, after: Folder) -> bool:
    old, new = before.entries, after.entries
    if isinstance(old, Shown) and isinstance(new, Shown):
        return len(old.spots) != len(new.spots) or any(
            one is not other for one, other in zip(old.spots, new.spots, strict=True)
        )
    return isinstance(old, Tree | Shown) or isinstance(new, Tree | Shown)
