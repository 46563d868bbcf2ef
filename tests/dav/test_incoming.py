"""What stands in `incoming`, and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from davstore.catalog import Additions, State, open_database
from davstore.catalog.adding.additions import SHOWN_FOR, TOLD_FOR
from davstore.config import Database
from davstore.dav.access.people import OWNER
from davstore.dav.writing.incoming import Incoming
from davstore.errors import NotAccepted
from davstore.model import Folder, Magnet, Snapshot, Status
from davstore.wanted import Takes
from tests.torrents import link

HASH, OTHER = "a" * 40, "b" * 40


@dataclass
class Shelf:
    """One account, `rd`, at a time that a test says."""

    folder: Path
    database: Database | None = None
    time: float = 1_000_000.0
    coming: tuple[Magnet, ...] = ()
    known: set[str] = field(default_factory=set)
    woken: int = 0

    def __post_init__(self) -> None:
        self.engine = open_database(self.folder, lambda: self.time, database=self.database)
        self.additions = Additions(self.engine, lambda: self.time)
        self.incoming = Incoming(
            {"rd": Takes(links=True)},
            self.additions,
            self.snapshot,
            lambda _, hash_: hash_ in self.known,
            self.wake,
        )

    def snapshot(self, account: str) -> Snapshot:
        return Snapshot(account, Folder("magnets", {}, 0.0), self.time, coming=self.coming)

    def wake(self, account: str) -> None:
        self.woken += 1

    def drop(self, name: str, *hashes: str) -> None:
        text = "\n".join(link(each, f"Film {each[0]}") for each in hashes)
        self.incoming.put("rd", name, text.encode(), OWNER)

    def note(self, hash_: str, state: State, reason: str = "") -> None:
        self.additions.note("rd", hash_, state, reason=reason)

    @property
    def names(self) -> list[str]:
        return list(self.incoming.items("rd"))

    def text(self, name: str) -> str:
        item = self.incoming.item("rd", name)
        assert item is not None
        return item.text.decode()


@pytest.fixture
def shelf(tmp_path: Path, database: Database | None) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, database)
    yield shelf
    shelf.engine.dispose()


def magnet(hash_: str, status: Status, progress: float | None = None) -> Magnet:
    return Magnet(hash_, f"Film {hash_[0]}", status, "", hash_, progress=progress, speed=1_234_567)


def test_a_dropped_file_gives_way_to_what_became_of_it(shelf: Shelf) -> None:
    shelf.drop("x.txt", HASH, OTHER)
    assert shelf.names == ["x.txt"]
    shelf.time += SHOWN_FOR + 1
    assert shelf.names == ["Film a (waiting).txt", "Film b (waiting).txt"]
    assert "Before it: 1 other\n" in shelf.text("Film b (waiting).txt")
    shelf.coming = (magnet(HASH, Status.DOWNLOADING, 42.99),)
    shelf.note(HASH, State.ADDED)
    assert shelf.names == ["Film a (42 %).txt", "Film b (waiting).txt"]
    assert "Speed: 1.2 MB/s\n" in shelf.text("Film a (42 %).txt")
    shelf.coming, shelf.known = (), {HASH}
    shelf.additions.forget("rd", OTHER)
    assert shelf.names == []


def test_it_is_told_why_something_still_waits(shelf: Shelf) -> None:
    shelf.drop("x.txt", HASH)
    shelf.time += SHOWN_FOR + 1
    waiting = shelf.additions.waiting("rd")[0]
    shelf.additions.claim("rd", waiting)
    shelf.note(HASH, State.WAITING, "too many active downloads")
    text = shelf.text("Film a (waiting).txt")
    assert "Tried: once" in text
    assert "Error: too many active downloads" in text


def test_what_was_added_is_told_until_the_account_shows_it(shelf: Shelf) -> None:
    shelf.drop("x.txt", HASH)
    shelf.note(HASH, State.ADDED)
    shelf.time += SHOWN_FOR + 1
    assert shelf.names == ["Film a (added).txt"]
    shelf.time += TOLD_FOR
    assert shelf.names == []


def test_a_refusal_is_told_at_once(shelf: Shelf) -> None:
    shelf.drop("x.txt", HASH)
    shelf.note(HASH, State.REFUSED, "refused as infringing")
    assert shelf.names == ["x.txt", "Film a (refused).txt"]


def test_a_file_that_a_client_works_on_stays(shelf: Shelf) -> None:
    shelf.drop("x.txt", HASH)
    shelf.time += SHOWN_FOR - 1
    shelf.additions.touch("rd", "x.txt")
    shelf.time += SHOWN_FOR - 1
    assert shelf.names == ["x.txt"]


def test_an_unfinished_file_is_not_read(shelf: Shelf) -> None:
    shelf.incoming.put("rd", "x.torrent.part", b"half", OWNER)
    shelf.incoming.put("rd", "x.torrent", b"", OWNER)
    assert shelf.woken == 0
    with pytest.raises(NotAccepted):
        shelf.incoming.put("rd", "x.torrent", b"half", OWNER)
    shelf.time += SHOWN_FOR + 1
    assert shelf.names == ["x.torrent.part"]


def test_namesakes_and_long_names_are_told_apart(shelf: Shelf) -> None:
    long = Magnet("1", "x" * 300, Status.FAILED, "", "c" * 40)
    twins = [Magnet(str(n), "Film", Status.QUEUED, "", f"{n}" * 40) for n in (2, 3)]
    shelf.coming = (long, *twins)
    shelf.drop("Film (queued).txt", HASH)
    assert len(shelf.names) == 4
    assert shelf.names[0] == "Film (queued).txt"
    assert all(len(name.encode()) <= 255 for name in shelf.names)
    assert any(name.endswith("x (failed).txt") for name in shelf.names)


def test_a_name_cannot_write_further_lines(shelf: Shelf) -> None:
    shelf.coming = (Magnet("1", "a\nStatus: ready/../b", Status.QUEUED, ""),)
    [name] = shelf.names
    assert "/" not in name
    assert shelf.text(name).splitlines()[0] == "a Status: ready/../b"
