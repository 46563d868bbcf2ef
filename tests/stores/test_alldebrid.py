"""What is peculiar to AllDebrid."""

import json
import time
from typing import Any

import pytest
import requests

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    RateLimited,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import File, Status, Unreadable
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores.alldebrid import BATCH, AllDebrid, Settings
from davstore.stores.alldebrid.errors import ERRORS
from davstore.stores.base import Means
from tests.stores.conftest import Account, Naps, Open

DOCUMENTED = """
GENERIC 404 MAINTENANCE AUTH_MISSING_APIKEY AUTH_BAD_APIKEY AUTH_BLOCKED AUTH_USER_BANNED
ALREADY_SENT NO_SERVER LINK_IS_MISSING BAD_LINK LINK_HOST_NOT_SUPPORTED LINK_DOWN
LINK_PASS_PROTECTED LINK_HOST_UNAVAILABLE LINK_TOO_MANY_DOWNLOADS LINK_HOST_FULL
LINK_HOST_LIMIT_REACHED LINK_ERROR LINK_TEMPORARY_UNAVAILABLE LINK_NOT_SUPPORTED
REDIRECTOR_NOT_SUPPORTED REDIRECTOR_ERROR STREAM_INVALID_GEN_ID STREAM_INVALID_STREAM_ID
DELAYED_INVALID_ID FREE_TRIAL_LIMIT_REACHED MUST_BE_PREMIUM MAGNET_INVALID_ID
MAGNET_INVALID_URI MAGNET_INVALID_FILE MAGNET_FILE_UPLOAD_FAILED MAGNET_NO_URI
MAGNET_PROCESSING MAGNET_TOO_MANY_ACTIVE MAGNET_TOO_MANY MAGNET_MUST_BE_PREMIUM
MAGNET_TOO_LARGE MAGNET_UPLOAD_FAILED MAGNET_INTERNAL_ERROR MAGNET_CANT_BOOTSTRAP
MAGNET_MAGNET_TOO_BIG MAGNET_TOOK_TOO_LONG MAGNET_LINKS_REMOVED MAGNET_PROCESSING_FAILED
PIN_ALREADY_AUTHED PIN_EXPIRED PIN_INVALID USER_LINK_MISSING USER_LINK_INVALID
MISSING_NOTIF_ENDPOINT VOUCHER_DURATION_INVALID VOUCHER_NB_INVALID NO_MORE_VOUCHER
INSUFFICIENT_BALANCE DOWNLOAD_FAILED ACCOUNT_INVALID NO_JSON_PARAM JSON_INVALID
FREEDAYS_INVALID_COUNTRY FREEDAYS_INVALID_PHONE FREEDAYS_INVALID_PROVIDER FREEDAYS_USED_PHONE
FREEDAYS_ALREADY_REQUESTED FREEDAYS_INVALID_STATUS
FREEDAYS_TOO_MUCH_RETRIES FREEDAYS_INVALID_CODE FREEDAYS_DENIED FREEDAYS_ERROR_SENDING
"""
"""https://docs.alldebrid.com, "All errors"."""
SEEN = "DISCONTINUED MAGNET_NO_SERVER MAGNET_PROCESSING_COOLDOWN"
A_FILE = File("Sintel.mkv", "https://alldebrid.com/f/ABC")
ROW = {"id": 7, "filename": "Sintel", "hash": "AB" * 20, "size": 9, "statusCode": 4,
       "uploadDate": 1757133868, "completionDate": 1757133968, "nbLinks": 1}  # fmt: skip


@pytest.fixture
def account(open_account: Open) -> Account:
    return open_account("alldebrid")


def pack(name: str = "Pack", **more: Any) -> SimMagnet:
    return SimMagnet(name, [
        SimFile("Film.mkv", Content.random(name, 900)),
        SimFile("Subs/English/en.srt", Content.random("en", 30)),
    ], **more)  # fmt: skip


