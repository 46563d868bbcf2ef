from typing import Any
from urllib.parse import quote

import pytest

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.simulator.plank_login import Profile
from tests.simulator.asking import Asking

FILM = SimMagnet("Sintel", [SimFile("Sintel.mp4", Content.random("sintel", 200_000))],
                 title="Sintel", year=2010)  # fmt: skip
MKV = SimMagnet("Bunny", [SimFile("Bunny.mkv", Content.random("bunny", 90_000))], title="Bunny")
SHOW = SimMagnet("Caminandes", [
    SimFile(f"Caminandes {number}.mp4", Content.random(f"c{number}", 1000 * number),
            season=1, episode=number)
    for number in (1, 2)
], kind="show", title="Caminandes", year=2013)  # fmt: skip


@pytest.fixture(params=["old", "new"])
def generation(request: pytest.FixtureRequest, sim: Simulator) -> str:
    sim.plank.generation = request.param
    return str(request.param)


def stranger(sim: Simulator) -> Asking:
    return Asking(sim.plank, sim.plank.url)


def member(sim: Simulator, profile: Profile | None = None) -> Asking:
    session = sim.plank.login.new_session(profile or sim.plank.profiles[0])
    cookie = f"better-auth.session_token={quote(session, safe='')}"
    return Asking(sim.plank, sim.plank.url, Cookie=cookie)


def sign_in(sim: Simulator, password: str) -> Any:
    body = {"email": sim.plank.email, "password": password}
    return stranger(sim)("POST", "/api/auth/sign-in/email", json=body)


def test_signing_in_sets_the_cookie(sim: Simulator) -> None:
    answer = sign_in(sim, sim.plank.password)
    name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    assert (answer.status_code, name) == (200, "better-auth.session_token")
    assert value.startswith(answer.json()["token"] + ".")
    assert "/" not in value


def test_a_wrong_password_is_401_with_a_code(sim: Simulator) -> None:
    answer = sign_in(sim, "wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")


def test_without_a_session_everything_is_a_plain_text_401(sim: Simulator) -> None:
    for path in ("/api/media", "/api/media/x/stream"):
        answer = stranger(sim).get(path)
        assert (answer.status_code, answer.text) == (401, "Unauthorized")


def test_pages_that_are_no_api_lead_to_the_login(sim: Simulator) -> None:
    answer = stranger(sim).get("/library")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


def test_a_new_session_has_no_profile(sim: Simulator, generation: str) -> None:
    cookie = sign_in(sim, sim.plank.password).headers["Set-Cookie"].partition(";")[0]
    answer = Asking(sim.plank, sim.plank.url, Cookie=cookie).get("/api/media")
    assert answer.status_code == {"old": 400, "new": 403}[generation]
    assert "profile" in answer.json()["message"]


def test_choosing_a_profile_needs_an_origin(sim: Simulator) -> None:
    cookie = sign_in(sim, sim.plank.password).headers["Set-Cookie"].partition(";")[0]
    client = Asking(sim.plank, sim.plank.url, Cookie=cookie)
    (profile,) = client.get("/api/auth/organization/list").json()
    body = {"organizationId": profile["id"]}
    path = "/api/auth/organization/set-active"
    assert client("POST", path, json=body).status_code == 403
    origin = {"Origin": sim.plank.url}
    assert client("POST", path, json=body, headers=origin).status_code == 200
    assert client.get("/api/media").json() == []
    session = client.get("/api/auth/get-session").json()["session"]
    assert session["activeOrganizationId"] == profile["id"]


def test_a_session_that_is_none_is_null(sim: Simulator) -> None:
    answer = stranger(sim).get("/api/auth/get-session")
    assert (answer.status_code, answer.json()) == (200, None)


def test_profiles_have_libraries_of_their_own(sim: Simulator) -> None:
    kids = Profile("kids-id", "Kids")
    sim.plank.profiles.append(kids)
    sim.plank.add(FILM)
    bunny = sim.plank.add(MKV, profile="Kids")
    assert [row["id"] for row in member(sim, kids).get("/api/media").json()] == [bunny]
    assert member(sim).get(f"/api/media/{bunny}").status_code == 404


def test_a_film_is_a_row_with_fractions(sim: Simulator, generation: str) -> None:
    sim.plank.add(FILM)
    (row,) = member(sim).get("/api/media").json()
    assert (row["type"], row["status"], row["progress"]) == ("movie", "complete", 1)
    assert row["filePath"] == "./data/library/Sintel (2010)/Sintel (2010).mp4"
    assert isinstance(row["genres"], str)


def test_documented_rows_have_other_words_and_percentages(sim: Simulator) -> None:
    sim.plank.odd.add("documented")
    sim.plank.add(FILM)
    (row,) = member(sim).get("/api/media").json()
    assert (row["status"], row["progress"]) == ("completed", 100)


def test_shows_differ_by_generation(sim: Simulator, generation: str) -> None:
    show = sim.plank.add(SHOW)
    client = member(sim)
    kinds = [row["type"] for row in client.get("/api/media").json()]
    assert kinds == {"old": ["tv"], "new": ["show", "episode", "episode"]}[generation]
    (season,) = client.get(f"/api/media/{show}/seasons").json()
    paths = [episode["filePath"] for episode in season["episodes"]]
    assert paths[0] == "./data/library/Caminandes (2013)/Season 01/Caminandes 1.mp4"
    assert (paths[-1] is None) == (generation == "old")


