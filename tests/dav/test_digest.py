"""Digest logins: what is let in, and what only looks like it."""

import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from davstore.config import User
from davstore.dav import Site, Users
from davstore.dav.access.digest import NONCE_SECONDS
from davstore.dav.access.patience import Patience
from davstore.dav.access.people import digest_of, md5_hex
from davstore.model import Snapshot
from tests.dav.shelves import ADDED, folder, leaf, never_opened
from tests.dav.test_people import basic

NAME = "änna"


class Visitor:
    """Somebody before a server of which they know the password of `NAME`."""

    def __init__(self) -> None:
        self.moment = [1_000_000.0]
        anna = {"name": NAME, "digest": digest_of(NAME, "a"), "password": "basic"}
        people = [User.model_validate(anna), User.model_validate({"name": "b", "password": "b"})]
        users = Users(people, patience=Patience(lambda: self.moment[0]))
        users.digest._now = lambda: self.moment[0]
        snapshot = Snapshot("acc", folder("magnets", [leaf("a.mkv")]), ADDED)
        self.client = Client(Site(["acc"], lambda _: snapshot, never_opened, users))
        self.nonce = self.new_nonce()

    def new_nonce(self) -> str:
        windows = {"User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045"}
        offered = self.client.head("/acc/", headers=windows).headers.getlist("WWW-Authenticate")
        assert [each.split()[0] for each in offered] == ["Digest", "Basic"]
        found = re.search('nonce="([^"]+)"', offered[0])
        assert found
        return found[1]

    def ask(
        self, path: str = "/acc/", *, method: str = "HEAD", word: str = "a", **changed: Any
    ) -> TestResponse:
        fields = {
            "username": NAME, "realm": "davstore", "nonce": self.nonce, "uri": path, "qop": "auth",
            "nc": "00000001", "cnonce": "x,y", "algorithm": "MD5",
        }  # fmt: skip
        name = changed.get("username", NAME)
        first = digest_of(name, word)
        fields |= changed
        second = md5_hex(f"{method}:{fields['uri']}")
        joined = ":".join([first, *(fields[k] for k in ("nonce", "nc", "cnonce", "qop")), second])
        fields = {"response": md5_hex(joined), **fields}
        text = ", ".join(
            f'{key}="{value.encode().decode("latin-1")}"' for key, value in fields.items()
        )
        return self.client.open(path, method=method, headers={"Authorization": f"Digest {text}"})


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


def test_the_right_password_is_let_in(visitor: Visitor) -> None:
    assert visitor.ask().status_code == 200
    assert visitor.ask("/acc/?q=a%2Cb", method="GET").status_code == 200
    assert visitor.ask(nc="00000002").status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "b"}, {"username": "nobody"}, {"uri": "/other/"}, {"uri": "/acc/?q=1"},
        {"realm": "other"}, {"qop": "auth-int"}, {"algorithm": "SHA-256"}, {"nc": ""},
        {"nonce": "1"}, {"nonce": "1000000-" + "0" * 32}, {"nonce": "-"}, {"nonce": "²-x"},
        {"nonce": "9" * 5000}, {"response": ""}, {"response": "é" * 32}, {"cnonce": ""},
        {"uri": ""},
    ],
)  # fmt: skip
def test_whatever_is_not_right_is_not(visitor: Visitor, changed: dict[str, str]) -> None:
    answer = visitor.ask(**changed)
    assert answer.status_code == 401
    assert "stale" not in str(answer.headers)


def test_a_wrong_password_is_slowed_down(visitor: Visitor) -> None:
    said = [visitor.ask(word=f"{number}").status_code for number in range(7)]
    assert said == [401] * 5 + [429] * 2
    assert visitor.ask().status_code == 429
    visitor.moment[0] += 61
    assert visitor.ask().status_code == 200


def test_who_was_right_here_before_is_let_in_beside_a_guesser(visitor: Visitor) -> None:
    assert visitor.ask().status_code == 200
    for number in range(7):
        visitor.ask(word=f"{number}")
    assert visitor.ask().status_code == 200


def test_an_old_nonce_is_replaced_without_asking_for_the_password(visitor: Visitor) -> None:
    visitor.moment[0] += NONCE_SECONDS + 1
    stale = visitor.ask()
    assert stale.status_code == 401
    assert "stale=true" in stale.headers.getlist("WWW-Authenticate")[0]
    assert "stale" not in str(visitor.ask(word="wrong").headers)
    visitor.nonce = visitor.new_nonce()
    assert visitor.ask().status_code == 200


def test_rubbish_is_a_401(visitor: Visitor) -> None:
    for text in ("Digest", "Digest x", 'Digest username="', "Digest " + ',"=' * 10_000):
        answer = visitor.client.head("/acc/", headers={"Authorization": text})
        assert answer.status_code == 401


def test_where_nobody_has_a_digest_none_is_offered() -> None:
    user = User.model_validate({"name": "b", "password": "b"})
    snapshot = Snapshot("acc", folder("magnets"), ADDED)
    client = Client(Site(["acc"], lambda _: snapshot, never_opened, Users([user])))
    offered = client.head("/", headers={"Authorization": 'Digest username="b"'})
    assert offered.headers.getlist("WWW-Authenticate") == ['Basic realm="davstore"']


def offered(client: Client, scheme: str = "http", **headers: str) -> list[str]:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    said = client.head("/", base_url=f"{scheme}://x/", headers=named)
    return [each.split()[0] for each in said.headers.getlist("WWW-Authenticate")]


def front_of(*people: dict[str, str]) -> Client:
    users = Users([User.model_validate(each) for each in people])
    snapshot = Snapshot("acc", folder("magnets"), ADDED)
    return Client(Site(["acc"], lambda _: snapshot, never_opened, users))


@pytest.mark.parametrize("changed", [{"username": "b"}, {"username": "nobody"}, {"word": "wrong"}])
def test_who_failed_with_a_digest_is_offered_basic_alone(
    visitor: Visitor, changed: dict[str, Any]
) -> None:
    """Clients prefer Digest, also for users who have none; who has one is not told apart."""
    answer = visitor.ask(**changed)
    assert answer.headers.getlist("WWW-Authenticate") == ['Basic realm="davstore"']
    assert visitor.new_nonce(), "the next one begins anew"


def test_who_was_let_in_by_basic_may_try_a_digest_first_each_time(visitor: Visitor) -> None:
    for _ in range(10):
        assert visitor.ask(username="b").status_code == 401
        right = visitor.client.head("/acc/", headers={"Authorization": basic("b:b")})
        assert right.status_code == 200


BASIC = {"name": "a", "password": "a"}
DIGEST = {"name": "b", "digest": digest_of("b", "b")}
BOTH = {**DIGEST, "password": "b"}


@pytest.mark.parametrize(
    ("people", "plain", "windows", "tls"),
    [
        ([BASIC], False, False, False),
        ([BASIC, BOTH], False, True, False),
        ([BOTH], True, True, False),
        ([DIGEST], True, True, True),
        ([BASIC, DIGEST], True, True, True),
    ],
)  # fmt: skip
def test_a_digest_is_offered_to_whom_it_helps(
    people: list[dict[str, str]],
    plain: bool,
    windows: bool,
    tls: bool,
) -> None:
    client = front_of(*people)
    agent = "Microsoft-WebDAV-MiniRedir/10.0.19045"
    both = ["Digest", "Basic"]
    assert offered(client) == (both if plain else ["Basic"])
    assert offered(client, User_Agent=agent) == (both if windows else ["Basic"])
    assert offered(client, "https") == (both if tls else ["Basic"])
