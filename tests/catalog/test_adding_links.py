"""Links of file hosts in the queue: at their own pace, each kept, whatever fails and dies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from davstore.catalog.adding.adding import GATHERED, LINK_PAUSE, Adder
from davstore.catalog.adding.additions import State
from davstore.config import Database
from davstore.errors import Gone, RateLimited, Refused, StoreError, StoreUnavailable
from davstore.model import Saved
from davstore.wanted import Takes, of_hash, wanted
from tests.catalog.test_additions import HASHES, PAUSE, Bench, Killed, Service

TAKES = Takes(links=True, containers=True)
LINKS = [f"https://example.com/file/{word}.iso" for word in "abcdef"]


@dataclass
class Host(Service):
    """Keeps links too; `failing` is what it says of one."""

    kept: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)

    def take(self, links: Sequence[str], password: str = "") -> None:
        assert not password
        self.moments.append(self.clock())
        for link in links:
            if link in self.failing:
                raise self.failing.pop(link)
            self.kept.append(link)

    def inside(self, content: bytes) -> tuple[str, ...]:
        self.moments.append(self.clock())
        if content == b"none":
            raise Refused("rd", "makes nothing of this container")
        return (*content.decode().split(), "https://[makes no sense")

    def links(self) -> tuple[Saved, ...]:
        raise NotImplementedError

    def forget(self, saved: Saved) -> None:
        raise NotImplementedError


@dataclass
class Desk(Bench):
    """A bench whose service takes links."""

    looked: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = Host(self.clock)
        self.service = self.host
        self.restart()

    def restart(self) -> None:
        super().restart()
        self.adder = Adder(
            self.host, self.additions, known=lambda _: False, refresh=self.refresh,
            look=lambda: self.looked.append(self.clock()),
        )  # fmt: skip

    def put(self, name: str, content: str) -> None:
        data = content.encode()
        self.additions.put("rd", name, data, wanted(name, data, TAKES), "anna")

    def named(self) -> dict[str, State]:
        return {each.name: each.state for each in self.additions.waiting("rd")}


@pytest.fixture
def desk(tmp_path: Path, database: Database | None) -> Iterator[Desk]:
    return Desk(tmp_path, database)  # type: ignore[return-value]


def test_what_an_account_takes_is_known_of_its_store(desk: Desk) -> None:
    assert desk.adder.takes == TAKES
    assert Bench(desk.folder / "other").adder.takes == Takes()


def test_links_and_magnets_keep_a_pace_of_their_own(desk: Desk) -> None:
    desk.drop(*HASHES[:3])
    desk.put("links.txt", "\n".join(LINKS))
    desk.run(100)
    assert desk.host.kept == sorted(LINKS, key=desk.host.kept.index)
    assert set(desk.host.kept) == set(LINKS)
    assert all(b - a >= LINK_PAUSE for a, b in pairwise(desk.host.moments))
    assert desk.host.moments[-1] - desk.host.moments[0] < PAUSE, "they wait for no magnet"
    assert [b - a for a, b in pairwise(desk.host.asked)] == [PAUSE, PAUSE], "nor these for them"


def test_the_list_of_links_is_asked_for_once_where_several_were_added(desk: Desk) -> None:
    desk.put("links.txt", "\n".join(LINKS[:4]))
    desk.run(100)
    assert len(desk.looked) == 1
    assert desk.looked[0] - desk.host.moments[0] <= GATHERED + LINK_PAUSE
    assert desk.refreshed == 0, "no magnet was added"


@pytest.mark.parametrize("error", [Gone("rd", "not there"), Refused("rd", "not allowed")])
def test_what_will_never_be_taken_is_refused_and_delays_nothing(
    desk: Desk, error: StoreError
) -> None:
    desk.host.failing[LINKS[0]] = error
    desk.put("links.txt", "\n".join(LINKS[:2]))
    desk.drop(HASHES[0])
    desk.run(10)
    assert desk.named() == {"a.iso": State.REFUSED, "b.iso": State.ADDED, "Film a": State.ADDED}


def test_a_link_that_fails_waits_alone(desk: Desk) -> None:
    desk.host.failing[LINKS[0]] = StoreUnavailable("rd", "its host is down")
    desk.put("links.txt", "\n".join(LINKS[:2]))
    desk.run(5)
    assert desk.named() == {"a.iso": State.WAITING, "b.iso": State.ADDED}
    desk.run(60)
    assert set(desk.named().values()) == {State.ADDED}


def test_a_service_that_is_asked_too_much_is_left_alone(desk: Desk) -> None:
    desk.host.failing[LINKS[0]] = desk.host.failing[LINKS[1]] = RateLimited(
        "rd", "slow down", retry_after=33.0
    )
    desk.put("links.txt", "\n".join(LINKS[:2]))
    desk.run(300)
    assert set(desk.named().values()) == {State.ADDED}
    assert desk.host.moments[1] - desk.host.moments[0] >= 33.0


def test_a_kill_while_taking_loses_no_link(desk: Desk) -> None:
    desk.host.failing[LINKS[0]] = Killed()
    desk.put("links.txt", LINKS[0])
    desk.run(100)
    assert desk.host.kept == [LINKS[0]]
    assert desk.named() == {"a.iso": State.ADDED}


def test_a_containers_links_wait_like_any_others(desk: Desk) -> None:
    desk.host.failing[LINKS[1]] = Killed()
    desk.put("films.dlc", " ".join(LINKS[:3]))
    desk.put("none.dlc", "none")
    desk.run(300)
    assert set(desk.host.kept) == set(LINKS[:3])
    assert desk.named() == {
        "films.dlc": State.ADDED, "none.dlc": State.REFUSED,
        "a.iso": State.ADDED, "b.iso": State.ADDED, "c.iso": State.ADDED,
    }  # fmt: skip


def test_links_without_magnets_leave_what_an_import_brought_alone(desk: Desk) -> None:
    desk.additions.enqueue("rd", [of_hash(HASHES[5], "Film f")], "davstore import")
    desk.put("links.txt", LINKS[0])
    desk.run(100)
    assert set(desk.named().values()) == {State.ADDED}