def test_a_film_has_no_seasons(sim: Simulator, generation: str) -> None:
    film = sim.plank.add(FILM)
    assert member(sim).get(f"/api/media/{film}/seasons").status_code == 400


def test_episodes_are_streamed_as_each_generation_has_it(sim: Simulator, generation: str) -> None:
    show = sim.plank.add(SHOW)
    client = member(sim)
    (season,) = client.get(f"/api/media/{show}/seasons").json()
    episode = season["episodes"][1]["id"]
    old = client.get(f"/api/media/{show}/stream", episodeId=episode)
    new = client.get(f"/api/media/{episode}/stream")
    right, wrong = (old, new) if generation == "old" else (new, old)
    assert right.content == SHOW.files[1].content.read(0, 2000)
    assert wrong.status_code in {400, 404}
    assert client.get(f"/api/media/{show}/stream").status_code == 400


@pytest.mark.parametrize(
    ("asked", "status"),
    [("bytes=10-19", 206), ("bytes=199990-", 206), ("bytes=10-19,30-39", 206),
     ("bytes=-5", 416), ("bytes=200000-", 416), ("bytes=x", 416), ("bytes=9-5", 500)],
)  # fmt: skip
def test_ranges_are_as_plank_reads_them(sim: Simulator, asked: str, status: int) -> None:
    film = sim.plank.add(FILM)
    answer = member(sim)("GET", f"/api/media/{film}/stream", headers={"Range": asked})
    assert answer.status_code == status
    if status == 206:
        assert len(answer.content) == 10
    assert ("Content-Range" in answer.headers) == (status == 206)


def test_an_mkv_is_remuxed_or_refused(sim: Simulator, generation: str) -> None:
    film = sim.plank.add(MKV)
    path = f"/api/media/{film}/stream"
    answer = member(sim)("GET", path, headers={"Range": "bytes=5-9"})
    if generation == "new":
        assert answer.status_code == 503
        return
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert "Content-Length" not in answer.headers
    assert member(sim)("HEAD", path).headers["Content-Length"] == "90000"


def test_what_is_not_there_yet_is_202(sim: Simulator) -> None:
    film = sim.plank.add(SimMagnet("x", FILM.files, status="downloading"))
    answer = member(sim).get(f"/api/media/{film}/stream")
    assert (answer.status_code, "buffering" in answer.json()["message"]) == (202, True)


def test_positions_are_kept(sim: Simulator) -> None:
    film = sim.plank.add(FILM)
    client, path = member(sim), f"/api/media/{film}/position"
    assert client.get(path).json() == {"position": 0, "duration": None}
    assert client("PUT", path, json={"position": 12.5, "duration": 60}).status_code == 204
    assert client.get(path).json() == {"position": 12.5, "duration": 60}
    assert client("PUT", path, json={"position": -1}).status_code == 400


def test_fail_gives_planks_own_answer(sim: Simulator) -> None:
    film = sim.plank.add(FILM)
    client = member(sim)
    sim.plank.fail(202, path="/stream")
    assert client.get(f"/api/media/{film}/stream").status_code == 202
    sim.plank.fail(401)
    assert client.get("/api/media").text == "Unauthorized"


def test_a_stream_can_be_cut(sim: Simulator) -> None:
    film = sim.plank.add(FILM)
    sim.plank.faults.add(Fault("short_length", path="/stream", by=10))
    assert len(member(sim).get(f"/api/media/{film}/stream").content) == FILM.size - 10


def test_expired_sessions_are_none(sim: Simulator) -> None:
    client = member(sim)
    sim.plank.login.expire_sessions()
    assert client.get("/api/media").status_code == 401


def test_names_beyond_latin_1_can_break_the_stream(sim: Simulator) -> None:
    film = sim.plank.add(SimMagnet("x", FILM.files, title="小さな"))
    assert member(sim).get(f"/api/media/{film}/stream").status_code == 200
    sim.plank.odd.add("unicode_500")
    assert member(sim).get(f"/api/media/{film}/stream").status_code == 500


def test_what_was_begun_is_being_watched_until_nearly_its_end(sim: Simulator) -> None:
    client, moments = member(sim), iter(range(1000, 9000, 60))
    sim.plank.clock = lambda: next(moments)
    film = SimMagnet("Sintel", [SimFile("Sintel.mp4", Content.of(b"x"))], title="Sintel")
    ids = [sim.plank.add(film) for _ in range(2)]
    for id_ in ids:
        client("PUT", f"/api/media/{id_}/position", json={"position": 94, "duration": 100})
    rows = client.get("/api/media/continue-watching").json()
    assert [row["id"] for row in rows] == ids[::-1]
    assert rows[0]["lastPlayedAt"] > rows[1]["lastPlayedAt"]
    client("PUT", f"/api/media/{ids[0]}/position", json={"position": 95, "duration": 100})
    assert len(client.get("/api/media/continue-watching").json()) == 1


def test_a_search_needs_two_letters_and_knows_wildcards(sim: Simulator) -> None:
    client = member(sim)
    for title in ("Sintel", "Spring"):
        sim.plank.add(SimMagnet(title, [], title=title))
    counts = {"s": 0, "SINT": 1, "s%g": 1, "%%": 2, "xx": 0, "_pring": 1}
    for words, count in counts.items():
        rows = client.get("/api/media/search", q=words).json()
        assert len(rows) == count, words
    assert rows[0].keys() >= {"id", "title", "type", "year"}
