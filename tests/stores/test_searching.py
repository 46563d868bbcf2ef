"""What services know of magnets that are in no account: StremThru's cache check and its search."""

import pytest

from davstore.errors import (
    AccountProblem,
    NotAuthorized,
    RateLimited,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Found, Query
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores.base import Checking, Searching
from tests.stores.conftest import Account, Open

pytestmark = pytest.mark.usefixtures("unpaced")

TOPIC = "magnet:?xt=urn:btih:"
LINK = TOPIC + "b" * 40
HASHES = [f"{number:040x}" for number in range(1, 1202)]


@pytest.fixture(params=["torz", "magnets"])
def account(request: pytest.FixtureRequest, open_account: Open) -> Account:
    return open_account(request.param)


def release(name: str, size: int = 1000) -> SimMagnet:
    return SimMagnet(name, [SimFile(f"{name}.mkv", Content.random(name, size))])


def check(account: Account, hashes: list[str]) -> frozenset[str]:
    assert isinstance(account.store, Checking)
    return account.store.check(hashes)


def search(account: Account, words: str = "sintel", **more: object) -> tuple[Found, ...]:
    assert isinstance(account.store, Searching)
    return account.store.search(Query(words, **more))  # type: ignore[arg-type]


def answer(account: Account, body: str, status: int = 200) -> None:
    account.service.faults.add(Fault("status", "torznab", None, status=status, body=body))


def feed(*items: str) -> str:
    space = 'xmlns:torznab="http://torznab.com/schemas/2015/feed"'
    return f"<rss {space}><channel>{''.join(items)}</channel></rss>"


def item(title: str, hash_: str = "a" * 40, **attributes: object) -> str:
    said = {"infohash": hash_, **attributes}
    attrs = "".join(f'<torznab:attr name="{n}" value="{v}"/>' for n, v in said.items())
    return f"<item><title>{title}</title>{attrs}</item>"


# The check


def test_five_hundred_hashes_are_checked_in_one_call(account: Account) -> None:
    account.service.cached |= {HASHES[0], HASHES[499], HASHES[500], HASHES[-1]}
    assert check(account, HASHES) == account.service.cached
    assert account.service.count("/check") == 3
    assert check(account, HASHES[:500]) == {HASHES[0], HASHES[499]}
    assert account.service.count("/check") == 4


def test_where_urls_may_not_be_long_fewer_are_asked_at_once(account: Account) -> None:
    account.service.odd.add("short_urls")
    account.service.cached |= {HASHES[0], HASHES[499]}
    assert check(account, HASHES[:500]) == account.service.cached


def test_what_is_in_the_account_is_ready_too(account: Account) -> None:
    account.add(SimMagnet("Sintel", [], hash=HASHES[0]))
    account.add(SimMagnet("Spring", [], hash=HASHES[1], status="downloading"))
    assert check(account, HASHES[:3]) == {HASHES[0]}


def test_nothing_costs_no_call(account: Account) -> None:
    assert check(account, []) == frozenset()
    assert account.service.count() == 0


def test_answers_that_nobody_asked_for_are_passed_over(account: Account) -> None:
    items = [{"hash": "F" * 40, "status": "cached"},
             {"hash": HASHES[0].upper(), "status": "cached"},
             {"hash": "", "magnet": f"magnet:?xt=urn:btih:{HASHES[1]}&dn=x", "status": "cached"},
             {"hash": None, "status": None, "files": None}]  # fmt: skip
    body = {"data": {"items": items}}
    account.service.faults.add(Fault("wrong_type", "/check", body=body))
    assert check(account, HASHES[:3]) == set(HASHES[:2])


def test_an_unpaid_account_is_told_so(account: Account) -> None:
    account.service.premium = False
    with pytest.raises(AccountProblem):
        check(account, HASHES[:1])


# The search


def test_what_is_found_can_be_added(account: Account) -> None:
    hash_ = account.service.torznab.index(release("Sintel.2010.1080p", 5000), seeders=7)
    [found] = search(account)
    assert found == Found(hash_, "Sintel.2010.1080p", found.link, 5000, 7)
    assert found.link.startswith(f"magnet:?xt=urn:btih:{hash_}")
    assert "magnet:" not in repr(found)


def test_those_with_most_seeders_come_first(account: Account) -> None:
    for name, seeders in (("Sintel A", 3), ("Sintel B", 30), ("Sintel C", 0)):
        account.service.torznab.index(release(name), seeders)
    assert [found.name for found in search(account)] == ["Sintel B", "Sintel A", "Sintel C"]


def test_categories_seasons_and_episodes_are_passed_on(account: Account) -> None:
    index = account.service.torznab.index
    index(release("Caminandes S01E02"), category=5040)
    index(release("Caminandes S01E03"), category=5040)
    index(release("Caminandes the film"), category=2040)
    assert len(search(account, "caminandes")) == 3
    assert len(search(account, "caminandes", categories=(5000,))) == 2
    [found] = search(account, "caminandes", season=1, episode=2)
    assert found.name == "Caminandes S01E02"
    assert "t=tvsearch" in account.service.calls[-1].query


def test_nothing_found_is_no_error(account: Account) -> None:
    assert search(account) == ()


def test_the_same_hash_is_found_once(account: Account) -> None:
    answer(account, feed(item("Sintel", seeders=1), item("Sintel again", "A" * 40, seeders=9)))
    assert [found.name for found in search(account)] == ["Sintel again"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (item("  Sintel\n(2010) "), "Sintel (2010)"),
        (item("Sin\u009b31mtel\u200b"), "Sin31mtel"),
        (item("", seeders="many", size="-1"), "a" * 40),
        (f"<item><title>Sintel</title><link>{LINK}</link></item>", "Sintel"),
        (f"<item><guid>{LINK}&amp;dn=x</guid></item>", "b" * 40),
        (item("Sintel", magneturl=f"{TOPIC}MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"), "Sintel"),
    ],
)
def test_results_are_read_wherever_they_say_it(account: Account, row: str, name: str) -> None:
    answer(account, feed("<item/>", item("no hash", "xyz"), row))
    [found] = search(account)
    assert found.name == name
    assert f"urn:btih:{found.hash}" in found.link


def test_a_link_to_something_else_is_left_out(account: Account) -> None:
    answer(account, feed(item("Sintel", "a" * 40, magneturl=LINK)))
    assert search(account) == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("100", NotAuthorized),
        ("101", AccountProblem),
        ("201", UnexpectedReply),
        ("500", RateLimited),
        ("900", StoreUnavailable),
        ("strange", StoreUnavailable),
    ],
)
def test_errors_come_with_http_200(account: Account, code: str, kind: type[StoreError]) -> None:
    answer(account, f'<error code="{code}" description="SECRETOFUPSTREAM"/>')
    with pytest.raises(kind) as caught:
        search(account)
    assert "SECRET" not in str(caught.value)


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaa">]><rss><channel><item><title>&a;</title></item></channel></rss>'
)


@pytest.mark.parametrize("body", [BOMB, "<html></html>", "<rss></rss>", "{}", "<rss", "\xff\xfe"])
def test_what_is_no_feed_is_an_unexpected_reply(account: Account, body: str) -> None:
    answer(account, body)
    with pytest.raises(UnexpectedReply):
        search(account)


def test_an_instance_without_search_is_told(account: Account) -> None:
    answer(account, "404 page not found", 404)
    with pytest.raises(UnexpectedReply, match="has no search"):
        search(account)
