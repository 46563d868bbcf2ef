"""`track_playback`: what reading is taken for playing, and what is written of it when."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from davstore.errors import StoreUnavailable
from davstore.model import File, Leaf, Position
from davstore.server.watching import EVERY, Watching
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import serving

SIZE, DURATION = 3_600_000_000, 3600.0
RATE = 1_000_000
"""Bytes a second at which the film plays."""


@dataclass
class Player:
    track_playback: bool = True
    known: Position = field(default_factory=lambda: Position(0.0, DURATION))
    written: list[float] = field(default_factory=list)
    asked: int = 0
    failure: Exception | None = None

    def position(self, file: File) -> Position:
        self.asked += 1
        return self.known

    def move(self, file: File, position: Position) -> None:
        if self.failure is not None:
            raise self.failure
        self.written.append(position.seconds)


@dataclass
class Reading:
    at: int = 0
    is_closed: bool = False


class Sofa:
    """Somebody with a player and a clock."""

    def __init__(self, player: Player, account: str = "home", size: int | None = SIZE) -> None:
        self.player = player
        self.time = 0.0
        self.watching = Watching({"home": player}, now=lambda: self.time)
        self.leaf = Leaf("Sintel.mp4", account, File("Sintel.mp4", "ref"), "id", size, 0.0)

    def open(self, at: float = 0) -> Reading:
        reading = Reading(int(at * RATE))
        self.watching.began(self.leaf, reading)
        return reading

    def play(self, reading: Reading, seconds: float, speed: float = 1.0) -> None:
        """Read on for so many seconds; there is a look every minute."""
        end = self.time + seconds
        while self.time < end:
            step = min(EVERY - self.time % EVERY, end - self.time)
            self.time += step
            reading.at += int(step * RATE * speed)
            if self.time % EVERY == 0:
                self.watching.look()


@pytest.fixture
def sofa() -> Sofa:
    return Sofa(Player())


def test_what_is_played_is_written_once_a_minute(sofa: Sofa) -> None:
    sofa.play(sofa.open(), 600)
    assert sofa.player.written == [60.0 * minute for minute in range(2, 11)]
    assert sofa.player.asked == 1


def test_short_requests_one_after_the_other_are_playing_too(sofa: Sofa) -> None:
    for second in range(0, 300, 5):
        reading = sofa.open(second)
        sofa.play(reading, 5)
        reading.is_closed = True
    assert sofa.player.written[-1] == 300


def test_a_pause_moves_nothing_and_goes_on(sofa: Sofa) -> None:
    reading = sofa.open()
    sofa.play(reading, 300)
    sofa.play(reading, 600, speed=0)
    assert sofa.player.written[-1] == 300
    sofa.play(reading, 300)
    assert sofa.player.written[-1] == 600


def test_who_seeks_is_followed_once_they_watch(sofa: Sofa) -> None:
    sofa.play(sofa.open(1000), 300)
    sofa.play(sofa.open(100), 60)
    assert sofa.player.written[-1] == 1300
    sofa.play(sofa.open(160), 120)
    assert sofa.player.written[-1] == 280


@pytest.mark.parametrize("at", [0, 1000, 3590])
def test_a_look_is_no_playing(sofa: Sofa, at: float) -> None:
    reading = sofa.open(at)
    sofa.play(reading, 5)
    reading.is_closed = True
    sofa.play(Reading(), 600)
    assert sofa.player.written == []


def test_a_look_at_the_end_while_playing_moves_nothing(sofa: Sofa) -> None:
    film, index = sofa.open(), sofa.open(3590)
    sofa.play(index, 5)
    sofa.play(film, 295)
    assert sofa.player.written[-1] == 295


def test_a_copy_is_no_playing(sofa: Sofa) -> None:
    sofa.play(sofa.open(), 240, speed=15)
    assert sofa.player.written == []


@pytest.mark.parametrize("known", [Position(0.0), Position(0.0, 0.0)])
def test_without_a_duration_nothing_is_guessed(known: Position) -> None:
    sofa = Sofa(Player(known=known))
    sofa.play(sofa.open(), 600)
    assert sofa.player.written == []
    assert sofa.player.asked == 1


def test_what_has_no_length_is_left_alone() -> None:
    sofa = Sofa(Player(), size=None)
    sofa.play(sofa.open(), 600)
    assert sofa.player.asked == 0


@pytest.mark.parametrize(("track", "account"), [(False, "home"), (True, "rd")])
def test_only_accounts_that_want_it_are_tracked(track: bool, account: str) -> None:
    sofa = Sofa(Player(track_playback=track), account)
    sofa.play(sofa.open(), 600)
    assert sofa.player.asked == 0


@pytest.mark.parametrize("failure", [StoreUnavailable("home", "down"), KeyError("ours")])
def test_a_service_that_fails_is_told_the_next_time(sofa: Sofa, failure: Exception) -> None:
    sofa.player.failure = failure
    reading = sofa.open()
    sofa.play(reading, 300)
    sofa.player.failure = None
    sofa.play(reading, 60)
    assert sofa.player.written == [360.0]


def test_what_is_read_through_the_server_is_told(sim: Simulator, tmp_path: Path) -> None:
    """The clock of the watching is the only thing that is moved by hand."""
    file = SimFile("Sintel.mp4", Content.random("sintel", 8_000_000))
    film = sim.plank.add(SimMagnet("Sintel", [file], title="Sintel"))
    sim.plank.playing.play(film, 0, 800)
    changes = {"plank": {"track_playback": True}}
    with serving(sim, tmp_path, accounts=("plank",), changes=changes) as served:
        served.refresh()
        watching, now = served.server._watching, [0.0]
        watching._now = lambda: now[0]
        for first in range(0, 4_000_000, 1_000_000):
            range_ = {"Range": f"bytes={first}-{first + 999_999}"}
            assert served.get("/plank/magnets/Sintel/Sintel.mp4", headers=range_).ok
            watching.look()
            now[0] += 60
    assert sim.plank.playing.position(film) == 400
