"""How a listing in pages, newest first, is followed without reading all of it again.

New magnets come on top of the first page, so that one page, and how many there are on all, tell
what came and what went. What changes further down without moving anything is met on another page,
of which one is read every quarter of an hour. Where these do not add up, everything is read.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from davstore.model import Magnet, Unreadable
from davstore.stores.base import Listing, News

ROLL_EVERY = 900.0
"""Seconds between two looks at further pages."""
LIST_AFTER = 600.0
"""Seconds for which a complete listing answers the suspicions that a further page gives rise to."""
PAGE_COST = 3.0
"""Seconds for which a page of a complete listing must serve: while somebody tidies up a large
account, what came is told at once and what went after some minutes."""
LIST_EVERY = 6 * 3600.0
"""Seconds between complete listings where the service keeps no order."""

Row = Magnet | Unreadable


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `total` is how many there are on all pages, where that can be believed.

    `unchanged` where the service says, by the `etag`, that it is the page that we know.
    """

    rows: Sequence[Row] = ()
    total: int | None = None
    etag: str = ""
    unchanged: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The rows' ids as far as they can be read."""
        return tuple(row.id for row in self.rows if row.id is not None)


class Mark(BaseModel):
    """What is remembered between two looks: the first page, and when the rest was seen."""

    model_config = ConfigDict(frozen=True)

    ids: tuple[str, ...]
    total: int | None
    etag: str = ""
    page: int = 2
    rolled: float
    listed: float


@dataclass(frozen=True, slots=True)
class Pages:
    """A paged listing: `size` rows a page, `page(number, etag)`, and `listing()` for all of it."""

    size: int
    page: Callable[[int, str], Page]
    listing: Callable[[], Listing]

    def news(self, marker: str, known: Mapping[str, Magnet], now: float) -> tuple[News, Mark]:
        """As of `Changing.changes`; also the mark that the news' marker holds."""
        mark = _read(marker)
        if mark is None:
            return self._everything(self.page(1, ""), now)
        first = self.page(1, mark.etag)
        if first.unchanged:
            # Without a count the page alone cannot tell; then ask for all of it the next time.
            total = mark.total if first.total is None else first.total
            etag = mark.etag if first.total is not None else ""
            first = Page(total=total, etag=etag, unchanged=True)
        gone = difference(mark, first, self.size)
        if gone is None:
            pages = max(len(known), mark.total or 0) / self.size
            if now - mark.listed < pages * PAGE_COST:
                return News(tuple(first.rows), marker), mark
            return self._everything(first, now, mark)
        ids = mark.ids if first.unchanged else first.ids
        after = Mark(ids=ids, total=first.total, etag=first.etag, page=mark.page,
                     rolled=mark.rolled, listed=mark.listed)  # fmt: skip
        rows = list(first.rows)
        if now - mark.rolled >= ROLL_EVERY:
            further, after, doubtful = self._further(after, known, now)
            if doubtful:
                return self._everything(first, now, mark)
            rows += further
        return News(tuple(rows), after.model_dump_json(), gone=gone), after

    def _everything(self, first: Page, now: float, mark: Mark | None = None) -> tuple[News, Mark]:
        """A complete listing; what has moved since its first page is seen at the next look."""
        ids = mark.ids if mark is not None and first.unchanged else first.ids
        after = Mark(ids=ids, total=first.total, etag=first.etag, rolled=now, listed=now)
        return News(tuple(self.listing()), after.model_dump_json(), complete=True), after

    def _further(
        self, mark: Mark, known: Mapping[str, Magnet], now: float
    ) -> tuple[Sequence[Row], Mark, bool]:
        """Another page than the first, and whether it casts doubt on what is known."""
        if max(len(known), mark.total or 0) <= self.size:
            return (), mark.model_copy(update={"rolled": now}), False
        rows = self.page(mark.page, "").rows
        following = mark.page + 1 if rows else 2
        after = mark.model_copy(update={"rolled": now, "page": following})
        orderly = in_order(rows)
        agrees = fits(rows, known, (mark.page - 1) * self.size, self.size)
        doubtful = now - mark.listed >= LIST_AFTER and orderly and not agrees
        return rows, after, doubtful or (not orderly and now - mark.listed >= LIST_EVERY)


def difference(mark: Mark, first: Page, size: int) -> frozenset[str] | None:
    """The ids that have gone from the first page for good; None if it takes more to know.

    Others may merely have been pushed off it by new ones, or stand further up because of those
    that went; how many there are on all pages decides, and where that is not told, the room.
    """
    old, new = mark.ids, mark.ids if first.unchanged else first.ids
    if old == new and mark.total == first.total:
        return frozenset()
    kept = set(old) & set(new)
    lost = [id_ for id_ in old if id_ not in kept]
    told = mark.total is not None and first.total is not None
    if len(old) < size and len(new) < size:
        whole = not told or (mark.total, first.total) == (len(old), len(new))
        return frozenset(lost) if whole else None
    if not kept:
        return None
    fresh = next(at for at, id_ in enumerate(new) if id_ in kept)
    tail = next(at for at, id_ in enumerate(reversed(new)) if id_ in kept)
    if [id_ for id_ in old if id_ in kept] != list(new[fresh : len(new) - tail]):
        return None
    last = max(at for at, id_ in enumerate(old) if id_ in kept)
    sure = [id_ for id_ in old[:last] if id_ not in kept]
    pushed = len(lost) - len(sure)
    if mark.total is not None and first.total is not None:
        expected = mark.total + fresh - first.total
        if len(lost) == expected and (tail or not pushed or len(new) < size):
            return frozenset(lost)
        return frozenset(sure) if len(sure) == expected and not tail else None
    if len(old) < size or len(new) < size:
        return None
    if tail:
        return frozenset(lost)
    return frozenset(sure) if pushed == fresh - len(sure) else None


def in_order(rows: Iterable[Row]) -> bool:
    """Whether they stand newest first."""
    added = [row.added for row in rows if isinstance(row, Magnet)]
    return all(a is not None and b is not None and a >= b
               for a, b in itertools.pairwise(added))  # fmt: skip


def fits(rows: Sequence[Row], known: Mapping[str, Magnet], before: int, size: int) -> bool:
    """Whether a page of `size`, in order, with `before` rows above it, agrees with what is known.

    As many known ones must be newer as stand above, and none may be missing among its rows.
    """
    if len(rows) < size and len(known) > before + len(rows):
        return False
    added = [row.added for row in rows if isinstance(row, Magnet) and row.added is not None]
    if not added:
        return True
    here = {row.id for row in rows}
    others = [magnet.added or 0.0 for id_, magnet in known.items() if id_ not in here]
    newer = sum(moment > added[0] for moment in others)
    not_older = sum(moment >= added[0] for moment in others)
    within = any(added[-1] < moment < added[0] for moment in others)
    return newer <= before <= not_older and not within


def _read(marker: str) -> Mark | None:
    try:
        return Mark.model_validate_json(marker)
    except ValidationError:
        return None
