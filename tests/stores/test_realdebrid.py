"""What is peculiar to Real-Debrid."""

import json
import time
from itertools import islice
from typing import Any

import pytest
import requests

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import File, Magnet, Status, Unreadable
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores.base import Means
from davstore.stores.realdebrid import RealDebrid, Settings
from davstore.stores.realdebrid.errors import ADDRESS_REFUSED, ERRORS, address_refused
from tests.stores.conftest import Account, Naps, Open

DOCUMENTED = {-1, *range(1, 37)}
"""https://api.real-debrid.com, "List of numeric error codes"."""
STATUSES = {
    "magnet_error": Status.FAILED,
    "magnet_conversion": Status.QUEUED,
    "waiting_files_selection": Status.QUEUED,
    "queued": Status.QUEUED,
    "downloading": Status.DOWNLOADING,
    "downloaded": Status.READY,
    "error": Status.FAILED,
    "virus": Status.FAILED,
    "compressing": Status.PROCESSING,
    "uploading": Status.PROCESSING,
    "dead": Status.FAILED,
    "something_new": Status.UNKNOWN,
}
ROW = {"id": "A" * 13, "filename": "Sintel", "hash": "ab" * 20, "bytes": 7, "status": "downloaded",
       "links": [], "added": "2026-01-15T12:00:00.000Z"}  # fmt: skip


@pytest.fixture
def account(open_account: Open) -> Account:
    return open_account("realdebrid")


def pack(*sizes: int, **more: Any) -> SimMagnet:
    files = [SimFile(f"Part {n}.mkv", Content.random(n, size)) for n, size in enumerate(sizes)]
    return SimMagnet("Pack", files, **more)


def only_magnet(account: Account) -> Magnet:
    [magnet] = account.store.magnets()
    assert isinstance(magnet, Magnet)
    return magnet


def files_of(account: Account) -> tuple[File, ...]:
    [(_, files)] = account.store.files([only_magnet(account)])
    assert isinstance(files, tuple), files
    return files


def why_no_files(account: Account) -> StoreError:
    [(_, files)] = account.store.files([only_magnet(account)])
    assert isinstance(files, StoreError), files
    return files


def fetched(account: Account, file: File) -> bytes:
    return requests.get(account.store.link(file).url, timeout=10).content


def page(*rows: Any, **headers: str) -> Fault:
    return Fault("status", "/torrents", status=200, body=json.dumps(rows), headers=headers)


def test_every_documented_error_has_its_meaning() -> None:
    assert set(ERRORS) == DOCUMENTED | {37}


@pytest.mark.parametrize("number", ERRORS)
def test_an_error_is_told_by_its_number(account: Account, number: int) -> None:
    account.service.fail(number, path="unrestrict", times=None)
    kind, reason = ERRORS[number]
    if number == ADDRESS_REFUSED:
        reason = address_refused("ip_not_allowed_203.0.113.7")
    with pytest.raises(kind, match=reason) as caught:
        account.store.link(File("Sintel.mkv", "https://real-debrid.com/d/ABC"))
    assert type(caught.value) is kind


def test_an_error_without_a_number_is_what_its_status_says(account: Account) -> None:
    account.service.faults.add(Fault("status", status=401, body='{"error": "bad_token"}'))
    with pytest.raises(NotAuthorized):
        account.store.account()


def test_an_error_in_place_of_files_is_not_taken_for_no_files(account: Account) -> None:
    account.service.add(pack(10))
    magnet = only_magnet(account)
    account.service.faults.add(Fault("status", status=200, body='{"error": "unknown"}'))
    [(_, files)] = account.store.files([magnet])
    assert isinstance(files, UnexpectedReply)


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_understood(account: Account, status: str) -> None:
    account.service.add(pack(10, vendor_status=status))
    assert only_magnet(account).status is STATUSES[status]


@pytest.mark.parametrize(
    ("count", "leaving"), [(290, 1), (290, 30), (290, 150), (101, 1), (200, 200)]
)
def test_rows_that_leave_meanwhile_take_none_with_them(
    account: Account, count: int, leaving: int
) -> None:
    ids = [account.service.add(SimMagnet(f"Caminandes {n}")) for n in range(count)][::-1]
    reading = account.store.magnets()
    seen = [row.id for row in islice(reading, min(count, 200) if leaving > 100 else 100)]
    for id_ in ids[:leaving]:
        account.service.remove(id_)
    seen += [row.id for row in reading]
    assert len(seen) == len(set(seen))
    assert set(ids[leaving:]) <= set(seen)


def test_rows_that_arrive_meanwhile_make_no_row_appear_twice(account: Account) -> None:
    ids = {account.service.add(SimMagnet(f"Caminandes {n}")) for n in range(250)}
    reading = account.store.magnets()
    seen = [row.id for row in islice(reading, 100)]
    for n in range(30):
        account.service.add(SimMagnet(f"Agent {n}"))
    seen += [row.id for row in reading]
    assert len(seen) == len(set(seen))
    assert ids <= set(seen)


