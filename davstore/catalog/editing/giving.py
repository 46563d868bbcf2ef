"""Whether what was moved from one account to another has arrived there: before that it stays in the
trash of the first, however long that takes.
"""

from typing import Final

from davstore.catalog.accounts.refresh import Catalog
from davstore.catalog.adding.additions import Additions, State
from davstore.catalog.changes.edits import Edit, Stage
from davstore.model import Status

_MOVED: Final = "moved to "


def moved_to(account: str) -> str:
    """Why a magnet was deleted that was given to another account."""
    return f"{_MOVED}{account}"


def goal_of(edit: Edit) -> str:
    """The account that a magnet in the trash was given to, "" for none; who deletes it from the
    trash as well does not wait for that.
    """
    is_given = edit.stage is Stage.TRASHED and edit.why.startswith(_MOVED)
    return edit.why.removeprefix(_MOVED) if is_given else ""


class Giving:
    """Looks at what the accounts of a `catalog` hold, and at the `additions` on their way there."""

    def __init__(self, catalog: Catalog, additions: Additions) -> None:
        self._catalog = catalog
        self._additions = additions

    def missing(self, account: str, hash_: str) -> str:
        """Why `account` does not have this hash, ready to be read; "" where it does.

        Raises `StateError`.
        """
        if account not in self._catalog.accounts:
            return f"{account} is no account any more"
        found = [
            magnet for magnet in self._catalog.keeper(account).holding.of_hash(hash_)
            if self._catalog.edits.of(account, magnet.id).stage is Stage.NONE
        ]  # fmt: skip
        if any(magnet.status is Status.READY for magnet in found):
            return ""
        if found:
            return f"{account} has it, but it is not ready there ({found[0].status})"
        addition = self._additions.of(account, hash_)
        if addition is None:
            return f"{account} does not have it"
        if addition.state is State.REFUSED:
            return f"{account} has refused it: {addition.reason}"
        return f"{account} does not have it yet"
