"""What is peculiar to Plank, in both its generations."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
import requests
from pydantic import ValidationError

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import File, Magnet, Status, Work
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.simulator.plank_login import Profile
from davstore.stores import plank
from davstore.stores.base import Means
from davstore.stores.plank import Plank, Settings
from tests.stores.conftest import Account, Open

pytestmark = pytest.mark.usefixtures("unpaced")

SINTEL = SimMagnet(
    "Sintel", [SimFile("Sintel.mp4", Content.random("sintel", 5000))], title="Sintel", year=2010
)
BUNNY = SimMagnet("Bunny", [SimFile("Bunny.mkv", Content.random("bunny", 900))], title="Bunny")
EPISODES = [
    SimFile(f"Caminandes {number}.mp4", Content.random(f"c{number}", 1000 * number),
            season=1, episode=number)
    for number in (1, 2)
]  # fmt: skip
SHOW = SimMagnet("Caminandes", EPISODES, kind="show", title="Caminandes", year=2013)
KIDS = Profile("kids-id", "Kids")
URL = "http://plank.lan:3300"


@pytest.fixture(params=["old", "new"])
def account(request: pytest.FixtureRequest, sim: Simulator, open_account: Open) -> Account:
    sim.plank.generation = request.param
    return open_account("plank")


def files(account: Account) -> tuple[File, ...]:
    [(_, found)] = account.store.files(account.magnets())
    assert isinstance(found, tuple), found
    return found


def answer(account: Account, body: Any, path: str = "/api/media") -> None:
    account.service.faults.add(Fault("wrong_type", path, None, body=body))


def token(sim: Simulator, profile: Profile | None = None) -> dict[str, object]:
    """Keys of a configuration with a session's token instead of the password."""
    session = quote(sim.plank.login.new_session(profile), safe="")
    return {"token": session, "email": None, "password": None}


# The login


@pytest.mark.parametrize("keys", [{}, {"email": "ada@example.com"}, {"password": "pw"}])
def test_half_a_login_is_refused_with_its_cure(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give email and password, or token"):
        Settings.model_validate({"store": "plank", "url": URL, **keys})


def test_signing_in_happens_once(account: Account) -> None:
    for _ in range(3):
        account.magnets()
    assert account.service.count("sign-in") == 1


def test_a_secure_cookie_is_sent_over_plain_http_too(sim: Simulator, account: Account) -> None:
    sim.plank.odd.add("secure_cookie")
    assert account.names() == []


def test_an_ended_session_is_renewed_unnoticed(account: Account) -> None:
    account.add(SINTEL)
    assert account.names() == ["Sintel (2010)"]
    account.service.login.expire_sessions()
    assert account.names() == ["Sintel (2010)"]
    account.service.login.expire_sessions()
    assert account.store.account().user == "ada@example.com"


def test_many_who_find_the_session_ended_sign_in_once(account: Account) -> None:
    account.add(SINTEL)
    file = files(account)[0]
    account.service.login.expire_sessions()
    with ThreadPoolExecutor(8) as pool:
        links = list(pool.map(lambda _: account.store.link(file), range(8)))
    assert len({link.headers["Cookie"] for link in links}) == 1
    assert account.service.count("sign-in") == 2


def test_a_password_that_was_changed_meanwhile_is_told(account: Account) -> None:
    account.magnets()
    account.service.password = "another"
    account.service.login.expire_sessions()
    with pytest.raises(NotAuthorized, match="password is wrong"):
        account.magnets()


def test_a_profile_that_was_left_meanwhile_is_chosen_again(account: Account) -> None:
    account.magnets()
    for session in account.service.login._sessions.values():
        session.profile = None
    assert account.names() == []


def test_a_token_stands_for_a_login(sim: Simulator, open_account: Open) -> None:
    account = open_account("plank", **token(sim))
    account.add(SINTEL)
    assert account.names() == ["Sintel (2010)"]
    assert account.service.count("sign-in") == 0


def test_an_ended_token_asks_for_a_new_one(sim: Simulator, open_account: Open) -> None:
    account = open_account("plank", **token(sim))
    account.magnets()
    account.service.login.expire_sessions()
    for ask in (account.magnets, account.store.account):
        with pytest.raises(NotAuthorized, match="set a new one"):
            ask()


def test_a_token_goes_to_the_profile_that_is_configured(sim: Simulator, open_account: Open) -> None:
    sim.plank.profiles.append(KIDS)
    sim.plank.add(SINTEL)
    sim.plank.add(BUNNY, profile="Kids")
    account = open_account("plank", profile="Kids", **token(sim, sim.plank.profiles[0]))
    assert account.names() == ["Bunny"]


@pytest.mark.parametrize("wanted", ["Kids", "kids-id"])
def test_a_profile_is_chosen_by_name_or_id(sim: Simulator, open_account: Open, wanted: str) -> None:
    sim.plank.profiles.append(KIDS)
    sim.plank.add(SINTEL)
    sim.plank.add(BUNNY, profile="Kids")
    assert open_account("plank", profile=wanted).names() == ["Bunny"]


@pytest.mark.parametrize("keys", [{}, {"profile": "Guests"}])
def test_which_profile_is_not_guessed(
    sim: Simulator, open_account: Open, keys: dict[str, str]
) -> None:
    sim.plank.profiles.append(KIDS)
    account = open_account("plank", **keys)
    for _ in range(2):
        with pytest.raises(AccountProblem, match=r"set profile to one of: Home .*, Kids"):
            account.magnets()


def test_a_login_without_a_profile_is_told_so(sim: Simulator, open_account: Open) -> None:
    sim.plank.profiles.clear()
    with pytest.raises(AccountProblem, match="make one in Plank"):
        open_account("plank").magnets()


def test_an_address_that_is_no_plank_is_no_empty_library(
    sim: Simulator, open_account: Open
) -> None:
    account = open_account("plank", url=sim.host.url)
    with pytest.raises(UnexpectedReply, match="check url"):
        account.magnets()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("INVALID_ORIGIN", AccountProblem), ("INVALID_EMAIL", NotAuthorized)],
)
def test_what_the_login_says_is_understood(
    account: Account, code: str, kind: type[StoreError]
) -> None:
    body = f'{{"code": "{code}", "message": "Invalid"}}'
    account.service.faults.add(Fault("status", "sign-in", status=403, body=body))
    with pytest.raises(kind):
        account.magnets()


