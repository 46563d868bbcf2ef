"""What every store promises (davstore/stores/base.py), held against all five simulated services."""

import time
from collections.abc import Callable

import pytest
import requests
from pydantic import ValidationError

from davstore.errors import (
    Gone,
    NotAuthorized,
    RateLimited,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import File, Magnet, Status
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores import STORES
from davstore.stores.base import Store
from tests.stores.conftest import SERVICES, Account, Open

SIZE = 40_000


def film(name: str = "Sintel", **more: object) -> SimMagnet:
    files = [SimFile(f"{name}.mp4", Content.random(name, SIZE))]
    return SimMagnet(name, files=files, title=name, year=2010, **more)  # type: ignore[arg-type]


def listed(store: Store) -> list[Magnet]:
    rows = list(store.magnets())
    assert all(isinstance(row, Magnet) for row in rows), rows
    return [row for row in rows if isinstance(row, Magnet)]


def only_file(store: Store) -> File:
    [(_, files)] = list(store.files(listed(store)))
    assert isinstance(files, tuple), files
    [file] = files
    return file


QUESTIONS: dict[str, Callable[[Account, File], object]] = {
    "magnets": lambda account, _: list(account.store.magnets()),
    "files": lambda account, _: [
        raise_if_error(files) for _, files in account.store.files([a_magnet(account)])
    ],
    "link": lambda account, file: account.store.link(file),
    "account": lambda account, _: account.store.account(),
}


def secrets(account: Account) -> list[str]:
    settings = account.service.settings
    return [settings[key] for key in ("token", "password", "store_token") if key in settings]


def raise_if_error(files: tuple[File, ...] | StoreError) -> tuple[File, ...]:
    if isinstance(files, StoreError):
        raise files
    return files


def a_magnet(account: Account) -> Magnet:
    id_, _ = account.service.library[0]
    return Magnet(str(id_), "Sintel", Status.READY, "1")


def test_an_empty_account_lists_nothing(account: Account) -> None:
    assert listed(account.store) == []


def test_every_magnet_is_listed_once_with_a_text_id(account: Account) -> None:
    ids = {account.add(film(name)) for name in ("Sintel", "Spring", "Charge")}
    rows = listed(account.store)
    assert sorted(row.id for row in rows) == sorted(map(str, ids))
    assert all(row.status is Status.READY for row in rows)


def test_hundreds_of_magnets_are_all_listed(account: Account) -> None:
    for number in range(230):
        account.add(film(f"Caminandes {number}"))
    assert len({row.id for row in listed(account.store)}) == 230


def test_hashes_are_lower_case_hex(account: Account) -> None:
    account.add(film(hash="ABCDEF0123456789ABCDEF0123456789ABCDEF01"))
    [row] = listed(account.store)
    assert row.hash == "abcdef0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize("status", ["queued", "downloading", "failed"])
def test_what_is_not_ready_is_not_called_ready(account: Account, status: str) -> None:
    account.add(film(status=status))
    [row] = listed(account.store)
    assert row.status is not Status.READY


def test_a_date_of_adding_is_within_the_true_minute(account: Account) -> None:
    moment = 1_751_500_000.0  # in summer, when a wrong time zone shows
    account.add(film(added=moment))
    [row] = listed(account.store)
    assert row.added is not None
    assert abs(row.added - moment) < 60


def test_a_fingerprint_stays_while_nothing_changes(account: Account) -> None:
    account.add(film())
    assert listed(account.store)[0].fingerprint == listed(account.store)[0].fingerprint


def test_a_fingerprint_changes_when_a_magnet_becomes_ready(account: Account) -> None:
    id_ = account.add(film(status="downloading"))
    before = listed(account.store)[0].fingerprint
    account.service.change(id_, status="ready")
    assert listed(account.store)[0].fingerprint != before


def test_a_fingerprint_changes_with_the_files(remote: Account) -> None:
    id_ = remote.add(film())
    before = listed(remote.store)[0].fingerprint
    others = [SimFile(f"Sintel {cut}.mkv", Content.random(cut, 2 * SIZE)) for cut in ("A", "B")]
    remote.service.change(id_, files=others)
    assert listed(remote.store)[0].fingerprint != before


def test_files_are_paired_with_their_magnets(account: Account) -> None:
    for name in ("Sintel", "Spring", "Charge"):
        account.add(film(name))
    pairs = list(account.store.files(listed(account.store)))
    assert len(pairs) == 3
    for magnet, files in pairs:
        assert isinstance(files, tuple)
        assert magnet.name.split(" (")[0].removesuffix(".mp4") in files[0].path


def test_paths_are_relative_and_sizes_right_or_unknown(account: Account) -> None:
    account.add(film())
    file = only_file(account.store)
    assert not file.path.startswith("/")
    assert file.path.endswith(".mp4")
    assert file.size in (SIZE, None)


def test_the_bytes_at_a_link_are_the_files(account: Account) -> None:
    account.add(film())
    link = account.store.link(only_file(account.store))
    answer = requests.get(link.url, headers={**link.headers, "Range": "bytes=7-99"}, timeout=10)
    assert answer.content == Content.random("Sintel", SIZE).read(7, 93)


def test_a_link_says_when_it_ends(account: Account) -> None:
    account.add(film())
    link = account.store.link(only_file(account.store))
    assert time.time() + 600 < link.expires < time.time() + 8 * 86400


def test_unicode_names_survive(account: Account) -> None:
    account.add(film("Кролик 🎬 うさぎ"))
    assert "Кролик 🎬 うさぎ" in only_file(account.store).path


def test_a_removed_magnet_is_gone_and_costs_the_others_nothing(account: Account) -> None:
    for name in ("Sintel", "Spring"):
        account.add(film(name))
    rows = listed(account.store)
    account.service.remove(rows[0].id)
    told = {magnet.id: files for magnet, files in account.store.files(rows)}
    assert isinstance(told[rows[0].id], Gone)
    assert isinstance(told[rows[1].id], tuple)


def test_who_it_is_can_be_asked(account: Account) -> None:
    assert account.store.account().user


WRONG_LOGIN = {
    "realdebrid": {"token": "wrong"},
    "alldebrid": {"token": "wrong"},
    "torz": {"password": "wrong"},
    "magnets": {"store_token": "wrong"},
    "plank": {"password": "wrong"},
}


@pytest.mark.parametrize("service", WRONG_LOGIN)
def test_a_wrong_login_is_said_and_not_tried_again(open_account: Open, service: str) -> None:
    account = open_account(service, **WRONG_LOGIN[service])
    with pytest.raises(NotAuthorized) as caught:
        list(account.store.magnets())
    assert caught.value.account == service
    assert not account.naps.taken


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("html", UnexpectedReply),
        ("truncated_json", UnexpectedReply),
        ("wrong_type", UnexpectedReply),
        ("empty", StoreUnavailable),
        ("status", StoreUnavailable),
        ("reset", StoreUnavailable),
    ],
)
def test_rubbish_is_an_error_of_the_right_kind(
    remote: Account, question: str, kind: str, expected: type[StoreError]
) -> None:
    remote.add(film())
    file = only_file(remote.store)
    remote.service.faults.add(Fault(kind, times=None))
    with pytest.raises(expected) as caught:
        QUESTIONS[question](remote, file)
    assert caught.value.account == remote.store.name
    assert "\n" not in str(caught.value)
    shown = f"{caught.value} {caught.value!r}"
    assert not [secret for secret in secrets(remote) if secret in shown]
    assert file.ref not in shown


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", ["status", "empty", "reset"])
def test_one_failure_is_overcome_by_another_try(remote: Account, question: str, kind: str) -> None:
    remote.add(film())
    file = only_file(remote.store)
    remote.service.faults.add(Fault(kind))
    QUESTIONS[question](remote, file)
    assert remote.naps.taken


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_long_wait_is_left_to_the_caller(remote: Account, question: str) -> None:
    remote.add(film())
    file = only_file(remote.store)
    fault = Fault("status", status=429, headers={"Retry-After": "77"}, times=None)
    remote.service.faults.add(fault)
    with pytest.raises(RateLimited) as caught:
        QUESTIONS[question](remote, file)
    assert caught.value.retry_after == 77
    assert not remote.naps.taken


