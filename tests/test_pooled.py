"""diskcache's cache with few connections: what it keeps, and how little it opens."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from davstore.pooled import CONNECTIONS, Pooled, Timeout

THREADS = 24


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Pooled]:
    with closing(Pooled(tmp_path / "cache")) as cache:
        yield cache


def together(work: Callable[[int], object]) -> None:
    """By many threads, all of which are there at the same time."""
    begun = threading.Barrier(THREADS)
    failed: list[BaseException] = []

    def run(number: int) -> None:
        begun.wait(30)
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - for the test's own thread
            failed.append(error)
        begun.wait(60)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed, failed


def opened(folder: Path) -> int:
    """Descriptors of this process below `folder`."""
    count = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of this list itself
            count += str(each.readlink()).startswith(str(folder))
    return count


def test_it_keeps_what_is_set(cache: Pooled) -> None:
    cache.set("a", b"1")
    cache.set(("b", 2), {"large": b"x" * 100_000})
    assert cache.get("a") == b"1"
    assert "a" in cache
    assert len(cache) == 2
    assert dict(cache.items()) == {"a": b"1", ("b", 2): {"large": b"x" * 100_000}}
    assert list(cache) == ["a", ("b", 2)]
    assert cache.delete("a")
    assert not cache.delete("a")
    assert cache.get("a", "none") == "none"


def test_many_threads_open_few_descriptors(cache: Pooled, tmp_path: Path) -> None:
    def use(number: int) -> None:
        for turn in range(5):
            cache.set(f"{number} {turn}", turn)
            assert cache.get(f"{number} {turn}") == turn

    together(use)
    assert len(cache) == 5 * THREADS
    assert opened(tmp_path) <= 2 * CONNECTIONS + 1, "database and log of each, and what they share"
    cache.close()
    assert opened(tmp_path) == 0


def test_a_transaction_is_done_at_once_by_threads_and_by_processes(
    cache: Pooled, tmp_path: Path
) -> None:
    with closing(Pooled(tmp_path / "cache")) as other:  # as a second process has it

        def count(number: int) -> None:
            kept = other if number % 2 else cache
            for _ in range(5):
                with kept.transact(retry=True), kept.transact(retry=True):
                    kept.set("count", kept.get("count", 0) + 1)

        together(count)
        assert other.get("count") == 5 * THREADS


def test_what_fails_within_a_transaction_was_never_done(cache: Pooled) -> None:
    cache.set("a", 1)
    with pytest.raises(ZeroDivisionError), cache.transact():
        cache.set("a", 2)
        raise ZeroDivisionError
    assert cache.get("a") == 1
    cache.set("a", 3)
    assert cache.get("a") == 3


def test_who_waits_too_long_is_told_and_the_connection_is_good_after(tmp_path: Path) -> None:
    with closing(Pooled(tmp_path / "cache", 0.05)) as cache:
        with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as writer:
            writer.execute("BEGIN IMMEDIATE")
            with pytest.raises(Timeout):
                cache.set("a", 1)
        cache.set("a", 2)
        assert cache.get("a") == 2


def test_what_diskcache_kept_is_there_still(tmp_path: Path) -> None:
    import diskcache  # noqa: PLC0415 - what earlier versions used

    with diskcache.Cache(str(tmp_path / "cache")) as before:
        before.set("a", {"b": 1})
    with closing(Pooled(tmp_path / "cache")) as cache:
        assert cache.get("a") == {"b": 1}
