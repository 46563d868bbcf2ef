"""What stands in files beside SQLite's, copied into a database that machines share, and back: what
clients wrote down, what logins have brought, and the bytes of sidecars.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from davstore.catalog import (
    Contents,
    Engine,
    Kept,
    PassRecord,
    StoredContents,
    known_contents,
    passes_of,
    rooms,
)
from davstore.dav.keeping.keeping import Keeping, in_folder
from davstore.dav.writing.noise import FOLDER as NOISE
from davstore.dav.writing.noise import ROOM
from davstore.stores.passes import PassFile, passes_in

SIDECARS: Final = "sidecars"
BLOCK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A state: `engine` is its database's, in `folder` if that is said, and else a server's."""

    engine: Engine
    folder: Path | None = None

    def rooms(self) -> Collection[str]:
        """The names of what clients wrote down."""
        if self.folder is None:
            return [name for name in rooms(self.engine) if _is_lasting(name)]
        paths = [*self.folder.glob("locks"), *self.folder.glob("properties")]
        paths += self.folder.glob(f"{NOISE}/*")
        return [str(path.relative_to(self.folder)) for path in paths]

    def keeping(self, name: str) -> Keeping:
        """One of them."""
        room_for = ROOM if name.startswith(f"{NOISE}/") else None
        if self.folder is None:
            return Kept(self.engine, name, room_for=room_for)
        return in_folder(self.folder)(name, room_for)

    @contextmanager
    def contents(self) -> Iterator[Contents]:
        """The bytes of sidecars."""
        if self.folder is not None:
            yield Contents(self.folder / SIDECARS)
            return
        with TemporaryDirectory(prefix="davstore-") as folder:
            yield StoredContents(Path(folder), self.engine)


def copy_beside(source: Place, target: Place) -> dict[str, int]:
    """How much was copied, by what it is. Raises `StateError`."""
    return {
        "things that clients wrote down": _copy_rooms(source, target),
        "logins": _copy_passes(source, target),
        "contents of sidecars": _copy_contents(source, target),
    }


def _is_lasting(room: str) -> bool:
    return room in {"locks", "properties"} or room.startswith(f"{NOISE}/")


def _copy_rooms(source: Place, target: Place) -> int:
    count = 0
    for name in source.rooms():
        there, here = source.keeping(name), target.keeping(name)
        for key, value in there.items():
            here.set(key, value)
            count += 1
        there.close()
        here.close()
    return count


def _copy_passes(source: Place, target: Place) -> int:
    found = passes_of(source.engine) if source.folder is None else list(passes_in(source.folder))
    for account, service, got in found:
        if target.folder is None:
            PassRecord(target.engine, account, service).write(got)
        else:
            PassFile(target.folder, account, service).write(got)
    return len(found)


def _copy_contents(source: Place, target: Place) -> int:
    names = known_contents(source.engine)
    with source.contents() as there, target.contents() as here:
        for name in names:
            there.fetch(name)
            with here.writing(lambda: None) as coming, there.path(name).open("rb") as file:
                for block in iter(lambda: file.read(BLOCK), b""):
                    coming.write(block)
                coming.finish()
                here.place(coming, name)
            if source.folder is None:
                there.path(name).unlink()
            if target.folder is None:
                here.path(name).unlink()
    return len(names)