@pytest.mark.parametrize("service", ["realdebrid", "torz", "magnets"])
def test_half_a_listing_is_an_error_and_not_an_end(open_account: Open, service: str) -> None:
    account = open_account(service)
    for number in range(600):
        account.add(film(f"Caminandes {number}"))
    account.service.faults.add(Fault("html", after=1, times=None))
    with pytest.raises(UnexpectedReply):
        list(account.store.magnets())


def test_it_can_be_closed_twice(account: Account) -> None:
    account.store.close()
    account.store.close()


@pytest.mark.parametrize("service", SERVICES)
def test_settings_show_no_secret(open_account: Open, service: str) -> None:
    account = open_account(service)
    settings = STORES[account.service.settings["store"]].settings
    shown = str(settings.model_validate(account.service.settings))
    assert secrets(account)
    assert not [secret for secret in secrets(account) if secret in shown]


@pytest.mark.parametrize("service", SERVICES)
def test_settings_know_every_key(open_account: Open, service: str) -> None:
    with pytest.raises(ValidationError, match="tokn"):
        open_account(service, tokn="x")


def test_nothing_that_is_shown_holds_a_secret(account: Account) -> None:
    account.add(film())
    file = only_file(account.store)
    link = account.store.link(file)
    shown = f"{file!r} {link!r} {account.store!r}"
    assert link.url not in shown
    assert file.ref not in shown
    assert not [secret for secret in secrets(account) if secret in shown]
