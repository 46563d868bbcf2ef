"""Magnets that are in no account yet: what services find, and who would have them ready at once.

Accounts at one service are asked once, everybody at the same time; whoever fails costs no other
anything: the error stands in the place of the answer.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from threading import Lock
from typing import Final, TypeAlias, TypeVar

from cachetools import TLRUCache

from davstore.catalog.arranged.shown import magnet_of
from davstore.catalog.lookups.lookups import FOUND_LIFE, SEARCH, Lookups, is_search
from davstore.errors import NotAccepted, StoreError
from davstore.logs import Threads
from davstore.model import Entry, Folder, Found, Query
from davstore.stores.base import Checking, Searching, Store, best_first
from davstore.stores.plank.playing import Finding
from davstore.stores.torznab import CATEGORIES

T = TypeVar("T")
Answers: TypeAlias = Mapping[str, T | StoreError]

MOST_REMEMBERED: Final = 64
MOST_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Finds:
    """What was found: magnets to add; by account, the hashes that it would have `ready` at once;
    what fits in accounts that are a library already; and why others say nothing.
    """

    found: Sequence[Found] = ()
    ready: Mapping[str, frozenset[str]] = field(default_factory=dict)
    libraries: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    problems: Sequence[StoreError] = ()


class Finder:
    """Searches for whoever looks at a page, by way of `lookups`, which remember it. `places` are
    the addresses of the accounts' services; `now` is unix seconds. For many threads.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        places: Mapping[str, str],
        lookups: Lookups,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stores = stores
        self._places = places
        self._lookups = lookups
        self._lock = Lock()
        self._ready: TLRUCache[tuple[str, tuple[str, ...]], frozenset[str]] = TLRUCache(
            MOST_REMEMBERED, ttu=lambda _key, _value, at: at + FOUND_LIFE, timer=now
        )

    def able(self, accounts: Collection[str]) -> list[str]:
        """Those of `accounts` that are asked when somebody searches."""
        return [*searching(self._stores, self._places, accounts), *self._libraries(accounts)]

    def search(self, words: str, accounts: Collection[str], kind: str = "") -> Finds:
        """What `accounts` find of a kind, one of Torznab's words ("": of all).

        Raises `NotAccepted` for words that nobody would look for, and for another kind.
        """
        if kind and kind not in CATEGORIES:
            raise NotAccepted(f"There is no kind {kind!r} to search for.")
        if not is_search(words):
            raise NotAccepted("Give two letters or more to search for, and no file's name.")
        answers = asked({
            **{name: partial(self._of_service, name, words, kind)
               for name in searching(self._stores, self._places, accounts)},
            **{name: partial(self._of_library, name, words, kind)
               for name in self._libraries(accounts)},
        })  # fmt: skip
        heard = [each for each in answers.values() if not isinstance(each, StoreError)]
        found = best_first(chain.from_iterable(each.found for each in heard))
        ready = self._cached(accounts, tuple(each.hash for each in found))
        return Finds(
            found,
            {name: each for name, each in ready.items() if not isinstance(each, StoreError)},
            {name: entries for each in heard for name, entries in each.libraries.items()},
            [each for each in (*answers.values(), *ready.values())
             if isinstance(each, StoreError)],
        )  # fmt: skip

    def _of_service(self, account: str, words: str, kind: str) -> Finds:
        categories = (CATEGORIES[kind],) if kind else ()
        return Finds(self._lookups.found(account, words, categories))

    def _of_library(self, account: str, words: str, kind: str) -> Finds:
        folder = self._lookups.find(account, (SEARCH, words), asking=True)
        found = folder.entries.values() if isinstance(folder, Folder) else ()
        entries = tuple(each for each in found if kind in {"", _kind(each)})
        return Finds(libraries={account: entries})

    def _libraries(self, accounts: Collection[str]) -> list[str]:
        return [name for name, store in self._stores.items()
                if name in accounts and isinstance(store, Finding)]  # fmt: skip

    def _cached(
        self, accounts: Collection[str], hashes: tuple[str, ...]
    ) -> Answers[frozenset[str]]:
        checking = {name: store for name, store in self._stores.items()
                    if name in accounts and isinstance(store, Checking)}  # fmt: skip
        with self._lock:
            known = {name: self._ready.get((name, hashes)) for name in checking}
        fresh = cached({n: s for n, s in checking.items() if known[n] is None}, hashes)
        with self._lock:
            for name, ready in fresh.items():
                if not isinstance(ready, StoreError):
                    self._ready[name, hashes] = ready
        return {name: each for name, each in known.items() if each is not None} | dict(fresh)


def _kind(entry: Entry) -> str:
    """What the library says that it is, by Torznab's word; "" where it does not."""
    magnet = magnet_of(entry) if isinstance(entry, Folder) else None
    work = magnet.work if magnet else None
    return {"movie": "movies", "show": "tv"}.get(work.kind, "") if work else ""


def searching(
    stores: Mapping[str, Store], places: Mapping[str, str], accounts: Collection[str] | None = None
) -> list[str]:
    """The accounts (of these alone) to be asked for a search: the last at each service."""
    able = {places[name]: name for name, store in stores.items()
            if isinstance(store, Searching) and (accounts is None or name in accounts)}  # fmt: skip
    return list(able.values())


def searched(
    stores: Mapping[str, Store], names: Sequence[str], query: Query
) -> Answers[tuple[Found, ...]]:
    """What the services of the accounts `names` find."""
    able = {name: stores[name] for name in names}
    return asked({name: partial(store.search, query) for name, store in able.items()
                  if isinstance(store, Searching)})  # fmt: skip


def cached(stores: Mapping[str, Store], hashes: Sequence[str]) -> Answers[frozenset[str]]:
    """Those of `hashes` that each account's service would have ready, where it tells."""
    return asked({name: partial(store.check, hashes) for name, store in stores.items()
                  if isinstance(store, Checking) and hashes})  # fmt: skip


def asked(questions: Mapping[str, Callable[[], T]]) -> Answers[T]:
    """The answers to all questions, asked at once, so many as that may be."""
    if not questions:
        return {}

    def ask(question: Callable[[], T]) -> T | StoreError:
        try:
            return question()
        except StoreError as error:
            return error

    with Threads(min(len(questions), MOST_AT_ONCE), thread_name_prefix="find") as threads:
        under_way = {name: threads.submit(ask, each) for name, each in questions.items()}
        return {name: each.result() for name, each in under_way.items()}
