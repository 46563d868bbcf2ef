"""Digest logins: what is let in, and what only looks like it."""

import re
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from davstore.config import User
from davstore.dav import Site, Users
from davstore.dav.digest import NONCE_SECONDS
from davstore.dav.patience import Patience
from davstore.dav.people import digest_of, md5_hex
from davstore.model import Snapshot
from tests.dav.shelves import ADDED, folder, leaf, never_opened

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
        offered = self.client.head("/acc/").headers.getlist("WWW-Authenticate")
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