def files_of(account: Account) -> tuple[File, ...]:
    [(_, files)] = account.store.files(account.magnets())
    assert isinstance(files, tuple), files
    return files


def says(account: Account, path: str, **data: Any) -> None:
    """Have the service answer this once."""
    body = json.dumps({"status": "success", "data": data})
    account.service.faults.add(Fault("status", path, status=200, body=body))


def test_every_known_error_has_its_meaning() -> None:
    assert set(ERRORS) == {*DOCUMENTED.split(), *SEEN.split()}


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_is_told_by_its_code_in_spite_of_status_200(account: Account, code: str) -> None:
    account.service.fail(code, path="link/unlock", times=None)
    kind, reason = ERRORS[code]
    with pytest.raises(kind) as caught:
        account.store.link(A_FILE)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        ("AUTH_BAD_APIKEY", NotAuthorized, "alldebrid.com/apikeys"),
        ("AUTH_BLOCKED", AccountProblem, "e-mail"),
        ("NO_SERVER", AccountProblem, "VPN"),
        ("LINK_NOT_SUPPORTED", Gone, "add the magnet again"),
    ],
)
def test_an_error_names_its_cure(
    account: Account, code: str, kind: type[StoreError], cure: str
) -> None:
    account.service.fail(code)
    with pytest.raises(kind, match=cure):
        list(account.store.magnets()) if "AUTH" in code else account.store.link(A_FILE)


def test_a_new_error_is_named_and_its_message_is_not_shown(account: Account) -> None:
    body = '{"status": "error", "error": {"code": "BRAND_NEW", "message": "<b>SECRET</b>"}}'
    account.service.faults.add(Fault("status", status=200, body=body))
    with pytest.raises(UnexpectedReply, match="BRAND_NEW") as caught:
        account.store.account()
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("error", ["null", "[]", '"x"', '{"code": null}', '{"code": {"a": 1}}'])
def test_an_error_of_any_shape_is_an_error(account: Account, error: str) -> None:
    body = f'{{"status": "error", "error": {error}}}'
    account.service.faults.add(Fault("status", status=200, body=body))
    with pytest.raises(UnexpectedReply):
        account.store.account()


def test_an_empty_503_means_too_fast_and_is_tried_again(account: Account) -> None:
    account.service.faults.add(Fault("empty", status=503, times=2))
    assert list(account.store.magnets()) == []
    assert len(account.naps.taken) == 2


def test_the_service_never_finds_us_too_fast(account: Account) -> None:
    for _ in range(14):
        account.store.account()
    assert account.service.refused == 0


@pytest.mark.parametrize("code", range(17))
def test_a_status_is_understood(account: Account, code: int) -> None:
    says(account, "status", magnets=[{**ROW, "statusCode": code}])
    [magnet] = account.magnets()
    expected = [Status.QUEUED, Status.DOWNLOADING, Status.PROCESSING, Status.PROCESSING,
                Status.READY, *[Status.FAILED] * 11, Status.UNKNOWN]  # fmt: skip
    assert magnet.status is expected[code]


def test_progress_is_what_has_been_downloaded(account: Account) -> None:
    account.service.add(pack(status="downloading", progress=50.0))
    assert account.magnets()[0].progress == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(
    "odd", ["magnets_object", "magnets_map", "garbage_prefix", "shuffled", "string_sizes", "demo"]
)
def test_magnets_come_in_any_wrapping(account: Account, odd: str, count: int) -> None:
    account.service.odd.add(odd)
    ids = {account.service.add(pack(f"Caminandes {n}")) for n in range(count)}
    rows = account.magnets()
    assert {row.id for row in rows} == ids
    told = dict(account.store.files(rows))
    assert all(isinstance(files, tuple) and len(files) == 2 for files in told.values())
    assert all(magnet.name in str(files) for magnet, files in told.items())


