"""Adding magnets to an account: what every such store promises, held against all services."""

import io
import json

import pytest
import torf

from davstore.errors import Gone, QuotaExhausted, RateLimited, Refused, StoreError
from davstore.model import Magnet, Status, Wanted
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores.base import Adding, Choosing, Store, present
from tests.stores.conftest import Account, Open

HASH = "0123456789abcdef0123456789abcdef01234567"


def link(hash_: str = HASH, name: str = "Sintel") -> Wanted:
    return Wanted(hash_, name, f"magnet:?xt=urn:btih:{hash_}&dn={name}", title=name, year=2010)


def torrent(name: str = "Sintel.mkv", size: int = 100_000) -> Wanted:
    made = torf.Torrent()
    pieces = b"p" * 20 * -(-size // 2**16)
    made.metainfo["info"] = {
        "name": name, "length": size, "piece length": 2**16, "pieces": pieces,
    }  # fmt: skip
    data = io.BytesIO()
    made.write_stream(data)
    return Wanted(made.infohash, name, str(made.magnet()), data.getvalue())


def adding(account: Account) -> Adding:
    assert isinstance(account.store, Adding)
    return account.store


def found(store: Store, hash_: str = HASH) -> Magnet:
    magnet = present(store, hash_)
    assert magnet is not None
    return magnet


def test_an_added_link_is_in_the_account(account: Account) -> None:
    id_ = adding(account).add(link())
    assert found(account.store).id == id_
    assert present(account.store, "f" * 40) is None


def test_an_added_torrent_file_is_in_the_account(account: Account) -> None:
    wanted = torrent()
    adding(account).add(wanted)
    assert found(account.store, wanted.hash).hash == wanted.hash


def test_what_cannot_be_read_is_refused(remote: Account) -> None:
    with pytest.raises(StoreError) as caught:
        adding(remote).add(Wanted("0" * 40, "x", "magnet:?xt=urn:sha1:x"))
    assert "magnet:" not in str(caught.value)
    assert remote.service.taken == []


REFUSALS = {
    "realdebrid": 35,
    "alldebrid": "MAGNET_TOO_LARGE",
    "torz": "UNAVAILABLE_FOR_LEGAL_REASONS",
    "magnets": "STORE_MAGNET_INVALID",
}


@pytest.mark.parametrize("service", REFUSALS)
def test_a_refusal_is_told_from_a_failure(open_account: Open, service: str) -> None:
    account = open_account(service)
    account.service.refuses[HASH] = REFUSALS[service]
    with pytest.raises(Refused):
        adding(account).add(link())


@pytest.mark.parametrize("service", ["torz", "magnets", "alldebrid", "plank"])
def test_what_is_there_already_is_not_added_again(open_account: Open, service: str) -> None:
    account = open_account(service)
    ids = {adding(account).add(link()) for _ in range(2)}
    assert len(ids) == 1
    assert account.service.taken == [HASH]


@pytest.mark.parametrize("kind", ["reset", "status", "empty", "html"])
def test_an_add_is_never_repeated_by_itself(remote: Account, kind: str) -> None:
    list(remote.store.magnets())  # signs in
    before = len(remote.service.calls)
    remote.service.faults.add(Fault(kind, method="POST", times=None))
    with pytest.raises(StoreError):
        adding(remote).add(link())
    assert len(remote.service.calls) == before + 1


def test_real_debrid_asks_for_a_pause_between_adds(open_account: Open) -> None:
    account = open_account("realdebrid")
    clock = [1000.0]
    account.service.clock = lambda: clock[0]
    adding(account).add(link())
    with pytest.raises(RateLimited):
        adding(account).add(link("f" * 40))
    clock[0] += adding(account).add_pause
    adding(account).add(link("f" * 40))


@pytest.mark.parametrize("service", ["realdebrid", "alldebrid"])
def test_too_many_at_once_is_a_quota(open_account: Open, service: str) -> None:
    account = open_account(service)
    for number in range(30):
        account.add(SimMagnet(f"Spring {number}", status="downloading"))
    with pytest.raises(QuotaExhausted):
        adding(account).add(link())


def test_a_torrent_that_an_instance_does_not_take_goes_as_a_link(open_account: Open) -> None:
    account = open_account("torz")
    wanted = torrent(size=4 * 10**9)
    assert len(wanted.torrent) > 1_000_000
    adding(account).add(wanted)
    assert account.service.taken == [wanted.hash]


PATHS = ["Sintel.mkv", "Subs/Sintel.srt", "cover.jpg"]


def pack(account: Account) -> str:
    files = [SimFile(path, Content.random(path, 1000)) for path in PATHS]
    account.service.offers[HASH] = SimMagnet("Sintel", files)
    return adding(account).add(link())


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [((), PATHS), (("*.MKV", "*.srt"), PATHS[:2]), (("*.avi",), PATHS)],
)
def test_real_debrid_is_told_which_files_are_wanted(
    open_account: Open, patterns: tuple[str, ...], expected: list[str]
) -> None:
    account = open_account("realdebrid", select=patterns)
    id_ = pack(account)
    assert found(account.store).status is Status.QUEUED
    assert isinstance(account.store, Choosing)
    assert account.store.choose(id_)
    assert account.store.choose(id_), "it may be asked again"
    magnet = found(account.store)
    assert magnet.status is Status.READY
    [(_, files)] = account.store.files([magnet])
    assert isinstance(files, tuple)
    assert [file.path for file in files] == expected


def test_nothing_is_chosen_before_the_files_are_known(open_account: Open) -> None:
    account = open_account("realdebrid")
    clock = [1000.0]
    account.service.clock, account.service.converts = lambda: clock[0], 60.0
    id_ = pack(account)
    assert isinstance(account.store, Choosing)
    assert not account.store.choose(id_)
    clock[0] += 61
    assert account.store.choose(id_)
    account.service.remove(id_)
    with pytest.raises(Gone):
        account.store.choose(id_)


def test_a_choice_that_was_made_meanwhile_is_as_good(open_account: Open) -> None:
    account = open_account("realdebrid")
    id_ = pack(account)
    account.service.fail(31, "/selectFiles")
    assert isinstance(account.store, Choosing)
    assert account.store.choose(id_)


def test_progress_speed_and_trouble_are_told(open_account: Open) -> None:
    account = open_account("alldebrid")
    clock = [1000.0]
    account.service.clock, account.service.lasts = lambda: clock[0], 100.0
    adding(account).add(link())
    clock[0] += 50
    magnet = found(account.store)
    assert magnet.progress == 50
    assert magnet.speed
    account.add(SimMagnet("Spring", hash="f" * 40, vendor_status=15))
    assert found(account.store, "f" * 40).trouble == "nobody has it"


def requested(account: Account) -> list[dict[str, str]]:
    calls = [call for call in account.service.calls if call.method == "POST"]
    return [json.loads(call.body) for call in calls if call.path == "/api/media"]


def test_plank_is_told_what_it_is(open_account: Open) -> None:
    account = open_account("plank")
    adding(account).add(link())
    show = Wanted(
        "f" * 40, "x", f"magnet:?xt=urn:btih:{'f' * 40}", title="Caminandes", of_show=True
    )
    adding(account).add(show)
    assert found(account.store).name == "Sintel (2010)"
    assert found(account.store, "f" * 40).name == "Caminandes"
    types = [row["type"] for row in requested(account)]
    assert types == ["movie", "tv"]
