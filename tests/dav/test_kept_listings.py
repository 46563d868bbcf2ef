"""Listings that are kept: what changed is made anew, and nothing else."""

import gzip
import io
import random
import threading

import pytest

from davstore.dav.keeping.sized_cache import SizedCache
from davstore.dav.listing import listing
from davstore.dav.listing.listing import Listing
from davstore.dav.listing.multistatus import row
from davstore.dav.listing.prepared import LONGEST
from davstore.model import Entry, Folder
from tests.dav.shelves import RCLONE, folder, leaf


def say(answering: Listing, of: Folder, body: bytes = RCLONE, coding: str = "gzip") -> bytes:
    environ = {
        "HTTP_DEPTH": "1",
        "HTTP_ACCEPT_ENCODING": coding,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    said = b"".join(answering(environ, lambda *_: print, "/a%20b/", of))
    return gzip.decompress(said) if coding else said


@pytest.mark.parametrize("room", [0, 400_000, listing.ROOM])
def test_after_any_history_of_changes_the_listing_is_as_if_it_were_new(room: int) -> None:
    draw = random.Random(7)
    entries: list[Entry] = [leaf(f"{number} é.mkv") for number in range(700)]
    kept = Listing(room)
    for step in range(20):
        for _ in range(draw.choice([0, 1, 1, 3])):
            place = draw.randrange(len(entries))
            match draw.choice(["add", "remove", "change"]):
                case "add":
                    entries.insert(place, folder(f"new {step} {place}"))
                case "remove":
                    del entries[place]
                case "change":
                    entries[place] = leaf(entries[place].name, step)
        of = folder("x", entries)
        for body, coding in ((RCLONE, "gzip"), (RCLONE, ""), (b"", "gzip")):
            assert say(kept, of, body, coding) == say(Listing(), of, body, "")


def test_what_did_not_change_is_not_prepared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(entry: Entry) -> tuple[object, ...]:
        made.append(entry.name)
        return row(entry)

    monkeypatch.setattr("davstore.dav.listing.prepared.row", counted)
    entries = [leaf(f"{number}.mkv") for number in range(5000)]
    kept = Listing()
    say(kept, folder("x", entries))
    say(kept, folder("x", entries), b"")
    assert len(made) == 5000
    say(kept, folder("x", [leaf("first.mkv"), *entries]))
    assert len(made) <= 5000 + 2 * LONGEST


def test_entries_that_were_made_anew_but_say_the_same_are_not_prepared_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def counted(entry: Entry) -> tuple[object, ...]:
        made.append(entry.name)
        return row(entry)

    monkeypatch.setattr("davstore.dav.listing.prepared.row", counted)

    def entries(size: int) -> list[Entry]:
        return [
            folder(f"{number}") if number % 2 else leaf(f"{number}", size if number == 2 else 7)
            for number in range(5000)
        ]

    kept = Listing()
    say(kept, folder("x", entries(7)))
    said = say(kept, folder("x", entries(8)))
    assert said == say(Listing(), folder("x", entries(8)))
    assert len(made) <= 2 * 5000 + LONGEST


def test_many_who_ask_at_once_get_the_same_and_it_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def counted(entry: Entry) -> tuple[object, ...]:
        made.append(entry.name)
        return row(entry)

    monkeypatch.setattr("davstore.dav.listing.prepared.row", counted)
    kept, of = Listing(), folder("x", [leaf(f"{number}.mkv") for number in range(3000)])
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(say(kept, of))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert len(answers) == 8
    assert len(made) == 3000


class Weight:
    def __init__(self, size: int) -> None:
        self.size = size


def test_the_store_keeps_what_was_used_last_within_its_room() -> None:
    kept: SizedCache[str, Weight] = SizedCache(10)
    first, second, third = Weight(4), Weight(4), Weight(5)
    kept.put("a", first)
    kept.put("b", second)
    assert kept.get("a") is first
    kept.put("c", third)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (first, None, third)
    kept.put("c", Weight(11))
    assert kept.get("c") is None