def test_a_row_that_makes_no_sense_costs_only_itself(account: Account) -> None:
    says(account, "status", magnets=[ROW, {"id": 8}, None, {**ROW, "id": "9"}])
    rows = list(account.store.magnets())
    assert [row.id for row in rows] == ["7", "8", None, "9"]
    assert [isinstance(row, Unreadable) for row in rows] == [False, True, True, False]


@pytest.mark.parametrize("magnets", [None, "none", {"message": "later"}, 7])
def test_a_listing_that_is_none_is_no_empty_account(account: Account, magnets: object) -> None:
    says(account, "status", magnets=magnets)
    with pytest.raises(UnexpectedReply):
        list(account.store.magnets())


def test_a_magnet_without_a_name_is_called_by_its_hash(account: Account) -> None:
    says(account, "status", magnets=[{**ROW, "filename": None}])
    assert account.magnets()[0].name == ROW["hash"]


@pytest.mark.parametrize("odd", ["", "e_object", "shuffled", "string_sizes"])
def test_folders_are_part_of_the_path(account: Account, odd: str) -> None:
    account.service.odd.add(odd)
    account.service.add(pack())
    assert {file.path: file.size for file in files_of(account)} == {
        "Pack/Film.mkv": 900,
        "Pack/Subs/English/en.srt": 30,
    }


def test_a_single_file_has_no_folder(account: Account) -> None:
    account.service.add(SimMagnet("Film.mkv", pack().files[:1]))
    assert [file.path for file in files_of(account)] == ["Film.mkv"]


def test_files_are_asked_for_in_batches(account: Account) -> None:
    for n in range(2 * BATCH + 1):
        account.service.add(pack(f"Caminandes {n}"))
    rows = account.magnets()
    told = dict(account.store.files(rows))
    assert set(told) == set(rows)
    assert account.service.count("magnet/files") == 3


def test_a_bad_node_costs_only_itself(account: Account) -> None:
    tree = [
        {"n": "a.mkv", "s": 5, "l": "https://alldebrid.com/f/A"},
        None,
        {"n": ["b"], "l": "https://alldebrid.com/f/B"},
        {"n": "empty folder", "e": None},
        {"n": "no link.mkv", "s": 5},
        {"n": "odd folder", "e": "nothing"},
        {
            "n": "folder/slash",
            "e": {"0": {"n": "c.mkv", "s": -1, "l": "https://alldebrid.com/f/C"}},
        },
    ]
    account.service.add(pack())
    rows = account.magnets()
    says(account, "files", magnets=[{"id": rows[0].id, "files": tree}])
    [(_, files)] = account.store.files(rows)
    assert isinstance(files, tuple)
    assert [(file.path, file.size) for file in files] == [
        ("a.mkv", 5), ("folder_slash/c.mkv", None)
    ]  # fmt: skip


def test_a_tree_without_an_end_has_one(account: Account) -> None:
    tree: list[Any] = []
    for _ in range(300):
        tree = [
            {"n": "deeper", "e": tree},
            {"n": "a.mkv", "s": 1, "l": "https://alldebrid.com/f/A"},
        ]
    account.service.add(pack())
    rows = account.magnets()
    says(account, "files", magnets=[{"id": rows[0].id, "files": tree}])
    [(_, files)] = account.store.files(rows)
    assert isinstance(files, tuple)
    assert len(files) < 100


@pytest.mark.parametrize("files", [None, [], {}, "", [{"n": "x", "e": []}]])
def test_a_ready_magnet_without_files_is_asked_again_later(account: Account, files: Any) -> None:
    account.service.add(pack())
    rows = account.magnets()
    says(account, "files", magnets=[{"id": rows[0].id, "files": files}])
    [(_, found)] = account.store.files(rows)
    assert isinstance(found, StoreUnavailable)


def test_an_answer_about_another_magnet_is_not_taken(account: Account) -> None:
    account.service.add(pack())
    rows = account.magnets()
    says(account, "files", magnets=[{"id": "1", "files": [{"n": "a", "l": "https://x/f/a"}]}])
    [(_, files)] = account.store.files(rows)
    assert isinstance(files, Gone)


