"""Small things by key: in folders and in a database alike."""

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from davstore.catalog import Kept, is_server, rooms
from davstore.dav.access.patience import OF_A_NAME, Patience
from davstore.dav.keeping.keeping import Index, Keep, in_folder
from davstore.dav.keeping.locks import DeadProperties, Locks
from davstore.dav.keeping.refused_writes import RefusedWrites
from davstore.dav.writing.noise import Noise
from tests.clock import Clock


@pytest.fixture
def keep(engine: sa.Engine, tmp_path: Path, clock: Clock) -> Keep:
    """In a folder with SQLite, in the database with the other: as a server has it."""
    if not is_server(engine):
        return in_folder(tmp_path)
    return lambda name, room_for: Kept(engine, name, room_for=room_for)


@pytest.mark.parametrize(
    "value",
    [1, "ä\N{DOUBLE EXCLAMATION MARK}", b"\0\xff", [1, "a"], {"a": b"x", "b": {"c": 1.5}}, None],
)
def test_what_is_set_is_had(keep: Keep, value: Any) -> None:
    kept = keep("here", None)
    kept.set("key", value)
    kept.set(("anna", "/path"), value)
    assert keep("here", None).get("key", "nothing") == value
    assert ("anna", "/path") in kept
    assert keep("elsewhere", None).get("key", "nothing") == "nothing"
    assert kept.delete("key")
    assert not kept.delete("key")
    assert kept.get("key") is None


def test_a_mapping(keep: Keep) -> None:
    index = Index(keep("here", None))
    index["b"], index["a"] = [1], [2]
    assert dict(index.items()) == {"a": [2], "b": [1]}
    assert sorted(index) == ["a", "b"]
    assert len(index) == 2
    del index["a"]
    with pytest.raises(KeyError):
        index["a"]
    with pytest.raises(KeyError):
        del index["a"]
    assert index.pop("a", None) is None


def test_what_expires_is_gone(engine: sa.Engine, clock: Clock) -> None:
    kept = Kept(engine, "here", now=clock)
    kept.set("short", 1, expire=60)
    kept.set("long", 2)
    clock.time += 59
    assert kept.get("short") == 1
    clock.time += 2
    assert kept.get("short") is None
    assert "short" not in kept
    assert (list(kept), len(kept), kept.items()) == (["long"], 1, [("long", 2)])
    assert rooms(engine) == ["here"]


def test_what_was_used_longest_ago_gives_way(engine: sa.Engine, clock: Clock) -> None:
    kept = Kept(engine, "here", room_for=2500, now=clock)
    for at in range(3):
        clock.time += 1
        kept.set(f"{at}", "x" * 1000)
        kept.get("0")
    assert list(kept) == ["0", "2"]


def test_steps_of_a_transaction_are_one(keep: Keep) -> None:
    """Many add one to a number that all know."""

    def add() -> None:
        kept = keep("here", None)
        for _ in range(10):
            with kept.transact(retry=True), kept.transact(retry=True):
                kept.set("sum", kept.get("sum", 0) + 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keep("here", None).get("sum") == 40


def lock(locks: Locks, path: str, **changes: Any) -> Any:
    wanted = {"scope": "exclusive", "type": "write", "depth": "infinity", "timeout": 100,
              "owner": b"<D:owner/>", "root": path, "principal": "anna", **changes}  # fmt: skip
    return locks._generate_lock(
        wanted["principal"], wanted["type"], wanted["scope"], wanted["depth"],
        wanted["owner"], path, wanted["timeout"],
    )  # fmt: skip


def test_a_lock_of_one_is_known_to_another_and_ends_at_a_third(keep: Keep) -> None:
    one, other, third = (Locks(keep("locks", None)) for _ in range(3))
    token = lock(one, "/share/Sintel")["token"]
    assert other.is_token_locked_by_user(token, "anna")
    assert other.is_url_locked("/share/Sintel")
    assert [each["token"] for each in other.get_url_lock_list("/share/Sintel")] == [token]
    assert other.get_url_lock_list("/share/Sintel")[0]["owner"] == b"<D:owner/>"
    third.release(token)
    assert not one.is_url_locked("/share/Sintel")


def test_properties_are_moved_with_what_they_are_of(keep: Keep) -> None:
    one, other = (DeadProperties(keep("properties", None)) for _ in range(2))
    one.write_property("/share/Films/", "{x}a", b"<a/>")
    one.write_property("/share/Films/Sintel", "{x}b", b"<b/>")
    other.move_properties("/share/Films/", "/share/More/")
    assert one.get_properties("/share/Films/") == []
    assert one.get_property("/share/More/", "{x}a") == b"<a/>"
    assert one.get_property("/share/More/Sintel", "{x}b") == b"<b/>"


def test_notes_and_refusals_are_everybodys(keep: Keep) -> None:
    one, other = Noise(keep), Noise(keep)
    one.put("anna", "/._a", b"\0x")
    found = other.get("anna", "/._a")
    assert found is not None
    assert found.data == b"\0x"
    assert other.get("berta", "/._a") is None
    RefusedWrites(keep("refusals", None)).note("anna", "/a/")
    with pytest.raises(Exception, match="403"):
        RefusedWrites(keep("refusals", None)).check_delete("anna", "/a")


def test_failed_logins_are_counted_together(keep: Keep) -> None:
    one, other = (Patience(lambda: 1000.0, keep("logins", 2**20)) for _ in range(2))
    for _ in range(OF_A_NAME.limit):
        one.failed("10.0.0.1", "anna")
    assert other.wait("10.0.0.1", "anna")
