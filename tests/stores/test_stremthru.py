"""What is peculiar to StremThru, in both its APIs."""

from typing import Any

import pytest
from pydantic import ValidationError

from davstore.errors import Gone, NotAuthorized, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import File, Magnet, Status, Wanted
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.simulator.stremthru_shapes import HTTP
from davstore.stores.base import Means, Seeing, Seen
from davstore.stores.stremthru import Settings, StremThru
from davstore.stores.stremthru.errors import ERRORS, NOTICES
from davstore.stores.stremthru.settings import STORES
from tests.stores.conftest import Account, Open

pytestmark = pytest.mark.usefixtures("unpaced")

MKV = SimFile("CD1/Spring.mkv", Content.random("spring", 5000))
SRT = SimFile("Subs/Spring.srt", Content.of(b"subtitle"))
NFO = SimFile("Spring.nfo", Content.of(b"not kept"), selected=False)
SPRING = SimMagnet("Spring (2019)", [MKV, SRT, NFO])
URL = "https://stremthru.example.org"
LOGIN = {"username": "ada", "password": "pw"}


@pytest.fixture(params=["torz", "magnets"])
def account(request: pytest.FixtureRequest, open_account: Open) -> Account:
    return open_account(request.param)


def files(account: Account) -> tuple[File, ...]:
    magnets = account.magnets()
    [(_, found)] = account.store.files(magnets)
    assert isinstance(found, tuple), found
    return found


def answer(account: Account, data: Any, path: str, times: int | None = 1) -> None:
    account.service.faults.add(Fault("wrong_type", path, times, body={"data": data}))


# The login


@pytest.mark.parametrize(
    ("keys", "cure"),
    [
        ({}, "give username and password, or store_name and store_token"),
        ({"store_name": "torbox"}, "give username and password, or store_name and store_token"),
        ({"username": "ada"}, "go together"),
        ({"password": "pw", "store_name": "torbox", "store_token": "t"}, "go together"),
        ({**LOGIN, "api": "newz"}, "'torz' or 'magnets'"),
    ],
)
def test_half_a_login_is_refused_with_its_cure(keys: dict[str, str], cure: str) -> None:
    with pytest.raises(ValidationError, match=cure):
        Settings(store="stremthru", url=URL, **keys)


def test_a_user_and_a_store_may_both_be_given(open_account: Open, sim: Simulator) -> None:
    keys = {"store_name": sim.torz.store_name, "store_token": sim.torz.store_token}
    account = open_account("torz", **keys)
    assert account.names() == []
    sent = sim.torz.calls[-1].headers
    assert sent["X-Stremthru-Authorization"].startswith("Basic ")
    assert sent["X-Stremthru-Store-Name"] == "realdebrid"
    assert sent["X-Stremthru-Store-Authorization"] == f"Bearer {sim.torz.store_token}"


def test_an_unknown_user_is_told_what_to_check(open_account: Open) -> None:
    account = open_account("torz", username="somebody")
    with pytest.raises(NotAuthorized, match="check username and password"):
        account.store.account()


@pytest.mark.parametrize("api", ["torz", "magnets"])
def test_an_unknown_store_name_is_told_apart_from_a_failing_service(
    open_account: Open, api: str
) -> None:
    account = open_account("magnets", api=api, store_name="cloudbox")
    with pytest.raises(NotAuthorized, match="store_name"):
        list(account.store.magnets())
    assert not account.naps.taken


def test_a_token_that_http_cannot_send_is_a_wrong_login(open_account: Open) -> None:
    account = open_account("magnets", store_token="…")
    with pytest.raises(NotAuthorized, match="copy it again"):
        list(account.store.magnets())


def test_an_instance_without_this_api_is_not_an_empty_account(account: Account) -> None:
    fault = Fault("status", "/v0/store", None, status=404, body="404 page not found")
    account.service.faults.add(fault)
    for ask in (lambda: list(account.store.magnets()), account.store.account):
        with pytest.raises(UnexpectedReply, match="check url"):
            ask()


@pytest.mark.parametrize(("premium", "plan"), [(True, "premium"), (False, "expired")])
def test_the_plan_is_told(account: Account, premium: bool, plan: str) -> None:
    account.service.premium = premium
    found = account.store.account()
    assert (found.user, found.plan) == ("ada@example.com", plan)


# Errors


def test_every_code_of_the_service_is_known() -> None:
    assert set(ERRORS) == set(HTTP)


