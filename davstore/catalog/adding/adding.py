"""Adds what waits on disk to one account, one after the other, at its service's pace. What stands
at file hosts has a pace of its own, and goes among the account's links.
"""

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeGuard

from davstore.catalog.adding.additions import Addition, Additions, Ahead, State
from davstore.errors import (
    AccountProblem,
    Gone,
    NotAccepted,
    NotAuthorized,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    UnexpectedReply,
)
from davstore.model import Status, Wanted
from davstore.stores.base import Adding, Choosing, Store, present
from davstore.stores.desk import Linking, Opening
from davstore.views.releases import release
from davstore.wanted import MOST_LINKS, Takes, of_hoster

log = logging.getLogger(__name__)

IDLE: Final = 600.0
"""Seconds between two looks at a queue of which nobody tells anything."""
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
"""Seconds before the next try after one that failed; doubling."""
OWNERS_PAUSE: Final = 600.0
"""The same where the owner must act first."""
FULL_PAUSE: Final = 300.0
"""The same while the account has no room."""
AFTER_REFUSAL: Final = 180.0
"""Seconds without adds after a refusal: Real-Debrid is known to refuse everything meanwhile."""
MOST_SENSELESS: Final = 8
"""So many tries, if the last is answered without sense, are taken for a refusal: half an hour."""
APPEARS_WITHIN: Final = 120.0
"""Seconds for which a service may not know yet what it has just taken."""
LONGEST_CHOICE: Final = 60.0
"""Seconds between two looks whether the files of an added magnet are known."""

LINK_PAUSE: Final = 1.0
"""Seconds that lie between two links of file hosts, or containers of them."""
GATHERED: Final = 5.0
"""Seconds for which links are gathered before the account's list of them is asked for."""

_NOT_THERE = (RateLimited, QuotaExhausted, NotAuthorized, AccountProblem, Refused)
"""After these it was certainly not added."""
_ACCOUNTS = (RateLimited, NotAuthorized, AccountProblem)
"""These concern every link, others only the one."""


class AddingStore(Store, Adding, Protocol):
    """A store that can be given magnets."""


def can_add(store: Store) -> TypeGuard[AddingStore]:
    """Whether magnets can be added to this account."""
    return isinstance(store, Adding)


def takes(store: Store) -> Takes:
    """What can be added to this account beside magnets."""
    is_linking = isinstance(store, Linking)
    return Takes(is_linking, is_linking and isinstance(store, Opening))


def nothing() -> None:
    """For an account without links."""


@dataclass(slots=True)
class _Pace:
    """How quickly one kind of thing may be added, and how that goes."""

    pause: float
    free_at: float = 0.0
    failures: int = 0


