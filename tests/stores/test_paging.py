"""Following a paged listing by its first page tells the same as reading all of it."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from davstore.model import Magnet, Status
from davstore.stores.base import News
from davstore.stores.paging import LIST_AFTER, ROLL_EVERY, Page, Pages

SIZE = 5
NOW = 1_700_000_000.0


class Service:
    """Magnets newest first; says how many there are, and unchanged pages, only where it `tells`."""

    def __init__(self, *, tells: bool = True, conditional: bool = False) -> None:
        self.tells, self.conditional = tells, conditional
        self.magnets: list[Magnet] = []
        self.added = 0
        self.read = 0

    def add(self, count: int) -> None:
        for _ in range(count):
            self.added += 1
            name = f"m{self.added}"
            self.magnets.insert(0, Magnet(name, name, Status.READY, "1", added=float(self.added)))

    def remove(self, at: int) -> None:
        if self.magnets:
            del self.magnets[at % len(self.magnets)]

    def page(self, number: int, etag: str) -> Page:
        self.read += 1
        rows = self.magnets[(number - 1) * SIZE : number * SIZE]
        total = len(self.magnets) if self.tells else None
        tag = str(rows) if self.conditional else ""
        if tag and tag == etag:
            return Page(total=total, unchanged=True)
        return Page(rows, total, tag)

    def listing(self) -> Iterator[Magnet]:
        self.read += 1 + len(self.magnets) // SIZE
        return iter(list(self.magnets))


class Follower:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.known: dict[str, Magnet] = {}
        self.marker = ""
        self.now = NOW

    def look(self, after: float = 60.0) -> News:
        self.now += after
        pages = Pages(SIZE, self.service.page, self.service.listing)
        news, _ = pages.news(self.marker, self.known, self.now)
        rows = {row.id: row for row in news.rows if isinstance(row, Magnet)}
        self.known = rows if news.complete else self.known | rows
        self.known = {k: v for k, v in self.known.items() if k not in news.gone}
        self.marker = news.marker
        return news

    @property
    def is_right(self) -> bool:
        return self.known == {magnet.id: magnet for magnet in self.service.magnets}


def followed(count: int, *, tells: bool = True, conditional: bool = False) -> Follower:
    service = Service(tells=tells, conditional=conditional)
    service.add(count)
    follower = Follower(service)
    follower.look()
    assert follower.is_right
    return follower


STEPS = st.lists(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 7)),
            st.tuples(st.just("remove"), st.integers(0, 40)),
        ),
        max_size=5,
    ),
    max_size=8,
)


@given(st.integers(0, 30), STEPS, st.booleans())
def test_with_a_count_every_look_knows_everything(
    count: int, steps: list[list[tuple[str, int]]], conditional: bool
) -> None:
    follower = followed(count, conditional=conditional)
    for step in steps:
        for what, number in step:
            getattr(follower.service, what)(number)
        follower.look()
        assert follower.is_right


@given(st.integers(0, 30), STEPS)
def test_without_a_count_further_pages_tell_in_time(
    count: int, steps: list[list[tuple[str, int]]]
) -> None:
    follower = followed(count, tells=False)
    for step in steps:
        for what, number in step:
            getattr(follower.service, what)(number)
        follower.look()
    for _ in range(20):
        follower.look(ROLL_EVERY + LIST_AFTER)
    assert follower.is_right


def test_an_account_at_rest_costs_one_page_a_look_and_four_more_an_hour() -> None:
    follower = followed(1000)
    before = follower.service.read
    for _ in range(60):
        follower.look()
    assert follower.service.read - before <= 64
    assert follower.is_right


def test_one_that_came_costs_nothing_more() -> None:
    follower = followed(1000)
    before = follower.service.read
    follower.service.add(3)
    follower.look()
    assert follower.service.read - before == 1
    assert follower.is_right


def test_one_that_went_from_the_first_page_costs_nothing_more() -> None:
    follower = followed(1000)
    before = follower.service.read
    follower.service.remove(2)
    follower.service.add(1)
    follower.look()
    assert follower.service.read - before == 1
    assert follower.is_right


def test_a_change_further_down_is_met_in_time() -> None:
    follower = followed(30)
    follower.service.magnets[22] = Magnet("m8", "m8", Status.READY, "2", added=8.0)
    for _ in range(10):
        follower.look(ROLL_EVERY)
    assert follower.is_right


def test_unchanged_pages_without_a_count_are_read_every_second_time() -> None:
    follower = followed(30, tells=False, conditional=True)
    follower.look()
    follower.service.magnets[0] = Magnet("m30", "m30", Status.READY, "2", added=30.0)
    follower.look()
    assert follower.is_right


def test_a_marker_of_another_time_is_answered_with_everything() -> None:
    follower = followed(30)
    follower.marker = '{"what": "ever"}'
    assert follower.look().complete


def test_while_a_large_account_is_tidied_up_it_is_not_listed_at_every_look() -> None:
    follower = followed(1000)
    before = follower.service.read
    for at in range(10):
        follower.service.remove(500 + at)
        follower.service.add(1)
        follower.look()
        assert follower.service.magnets[0].id in follower.known
    assert follower.service.read - before <= 10 + 202
    follower.look(600)
    assert follower.is_right
