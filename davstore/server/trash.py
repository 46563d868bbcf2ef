"""The accounts' trash for the page: what is in it, having it back, and having it go for good."""

from collections.abc import Mapping

from davstore.catalog import Catalog, Editor, magnet_of
from davstore.dashboard import Form, Trashed
from davstore.errors import DavstoreError
from davstore.model import Folder


class NotInTrash(DavstoreError):
    """What was named is in no trash, or has to stay there."""


class Trash:
    """The trash of the accounts of a `catalog`; from those in `after` things go for good after so
    many seconds.
    """

    def __init__(self, catalog: Catalog, editor: Editor, after: Mapping[str, float]) -> None:
        self._catalog = catalog
        self._editor = editor
        self._after = after

    def __call__(self) -> list[Trashed]:
        """All that can be had back, the newest first."""
        found = [
            self._trashed(account, folder)
            for account in self._catalog.accounts
            for folder in self._folders(account).values()
        ]
        return sorted(found, key=lambda each: -each.deleted)

    def restore(self, form: Form) -> None:
        """Have back what the `form` names, under the name that it has in the trash.

        Raises `NotInTrash`, and `NameTaken`, `NotThere` or `StateError`.
        """
        self._editor.restore(*self._named(form))

    def purge(self, form: Form) -> None:
        """Have what the `form` names removed at the service now, as DELETE in the trash does.

        Raises `NotInTrash`, and `NotThere` or `StateError`.
        """
        account, id_, _ = self._named(form)
        if account not in self._after:
            raise NotInTrash(f"nothing may be removed from {account}: set its delete = true")
        self._editor.delete(account, id_, (), form.user, in_trash=True)

    def _named(self, form: Form) -> tuple[str, str, str]:
        """The account, the magnet, and its name in the trash. Raises `NotInTrash`."""
        account, id_ = form.fields.get("account", ""), form.fields.get("magnet", "")
        if account in self._catalog.accounts and form.sees(account):
            for name, folder in self._folders(account).items():
                magnet = magnet_of(folder)
                if magnet is not None and magnet.id == id_:
                    return account, id_, name
        raise NotInTrash("it is in the trash no more; open the page again")

    def _folders(self, account: str) -> Mapping[str, Folder]:
        snapshot = self._catalog.known(account)
        entries = snapshot.trash.entries if snapshot else {}
        return {name: each for name, each in entries.items() if isinstance(each, Folder)}

    def _trashed(self, account: str, folder: Folder) -> Trashed:
        magnet = magnet_of(folder)
        assert magnet is not None  # every folder in the trash is a magnet's
        edit = self._catalog.edits.of(account, magnet.id)
        leaves = edit.deleted + self._after[account] if account in self._after else 0.0
        return Trashed(account, magnet.id, folder.name, magnet.size, edit.who, edit.why,
                       edit.deleted, leaves)  # fmt: skip
