"""What the commands about a path share: the tree without WebDAV, and what stands in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from davstore.dav.tree.overlay import Overlay
from davstore.dav.tree.tree import Folders, Tree, Views
from davstore.errors import DavstoreError, NotReady
from davstore.model import Leaf
from davstore.server.library import Library


class NoSuchPath(DavstoreError):
    """Nothing stands at this path."""


def tree_of(library: Library, folders: Folders | None = None) -> Tree:
    """Everything that the server shows; all is arranged in the views, unless others are given."""
    catalog, arranged = library.catalog, library.arranged
    return Tree(
        catalog.accounts, catalog.snapshot,
        views=Views(arranged.names, folders or arranged.complete),
        lookups=library.lookups, links=library.linked,
        overlay=Overlay(library.sidecars) if library.sidecars else None,
    )  # fmt: skip


def parts_of(path: str) -> list[str]:
    """The components of a path."""
    return [part for part in path.split("/") if part]


def leaf_at(library: Library, path: str) -> Leaf:
    """The file at a path; raises `NoSuchPath`."""
    with known():
        entry = tree_of(library).find(parts_of(path), asking=True)
    if not isinstance(entry, Leaf):
        raise NoSuchPath(f"no file stands at {path!r}; `davstore ls` shows what does")
    return entry


@contextmanager
def known() -> Iterator[None]:
    """Where nothing is known yet of an account, raises `NoSuchPath`."""
    try:
        yield
    except NotReady as error:
        raise NoSuchPath(f"nothing is known of {error.name} yet; `davstore refresh` asks") from None
