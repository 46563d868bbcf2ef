"""Links: how long they are believed, how often they are asked for."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from davstore.catalog import Links, open_database
from davstore.config import Database
from davstore.errors import Busy, Gone, StoreUnavailable
from davstore.model import Account, File, Leaf, Link, Magnet, Unreadable
from davstore.resolver import Resolver
from davstore.resolver.links import THREADS
from davstore.stores.base import FileLists
from tests.clock import Clock
from tests.serving import wait_until

FILE = File("Sintel.mkv", ref="ref-of-sintel", size=1000)
LEAF = Leaf("Sintel.mkv", "rd", FILE, "identity", 1000, 1.7e9, "magnet")
HOUR = 3600.0


class CountingStore:
    """A store whose links are numbered and live as long as it is told."""

    name = "rd"

    def __init__(self, clock: Clock, life: float = 24 * HOUR) -> None:
        self.clock = clock
        self.life = life
        self.asked = 0
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def magnets(self) -> Iterator[Magnet | Unreadable]:
        return iter(())

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        return iter(())

    def link(self, file: File) -> Link:
        self.asked += 1
        assert self.gate.wait(10)
        if self.failure:
            raise self.failure
        return Link(f"https://host.example/{self.asked}", self.clock.time + self.life)

    def account(self) -> Account:
        return Account("anna")

    def close(self) -> None:
        pass


@pytest.fixture
def store(clock: Clock) -> CountingStore:
    return CountingStore(clock)


@pytest.fixture
def shelf(tmp_path: Path, clock: Clock, database: Database | None) -> Iterator[Links]:
    engine = open_database(tmp_path, clock, database=database)
    yield Links(engine, clock)
    engine.dispose()


@pytest.fixture
def resolver(store: CountingStore, shelf: Links, clock: Clock) -> Resolver:
    return Resolver({"rd": store}, shelf, now=clock)


def test_a_link_is_generated_once_and_then_remembered(
    resolver: Resolver, store: CountingStore
) -> None:
    assert resolver.link(LEAF).url == resolver.link(LEAF).url
    assert store.asked == 1


def test_a_link_is_never_believed_longer_than_twelve_hours(
    resolver: Resolver, store: CountingStore, clock: Clock
) -> None:
    resolver.link(LEAF)
    clock.time += 12 * HOUR - 301
    resolver.link(LEAF)
    assert store.asked == 1
    clock.time += 2
    resolver.link(LEAF)
    assert store.asked == 2


def test_a_link_that_lives_shorter_is_believed_shorter(
    resolver: Resolver, store: CountingStore, clock: Clock
) -> None:
    store.life = 600
    resolver.link(LEAF)
    clock.time += 539
    resolver.link(LEAF)
    assert store.asked == 1
    clock.time += 2
    resolver.link(LEAF)
    assert store.asked == 2


def test_a_hundred_readers_of_a_cold_file_cause_one_call(
    resolver: Resolver, store: CountingStore
) -> None:
    store.gate.clear()
    with ThreadPoolExecutor(100) as pool:
        links = [pool.submit(resolver.link, LEAF) for _ in range(100)]
        store.gate.set()
        urls = {link.result(10).url for link in links}
    assert len(urls) == 1
    assert store.asked == 1


def test_who_still_waits_for_a_turn_is_told_of_the_end(
    resolver: Resolver, store: CountingStore
) -> None:
    store.gate.clear()
    leaves = [replace(LEAF, file=replace(FILE, ref=f"{n}")) for n in range(THREADS + 1)]
    asked = [resolver.ask(leaf) for leaf in leaves]
    wait_until(lambda: store.asked == THREADS)
    resolver.close()
    assert isinstance(asked[-1].exception(0), StoreUnavailable)
    store.gate.set()
    assert asked[0].result(10).url  # what was under way is still of use


def test_after_the_end_nobody_waits(resolver: Resolver) -> None:
    resolver.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="being stopped"):
            resolver.link(LEAF)


def test_a_failure_reaches_every_waiting_reader_and_is_not_remembered(
    resolver: Resolver, store: CountingStore
) -> None:
    store.failure = Gone("rd", "no more")
    store.gate.clear()
    with ThreadPoolExecutor(20) as pool:
        links = [pool.submit(resolver.link, LEAF) for _ in range(20)]
        while not store.asked:
            pass
        store.gate.set()
        errors = [link.exception(10) for link in links]
    assert all(isinstance(error, Gone) for error in errors)
    store.failure = None
    assert resolver.link(LEAF).url


def test_a_restart_asks_for_no_link_that_is_still_fresh(
    resolver: Resolver, store: CountingStore, shelf: Links, clock: Clock
) -> None:
    before = resolver.link(LEAF)
    again = Resolver({"rd": store}, shelf, now=clock)
    assert again.link(LEAF) == before
    assert store.asked == 1


def test_a_restart_long_after_asks_again(
    resolver: Resolver, store: CountingStore, shelf: Links, clock: Clock
) -> None:
    resolver.link(LEAF)
    clock.time += 13 * HOUR
    Resolver({"rd": store}, shelf, now=clock).link(LEAF)
    assert store.asked == 2


def test_a_forgotten_link_is_generated_anew_also_after_a_restart(
    resolver: Resolver, store: CountingStore, shelf: Links, clock: Clock
) -> None:
    dead = resolver.link(LEAF)
    resolver.forget(LEAF, dead)
    assert Resolver({"rd": store}, shelf, now=clock).link(LEAF).url != dead.url
    assert store.asked == 2


def test_forgetting_a_dead_link_keeps_its_successor(
    resolver: Resolver, store: CountingStore
) -> None:
    dead = resolver.link(LEAF)
    resolver.forget(LEAF, dead)
    successor = resolver.link(LEAF)
    resolver.forget(LEAF, dead)
    assert resolver.link(LEAF) == successor
    assert store.asked == 2


def test_a_store_error_passes_through_unchanged(resolver: Resolver, store: CountingStore) -> None:
    store.failure = StoreUnavailable("rd", "closed for lunch", retry_after=60)
    with pytest.raises(StoreUnavailable) as caught:
        resolver.link(LEAF)
    assert caught.value.retry_after == 60


class Leased:
    """Turns that another process has at first; `meanwhile` is what it does then."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self.meanwhile = list(meanwhile)
        self.given: list[str] = []

    def take(self, account: str, ref: str) -> bool:
        return not self.meanwhile

    def give(self, account: str, ref: str) -> None:
        self.given.append(ref)

    def sleep(self, seconds: float) -> None:
        self.meanwhile.pop(0)()