# The library


def test_movies_and_shows_are_magnets_and_episodes_are_not(account: Account) -> None:
    account.add(SINTEL)
    account.add(SHOW)
    assert account.names() == ["Caminandes (2013)", "Sintel (2010)"]


@pytest.mark.parametrize("word", ["complete", "completed", "ready"])
def test_a_movie_is_ready_by_any_of_its_words(account: Account, word: str) -> None:
    account.service.change(account.add(SINTEL), vendor_status=word)
    assert account.magnets()[0].status is Status.READY


@pytest.mark.parametrize("odd", [set(), {"documented"}])
def test_progress_is_a_percentage_in_either_form(account: Account, odd: set[str]) -> None:
    account.service.odd |= odd
    account.add(SimMagnet("Sintel", SINTEL.files, status="downloading", progress=42.0))
    assert account.magnets()[0].progress == pytest.approx(42.0)


def test_a_show_without_a_status_is_shown(account: Account) -> None:
    account.service.odd.add("null_show_status")
    account.add(SHOW)
    assert account.magnets()[0].status is Status.READY


def test_a_rows_nonsense_costs_no_other(account: Account) -> None:
    good = {"id": "a", "type": "movie", "title": "Sintel", "year": "2010", "status": "complete"}
    answer(account, [good, good, {"id": "b"}, {"id": None, "type": "movie"}, 7, {}])
    found = list(account.store.magnets())
    assert [row.name for row in found if isinstance(row, Magnet)] == ["Sintel (2010)"]
    assert [row.id for row in found] == ["a", "b", None, None, None]


def test_a_new_episode_changes_what_a_show_looks_like(sim: Simulator, open_account: Open) -> None:
    sim.plank.generation = "new"
    account = open_account("plank")
    id_ = account.add(SimMagnet("Caminandes", EPISODES[:1], kind="show"))
    before = account.magnets()[0].fingerprint
    assert account.magnets()[0].fingerprint == before
    account.service.change(id_, files=EPISODES)
    assert account.magnets()[0].fingerprint != before


def test_where_the_list_tells_no_episodes_shows_are_looked_at_again(sim: Simulator) -> None:
    time = [0.0]
    store = Plank("p", Settings.model_validate(sim.plank.settings), Means(now=lambda: time[0]))
    sim.plank.add(SHOW)
    before = [row.fingerprint for row in store.magnets() if isinstance(row, Magnet)]
    time[0] = plank.store.RECHECK_COMPLETE
    after = [row.fingerprint for row in store.magnets() if isinstance(row, Magnet)]
    store.close()
    assert before != after


# Files


def test_a_movie_is_one_file_of_unpromised_size(account: Account) -> None:
    account.add(SINTEL)
    [file] = files(account)
    assert (file.path, file.size) == ("Sintel (2010).mp4", None)


