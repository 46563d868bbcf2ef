"""Which accounts hold a magnet: their folders of it, and what changed since last looked."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from davstore import views
from davstore.catalog.arranged.shown import owner
from davstore.catalog.changes.edited import is_emptied
from davstore.catalog.folders.trees import tree_of
from davstore.model import Folder, Snapshot
from davstore.views import Facts


class Sources:
    """Of all `accounts`, in order. `snapshot` gives what one holds, as of now."""

    def __init__(self, accounts: Sequence[str], snapshot: Callable[[str], Snapshot | None]) -> None:
        self._accounts = {name: place for place, name in enumerate(accounts)}
        self._snapshot = snapshot
        self._folders: dict[str, tuple[Folder, ...]] = {}
        self._seen: dict[str, Mapping[str, Folder]] = {}
        self._whole: dict[str, Folder] = {}

    @property
    def is_known(self) -> bool:
        """Whether an account has been looked at."""
        return bool(self._seen)

    @property
    def is_complete(self) -> bool:
        """Whether every account has been."""
        return len(self._seen) == len(self._accounts)

    def of(self, key: str) -> tuple[Folder, ...]:
        """The folders of a magnet, by account."""
        return self._folders.get(key, ())

    def key(self, account: str, magnet: str) -> str | None:
        """That of the magnet of this account and id."""
        for key, folders in list(self._folders.items()):
            if any(owner(each) == (account, magnet) for each in folders):
                return key
        return None

    def forget(self, key: str) -> None:
        """Nobody holds it any more."""
        self._folders.pop(key, None)

    def news(self) -> dict[str, Folder]:
        """What accounts hold where that is other than it was when it was last taken over."""
        news = {}
        for account in self._accounts:
            snapshot = self._snapshot(account)
            if snapshot is not None and snapshot.magnets is not self._whole.get(account):
                news[account] = snapshot.magnets
        return news

    def take(self, news: Mapping[str, Folder]) -> set[str]:
        """Take `news` over; the keys of the magnets that are other than they were."""
        changed: set[str] = set()
        for account, magnets in news.items():
            changed |= self._compared(account, magnets)
            self._whole[account] = magnets
        return changed

    def _compared(self, account: str, magnets: Folder) -> set[str]:
        before = self._seen.get(account, {})
        now = cast("Mapping[str, Folder]", magnets.entries)
        now = {name: each for name, each in now.items() if not is_emptied(each)}
        self._seen[account] = now
        changed: set[str] = set()
        others = [(before.get(name), each) for name, each in now.items()
                  if before.get(name) is not each]  # fmt: skip
        lost = [before[name] for name in before.keys() - now.keys()]
        for was in (*lost, *(was for was, _ in others)):
            if was is not None:
                key = _key(was)
                self._folders[key] = tuple(f for f in self._folders[key] if f is not was)
                changed.add(key)
        for _, each in others:
            key = _key(each)
            both = [*self._folders.get(key, ()), each]
            self._folders[key] = tuple(sorted(both, key=self._order)) if both[1:] else (each,)
            changed.add(key)
        return changed

    def _order(self, folder: Folder) -> tuple[int, str]:
        return self._accounts[tree_of(folder).account], folder.name


def facts_of(sources: Sequence[Folder], name: str = "") -> Facts:
    """The facts of a magnet, as its folders in the accounts that have it say; `name` if not its."""
    trees = [tree_of(each) for each in sources]
    accounts = tuple(dict.fromkeys(tree.account for tree in trees))
    added = min(tree.magnet.added or 0.0 for tree in trees)
    work = next((tree.magnet.work for tree in trees if tree.magnet.work is not None), None)
    lists = [tree.files() for tree in trees]
    return views.facts(name or trees[0].magnet.name, lists, accounts, added, work)


def _key(folder: Folder) -> str:
    """The same for the same content, whichever account it is in."""
    tree = tree_of(folder)
    return tree.magnet.hash or f"{tree.account}/{tree.magnet.id}"
