"""Takes reading a film for playing it: where reading is tells the service where playing is.

Nobody says what a reader is. A film that is read on and on, for a while and about as fast as it
plays, is being played; a scan, a thumbnail, a look at the end, or a copy is not, and moves nothing.
The position is guessed from the byte, as if each second took as many: a minute off in a long film.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from davstore.errors import StoreError
from davstore.model import Leaf, Position
from davstore.stores.plank.playing import Playing, player_of

log = logging.getLogger(__name__)

EVERY: Final = 60.0
"""Seconds between two looks; so often, at most, is the position of a film written."""
PLAYED: Final = 60.0
"""Seconds of a film that must have been read in one go before it counts as played."""
WATCHED: Final = 30.0
"""Seconds that this must have taken."""
FASTEST, AHEAD = 4.0, 180.0
"""So many times faster than it plays, and so many seconds ahead, may a player read."""
MOVED: Final = 30.0
"""Seconds by which a position must differ from the one known to be written."""
GAP: Final = 4 * 2**20
"""Bytes that a player may leave out, or read twice, between two requests."""
FORGOTTEN: Final = 900.0
"""Seconds after which reading that has stopped is another go."""
MOST_GOES, MOST_FILMS = 4, 256


class Reading(Protocol):
    """A stream to one reader."""

    @property
    def at(self) -> int:
        """The next byte to be delivered."""

    @property
    def is_closed(self) -> bool:
        """Whether no more will be."""


@dataclass(slots=True)
class _Go:
    """Reading on and on, from byte `start`, which is at byte `at` since `moved`."""

    start: int
    at: int
    began: float
    moved: float


@dataclass(slots=True)
class _Film:
    """A file that is being read; `copy` is how it stands in its player's account."""

    player: Playing
    copy: Leaf
    goes: list[_Go] = field(default_factory=list)
    streams: list[tuple[Reading, int]] = field(default_factory=list)
    known: Position | None = None


class PlaybackTracker:
    """All films of the accounts that want it. For many threads.

    `players` are by account; `now` is monotonic seconds.
    """

    def __init__(
        self, players: Mapping[str, Playing], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._players = {name: each for name, each in players.items() if each.track_playback}
        self._now = now
        self._lock = threading.Lock()
        self._films: dict[str, _Film] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def began(self, leaf: Leaf, stream: Reading) -> None:
        """`stream` is about to deliver bytes of `leaf`."""
        if not self._players or not leaf.size:
            return
        found = player_of(leaf, self._players)
        if found is None:
            return
        with self._lock:
            film = self._films.get(leaf.identity)
            if film is None:
                if len(self._films) >= MOST_FILMS:
                    return
                film = self._films[leaf.identity] = _Film(*found)
            self._fold(film)
            film.streams.append((stream, stream.at))

    def look(self) -> None:
        """Write where playing is by now, of each film where that is known and has moved."""
        now = self._now()
        with self._lock:
            for identity, film in list(self._films.items()):
                self._fold(film)
                film.goes = [go for go in film.goes if now - go.moved < FORGOTTEN]
                if not film.goes and not film.streams:
                    del self._films[identity]
            films = list(self._films.values())
        for film in films:
            try:
                self._write(film)
            except StoreError as error:
                log.info("the position of %s is not written: %s", film.copy.name, error)
            except Exception:  # the next film, and the next look, may do better
                log.exception("the position of %s cannot be written", film.copy.name)

    def start(self) -> None:
        """Look every minute, from now on; nothing happens where no account wants it."""
        if self._players:
            self._thread = threading.Thread(target=self._keep, name="watching", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look a last time, and no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(10)

    def _keep(self) -> None:
        while not self._stopping.wait(EVERY):
            self.look()
        self.look()

    def _fold(self, film: _Film) -> None:
        """Take over how far the streams have come, and let go of those that have ended."""
        left = []
        for stream, start in film.streams:
            is_closed, at = stream.is_closed, stream.at
            self._read(film, start, at)
            if not is_closed:
                left.append((stream, at))
        film.streams = left

    def _read(self, film: _Film, start: int, at: int) -> None:
        if at <= start:
            return
        now = self._now()
        for go in film.goes:
            if abs(start - go.at) <= GAP:
                if at > go.at:
                    go.at, go.moved = at, now
                return
        # The least recent gives way: a probe must not take the place of what is played.
        film.goes = sorted([*film.goes, _Go(start, at, now, now)], key=_length)[-MOST_GOES:]

    def _write(self, film: _Film) -> None:
        size = film.copy.size or 0
        with self._lock:
            goes = [go for go in film.goes if go.moved - go.began >= WATCHED]
        if not goes or not size:
            return
        go = max(goes, key=lambda each: each.moved)
        if film.known is None:
            film.known = film.player.position(film.copy.file)
        duration = film.known.duration
        if not duration:
            return
        played = (go.at - go.start) / size * duration
        if not PLAYED <= played <= FASTEST * (go.moved - go.began) + AHEAD:
            return
        seconds = round(min(go.at / size, 1.0) * duration, 1)
        if abs(seconds - film.known.seconds) < MOVED:
            return
        found = Position(seconds, duration)
        film.player.move(film.copy.file, found)
        film.known = found
        log.info("%s: %s is at %.0f s", film.copy.account, film.copy.name, seconds)


def _length(go: _Go) -> int:
    return go.at - go.start
