"""Users: what each sees and may do, where they come from, and what failing costs."""

import base64
import http.client
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import bcrypt
import pytest
import requests
from argon2 import PasswordHasher
from werkzeug.test import Client, TestResponse

from davstore.config import User
from davstore.dav import Site, Users
from davstore.dav.access.patience import Patience
from davstore.model import Snapshot
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.dav.shelves import ADDED, folder, leaf, never_opened
from tests.serving import Serving, serving

FILM = "/{}/magnets/film/film.mkv"
ONLY_RD = {"name": "berta", "password": "b", "accounts": ["realdebrid"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("people")
    every = ["read", "add", "delete"]
    with Simulator() as sim:
        for service in (sim.realdebrid, sim.alldebrid):
            service.add(
                SimMagnet("film", files=[SimFile("film.mkv", Content.random("f", 5000))],
                          added=ADDED)
            )  # fmt: skip
        users = [
            {"name": "anna", "password": "a", "rights": every},
            ONLY_RD,
            {"name": "carl", "password": "c", "accounts": ["scratch"], "rights": ["read", "add"]},
            {"name": "anonymous", "accounts": ["alldebrid"]},
        ]
        shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
        accounts = ("realdebrid", "alldebrid")
        with serving(sim, folder, accounts=accounts, users=users, shares=shares) as s:
            yield s


def ask(
    served: Serving, login: str, method: str, path: str, body: bytes = b"", **headers: str
) -> requests.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    if login:
        named["Authorization"] = basic(login)
    return served.request(method, quote(path), data=body, headers=named)


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.mark.parametrize(
    ("login", "seen"),
    [
        ("anna:a", {"realdebrid", "alldebrid", "scratch"}),
        ("berta:b", {"realdebrid"}),
        ("carl:c", {"scratch"}),
        ("", {"alldebrid"}),
    ],
)
def test_each_sees_their_own(served: Serving, login: str, seen: set[str]) -> None:
    listed = ask(served, login, "PROPFIND", "/", Depth="1").text
    page = ask(served, login, "GET", "/").text
    for name in ("realdebrid", "alldebrid", "scratch"):
        assert (f"/{name}/<" in listed) == (name in seen)
        assert (f"/{name}/" in page) == (name in seen)
        status = 207 if name in seen else 404
        assert ask(served, login, "PROPFIND", f"/{name}/", Depth="0").status_code == status


@pytest.mark.parametrize("method", [
    "OPTIONS", "GET", "HEAD", "PROPFIND", "PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH",
    "LOCK", "UNLOCK", "POST",
])  # fmt: skip
@pytest.mark.parametrize("rest", ["", "/", "/x", "/magnets/film/film.mkv", "/._x", "/x/y"])
def test_what_is_not_seen_answers_as_what_does_not_exist(
    served: Serving, method: str, rest: str
) -> None:
    ask(served, "anna:a", "PUT", "/scratch/x", b"secret")
    target = "/elsewhere"
    expected = ask(served, "berta:b", method, f"/nowhere{rest}", Depth="0", Destination=target)
    for name in ("alldebrid", "scratch", "SCRATCH"):
        answer = ask(served, "berta:b", method, f"/{name}{rest}", Depth="0", Destination=target)
        assert answer.status_code == expected.status_code
        assert answer.headers.keys() == expected.headers.keys()
        assert answer.text.replace(name, "nowhere")[:200] == expected.text[:200]


def test_rights_are_kept(served: Serving) -> None:
    assert ask(served, "carl:c", "PUT", "/scratch/c.nfo", b"x").status_code == 201
    assert ask(served, "carl:c", "DELETE", "/scratch/c.nfo").status_code == 403
    moved = ask(served, "carl:c", "MOVE", "/scratch/c.nfo", Destination="/scratch/d.nfo")
    assert moved.status_code == 403
    ask(served, "anna:a", "PUT", "/scratch/d.nfo", b"y")
    over = ask(served, "carl:c", "COPY", "/scratch/c.nfo", Destination="/scratch/d.nfo")
    assert over.status_code == 403
    assert ask(served, "anna:a", "DELETE", "/scratch/c.nfo").status_code == 204


def test_a_wrong_login_is_not_anonymous(served: Serving) -> None:
    assert ask(served, "", "GET", FILM.format("alldebrid")).status_code == 200
    assert ask(served, "anna:wrong", "GET", FILM.format("alldebrid")).status_code == 401
    assert ask(served, "nobody:x", "GET", FILM.format("alldebrid")).status_code == 401


def test_the_same_connection_has_the_same_eyes_only_for_the_same_login(served: Serving) -> None:
    """A file just read is answered again without a look at the login: never to another one."""
    place = urlsplit(served.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    path = FILM.format("realdebrid")

    def status(login: str) -> int:
        headers = {"Range": "bytes=0-9", **({"Authorization": basic(login)} if login else {})}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    assert [status(who) for who in ("anna:a", "anna:a", "carl:c", "anna:a", "", "berta:b")] == [
        206, 206, 404, 206, 404, 206,
    ]  # fmt: skip
    connection.close()


def site(users: list[User], file: Path | None = None, patience: Patience | None = None) -> Client:
    snapshot = Snapshot("acc", folder("magnets", [leaf("a.mkv")]), ADDED)
    return Client(Site(["acc"], lambda _: snapshot, never_opened, Users(users, file, patience)))


def head(client: Client, login: str, address: str = "10.0.0.1") -> TestResponse:
    headers = {"Authorization": basic(login)}
    return client.head("/acc/", headers=headers, environ_overrides={"REMOTE_ADDR": address})


def user(name: str, password: str | None, **more: Any) -> User:
    return User.model_validate({"name": name, "password": password, **more})


def test_users_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"

    def write(passwords: Mapping[str, str]) -> None:
        hashed = {
            n: bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(4)) for n, p in passwords.items()
        }
        lines = [f"{name}:{stored.decode()}" for name, stored in hashed.items()]
        file.write_text("\n".join(["# ours", "old:{SHA}abc=", *lines]))

    write({"dora": "d", "emil": "long" * 30, "fred": "f"})
    client = site([user("fred", None, accounts=["none"])], file)
    assert head(client, "dora:d").status_code == 200
    assert head(client, "emil:" + "long" * 30).status_code == 200
    assert head(client, "dora:x").status_code == 401
    assert head(client, "old:abc").status_code == 401
    assert head(client, "fred:f").status_code == 404
    write({"dora": "new one"})
    assert head(client, "dora:d").status_code == 401
    assert head(client, "dora:new one").status_code == 200
    assert head(client, "fred:f").status_code == 401
    file.unlink()
    assert head(client, "dora:new one").status_code == 200


def test_who_fails_often_has_to_wait_but_the_owner_has_not() -> None:
    now = [1000.0]
    patience = Patience(lambda: now[0])
    client = site([user("anna", PasswordHasher(time_cost=1).hash("a"))], patience=patience)
    assert head(client, "anna:a").status_code == 200
    said = [head(client, f"anna:{number}").status_code for number in range(7)]
    assert said == [401] * 5 + [429] * 2
    late = head(client, "anna:9")
    assert 0 < int(late.headers["Retry-After"]) <= 60
    assert head(client, "anna:a").status_code == 200
    assert patience.count == 5
    other = site([user("anna", "a")], patience=patience)  # one that remembers no login
    assert head(other, "anna:a").status_code == 429
    assert head(other, "anna:a", "10.0.0.2").status_code == 200
    now[0] += 61
    assert head(other, "anna:a").status_code == 200


def test_guessing_names_has_an_end_too() -> None:
    patience = Patience(lambda: 0.0)
    for number in range(60):
        patience.failed("2001:db8::1", f"name {number}")
    assert patience.wait("2001:db8::2", "other") > 0
    assert patience.wait("2001:db9::1", "other") == 0
    for number in range(10_000):
        patience.failed(f"10.0.{number // 256}.{number % 256}", "x")
    assert len(patience._failures) <= 4096