def test_a_lost_magnet_that_spoils_the_batch_costs_only_itself(account: Account) -> None:
    for name in ("Sintel", "Spring"):
        account.service.add(pack(name))
    rows = account.magnets()
    account.service.fail("MAGNET_INVALID_ID", path="magnet/files", times=2)
    told = dict(account.store.files(rows))
    assert isinstance(told[rows[0]], Gone)
    assert isinstance(told[rows[1]], tuple)


def test_a_link_knows_its_size_its_end_and_its_connections(account: Account) -> None:
    account.service.add(pack())
    file = files_of(account)[0]
    settings = Settings.model_validate(account.service.settings)
    store = AllDebrid("ad", settings, Means(now=lambda: 1000.0, sleep=Naps()))
    link = store.link(file)
    store.close()
    assert (link.size, link.connections, link.expires) == (900, 16, 1000.0 + 24 * 3600)


@pytest.mark.parametrize("odd", [{"delayed"}, {"streams"}, {"delayed", "streams"}])
def test_delayed_links_and_qualities_end_at_the_file(account: Account, odd: set[str]) -> None:
    account.service.odd |= odd
    account.service.add(pack())
    link = account.store.link(files_of(account)[0])
    assert requests.get(link.url, timeout=10).content == Content.random("Pack", 900).read(0, 900)
    assert account.naps.taken == ([5.0, 5.0] if "delayed" in odd else [])


def test_a_delayed_link_is_waited_for_a_minute_at_most(account: Account) -> None:
    account.service.odd.add("delayed")
    account.service.delay_polls = 1000
    account.service.add(pack())
    with pytest.raises(StoreUnavailable) as caught:
        account.store.link(files_of(account)[0])
    assert caught.value.retry_after == 30
    assert sum(account.naps.taken) == 60


def test_a_delayed_link_that_fails_is_unavailable(account: Account) -> None:
    account.service.odd.add("delayed_fails")
    account.service.add(pack())
    with pytest.raises(StoreUnavailable):
        account.store.link(files_of(account)[0])


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"link": None},
        {"link": "ftp://x/y"},
        {"link": "", "streams": [{"quality": 1080}]},
        {"link": "", "streams": "many"},
        {"link": ["https://x/y"]},
    ],
)
def test_an_unlock_without_a_link_is_unexpected(account: Account, data: dict[str, Any]) -> None:
    says(account, "unlock", **data)
    with pytest.raises(UnexpectedReply):
        account.store.link(A_FILE)


@pytest.mark.parametrize("premium", [True, False])
def test_who_pays_is_told_and_until_when(account: Account, premium: bool) -> None:
    account.service.premium = premium
    found = account.store.account()
    assert (found.user, found.plan) == ("ada", "premium" if premium else "free")
    if premium:
        assert found.paid_until == pytest.approx(time.time() + 100 * 86400, abs=60)
    else:
        assert found.paid_until is None


def test_what_is_left_of_a_trial_is_told(account: Account) -> None:
    user = {"username": "ada", "isTrial": True, "remainingTrialQuota": 25_000}
    says(account, "user", user=user)
    found = account.store.account()
    assert found.plan == "trial"
    assert found.quotas[0].left == 25_000_000_000


def test_a_wrong_url_is_said_and_is_no_lost_magnet(open_account: Open, account: Account) -> None:
    lost = open_account("alldebrid", url=f"{account.service.url}/nowhere")
    for question in (lost.store.account, lambda: list(lost.store.magnets())):
        with pytest.raises(UnexpectedReply):
            question()


def test_too_many_requests_are_said_to_be_so(account: Account) -> None:
    account.service.faults.add(Fault("status", status=429, times=None))
    with pytest.raises(RateLimited):
        list(account.store.magnets())
