"""How much of a share is taken, by one process and by several."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from wsgidav.dav_error import DAVError

from davstore.dav.writing.room import BELIEVED, FORGOTTEN, LEAST, Room
from davstore.pooled import Pooled
from tests.clock import Clock

Rooms = Callable[[], Room]
LIMIT = 100_000


@pytest.fixture
def rooms(tmp_path: Path, clock: Clock) -> Iterator[Rooms]:
    """Rooms of the same folder, as each process has one."""
    share = tmp_path / "share"
    share.mkdir()
    with ExitStack() as stack:

        def room() -> Room:
            together = stack.enter_context(closing(Pooled(tmp_path / "rooms")))
            return Room(share, LIMIT, together, clock)

        yield room


def test_room_is_kept_for_what_is_coming(rooms: Rooms, clock: Clock) -> None:
    room = rooms()
    room.take(60_000)
    clock.time += 60
    with pytest.raises(DAVError):
        room.take(60_000)
    room.settle(60_000)
    room.take(60_000)


def test_the_limit_holds_for_all_processes_together(rooms: Rooms) -> None:
    one, other = rooms(), rooms()
    one.take(50_000)
    with pytest.raises(DAVError):
        other.take(50_000)
    other.take(20_000)
    one.settle(50_000, 50_000)
    assert other.used == one.used
    assert other.left == one.left == LIMIT - one.used
    with pytest.raises(DAVError):
        other.take(30_000)
    other.settle(20_000)
    other.take(30_000)


def test_what_others_write_into_the_folder_is_seen(
    rooms: Rooms, clock: Clock, tmp_path: Path
) -> None:
    room = rooms()
    before = room.used
    (tmp_path / "share" / "a").write_bytes(bytes(50_000))
    clock.time += BELIEVED
    assert room.used == before + 50_000


def test_what_a_killed_process_kept_free_is_free_again(rooms: Rooms, clock: Clock) -> None:
    killed, other = rooms(), rooms()
    killed.take(90_000)
    clock.time += FORGOTTEN - 1
    with pytest.raises(DAVError):
        other.take(50_000)
    clock.time += 1
    other.take(50_000)


def test_a_clock_that_began_anew_is_no_trouble(rooms: Rooms, clock: Clock, tmp_path: Path) -> None:
    rooms().take(90_000)
    (tmp_path / "share" / "a").write_bytes(bytes(50_000))
    clock.time = 0.0
    room = rooms()
    room.take(40_000)
    with pytest.raises(DAVError):
        room.take(LEAST * 3)


def test_what_is_on_disk_tells_another_release_as_much(
    rooms: Rooms, tmp_path: Path, clock: Clock
) -> None:
    """It may have no class of the same name."""
    room = rooms()
    room.take(60_000)
    with closing(Pooled(tmp_path / "rooms")) as kept:
        ((_, value),) = kept.items()
    assert isinstance(value, tuple)
    assert {type(each) for each in value} <= {int, float, dict}
    with pytest.raises(DAVError):
        rooms().take(60_000)
