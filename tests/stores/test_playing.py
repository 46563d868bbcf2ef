"""What Plank knows of playing, in both its generations: positions, what was begun; its search."""

import pytest

from davstore.errors import Gone, StoreError, StoreUnavailable, UnexpectedReply
from davstore.model import File, Magnet, Position
from davstore.simulator import Fault, SimMagnet, Simulator
from davstore.stores.base import Changing
from davstore.stores.plank.playing import Begun, Continuing, Finding, Playing
from tests.stores.conftest import Account, Open
from tests.stores.test_plank import EPISODES, SHOW, SINTEL, answer

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture(params=["old", "new"])
def account(request: pytest.FixtureRequest, sim: Simulator, open_account: Open) -> Account:
    sim.plank.generation = request.param
    return open_account("plank")


def files(account: Account) -> dict[str, File]:
    magnets = account.magnets()
    found = {}
    for _, each in account.store.files(magnets):
        assert isinstance(each, tuple)
        found.update({file.path.rpartition("/")[2]: file for file in each})
    return found


def playing(account: Account) -> Playing:
    assert isinstance(account.store, Playing)
    return account.store


def begun(account: Account) -> tuple[Begun, ...]:
    assert isinstance(account.store, Continuing)
    return account.store.begun()


def find(account: Account, words: str) -> tuple[str, ...]:
    assert isinstance(account.store, Finding)
    return account.store.find(words)


# Positions


def test_what_was_never_played_is_at_its_beginning(account: Account) -> None:
    account.add(SINTEL)
    assert playing(account).position(files(account)["Sintel (2010).mp4"]) == Position(0.0)


def test_a_position_is_kept(account: Account) -> None:
    id_ = account.add(SINTEL)
    file = files(account)["Sintel (2010).mp4"]
    playing(account).move(file, Position(61.5, 888.0))
    assert playing(account).position(file) == Position(61.5, 888.0)
    assert account.service.playing.position(id_) == 61.5


def test_each_episode_has_a_position_of_its_own(account: Account) -> None:
    account.add(SHOW)
    one, two = (files(account)[episode.name] for episode in EPISODES)
    playing(account).move(two, Position(30.0, 90.0))
    assert playing(account).position(one) == Position(0.0)
    assert playing(account).position(two) == Position(30.0, 90.0)


def test_a_position_in_what_is_gone_is_told(account: Account) -> None:
    id_ = account.add(SINTEL)
    file = files(account)["Sintel (2010).mp4"]
    account.service.remove(id_)
    for ask in (playing(account).position, lambda f: playing(account).move(f, Position(1.0))):
        with pytest.raises(Gone):
            ask(file)


@pytest.mark.parametrize("position", ["x", -3, None])
def test_a_senseless_position_is_the_beginning(account: Account, position: object) -> None:
    account.add(SINTEL)
    file = files(account)["Sintel (2010).mp4"]
    answer(account, {"position": position, "duration": "y"}, "/position")
    assert playing(account).position(file) == Position(0.0)


@pytest.mark.parametrize(
    ("kind", "error"), [("html", UnexpectedReply), ("empty", StoreUnavailable)]
)
def test_rubbish_is_an_error(account: Account, kind: str, error: type[StoreError]) -> None:
    account.add(SINTEL)
    file = files(account)["Sintel (2010).mp4"]
    account.service.faults.add(Fault(kind, times=None))
    for ask in (lambda: playing(account).position(file), lambda: begun(account),
                lambda: find(account, "sintel")):  # fmt: skip
        with pytest.raises(error):
            ask()


# What is being watched


def test_what_was_begun_is_there_last_played_first(account: Account) -> None:
    now = [1000.0]
    account.service.clock = lambda: now[0]
    ids = [account.add(SINTEL), account.add(SimMagnet("Spring", SINTEL.files, title="Spring"))]
    account.add(SimMagnet("Charge", SINTEL.files, title="Charge"))
    for id_ in ids:
        now[0] += 60
        account.service.playing.play(id_, 10, 100)
    refs = {file.ref for file in files(account).values()}
    assert [each.magnet for each in begun(account)] == ids[::-1]
    assert {each.ref for each in begun(account)} < refs
    account.service.playing.play(ids[1], 96, 100)
    assert [each.magnet for each in begun(account)] == ids[:1]


def test_a_begun_episode_leads_to_its_file(sim: Simulator, open_account: Open) -> None:
    sim.plank.generation = "new"
    account = open_account("plank")
    id_ = account.add(SHOW)
    file = files(account)[EPISODES[1].name]
    playing(account).move(file, Position(5.0, 60.0))
    assert begun(account) == (Begun(id_, file.ref),)


def test_a_begun_show_leads_to_its_magnet(sim: Simulator, open_account: Open) -> None:
    account = open_account("plank")
    id_ = account.add(SHOW)
    account.service.playing.play(id_, 5, 60)
    assert begun(account) == (Begun(id_),)


def test_rows_that_make_no_sense_are_passed_over(account: Account) -> None:
    answer(account, [{}, 7, {"id": "a", "type": "movie"}], "continue-watching")
    assert begun(account) == (Begun("a", "/api/media/a/stream"),)


# The library


def test_the_library_is_searched_by_title(account: Account) -> None:
    ids = {account.add(SINTEL), account.add(SHOW)}
    assert find(account, "sint") == (account.service.library[-1][0],)
    assert find(account, "nothing such") == find(account, "100%") == ()
    assert set(find(account, "in")) | set(find(account, "cam")) == ids


def test_an_episode_that_is_found_is_its_show(account: Account) -> None:
    episode = {"id": "e1", "title": "x", "type": "episode", "parentId": "s"}
    rows = [episode, {"id": "s"}, episode]
    answer(account, rows, "/search")
    assert find(account, "xy") == ("s",)


# Downloads


def test_a_download_says_how_fast_it_is(account: Account) -> None:
    account.add(SimMagnet("Sintel", SINTEL.files, status="downloading", progress=42.0))
    account.add(SimMagnet("Spring", SINTEL.files))
    assert isinstance(account.store, Changing)
    rows = [row for row in account.store.changes("", {}).rows if isinstance(row, Magnet)]
    assert {(row.name, row.progress, row.speed) for row in rows if row.speed} == {
        ("Sintel", 42.0, 2_097_152)
    }
    assert account.service.count("/progress") == 1


def test_a_listing_is_good_without_the_speed(account: Account) -> None:
    account.add(SimMagnet("Sintel", SINTEL.files, status="downloading", progress=42.0))
    account.service.faults.add(Fault("html", "/progress", None))
    assert isinstance(account.store, Changing)
    [row] = account.store.changes("", {}).rows
    assert isinstance(row, Magnet)
    assert (row.progress, row.speed) == (42.0, None)