def test_a_listing_that_never_shows_all_that_it_counts_is_given_up(account: Account) -> None:
    for n in range(150):
        account.service.add(SimMagnet(f"Caminandes {n}"))
    every_second = [Fault("status", "/torrents", after=n, status=204) for n in range(1, 20)]
    account.service.faults.add(*every_second)
    with pytest.raises(StoreUnavailable, match="kept changing"):
        list(account.store.magnets())


def test_an_account_that_seems_empty_halfway_is_not_believed(account: Account) -> None:
    for n in range(150):
        account.service.add(SimMagnet(f"Caminandes {n}"))
    account.service.faults.add(Fault("status", "/torrents", after=1, times=None, status=204))
    with pytest.raises(StoreUnavailable, match="kept changing"):
        list(account.store.magnets())


def test_a_page_with_fewer_rows_than_it_says_is_no_page(account: Account) -> None:
    for _ in range(4):
        account.service.faults.add(page(ROW, **{"X-Total-Count": "2"}))
    with pytest.raises(StoreUnavailable, match="fewer"):
        list(account.store.magnets())


def test_without_a_count_pages_are_read_to_the_empty_one(account: Account) -> None:
    account.service.faults.add(page(ROW), page({**ROW, "id": "B" * 13}))
    assert len(list(account.store.magnets())) == 2


@pytest.mark.parametrize("odd", ["empty_object_list", "string_numbers"])
def test_odd_lists_are_read(account: Account, odd: str) -> None:
    account.service.odd.add(odd)
    assert list(account.store.magnets()) == []
    account.service.add(pack(10, 20))
    assert [file.size for file in files_of(account)] == [10, 20]


def test_an_object_instead_of_the_list_is_unexpected(account: Account) -> None:
    account.service.odd.add("list_is_object")
    with pytest.raises(UnexpectedReply):
        list(account.store.magnets())


def test_a_row_that_makes_no_sense_costs_only_itself(account: Account) -> None:
    account.service.faults.add(page(ROW, {"id": "B" * 13}, "rubbish", {**ROW, "id": "C" * 13}))
    rows = list(account.store.magnets())
    assert [row.id for row in rows] == ["A" * 13, "B" * 13, None, "C" * 13]
    assert [isinstance(row, Unreadable) for row in rows] == [False, True, True, False]


@pytest.mark.parametrize(("shown", "true"), [("01-15T12:00", 11), ("07-15T12:00", 10)])
def test_times_are_those_of_paris_whatever_the_z_says(
    account: Account, shown: str, true: int
) -> None:
    account.service.faults.add(page({**ROW, "added": f"2026-{shown}:00.000Z"}))
    added = only_magnet(account).added
    assert time.gmtime(added).tm_hour == true


def test_a_magnet_without_a_name_is_called_by_its_hash(account: Account) -> None:
    account.service.faults.add(page({**ROW, "filename": ""}))
    assert only_magnet(account).name == ROW["hash"]


@pytest.mark.parametrize("odd", ["shuffled_files", "no_leading_slash", "renamed", "long_links"])
def test_links_belong_to_the_selected_files_in_order_of_ids(account: Account, odd: str) -> None:
    account.service.odd.add(odd)
    account.service.add(SimMagnet("Spring", [
        SimFile("Spring.mkv", Content.random(1, 500)),
        SimFile("sample.mkv", Content.random(2, 500), selected=False),
        SimFile("Director's/notes.txt", Content.random(3, 500)),
    ]))  # fmt: skip
    files = files_of(account)
    assert [(file.path, file.index) for file in files] == [
        ("Spring.mkv", 0), ("Director's/notes.txt", 2)
    ]  # fmt: skip
    assert fetched(account, files[1]) == Content.random(3, 500).read(0, 500)


def test_one_link_for_several_files_is_an_archive_and_none_of_them(account: Account) -> None:
    account.service.odd.add("rar")
    account.service.add(pack(1000, 2000))
    [file] = files_of(account)
    assert file.path == "Pack.rar"
    assert len(fetched(account, file)) == file.size


def test_with_links_missing_files_are_known_by_their_size(account: Account) -> None:
    account.service.odd.add("missing_links")
    account.service.add(pack(100, 200, 300))
    files = files_of(account)
    assert [file.path for file in files] == ["Part 0.mkv", "Part 1.mkv"]
    assert fetched(account, files[1]) == Content.random(1, 200).read(0, 200)


def test_among_files_of_one_size_the_name_decides(account: Account) -> None:
    account.service.odd |= {"missing_links", "renamed"}
    account.service.add(SimMagnet("Pack", [
        SimFile("It's A.mkv", Content.random("a", 100)),
        SimFile("B.mkv", Content.random("b", 100)),
        SimFile("C.mkv", Content.random("c", 100)),
    ]))  # fmt: skip
    files = files_of(account)
    assert [file.path for file in files] == ["It.s A.mkv", "B.mkv"]
    assert fetched(account, files[1]) == Content.random("b", 100).read(0, 100)