@pytest.mark.parametrize("odd", [set(), {"error_200"}], ids=["by status", "with HTTP 200"])
@pytest.mark.parametrize("code", ERRORS)
def test_codes_become_errors_in_both_shapes(account: Account, code: str, odd: set[str]) -> None:
    file = File("Spring.mkv", "stremthru://store/realdebrid/c3ByaW5n")
    account.service.odd |= odd
    account.service.fail(code, times=None)
    with pytest.raises(StoreError) as caught:
        account.store.link(file)
    assert type(caught.value) is ERRORS[code][0]
    assert "SECRETOFUPSTREAM" not in str(caught.value)


def test_for_an_unknown_code_the_status_decides(account: Account) -> None:
    account.service.fail("TEAPOT", status=418, times=None)
    with pytest.raises(StoreUnavailable):
        list(account.store.magnets())
    account.service.faults.clear()
    account.service.odd.add("error_200")
    account.service.fail("TEAPOT", times=None)
    with pytest.raises(UnexpectedReply):
        list(account.store.magnets())


# Files


def test_files_are_those_with_a_link(account: Account) -> None:
    account.add(SPRING)
    assert [(file.path, file.size, file.index) for file in files(account)] == [
        ("CD1/Spring.mkv", 5000, 0),
        ("Subs/Spring.srt", 8, 1),
    ]


def test_files_without_a_link_are_left_out(account: Account) -> None:
    account.add(SPRING)
    answer(account, {"files": [{"name": "a.mkv"}, {"name": "b", "link": "x://b"}]}, "folder/")
    assert [file.path for file in files(account)] == ["b"]


def test_null_files_are_none(account: Account) -> None:
    account.service.odd.add("null_files")
    account.add(SPRING)
    assert files(account) == ()


def test_files_that_are_not_told_are_no_empty_magnet(account: Account) -> None:
    magnet = Magnet(account.add(SPRING), "Spring", Status.READY, "1")
    answer(account, {"id": magnet.id}, "folder/")
    [(_, error)] = account.store.files([magnet])
    assert isinstance(error, UnexpectedReply)


def test_minus_one_is_no_size_and_no_index(account: Account) -> None:
    account.service.odd.add("unknown_sizes")
    account.add(SPRING)
    assert {(file.size, file.index) for file in files(account)} == {(None, None)}


def test_without_a_path_the_name_stands_in(account: Account) -> None:
    account.service.odd.add("no_paths")
    account.add(SPRING)
    assert [file.path for file in files(account)] == ["Spring.mkv", "Spring.srt"]


def test_without_any_name_the_magnets_stands_in(account: Account) -> None:
    account.add(SPRING)
    answer(account, {"files": [{"link": "x://b", "path": "/", "name": None}]}, "folder/")
    assert [file.path for file in files(account)] == ["Spring (2019)"]


def test_files_of_one_path_are_all_kept(account: Account) -> None:
    account.service.odd.add("duplicate_paths")
    account.add(SimMagnet("Cosmos", [SimFile(f"CD{n}/part.mkv", MKV.content) for n in (1, 2)]))
    found = files(account)
    assert [file.path for file in found] == ["part.mkv", "part.mkv"]
    assert found[0].ref != found[1].ref


def test_a_file_of_the_wrong_shape_is_named_by_its_place(account: Account) -> None:
    magnet = Magnet(account.add(SPRING), "Spring", Status.READY, "1")
    answer(account, {"files": [{"link": ["secret"]}]}, "folder/")
    [(_, error)] = account.store.files([magnet])
    assert isinstance(error, UnexpectedReply)
    assert "link" in error.reason
    assert "secret" not in error.reason


def test_a_magnet_at_which_the_service_fails_costs_the_others_nothing(account: Account) -> None:
    ids = [account.add(SimMagnet(f"Film {n}", [MKV])) for n in range(4)]
    account.service.faults.add(Fault("status", ids[1], None, status=500))
    magnets = [Magnet(id_, "Film", Status.READY, "1") for id_ in ids]
    told = [found for _, found in account.store.files(magnets)]
    assert [isinstance(found, tuple) for found in told] == [True, False, True, True]
    assert isinstance(told[1], StoreUnavailable)


def test_a_service_that_fails_altogether_is_not_asked_for_every_magnet(account: Account) -> None:
    account.service.faults.add(Fault("status", times=None, status=500))
    magnets = [Magnet(str(n), "Film", Status.READY, "1") for n in range(50)]
    with pytest.raises(StoreUnavailable):
        list(account.store.files(magnets))
    assert len(account.service.calls) < 20


# Links


