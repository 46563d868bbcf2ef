"""How many calls there may be, also for several processes together."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyrate_limiter import Rate

from davstore.catalog import open_database, pool_of
from davstore.config import Database
from davstore.transport.turns import FILE_NAME, Together, Turns, _File, _shares

HOUR = 3_600_000


def free(turns: Turns) -> int:
    """How many turns are to be had at once: the next one is an hour away."""
    pace = turns._everything
    assert pace is not None
    limiter = pace._shared or pace._own if isinstance(pace, _File) else pace.limiter()
    count = 0
    while limiter.try_acquire("x", timeout=0.3):
        count += 1
    return count


@pytest.fixture
def together(tmp_path: Path, database: Database | None) -> Iterator[Together]:
    engine = open_database(tmp_path, time.time, database=database)
    yield Together(tmp_path, 2, pool_of(engine))
    engine.dispose()


def test_two_have_as_many_turns_as_one(together: Together) -> None:
    first, second = (Turns("rd", [Rate(10, HOUR)], together) for _ in range(2))
    for turns in (first, second, first, second):
        turns.take(urgent=True)
    assert free(second) == 6
    assert free(first) == 0
    other = Turns("another", [Rate(10, HOUR)], together)
    assert free(other) == 10
    for turns in (first, second, other):
        turns.close()
        turns.close()


def test_a_turn_comes_when_another_processs_is_long_enough_ago(together: Together) -> None:
    first, second = (Turns("rd", [Rate(1, 300)], together) for _ in range(2))
    first.take(urgent=True)
    began = time.monotonic()
    second.take(urgent=True)
    assert time.monotonic() - began > 0.2
    first.close()
    second.close()


def test_without_the_common_file_each_keeps_to_its_part(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    turns = Turns("rd", [Rate(10, HOUR)], Together(tmp_path, 2))
    turns.take(urgent=False)
    assert free(turns) == 4
    assert "cannot be kept" in caplog.text
    turns.close()


def test_parts_of_rates_are_rates() -> None:
    rates = [Rate(60, 60_000), Rate(2, 1000)]
    for share in (0.75, 0.5, 0.1, 0.01):
        parts = _shares(rates, share)
        assert all(part.limit >= 1 for part in parts)
        Turns("rd", parts, None).close()
