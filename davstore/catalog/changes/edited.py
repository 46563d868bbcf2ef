"""The file tree of a magnet as people changed it, over the one that its store has."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from davstore import views
from davstore.catalog.changes.edits import Edit
from davstore.catalog.folders.trees import Tree, leaves
from davstore.model import Entry, File, Folder


class Edited(Tree):
    """The entries of a magnet's folder, among the magnets or in the trash.

    Made from the `plain` tree, which is loaded once however often the edit changes.
    """

    __slots__ = ("_edit", "_in_trash", "_plain")

    def __init__(self, plain: Tree, edit: Edit, *, in_trash: bool = False) -> None:
        super().__init__(*plain.made_of)
        self._plain = plain
        self._edit = edit
        self._in_trash = in_trash

    @property
    def stamp(self) -> str:
        """Also other when other files are hidden."""
        hidden = sorted(self._edit.hides(in_trash=self._in_trash))
        if not hidden:
            return self._plain.stamp
        digest = blake2b("\n".join(hidden).encode(), digest_size=9).hexdigest()
        return f"{self._plain.stamp} -{digest}"

    @property
    def is_emptied(self) -> bool:
        """Whether all that is left is a folder, for a while."""
        return not self._in_trash and bool(self._edit.stage)

    def files(self) -> Sequence[File]:
        """Those that are not hidden."""
        hidden = self._edit.hides(in_trash=self._in_trash)
        if not hidden:
            return self._plain.files()
        whole = Folder(self._name, self._plain, 0.0)
        return [leaf.file for leaf in leaves(whole) if leaf.identity not in hidden]

    def _made(self) -> Mapping[str, Entry]:
        return arranged(self._plain, self._edit, in_trash=self._in_trash).entries


def is_emptied(folder: Folder) -> bool:
    """Whether all that is left of a magnet is its folder, for a while."""
    return isinstance(folder.entries, Edited) and folder.entries.is_emptied


def arranged(plain: Tree, edit: Edit, *, in_trash: bool) -> Folder:
    """The files of the `plain` tree as the edit has them."""
    whole = Folder("", plain, plain.magnet.added or 0.0)
    hidden, folders = edit.hides(in_trash=in_trash), edit.lingering(in_trash=in_trash)
    return views.rearranged(whole, edit.paths, hidden, folders)