class Adder:
    """One account's way from the queue to its service.

    `known` says whether the catalog knows a hash there, `refresh` is called when it should look,
    and `look` when links should be looked at. One at a time, of all processes, may be at work on an
    account.
    """

    def __init__(
        self,
        store: AddingStore,
        additions: Additions,
        *,
        known: Callable[[str], bool],
        refresh: Callable[[], object],
        look: Callable[[], object] = nothing,
    ) -> None:
        self.account = store.name
        self.takes = takes(store)
        self._store = store
        self._additions = additions
        self._known = known
        self._refresh = refresh
        self._look = look
        self._look_at: float | None = None
        self._magnets, self._links = _Pace(store.add_pause), _Pace(LINK_PAUSE)

    def turn(self) -> float:
        """Do the next thing that is due; seconds until the one after it. Raises `StateError`."""
        now = self._additions.now()
        if self._look_at is not None and self._look_at <= now:
            self._look_at = None
            self._look()
        ahead = self._additions.ahead(self.account)
        if any(each.state is State.TRYING for each in ahead):
            # Whoever was at it is so no more: this account is ours alone now.
            self._additions.recover(self.account)
            return 0.0
        add, take = self._earliest(ahead, hosted=False), self._earliest(ahead, hosted=True)
        first = self._first(ahead, add, take)
        if first > now:
            return min(max(0.05, first - now), IDLE)
        found = self._additions.due(self.account, adding=now >= add, taking=now >= take)
        if found is None:  # somebody took it away meanwhile
            return 0.05
        if found.state is State.CHOOSING:
            self._choose(found)
        else:
            self._add(found)
        return 0.0

    def _earliest(self, ahead: Sequence[Ahead], *, hosted: bool) -> float:
        pace = self._links if hosted else self._magnets
        last = max((each.tried for each in ahead if each.is_hosted is hosted), default=0.0)
        return max(pace.free_at, last + pace.pause)

    def _first(self, ahead: Sequence[Ahead], add: float, take: float) -> float:
        moments = [math.inf if self._look_at is None else self._look_at]
        for each in ahead:
            if each.state is State.CHOOSING:
                moments.append(each.due)
            elif each.state is State.WAITING:
                moments.append(max(each.due, take if each.is_hosted else add))
        return min(moments)

    def _add(self, addition: Addition) -> None:
        unsure = not addition.is_hosted and (addition.unsure or self._known(addition.hash))
        wanted = self._additions.claim(self.account, addition)
        if wanted is None:
            return
        asked = False
        try:
            id_ = self._there(addition) if unsure else None
            if id_ is None:
                asked = True
                id_ = self._asked(addition, wanted)
        except StoreError as error:
            self._failed(addition, error, asked=asked)
            return
        except Exception:
            log.exception("%s: adding failed", self.account)
            self._wait(addition, "an error in davstore; see its log", FIRST_PAUSE)
            return
        self._pace_of(addition).failures = 0
        chooses = isinstance(self._store, Choosing) and bool(id_)
        self._note(addition, State.CHOOSING if chooses else State.ADDED, id=id_, reason="", due=0.0)
        log.info("%s: added %r", self.account, addition.name)
        if not addition.is_hosted:
            self._refresh()
        elif wanted.link and self._look_at is None:
            self._look_at = self._additions.now() + GATHERED

    def _asked(self, addition: Addition, wanted: Wanted) -> str:
        """Have the service do it; the id that it gave, "" for none. The links of a container wait
        like any others.
        """
        if not addition.is_hosted:
            return self._store.add(described(wanted))
        if not wanted.link and isinstance(self._store, Opening):
            links = self._store.inside(wanted.torrent)[:MOST_LINKS]
            found = _understood(links)
            if not found:
                raise Refused(self.account, "there are no links in this container")
            self._additions.enqueue(self.account, found, addition.person)
        elif wanted.link and isinstance(self._store, Linking):
            self._store.take([wanted.link])
        else:
            raise Refused(self.account, "its service takes no links of file hosts")
        return ""

    def _pace_of(self, addition: Addition) -> _Pace:
        return self._links if addition.is_hosted else self._magnets

    def _there(self, addition: Addition) -> str | None:
        """The id under which it is there already. One that failed before it was dropped is none:
        it is wanted again.
        """
        found = present(self._store, addition.hash)
        if found is None or (found.status is Status.FAILED and not addition.unsure):
            return None
        return found.id

    def _failed(self, addition: Addition, error: StoreError, *, asked: bool) -> None:
        """Later again, or never: `asked` is whether it was the call that adds which failed."""
        senseless = (
            isinstance(error, UnexpectedReply | Gone) and addition.tries + 1 >= MOST_SENSELESS
        )
        is_lost = addition.is_hosted and isinstance(error, Gone)
        pace = self._pace_of(addition)
        if asked and (isinstance(error, Refused) or is_lost or senseless):
            self._note(addition, State.REFUSED, reason=error.reason)
            if not addition.is_hosted:
                pace.free_at = self._additions.now() + AFTER_REFUSAL
            log.warning("%s: %r was refused: %s", self.account, addition.name, error.reason)
            return
        pace.failures += 1
        pause = max(_pause(error, pace.failures), error.retry_after or 0.0)
        log.info("%s: %r is not added yet: %s", self.account, addition.name, error.reason)
        unsure = addition.unsure if not asked else not isinstance(error, _NOT_THERE)
        self._wait(addition, error.reason, pause, unsure=unsure)
        if not addition.is_hosted or isinstance(error, _ACCOUNTS):
            pace.free_at = self._additions.now() + pause

    def _wait(self, addition: Addition, reason: str, pause: float, *, unsure: bool = True) -> None:
        due = self._additions.now() + pause
        self._note(addition, State.WAITING, reason=reason, due=due, unsure=unsure)

    def _choose(self, addition: Addition) -> None:
        assert isinstance(self._store, Choosing)
        now = self._additions.now()
        age = now - addition.tried
        try:
            if self._store.choose(addition.id):
                self._note(addition, State.ADDED, reason="")
                self._refresh()
                return
            reason, pause = "its files are not known yet", min(max(1.0, age / 4), LONGEST_CHOICE)
        except Gone as error:
            if age > APPEARS_WITHIN:
                self._note(addition, State.REFUSED, reason=error.reason)
                return
            reason, pause = error.reason, 5.0
        except StoreError as error:
            reason = error.reason
            self._magnets.failures += 1
            pause = max(_pause(error, self._magnets.failures), error.retry_after or 0.0)
        self._note(addition, State.CHOOSING, reason=reason, due=now + pause)

    def _note(self, addition: Addition, state: State, **values: object) -> None:
        self._additions.note(self.account, addition.hash, state, **values)


def _pause(error: StoreError, failures: int) -> float:
    if isinstance(error, NotAuthorized | AccountProblem):
        return OWNERS_PAUSE
    if isinstance(error, QuotaExhausted):
        return FULL_PAUSE
    doubled: float = FIRST_PAUSE * 2 ** min(failures - 1, 10)
    return min(doubled, LONGEST_PAUSE)


def _understood(links: Sequence[str]) -> list[Wanted]:
    """Those of a container's links that make sense."""
    found: dict[str, Wanted] = {}
    for link in links:
        with suppress(NotAccepted):
            each = of_hoster(link)
            found.setdefault(each.hash, each)
    return list(found.values())


def described(wanted: Wanted) -> Wanted:
    """With what its name says."""
    said = release(wanted.name)
    return replace(wanted, title=said.title, year=said.year, of_show=said.of_show)
