"""What people have added from the page: links, torrent files, and what a search has found. It all
goes where `incoming` puts it: into the queue on disk, and from there at the services' pace.
"""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Final

from davstore.catalog import Adders, Addition, Additions, Catalog, State
from davstore.catalog.adding.additions import IMPORTED
from davstore.catalog.lookups.finding import Finder
from davstore.dashboard import Form, Found, Offer, Queued, Sees, Shelved
from davstore.errors import NotAccepted
from davstore.model import Folder, Magnet, Snapshot, Wanted
from davstore.wanted import Takes, of_text, wanted

MOST_QUEUED: Final = 100
"""As many as one looks through."""


class Intake:
    """The queue of the accounts that `adders` add to, and the searches of `finder`."""

    def __init__(
        self, catalog: Catalog, additions: Additions, adders: Adders, finder: Finder
    ) -> None:
        self._catalog = catalog
        self._additions = additions
        self._adders = adders
        self._finder = finder

    def accounts(self, sees: Sees) -> list[str]:
        """Those that can be added to."""
        return [name for name in self._adders.takes if sees(name)]

    def searching(self, sees: Sees) -> list[str]:
        """Those that are asked by a search."""
        return self._finder.able(self._seen(sees))

    def find(self, words: str, sees: Sees, kind: str = "") -> Found:
        """What they find of a kind. Raises `NotAccepted` for words that nobody would look for."""
        seen = self._seen(sees)
        finds = self._finder.search(words, seen, kind)
        offers = [
            Offer(
                each.hash, each.name, each.link, each.size, each.seeders,
                [name for name, ready in finds.ready.items() if each.hash in ready],
                [name for name in seen if self._catalog.has(name, each.hash)],
            )
            for each in finds.found
        ]  # fmt: skip
        shelved = [
            Shelved(name, entry.name,
                    f"{name}/magnets/{entry.name}{'/' if isinstance(entry, Folder) else ''}")
            for name, entries in finds.libraries.items() for entry in entries
        ]  # fmt: skip
        return Found(offers, shelved, list(map(str, finds.problems)))

    def queue(self, sees: Sees) -> list[Queued]:
        """What is on its way into the accounts. Raises `StateError`."""
        found = []
        for name in self.accounts(sees):
            snapshot = self._catalog.known(name)
            coming = {each.hash for each in snapshot.coming} if snapshot else set()
            told = (each for each in self._additions.waiting(name)
                    if each.hash not in coming and self._tells(name, each, snapshot))  # fmt: skip
            found += [_queued(name, each) for each in islice(told, MOST_QUEUED)]
        return found

    def coming(self, sees: Sees) -> list[tuple[str, Magnet]]:
        """What the services are at work on, by account, the newest first."""
        known = {name: self._catalog.known(name) for name in self.accounts(sees)}
        found = [(name, each) for name, snapshot in known.items() if snapshot
                 for each in snapshot.coming]  # fmt: skip
        return sorted(found, key=lambda pair: -(pair[1].added or 0.0))[:MOST_QUEUED]

    def add(self, form: Form) -> None:
        """Queue what the `form` asks for: all of it, or nothing where some of it is wrong.

        Raises `NotAccepted`, `Full` or `StateError`.
        """
        account = self._account(form)
        takes = self._adders.takes[account]
        asked = [*of_text(form.fields.get("links", ""), takes)]
        for name, content in form.files:
            asked += _of_file(name, content, takes, is_one_of_several=len(form.files) > 1)
        if not asked:
            raise NotAccepted("Give a magnet link or a torrent file.")
        self._additions.enqueue(account, asked, form.user)
        self._adders.wake(account)

    def forget(self, form: Form) -> None:
        """Take out of the queue what the `form` names. Raises `NotAccepted` or `StateError`."""
        self._additions.forget(self._account(form), form.fields.get("hash", ""))

    def _seen(self, sees: Sees) -> list[str]:
        return [name for name in self._catalog.accounts if sees(name)]

    def _account(self, form: Form) -> str:
        name = form.fields.get("to", "")
        if name not in self.accounts(form.sees):
            raise NotAccepted("Choose an account to add it to.")
        return name

    def _tells(self, account: str, addition: Addition, snapshot: Snapshot | None) -> bool:
        """As a rule; and of all that the `snapshot` cannot show yet."""
        if addition.state is State.ADDED and (
            snapshot is None or snapshot.taken < addition.settled
        ):
            return True
        return self._additions.tells(addition, partial(self._catalog.has, account))


def _of_file(
    name: str, content: bytes, takes: Takes, *, is_one_of_several: bool
) -> Sequence[Wanted]:
    try:
        return wanted(name, content, takes)
    except NotAccepted as error:
        raise NotAccepted(f"{name}: {error}" if is_one_of_several else str(error)) from None


def _queued(account: str, each: Addition) -> Queued:
    return Queued(
        account, each.hash, each.name, each.state.said, each.reason, each.dropped,
        "" if each.person == IMPORTED else each.person,
        can_go=each.state in {State.WAITING, State.REFUSED},
        failed=each.state is State.REFUSED,
    )  # fmt: skip
