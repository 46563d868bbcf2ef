"""What changed in an account, told by each store that can tell it: always the truth, for little."""

from collections.abc import Callable

import pytest

from davstore.errors import StoreError
from davstore.model import Magnet, Status
from davstore.simulator import Content, Fault, SimFile, SimMagnet
from davstore.stores import plank, realdebrid
from davstore.stores.base import Changing, News
from tests.stores.conftest import SERVICES, Account, Open

pytestmark = pytest.mark.usefixtures("unpaced")

VIDEO = Content.random("video", 40_000)


def film(name: str, **more: object) -> SimMagnet:
    file = SimFile(f"{name}.mp4", VIDEO)
    return SimMagnet(name, [file], title=name, year=2010, **more)  # type: ignore[arg-type]


class Follower:
    """What somebody knows of an account who only ever asks what changed."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.known: dict[str, Magnet] = {}
        self.marker = ""

    def look(self) -> News:
        store = self.account.store
        assert isinstance(store, Changing)
        news = store.changes(self.marker, self.known)
        rows = {row.id: row for row in news.rows if isinstance(row, Magnet)}
        assert len(rows) == len(news.rows)
        self.known = rows if news.complete else self.known | rows
        self.known = {k: v for k, v in self.known.items() if k not in news.gone}
        self.marker = news.marker
        return news

    def calls(self) -> int:
        before = self.account.service.count()
        self.look()
        return int(self.account.service.count() - before)

    @property
    def truth(self) -> dict[str, Magnet]:
        return {row.id: row for row in self.account.magnets()}


@pytest.fixture
def follower(remote: Account) -> Follower:
    for number in range(5):
        remote.add(film(f"Caminandes {number}"))
    found = Follower(remote)
    found.look()
    return found


def added(follower: Follower) -> None:
    follower.account.add(film("Sintel"))


def removed(follower: Follower) -> None:
    follower.account.service.remove(follower.account.service.library[2][0])


def all_removed(follower: Follower) -> None:
    for id_, _ in follower.account.service.library:
        follower.account.service.remove(id_)


def renamed(follower: Follower) -> None:
    id_ = follower.account.service.library[2][0]
    follower.account.service.change(id_, name="Another", title="Another")


def finished(follower: Follower) -> None:
    id_ = follower.account.add(film("Sintel", status="downloading"))
    follower.look()
    assert follower.known[str(id_)].status is not Status.READY
    follower.account.service.change(id_, status="ready")


def other_files(follower: Follower) -> None:
    id_ = follower.account.service.library[2][0]
    other = SimFile("Other.mkv", Content.random("other", 50_000))
    follower.account.service.change(id_, files=[other])


@pytest.mark.parametrize("change", [added, removed, all_removed, renamed, finished, other_files])
def test_every_change_is_told(follower: Follower, change: Callable[[Follower], None]) -> None:
    change(follower)
    follower.look()
    assert follower.known == follower.truth


def test_an_account_at_rest_costs_one_call_a_look(follower: Follower) -> None:
    assert [follower.calls() for _ in range(3)] == [1, 1, 1]
    assert follower.known == follower.truth


def test_the_first_answer_is_complete(remote: Account) -> None:
    remote.add(film("Sintel"))
    assert Follower(remote).look().complete


@pytest.mark.parametrize("marker", ["rubbish", "{}", "[]", "5", '{"session": 1}', "null"])
def test_a_marker_that_makes_no_sense_is_answered_with_everything(
    follower: Follower, marker: str
) -> None:
    follower.marker = marker
    follower.known = {}
    follower.look()
    assert follower.known == follower.truth


@pytest.mark.parametrize("kind", ["html", "truncated_json", "wrong_type", "empty", "status"])
def test_a_failure_tells_nothing_and_loses_nothing(follower: Follower, kind: str) -> None:
    added(follower)
    follower.account.service.faults.add(Fault(kind, times=4))
    with pytest.raises(StoreError):
        follower.look()
    follower.account.service.faults.clear()
    follower.look()
    assert follower.known == follower.truth


def test_an_old_marker_still_leads_to_the_truth(follower: Follower) -> None:
    old, known = follower.marker, dict(follower.known)
    added(follower)
    follower.look()
    removed(follower)
    follower.look()
    follower.marker, follower.known = old, known
    follower.look()
    assert follower.known == follower.truth


@pytest.mark.parametrize("service", SERVICES)
def test_hundreds_at_rest_cost_one_call_a_look(open_account: Open, service: str) -> None:
    account = open_account(service)
    for number in range(620):
        account.add(film(f"Caminandes {number}"))
    follower = Follower(account)
    follower.look()
    assert [follower.calls() for _ in range(2)] == [1, 1]
    account.service.remove(account.service.library[610][0])
    added(follower)
    later = account.store._now() + 60  # type: ignore[attr-defined]
    account.store._now = lambda: later  # type: ignore[attr-defined]
    follower.look()
    if service not in {"torz", "magnets"}:  # there the count would be believed, were it told
        assert follower.known == follower.truth


def test_real_debrid_is_asked_for_what_is_still_downloading_far_down(open_account: Open) -> None:
    account = open_account("realdebrid")
    id_ = account.add(film("Sintel", status="downloading"))
    for number in range(150):
        account.add(film(f"Caminandes {number}"))
    follower = Follower(account)
    follower.look()
    account.service.change(id_, status="ready")
    store = account.store
    assert isinstance(store, realdebrid.RealDebrid)
    later = store._now() + 1000
    store._now = lambda: later
    follower.look()
    assert follower.known[id_].status is Status.READY


def test_alldebrid_tells_only_what_changed(open_account: Open) -> None:
    account = open_account("alldebrid")
    ids = [account.add(film(f"Caminandes {number}", status="downloading")) for number in range(3)]
    follower = Follower(account)
    follower.look()
    account.service.change(ids[1], progress=77.0)
    news = follower.look()
    assert not news.complete
    assert [row.id for row in news.rows] == [ids[1]]
    assert follower.known == follower.truth


@pytest.mark.parametrize("odd", ["magnets_object", "magnets_map", "garbage_prefix", "shuffled"])
def test_alldebrids_odd_shapes_are_understood(open_account: Open, odd: str) -> None:
    account = open_account("alldebrid")
    account.add(film("Sintel"))
    account.service.odd.add(odd)
    follower = Follower(account)
    follower.look()
    for change in (added, renamed_first, removed_first):
        change(follower)
        follower.look()
        assert follower.known == follower.truth


def renamed_first(follower: Follower) -> None:
    follower.account.service.change(follower.account.service.library[0][0], name="Another")


def removed_first(follower: Follower) -> None:
    follower.account.service.remove(follower.account.service.library[0][0])


def test_alldebrid_without_a_live_mode_is_listed(open_account: Open) -> None:
    account = open_account("alldebrid")
    account.add(film("Sintel"))
    follower = Follower(account)
    [(id_, _)] = account.service.library
    row = {"id": int(id_), "filename": "Sintel", "statusCode": 4}
    body = {"status": "success", "data": {"magnets": [row]}}
    account.service.faults.add(Fault("wrong_type", times=2, body=body))
    assert follower.look().complete
    assert follower.look().complete
    assert follower.known[id_].name == "Sintel"


def test_planks_many_shows_are_asked_again_a_few_at_a_time(open_account: Open) -> None:
    account = open_account("plank")
    episode = SimFile("S01E01.mp4", VIDEO, season=1, episode=1, title="One")
    for number in range(30):
        show = SimMagnet(f"Show {number}", [episode], kind="show", title=f"Show {number}")
        account.add(show)
    follower = Follower(account)
    follower.look()
    before = {id_: magnet.fingerprint for id_, magnet in follower.known.items()}
    store = account.store
    assert isinstance(store, plank.Plank)
    later = store._now() + 2 * plank.store.RECHECK_COMPLETE
    store._now = lambda: later
    follower.look()
    changed = [id_ for id_, magnet in follower.known.items() if magnet.fingerprint != before[id_]]
    assert len(changed) == plank.store.RECHECKED
    follower.look()
    assert len(follower.known) == 30
