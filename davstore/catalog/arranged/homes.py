"""The homes of sidecars: what a magnet's folder and a view's are known by, and when they are gone.

A magnet is known by its hash in its account, so that neither a new name nor its being added again
parts it from its sidecars; a view's folder by its name, which stays.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from davstore import views
from davstore.catalog.arranged.arranged import REMEMBERED
from davstore.catalog.arranged.shown import magnet_of
from davstore.catalog.sidecars.sidecars import Beside, Sidecars
from davstore.errors import DavstoreError
from davstore.model import Folder, Magnet, Snapshot
from davstore.views import Path

log = logging.getLogger(__name__)

SWEEP_EVERY: Final = 6 * 3600.0
"""Seconds between two looks at what is gone."""
FIRST_SWEEP: Final = 600.0


def home_of(account: str, magnet: Magnet) -> str:
    """What the folder of a magnet is known by."""
    return f"account/{account}/{magnet.hash or f'id {magnet.id}'}"


def home_in(view: str, name: str = "") -> str:
    """What the folder called `name` at the top of a view is known by; without one, the view."""
    return f"view/{view}/{name}"


class Sweeper:
    """Forgets the sidecars whose place has been gone for as long as views remember names.

    `snapshot` says what the `accounts` hold, `arranged` what the views show.
    """

    def __init__(
        self,
        sidecars: Sidecars,
        accounts: Sequence[str],
        snapshot: Callable[[str], Snapshot | None],
        arranged: Callable[[], Sequence[Folder] | None],
    ) -> None:
        self._sidecars = sidecars
        self._accounts = accounts
        self._snapshot = snapshot
        self._arranged = arranged
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sidecars", daemon=True)

    def start(self) -> None:
        """Begin to look now and then."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def sweep(self) -> None:
        """Look now. Where not all is known that could be there, nothing counts as gone."""
        shown = self._shown()
        if shown is None:
            return
        before = self._sidecars.now() - REMEMBERED
        for home in self._sidecars.homes():
            beside, folders = self._sidecars.of(home), shown.get(home, ())
            gone = {path: not any(_stands(folder, beside, path[:-1]) for folder in folders)
                    for path in beside.all}  # fmt: skip
            self._sidecars.missed(home, gone, before)
        self._sidecars.sweep()

    def _shown(self) -> Mapping[str, Sequence[Folder]] | None:
        """The folders of all homes."""
        found: dict[str, list[Folder]] = {}
        for account in self._accounts:
            snapshot = self._snapshot(account)
            if snapshot is None:
                return None
            for home, folder in _homes(snapshot):
                found.setdefault(home, []).append(folder)
        arranged = self._arranged()
        if arranged is None:
            return None
        for view in arranged:
            found[home_in(view.name)] = [view]
            for entry in view.entries.values():
                if isinstance(entry, Folder):
                    found[home_in(view.name, entry.name)] = [entry]
        return found

    def _run(self) -> None:
        pause = FIRST_SWEEP
        while not self._stopping.wait(pause):
            pause = SWEEP_EVERY
            began = time.monotonic()
            try:
                self.sweep()
            except DavstoreError as error:
                log.warning("%s", error)
            except Exception:
                log.exception("sidecars were not looked through")
            log.debug("sidecars looked through in %.1f s", time.monotonic() - began)


def _homes(snapshot: Snapshot) -> Iterator[tuple[str, Folder]]:
    for folders in (snapshot.magnets, snapshot.trash):
        for folder in folders.entries.values():
            magnet = magnet_of(folder) if isinstance(folder, Folder) else None
            if magnet is not None and isinstance(folder, Folder):
                yield home_of(snapshot.account, magnet), folder


def _stands(folder: Folder, beside: Beside, path: Path) -> bool:
    """Whether the folder at `path` is there: the home's own, one of the store's, or one made."""
    if not path:
        return True
    made = beside.all.get(path)
    if made is not None and not made.content:
        return _stands(folder, beside, path[:-1])
    return isinstance(views.find(folder, path), Folder)
