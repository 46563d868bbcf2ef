"""Sidecars on disk: bounded, common to all processes, and there for as long as their place."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine

from davstore.catalog import Sidecars, Sweeper, Vanished, home_in, home_of
from davstore.catalog.arranged.arranged import REMEMBERED
from davstore.catalog.sidecars.contents import ABANDONED
from davstore.catalog.sidecars.sidecars import LEAST
from davstore.errors import Full
from davstore.model import Folder, Snapshot
from tests.catalog.scripted import ScriptedStore, film, magnet, reopened
from tests.clock import Clock
from tests.dav.shelves import folder, leaf

HOME = "account/rd/aaaa"
MIB = 2**20


@pytest.fixture
def sidecars(engine: Engine, tmp_path: Path, clock: Clock) -> Sidecars:
    return opened(engine, tmp_path, clock)


@pytest.fixture
def other(engine: Engine, tmp_path: Path, clock: Clock, sidecars: Sidecars) -> Sidecars:
    """Those of another process."""
    return opened(engine, tmp_path, clock)


def opened(engine: Engine, tmp_path: Path, clock: Clock) -> Sidecars:
    return Sidecars(engine, tmp_path / "sidecars", MIB, is_shared=True, now=clock)


def put(sidecars: Sidecars, path: str, data: bytes = b"x", home: str = HOME) -> None:
    with sidecars.writing(len(data)) as coming:
        coming.write(data)
        sidecars.put(home, tuple(path.split("/")), coming)


def shown(sidecars: Sidecars, home: str = HOME) -> Mapping[str, bytes]:
    """The paths of the files of a home, with what is in them."""
    rows = sidecars.of(home).all.values()
    return {"/".join(each.path): sidecars.file(each.content).read_bytes()
            for each in rows if each.content}  # fmt: skip


def on_disk(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "sidecars").rglob("*") if path.is_file()]


def test_what_is_replaced_moved_copied_and_removed(sidecars: Sidecars, tmp_path: Path) -> None:
    put(sidecars, "movie.nfo", b"old")
    put(sidecars, "movie.nfo", b"new")
    sidecars.make(HOME, ("fan",))
    put(sidecars, "fan/1.jpg", b"1")
    assert shown(sidecars) == {"movie.nfo": b"new", "fan/1.jpg": b"1"}
    sidecars.copy(HOME, ("fan",), "other", ("art",), whole=True)
    sidecars.move(HOME, ("fan",), HOME, ("movie.nfo",))
    assert shown(sidecars) == {"movie.nfo/1.jpg": b"1"}
    assert shown(sidecars, "other") == {"art/1.jpg": b"1"}
    assert len(on_disk(tmp_path)) == 2
    sidecars.remove("other", ("art",))
    sidecars.remove(HOME, ("movie.nfo",))
    with pytest.raises(Vanished):
        sidecars.remove(HOME, ("movie.nfo",))
    assert not sidecars.homes()
    assert not on_disk(tmp_path)


def test_nothing_half_written_stays(sidecars: Sidecars, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), sidecars.writing(10) as coming:
        coming.write(b"half")
        raise ZeroDivisionError
    assert not on_disk(tmp_path)
    assert not sidecars.has(HOME)


def test_they_take_no_more_than_they_may(sidecars: Sidecars, other: Sidecars) -> None:
    with pytest.raises(Full, match="overlay_limit"), sidecars.writing(MIB + 1):
        pass
    with sidecars.writing(MIB // 2) as coming:
        with pytest.raises(Full), other.writing(MIB // 2 + 1):
            pass  # what is announced to another process counts at once
        coming.write(b"short")
        sidecars.put(HOME, ("a",), coming)
    with pytest.raises(Full), other.writing(None) as coming:
        for _ in range(2):
            coming.write(bytes(MIB - LEAST))
    for number in range(MIB // LEAST - 1):
        sidecars.make(HOME, (str(number),))
    with pytest.raises(Full):
        sidecars.make(HOME, ("one", "more"))


def test_a_folder_is_copied_only_where_there_is_room_for_all_of_it(
    sidecars: Sidecars, tmp_path: Path
) -> None:
    for number in range(4):
        put(sidecars, f"fan/{number}", bytes(MIB // 6))
    with pytest.raises(Full):
        sidecars.copy(HOME, ("fan",), "other", ("art",), whole=True)
    assert len(on_disk(tmp_path)) == len(shown(sidecars)) == 4


def test_what_another_process_wrote_is_known_once_it_is_followed(
    sidecars: Sidecars, other: Sidecars
) -> None:
    put(sidecars, "a", b"1")
    assert not other.has(HOME)
    assert other.follow_others()
    assert shown(other) == {"a": b"1"}
    known = other.of(HOME)
    assert not other.follow_others()
    assert other.of(HOME) is known is other.at_hand(HOME)
    put(sidecars, "a", b"2")
    other.follow()
    assert other.at_hand(HOME) is None
    assert shown(other) == {"a": b"2"}
    sidecars.remove(HOME, ("a",))
    sidecars.sweep()
    other.follow()
    assert not other.has(HOME)


def test_what_was_left_by_a_killed_process_is_removed(
    sidecars: Sidecars, tmp_path: Path, clock: Clock
) -> None:
    put(sidecars, "kept")
    left = [tmp_path / "sidecars" / name for name in ("partial/left", "ab/ab00")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (clock.time, clock.time))
    sidecars.sweep()
    assert all(path.exists() for path in left)
    clock.time += ABANDONED + 1
    for path in on_disk(tmp_path):
        os.utime(path, (0, 0))
    sidecars.sweep()
    assert not any(path.exists() for path in left)
    assert shown(sidecars) == {"kept": b"x"}


class Places:
    """An account with a magnet, and a view with a folder, that can go and come back."""

    def __init__(self, sidecars: Sidecars, snapshot: Snapshot) -> None:
        self.snapshot: Snapshot | None = snapshot
        self.view = folder("Shows", [folder("Caminandes", [folder("Season 01", [leaf("a.mkv")])])])
        self.sweeper = Sweeper(sidecars, ["rd"], lambda _: self.snapshot, lambda: (self.view,))

    def go(self) -> None:
        assert self.snapshot is not None
        self.snapshot = Snapshot("rd", Folder("magnets", {}, 0.0), 0.0)
        self.view = folder("Shows", [folder("Caminandes", [leaf("b.mkv")])])


@pytest.fixture
def places(sidecars: Sidecars, engine: Engine, clock: Clock, store: ScriptedStore) -> Places:
    store.put(magnet("a", "Sintel"), film("Sintel"))
    catalog = reopened(store, engine, clock)
    catalog.refresh("rd")
    found = catalog.snapshot("rd")
    assert found
    return Places(sidecars, found)


def test_what_lost_its_place_is_kept_for_a_while(
    sidecars: Sidecars, places: Places, clock: Clock
) -> None:
    film_home, show = home_of("rd", magnet("a", "Sintel")), home_in("Shows", "Caminandes")
    put(sidecars, "movie.nfo", home=film_home)
    sidecars.make(show, ("art",))
    for path in ("tvshow.nfo", "art/1.jpg", "Season 01/a.nfo"):
        put(sidecars, path, home=show)
    there = (places.snapshot, places.view)
    places.go()
    for _ in range(2):
        places.sweeper.sweep()
        clock.time += REMEMBERED - 1
        places.snapshot, places.view = there
        places.sweeper.sweep()
        assert sidecars.homes()
        places.go()
    places.snapshot = None
    clock.time += REMEMBERED
    places.sweeper.sweep()
    assert shown(sidecars, film_home), "nothing is known"
    places.snapshot = there[0]
    places.go()
    places.sweeper.sweep()
    clock.time += REMEMBERED + 1
    places.sweeper.sweep()
    assert sidecars.homes() == [show]
    assert set(shown(sidecars, show)) == {"tvshow.nfo", "art/1.jpg"}
