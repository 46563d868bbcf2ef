"""What could not be served is left alone: first for seconds, then for minutes, never for good."""

import weakref

import pytest

from davstore.errors import (
    AccountProblem,
    Busy,
    DavstoreError,
    Gone,
    LinkDead,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreUnavailable,
    StreamBroken,
)
from davstore.model import File, Leaf
from davstore.resolver import Failures
from tests.clock import Clock


@pytest.fixture
def failures(clock: Clock) -> Failures:
    return Failures(clock)


def leaf(name: str = "a.mkv", account: str = "rd", magnet: str = "m") -> Leaf:
    return Leaf(name, account, File(name, name, 1), name, 1, 0.0, magnet)


def is_tried(failures: Failures, what: Leaf) -> bool:
    try:
        failures.check(what)
    except DavstoreError:
        return False
    return True


def test_nothing_is_held_against_a_file_that_never_failed(failures: Failures) -> None:
    assert is_tried(failures, leaf())


def test_a_failure_is_told_as_come_again_and_tried_again_soon(
    failures: Failures, clock: Clock
) -> None:
    told = failures.failed(leaf(), StreamBroken("host.example broke off"))
    assert isinstance(told, StoreUnavailable)
    assert told.retry_after == pytest.approx(2)
    assert not is_tried(failures, leaf())
    clock.time += 2.1
    assert is_tried(failures, leaf())


def test_within_the_first_minute_it_is_tried_ever_more_seldom(
    failures: Failures, clock: Clock
) -> None:
    began, tries = clock.time, []
    while clock.time < began + 60:
        if is_tried(failures, leaf()):
            tries.append(clock.time - began)
            failures.failed(leaf(), LinkDead("answers HTTP 404"))
        clock.time += 1
    assert tries == [0, 2, 8, 26]


def test_after_a_minute_it_is_broken_for_ten_and_then_longer(
    failures: Failures, clock: Clock
) -> None:
    failures.failed(leaf(), LinkDead("answers HTTP 404"))
    clock.time += 61
    told = failures.failed(leaf(), LinkDead("answers HTTP 404"))
    assert isinstance(told, StreamBroken)
    clock.time += 599
    with pytest.raises(StreamBroken):
        failures.check(leaf())
    clock.time += 2
    assert is_tried(failures, leaf())
    failures.failed(leaf(), LinkDead("answers HTTP 404"))
    clock.time += 1199
    assert not is_tried(failures, leaf())


def test_what_is_served_is_forgiven(failures: Failures) -> None:
    failures.failed(leaf(), StreamBroken("x"))
    failures.served(leaf())
    assert is_tried(failures, leaf())


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(Gone("rd", "no more"), 60), (Refused("rd", "infringing"), 3600)],
    ids=["gone", "refused"],
)
def test_what_will_not_come_back_is_not_asked_for_again(
    failures: Failures, clock: Clock, error: DavstoreError, seconds: float
) -> None:
    assert type(failures.failed(leaf(), error)) is type(error)
    clock.time += seconds - 1
    with pytest.raises(type(error)):
        failures.check(leaf())
    clock.time += 2
    assert is_tried(failures, leaf())


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (QuotaExhausted("rd", "traffic used up"), 300),
        (QuotaExhausted("rd", "traffic used up", retry_after=1000), 1000),
        (AccountProblem("rd", "not premium"), 60),
        (RateLimited("rd", "too many requests", retry_after=30), 30),
    ],
    ids=["quota", "quota until", "account", "rate"],
)
def test_an_accounts_trouble_spares_all_its_files_and_no_others(
    failures: Failures, clock: Clock, error: DavstoreError, seconds: float
) -> None:
    failures.failed(leaf(), error)
    with pytest.raises(type(error)):
        failures.check(leaf("another.mkv", magnet="another"))
    assert is_tried(failures, leaf(account="ad"))
    clock.time += seconds + 1
    assert is_tried(failures, leaf())


def test_our_own_limits_are_no_fault_of_the_file(failures: Failures) -> None:
    failures.failed(leaf(), Busy("rd", "all connections are in use"))
    assert is_tried(failures, leaf())


def test_a_dead_pack_costs_no_call_per_file(failures: Failures, clock: Clock) -> None:
    tried = 0
    for number in range(500):
        clock.time += 0.1
        if is_tried(failures, leaf(f"{number}.mkv")):
            tried += 1
            failures.failed(leaf(f"{number}.mkv"), Gone("rd", "no more"))
    assert tried == 3
    assert is_tried(failures, leaf("first.mkv", magnet="another"))


def test_a_dead_pack_is_tried_now_and_then(failures: Failures, clock: Clock) -> None:
    for number in range(3):
        failures.failed(leaf(f"{number}.mkv"), LinkDead("x"))
    clock.time += 61
    assert is_tried(failures, leaf("8.mkv"))
    assert not is_tried(failures, leaf("9.mkv"))
    failures.served(leaf("8.mkv"))
    assert is_tried(failures, leaf("9.mkv"))


def test_no_error_is_raised_twice_as_the_same_object(failures: Failures) -> None:
    failures.failed(leaf(), StreamBroken("x"))
    raised = []
    for _ in range(2):
        with pytest.raises(DavstoreError) as caught:
            failures.check(leaf())
        raised.append(caught.value)
    assert raised[0] is not raised[1]


class Buffer:
    """What was at work where an error arose."""


@pytest.mark.parametrize("kind", [LinkDead, AccountProblem], ids=["file", "account"])
def test_what_is_remembered_keeps_nothing_of_the_way_it_came(
    failures: Failures, kind: type[DavstoreError]
) -> None:
    def met() -> weakref.ref[Buffer]:
        buffer = Buffer()
        try:
            raise kind("rd", "refused") if issubclass(kind, AccountProblem) else kind("answers 404")
        except DavstoreError as error:
            failures.failed(leaf(), error)
        return weakref.ref(buffer)

    first, second = met(), met()
    assert not is_tried(failures, leaf())
    assert (first(), second()) == (None, None)