def test_a_dead_link_among_those_to_be_identified_is_left_out(account: Account) -> None:
    account.service.odd.add("missing_links")
    account.service.add(pack(100, 200, 300))
    account.service.fail(24, path="unrestrict")
    assert [file.path for file in files_of(account)] == ["Part 1.mkv"]


def test_links_that_come_late_are_waited_for(account: Account) -> None:
    account.service.odd.add("late_links")
    account.service.add(pack(100))
    assert isinstance(why_no_files(account), StoreUnavailable)
    assert isinstance(why_no_files(account), StoreUnavailable)
    assert len(files_of(account)) == 1


def test_one_magnet_that_always_fails_does_not_hide_the_others(account: Account) -> None:
    ids = [account.service.add(SimMagnet(name, pack(10).files)) for name in ("Sintel", "Spring")]
    account.service.faults.add(Fault("status", f"info/{ids[0]}", times=None, status=503))
    rows = account.magnets()
    told = {magnet.id: files for magnet, files in account.store.files(rows)}
    assert isinstance(told[ids[0]], StoreUnavailable)
    assert isinstance(told[ids[1]], tuple)


def test_an_id_that_the_service_cannot_even_route_is_gone(account: Account) -> None:
    [(_, files)] = account.store.files([Magnet("a:b/c?d", "Sintel", Status.READY, "")])
    assert isinstance(files, Gone)
    assert account.service.calls[-1].path.endswith("/info/a:b/c?d")


def test_one_dead_link_in_a_pack_is_gone_alone(account: Account) -> None:
    account.service.odd.add("dead_link")
    account.service.add(pack(100, 200))
    first, second = files_of(account)
    with pytest.raises(Gone):
        account.store.link(first)
    assert len(fetched(account, second)) == 200


def test_a_long_code_is_tried_again_cut_short(account: Account) -> None:
    account.service.odd.add("long_links")
    account.service.add(pack(100))
    [file] = files_of(account)
    account.service.fail(24, path="unrestrict")
    account.store.link(file)
    asked = [call.body.rpartition("%2F")[2] for call in account.service.calls[-2:]]
    assert [len(code) for code in asked] == [16, 13]


def test_a_link_knows_its_size_its_end_and_its_connections(account: Account) -> None:
    account.service.add(pack(100))
    [file] = files_of(account)
    settings = Settings.model_validate(account.service.settings)
    store = RealDebrid("rd", settings, Means(now=lambda: 1000.0, sleep=Naps()))
    link = store.link(file)
    store.close()
    assert (link.size, link.connections, link.expires) == (100, 32, 1000.0 + 24 * 3600)


def test_a_file_of_another_size_is_not_given_under_the_name(account: Account) -> None:
    id_ = account.service.add(pack(100))
    [file] = files_of(account)
    account.service.change(id_, files=pack(101).files)
    with pytest.raises(Gone, match="101 bytes"):
        account.store.link(file)


@pytest.mark.parametrize("body", [{}, {"download": None}, {"download": "ftp://x/y"}, [], 7])
def test_a_download_that_is_no_http_link_is_unexpected(account: Account, body: object) -> None:
    account.service.add(pack(100))
    [file] = files_of(account)
    account.service.faults.add(Fault("wrong_type", "unrestrict", body=body))
    with pytest.raises(UnexpectedReply):
        account.store.link(file)


@pytest.mark.parametrize("premium", [True, False])
def test_who_pays_is_told_and_until_when(account: Account, premium: bool) -> None:
    account.service.premium = premium
    found = account.store.account()
    assert (found.user, found.plan) == ("ada", "premium" if premium else "free")
    if premium:
        assert found.paid_until == pytest.approx(time.time() + 100 * 86400, abs=60)
    else:
        assert found.paid_until is None


def test_a_wrong_url_is_said_and_is_no_lost_magnet(open_account: Open, account: Account) -> None:
    lost = open_account("realdebrid", url=account.service.origin)
    for question in (lost.store.account, lambda: list(lost.store.magnets())):
        with pytest.raises(UnexpectedReply, match="check url"):
            question()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ip_not_allowed_203.0.113.7", "Real-Debrid refuses our address 203.0.113.7; leave out"),
        ("ip_not_allowed_2001:db8::7", "Real-Debrid refuses our address 2001:db8::7; leave out"),
        ("ip_not_allowed", "Real-Debrid refuses our address; leave out"),
        ("ip_not_allowed_<b>", "Real-Debrid refuses our address; leave out"),
    ],
)
def test_a_refused_address_is_named_as_the_service_saw_it(
    account: Account, said: str, reason: str
) -> None:
    body = json.dumps({"error": said, "error_code": 22, "remote": 0})
    account.service.faults.add(Fault("status", status=403, body=body))
    with pytest.raises(AccountProblem) as caught:
        account.store.account()
    assert caught.value.reason.startswith(reason)