def test_a_link_that_another_process_is_about_to_generate_is_waited_for(
    store: CountingStore, shelf: Links, clock: Clock
) -> None:
    theirs = Link("https://host.example/theirs", clock.time + HOUR)
    turns = Leased(lambda: None, lambda: shelf.put("rd", FILE.ref, theirs))
    resolver = Resolver({"rd": store}, shelf, turns=turns, now=clock, sleep=turns.sleep)
    assert resolver.link(LEAF) == theirs
    assert store.asked == 0
    assert turns.given == []


def test_where_the_other_process_fails_the_link_is_generated_here(
    store: CountingStore, shelf: Links, clock: Clock
) -> None:
    turns = Leased(lambda: None)
    resolver = Resolver({"rd": store}, shelf, turns=turns, now=clock, sleep=turns.sleep)
    assert resolver.link(LEAF).url
    assert store.asked == 1
    assert turns.given == [FILE.ref]


def test_another_process_is_not_waited_for_without_end(
    store: CountingStore, shelf: Links, clock: Clock
) -> None:
    def wait() -> None:
        clock.time += 60

    turns = Leased(wait, wait, wait)
    resolver = Resolver({"rd": store}, shelf, turns=turns, now=clock, sleep=turns.sleep)
    with pytest.raises(StoreUnavailable, match="too long"):
        resolver.link(LEAF)


def test_what_another_process_forgets_or_replaces_is_let_go(
    store: CountingStore, shelf: Links, clock: Clock
) -> None:
    first, second = (Resolver({"rd": store}, shelf, now=clock) for _ in range(2))
    dead = first.link(LEAF)
    assert second.link(LEAF) == dead
    second.follow()
    assert second.known(LEAF) == dead
    first.forget(LEAF, dead)
    successor = first.link(LEAF)
    second.follow()
    assert second.known(LEAF) is None
    second.forget(LEAF, dead)
    assert second.link(LEAF) == successor
    assert store.asked == 2


def test_a_call_that_was_not_made_is_not_held_against_the_file(
    resolver: Resolver, store: CountingStore
) -> None:
    store.failure = Busy("rd", "our own limits")
    for _ in range(10):
        with pytest.raises(Busy):
            resolver.link(LEAF)
    store.failure = None
    assert resolver.link(LEAF).url
