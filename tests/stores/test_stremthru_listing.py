"""How StremThru's listings are read, in both its APIs."""

from collections.abc import Iterator
from typing import Any

import pytest

from davstore.errors import StoreUnavailable, UnexpectedReply
from davstore.model import Magnet, Status
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores import stremthru
from tests.stores.conftest import Account, Open

pytestmark = pytest.mark.usefixtures("unpaced")

MKV = SimFile("Spring.mkv", Content.random("spring", 5000))
SPRING = SimMagnet("Spring (2019)", [MKV])


@pytest.fixture(params=["torz", "magnets"])
def account(request: pytest.FixtureRequest, open_account: Open) -> Account:
    return open_account(request.param)


def answer(account: Account, data: object) -> None:
    fault = Fault("wrong_type", "/v0/store", None, body={"data": data})
    account.service.faults.add(fault)


def row(id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": id_, "status": "downloaded", "size": 1, "hash": "0" * 40, **more}


@pytest.fixture
def paged(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with 35 magnets, listed by 10 at a time."""
    monkeypatch.setattr(stremthru.store, "PAGE", 10)
    for number in range(35):
        account.add(SimMagnet(f"Caminandes {number:02}", [MKV]))
    return account


@pytest.fixture
def begun(paged: Account) -> Iterator[Any]:
    """Its listing, of which the first page has been read."""
    listing = paged.store.magnets()
    next(listing)
    return listing


@pytest.mark.parametrize("odd", [set(), {"wrong_total"}])
def test_pages_are_read_to_the_end_whatever_the_total_says(paged: Account, odd: set[str]) -> None:
    paged.service.odd |= odd
    assert len(paged.names()) == 35


def test_a_small_account_costs_two_calls_to_list(account: Account) -> None:
    for number in range(5):
        account.add(SimMagnet(f"Caminandes {number}", [MKV]))
    assert len(account.names()) == 5
    assert len(account.service.calls) == 2


@pytest.mark.parametrize("leaving", [3, 8, 30])
def test_rows_that_leave_while_paging_hide_no_other(
    paged: Account, begun: Iterator[Magnet], leaving: int
) -> None:
    ids = [id_ for id_, _ in paged.service.library]
    for id_ in ids[:leaving]:
        paged.service.remove(id_)
    assert {row.id for row in begun} >= set(ids[max(10, leaving) :])


def test_rows_that_arrive_while_paging_repeat_none(paged: Account, begun: Iterator[Magnet]) -> None:
    for number in range(4):
        paged.add(SimMagnet(f"Sintel {number}", [MKV]))
    found = [row.id for row in begun]
    assert len(found) == len(set(found)) == 34


def test_a_listing_that_never_holds_still_is_an_error(
    paged: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stremthru.store, "MOST_PAGES", 1)
    with pytest.raises(StoreUnavailable, match="kept changing"):
        list(paged.store.magnets())


def test_a_store_that_gives_all_at_whatever_offset_is_listed_once(account: Account) -> None:
    every = [row(f"film {number}") for number in range(12)]
    answer(account, {"items": every, "total_items": 12})
    assert len(account.names()) == 12
    assert len(account.service.calls) == 2


def test_an_id_that_comes_twice_on_a_page_is_listed_once(account: Account) -> None:
    answer(account, {"items": [row("a"), row("a"), row("b")]})
    assert account.names() == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "empty"),
    [
        ({"items": None, "total_items": 0}, True),
        ({"items": None, "total_items": 7}, False),
        ({"items": None}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_an_account_counts_as_empty_only_where_that_is_certain(
    account: Account,
    data: object,
    empty: bool,
) -> None:
    answer(account, data)
    if empty:
        assert account.names() == []
    else:
        with pytest.raises(UnexpectedReply):
            list(account.store.magnets())


def test_a_row_that_makes_no_sense_costs_no_other(account: Account) -> None:
    every = [row("a"), "b", row("c", status=None), row(""), row("d", size="-1", added_at="never")]
    answer(account, {"items": every})
    found = list(account.store.magnets())
    assert [row.id for row in found if isinstance(row, Magnet)] == ["a", "d"]
    assert {row.id for row in found} == {"a", "d", "c", "", None}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("cached", Status.READY),
        ("downloaded", Status.READY),
        ("uploading", Status.PROCESSING),
        ("invalid", Status.QUEUED),
        ("failed", Status.FAILED),
        ("unknown", Status.UNKNOWN),
        ("something new", Status.UNKNOWN),
    ],
)
def test_status_words(account: Account, word: str, status: Status) -> None:
    account.add(SimMagnet("Spring", [MKV], vendor_status=word))
    [magnet] = account.store.magnets()
    assert isinstance(magnet, Magnet)
    assert magnet.status is status


def test_unknown_sizes_and_upper_case_hashes_are_mended(account: Account) -> None:
    account.service.odd |= {"unknown_sizes", "upper_hash"}
    account.add(SPRING)
    [magnet] = account.store.magnets()
    assert isinstance(magnet, Magnet)
    assert (magnet.size, magnet.hash) == (None, SPRING.infohash)