@pytest.mark.parametrize(("odd", "hours"), [(set(), 3), ({"proxy"}, 12)])
def test_a_link_lives_as_long_as_its_kind(account: Account, odd: set[str], hours: int) -> None:
    account.add(SPRING)
    account.service.odd |= odd
    settings = Settings.model_validate(account.service.settings)
    store = StremThru("st", settings, Means(now=lambda: 1000.0))
    link = store.link(files(account)[0])
    store.close()
    assert link.expires == 1000.0 + hours * 3600


def test_the_link_is_sent_as_it_was_given(account: Account) -> None:
    account.add(SPRING)
    file = files(account)[0]
    account.store.link(file)
    call = account.service.calls[-1]
    api = {"torz": "/v0/store/torz/link/generate", "magnets": "/v0/store/link/generate"}
    assert call.path == api[account.store.name]
    assert file.ref in call.body


def test_a_notice_in_place_of_the_file_can_be_told(account: Account) -> None:
    account.add(SPRING)
    link = account.store.link(files(account)[0])
    assert link.decoy
    assert link.decoy in "/v0/store/_/static/content_proxy_limit_reached.mp4"


def test_a_relative_link_is_meant_at_the_instance(account: Account) -> None:
    account.add(SPRING)
    file = files(account)[0]
    answer(account, {"link": "/v0/proxy/token/Spring.mkv"}, "generate")
    link = account.store.link(file)
    assert link.url == f"{account.service.url}/v0/proxy/token/Spring.mkv"


@pytest.mark.parametrize("given", ["ftp://example.org/x", "7", "", 7, None])
def test_what_is_no_link_is_not_taken_for_one(account: Account, given: object) -> None:
    account.add(SPRING)
    file = files(account)[0]
    answer(account, {"link": given}, "generate", times=None)
    with pytest.raises(UnexpectedReply, match="link"):
        account.store.link(file)


def test_a_file_that_was_removed_is_gone(account: Account) -> None:
    id_ = account.add(SPRING)
    file = files(account)[0]
    account.service.remove(id_)
    with pytest.raises(Gone):
        account.store.link(file)


# The stores behind it


@pytest.mark.parametrize(("code", "name"), sorted(STORES.items()))
def test_a_store_is_known_by_name_and_code(code: str, name: str) -> None:
    for given in (code, name, name.upper()):
        keys = {"store_name": given, "store_token": "t"}
        settings = Settings(store="stremthru", url=URL, **keys)
        assert settings.headers["X-StremThru-Store-Name"] == name


def test_what_offcloud_cannot_do_is_said(sim: Simulator, open_account: Open) -> None:
    sim.magnets.store_name = "offcloud"
    account = open_account("magnets")
    account.add(SPRING)
    [magnet] = account.magnets()
    with pytest.raises(UnexpectedReply, match="cannot do this"):
        account.store.remove(magnet)  # type: ignore[attr-defined]
    link = f"magnet:?xt=urn:btih:{'a' * 40}"
    wanted = Wanted("a" * 40, "Spring", link, torrent=b"d4:infod4:name1:aee")
    assert account.store.add(wanted)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*NOTICES, "something_new"])
def test_a_notice_in_place_of_a_link_is_an_error(account: Account, name: str) -> None:
    account.add(SPRING)
    answer(account, {"link": f"/v0/store/_/static/{name}.mp4"}, "/link/generate")
    with pytest.raises(NOTICES.get(name, (StoreUnavailable, ""))[0]):
        account.store.link(files(account)[0])


def test_a_simulated_notice_is_one(account: Account) -> None:
    account.add(SPRING)
    account.service.odd.add("notice")
    with pytest.raises(StoreUnavailable, match="still downloading"):
        account.store.link(files(account)[0])


def test_an_instances_user_is_told_its_addresses(open_account: Open) -> None:
    store = open_account("torz").store
    assert isinstance(store, Seeing)
    assert store.seen() == Seen("127.0.0.1", "203.0.113.9")


def test_a_store_without_a_tunnel_of_its_own_sees_the_common_one(open_account: Open) -> None:
    account = open_account("torz")
    assert isinstance(account.store, Seeing)
    for exposed, its in (({"*": "198.51.100.1"}, "198.51.100.1"), ({}, "198.51.100.7")):
        addresses = {"client": "192.0.2.1", "exposed": exposed, "machine": "198.51.100.7"}
        answer(account, {"ip": addresses}, "__debug__")
        assert account.store.seen() == Seen("192.0.2.1", its)


def test_who_has_only_a_stores_token_is_not_told_them(open_account: Open) -> None:
    store = open_account("magnets").store
    assert isinstance(store, Seeing)
    assert store.seen() is None