def test_a_movie_that_is_repacked_is_an_mp4(open_account: Open) -> None:
    account = open_account("plank")
    account.add(BUNNY)
    [file] = files(account)
    assert (file.path, file.mime, file.size) == ("Bunny.mp4", "video/mp4", None)


def test_what_the_newer_generation_will_not_play_is_left_out(
    sim: Simulator, open_account: Open
) -> None:
    sim.plank.generation = "new"
    account = open_account("plank")
    account.add(BUNNY)
    assert files(account) == ()


def test_episodes_with_a_file_stand_in_their_season(account: Account) -> None:
    account.add(SHOW)
    paths = [file.path for file in files(account)]
    assert paths == ["Season 01/Caminandes 1.mp4", "Season 01/Caminandes 2.mp4"]


def test_plank_says_what_everything_is(account: Account) -> None:
    account.add(SHOW)
    account.add(BUNNY)
    assert {magnet.work for magnet in account.magnets()} == {
        Work("show", "Caminandes", 2013), Work("movie", "Bunny"),
    }  # fmt: skip
    shown = dict(account.store.files(account.magnets()))
    numbers = {(f.season, f.episode) for found in shown.values() for f in found}  # type: ignore[union-attr]
    assert numbers >= {(1, 1), (1, 2)}


def test_a_word_that_nobody_knows_says_nothing(account: Account) -> None:
    answer(account, [{"id": "a", "type": "concert", "title": "Sintel", "status": "ready"}])
    assert [magnet.work for magnet in account.magnets()] == [None]


def test_the_bytes_of_an_episode_are_its_own(account: Account) -> None:
    account.add(SHOW)
    for file, episode in zip(files(account), EPISODES, strict=True):
        link = account.store.link(file)
        got = requests.get(link.url, headers=dict(link.headers), timeout=10).content
        assert got == episode.content.read(0, episode.size)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (r"D:\library\Sintel (2010)\Sintel.mp4", "Sintel.mp4"),
        ("./data/Sintel.webm", "Sintel.webm"),
        ("", "Sintel.mp4"),
        (None, "Sintel.mp4"),
    ],
)
def test_a_movies_name_is_the_end_of_its_path(
    account: Account, path: str | None, name: str
) -> None:
    movie = {"id": "a", "type": "movie", "title": "Sintel", "status": "ready", "filePath": path}
    answer(account, [movie])
    assert [file.path for file in files(account)] == [name]


def test_an_episode_without_numbers_and_name_is_still_a_file(account: Account) -> None:
    id_ = account.add(SHOW)
    episode = {"id": "e", "episodeNumber": None, "filePath": "library/"}
    answer(account, [{"seasonNumber": None, "episodes": [episode]}], f"{id_}/seasons")
    assert [file.path for file in files(account)] == ["Season 00/Caminandes S00E00.mp4"]


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 400}])
def test_a_show_at_which_plank_fails_costs_the_others_nothing(
    account: Account, fault: dict[str, int]
) -> None:
    id_ = account.add(SHOW)
    account.add(SINTEL)
    account.service.faults.add(Fault("status", f"{id_}/seasons", None, **fault))
    told = {magnet.name: found for magnet, found in account.store.files(account.magnets())}
    assert isinstance(told["Caminandes (2013)"], StoreUnavailable | UnexpectedReply)
    assert isinstance(told["Sintel (2010)"], tuple)


# Links


def test_a_link_carries_the_session_and_its_end(sim: Simulator) -> None:
    store = Plank("p", Settings.model_validate(sim.plank.settings), Means(now=lambda: 1000.0))
    sim.plank.add(SINTEL)
    [(_, found)] = store.files([row for row in store.magnets() if isinstance(row, Magnet)])
    assert isinstance(found, tuple)
    link = store.link(found[0])
    store.close()
    assert link.expires == 1000.0 + 12 * 3600
    assert link.headers["Cookie"].startswith("better-auth.session_token=")


def test_making_a_link_counts_as_no_playing(account: Account) -> None:
    id_ = account.add(SINTEL)
    account.store.link(files(account)[0])
    assert f"/api/media/{id_}" not in {call.path for call in account.service.calls}
    assert account.service.count("/stream") == 0


@pytest.mark.parametrize("magnet", [SINTEL, SHOW], ids=["movie", "show"])
def test_a_file_that_was_removed_is_gone(account: Account, magnet: SimMagnet) -> None:
    id_ = account.add(magnet)
    file = files(account)[0]
    account.service.remove(id_)
    with pytest.raises(Gone):
        account.store.link(file)
