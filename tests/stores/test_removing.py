"""What every store promises about removing (davstore/stores/base.py), against all five services."""

import pytest

from davstore.errors import (
    NotAuthorized,
    RateLimited,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Magnet
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores.base import Removing
from tests.stores.conftest import Account, Open


def film(name: str) -> SimMagnet:
    return SimMagnet(name, [SimFile(f"{name}.mp4", Content.random(name, 99))], title=name)


def remove(account: Account, magnet: Magnet) -> None:
    assert isinstance(account.store, Removing)
    account.store.remove(magnet)


def test_one_magnet_is_removed_and_no_other(account: Account) -> None:
    ids = [account.add(film(name)) for name in ("Sintel", "Spring", "Charge")]
    [wanted] = [row for row in account.magnets() if row.id == ids[1]]
    remove(account, wanted)
    assert {row.id for row in account.magnets()} == {ids[0], ids[2]}


def test_what_is_not_there_counts_as_removed(account: Account) -> None:
    for name in ("Sintel", "Spring"):
        account.add(film(name))
    [first, second] = account.magnets()
    remove(account, first)
    remove(account, first)
    assert [row.id for row in account.magnets()] == [second.id]


@pytest.mark.parametrize("kind", ["status", "empty", "reset"])
def test_one_failure_is_overcome_by_another_try(remote: Account, kind: str) -> None:
    remote.add(film("Sintel"))
    [magnet] = remote.magnets()
    remote.service.faults.add(Fault(kind))
    remove(remote, magnet)
    assert remote.naps.taken
    assert remote.magnets() == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("html", UnexpectedReply),
        ("empty", StoreUnavailable),
        ("status", StoreUnavailable),
        ("reset", StoreUnavailable),
    ],
)
def test_rubbish_is_no_success(remote: Account, kind: str, expected: type[StoreError]) -> None:
    remote.add(film("Sintel"))
    [magnet] = remote.magnets()
    remote.service.faults.add(Fault(kind, times=None))
    with pytest.raises(expected):
        remove(remote, magnet)


@pytest.mark.parametrize("service", ["alldebrid", "torz", "magnets"])
def test_half_an_answer_is_no_success(open_account: Open, service: str) -> None:
    account = open_account(service)
    account.add(film("Sintel"))
    [magnet] = account.magnets()
    account.service.faults.add(Fault("truncated_json", times=None))
    with pytest.raises(UnexpectedReply):
        remove(account, magnet)


def test_a_long_wait_is_left_to_the_caller(remote: Account) -> None:
    remote.add(film("Sintel"))
    [magnet] = remote.magnets()
    fault = Fault("status", status=429, headers={"Retry-After": "77"}, times=None)
    remote.service.faults.add(fault)
    with pytest.raises(RateLimited) as caught:
        remove(remote, magnet)
    assert caught.value.retry_after == 77


def test_a_wrong_login_removes_nothing(open_account: Open) -> None:
    account = open_account("realdebrid")
    account.add(film("Sintel"))
    [magnet] = account.magnets()
    with pytest.raises(NotAuthorized):
        remove(open_account("realdebrid", token="wrong"), magnet)
    assert account.magnets() == [magnet]


def test_a_store_that_cannot_remove_says_so(open_account: Open) -> None:
    account = open_account("torz")
    account.add(film("Sintel"))
    [magnet] = account.magnets()
    account.service.fail("NOT_IMPLEMENTED", times=None)
    with pytest.raises(UnexpectedReply, match="cannot do this"):
        remove(account, magnet)


def test_an_address_without_alldebrids_api_is_no_success(open_account: Open) -> None:
    account = open_account("alldebrid")
    account.add(film("Sintel"))
    [magnet] = account.magnets()
    account.service.faults.add(Fault("status", status=404, times=None))
    with pytest.raises(UnexpectedReply, match="check url"):
        remove(account, magnet)
