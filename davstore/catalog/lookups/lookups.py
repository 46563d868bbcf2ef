"""Folders beside an account's magnets that cost its service a call when they are opened.

`search/<words>/` is what the service finds, and `continue watching/` what it says was begun and not
ended. An answer is remembered for a while, a failure for less, so that a folder costs one call
whatever clients do with it; who only lists what is above asks for nothing.
"""

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, TypeAlias
from unicodedata import normalize

from cachetools import TLRUCache

from davstore import names, views
from davstore.catalog.arranged.shown import owner
from davstore.catalog.folders.trees import leaves
from davstore.errors import StoreError, StoreUnavailable, anew
from davstore.model import Entry, File, Folder, Found, Leaf, Query, Snapshot, Text
from davstore.stores.base import Searching, Store
from davstore.stores.plank.playing import Begun, Continuing, Finding

log = logging.getLogger(__name__)

SEARCH, CONTINUE = "search", "continue watching"
_BEGUN = "/"
"""Stands for the words of what is being watched: no words can be this."""
FOUND_LIFE, OWN_LIFE, FAILED_LIFE = 600.0, 30.0, 30.0
"""Seconds for which magnets found, what is in the account's own library, and failures hold."""
MOST_ANSWERS: Final = 32
MOST_AT_ONCE, MOST_WAITING = 2, 6
"""Calls for one account, and who else may wait for their answers; more must try again, so that they
do not hold up all who are served.
"""
PATIENCE: Final = 60.0
LONGEST_WORDS: Final = 200

_FILE = re.compile(
    r".*\.(jpe?g|png|gif|webp|ico|bmp|svg|tbn|html?|php|txt|xml|json|nfo|db|ini|inf|lnk|exe|dll|js"
    r"|css|srt|sub|idx|ass|vtt|m3u8?|pls|plist|magnet|torrent|tmp|part|url|webloc|nomedia|mkv|mp4"
    r"|avi|mp3|plexmatch|plexignore|ignore)",
    re.IGNORECASE,
)
_PLACES = frozenset({"video_ts", "audio_ts", "bdmv", "certificate", "lost+found", "@eadir",
                     "extrafanart", "extrathumbs", "subs", "subtitles", "favicon"})  # fmt: skip

Key: TypeAlias = tuple[str, str, tuple[int, ...]]
"""An account, the words, and the categories that are asked for: none are all."""


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a call brought, as a folder; `found` are the magnets of which it has the links."""

    folder: Folder
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a call brought, or why it brought nothing."""

    outcome: _Brought | StoreError
    until: float


class Lookups:
    """Those of all accounts; for many threads. `now` are unix seconds."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        snapshot: Callable[[str], Snapshot | None],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stores = stores
        # Asked once: which of a protocol's methods an object has takes long to find out.
        self._searched = {n for n, each in stores.items() if isinstance(each, Searching | Finding)}
        self._continued = {n for n, each in stores.items() if isinstance(each, Continuing)}
        self._snapshot = snapshot
        self._now = now
        self._lock = threading.Lock()
        self._answers: TLRUCache[Key, _Answer] = TLRUCache(
            MOST_ANSWERS, ttu=lambda _key, answer, _now: answer.until, timer=now
        )
        self._flights: dict[Key, Future[_Brought]] = {}
        self._waiting: Counter[str] = Counter()

    names: Final = (SEARCH, CONTINUE)

    def folders(self, account: str) -> tuple[Folder, ...]:
        """What stands beside the magnets of `account`. Empty but for what is remembered."""
        found: list[Folder] = []
        if account in self._searched:
            found.append(Folder(SEARCH, views.listed(self._remembered(account)), 0.0))
        if account in self._continued:
            known = self._known((account, _BEGUN, ()))
            found.append(known or Folder(CONTINUE, {}, 0.0))
        return tuple(found)

    def find(self, account: str, path: Sequence[str], *, asking: bool) -> Entry | None:
        """The entry at `path`, which begins with the name of one of `folders`.

        Asks the service only where `asking`. Raises `StoreError` where that fails.
        """
        top = next((each for each in self.folders(account) if each.name == path[0]), None)
        if top is None or (top.name == SEARCH and len(path) == 1):
            return top
        if top.name == CONTINUE:
            return views.find(self._watched(account, top) if asking else top, path[1:])
        words = normalize("NFC", path[1])
        if not is_search(words):
            return None
        key = _key(account, words)
        folder = self._brought(key, words).folder if asking else self._known(key)
        return None if folder is None else views.find(folder, path[2:])

    def found(
        self, account: str, words: str, categories: tuple[int, ...] = ()
    ) -> tuple[Found, ...]:
        """What the service of `account` finds (in these of Torznab's categories): as in its
        folder, and remembered as that is.

        Raises `StoreError`.
        """
        return self._brought(_key(account, words, categories), words).found

    def _watched(self, account: str, otherwise: Folder) -> Folder:
        """Unlike a search it is met by everybody who walks the tree, whom no failure must stop."""
        try:
            return self._brought((account, _BEGUN, ()), CONTINUE).folder
        except StoreError as error:
            log.info("what is being watched is not known: %s", error)
            return otherwise

    def _remembered(self, account: str) -> Iterator[Folder]:
        with self._lock:
            found = [(key, answer) for key, answer in self._answers.items() if key[0] == account]
        for (_, words, categories), answer in found:
            if isinstance(answer.outcome, _Brought) and words != _BEGUN and not categories:
                yield answer.outcome.folder

    def _known(self, key: Key) -> Folder | None:
        with self._lock:
            answer = self._answers.get(key)
        brought = answer.outcome if answer else None
        return brought.folder if isinstance(brought, _Brought) else None

    def _brought(self, key: Key, name: str) -> _Brought:
        is_ours = False
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                if isinstance(answer.outcome, StoreError):
                    raise anew(answer.outcome)
                return answer.outcome
            flight = self._flights.get(key)
            self._check_room(key[0], is_new=flight is None)
            if flight is not None:
                self._waiting[key[0]] += 1
            else:
                is_ours, flight = True, Future()
                self._flights[key] = flight
        if is_ours:
            self._fly(key, name, flight)
            return flight.result()
        try:
            return flight.result(PATIENCE)
        except TimeoutError:
            raise StoreUnavailable(key[0], "the search takes too long; try again later") from None
        finally:
            with self._lock:
                self._waiting[key[0]] -= 1

    def _check_room(self, account: str, *, is_new: bool) -> None:
        under_way = sum(each == account for each, _, _ in self._flights)
        if under_way >= MOST_AT_ONCE if is_new else self._waiting[account] >= MOST_WAITING:
            reason = "other searches are under way; try again in a moment"
            raise StoreUnavailable(account, reason, retry_after=5.0)

    def _fly(self, key: Key, name: str, flight: Future[_Brought]) -> None:
        """Ask, and tell all who wait."""
        answer: _Answer | None = None
        try:
            brought, life = self._asked(*key, name)
            answer = _Answer(brought, self._now() + life)
            flight.set_result(brought)
        except StoreError as error:
            answer = _Answer(anew(error), self._now() + FAILED_LIFE)
            flight.set_exception(error)
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[key]
                if answer is not None:
                    self._answers[key] = answer

    def _asked(
        self, account: str, words: str, categories: tuple[int, ...], name: str
    ) -> tuple[_Brought, float]:
        store, now = self._stores[account], self._now()
        if words == _BEGUN and isinstance(store, Continuing):
            folder = _in_order(name, self._begun(account, store.begun()), now)
            return _Brought(folder), OWN_LIFE
        if isinstance(store, Searching):
            found = store.search(Query(" ".join(name.split()), categories))
            folder = _in_order(name, [_text(account, each, now) for each in found], now)
            return _Brought(folder, found), FOUND_LIFE
        assert isinstance(store, Finding)
        ids = store.find(" ".join(name.split()))
        magnets = self._magnets(account)
        folder = _in_order(name, [magnets[id_] for id_ in ids if id_ in magnets], now)
        return _Brought(folder), OWN_LIFE

    def _magnets(self, account: str) -> dict[str, Folder]:
        snapshot = self._snapshot(account)
        entries = snapshot.magnets.entries.values() if snapshot else ()
        return {owner(each)[1]: each for each in entries if isinstance(each, Folder)}

    def _begun(self, account: str, rows: Iterable[Begun]) -> Iterator[Entry]:
        magnets = self._magnets(account)
        for row in rows:
            folder = magnets.get(row.magnet)
            if folder is None:
                continue
            yield next((leaf for leaf in leaves(folder) if leaf.file.ref == row.ref), folder)


def is_search(words: str) -> bool:
    """Whether somebody looks for these words; programs look for files and folders of their own."""
    is_word = sum(character.isalnum() for character in words) >= 2 and len(words) <= LONGEST_WORDS
    hidden = words.startswith((".", "~", "$"))
    return is_word and not hidden and not _FILE.fullmatch(words) and words.lower() not in _PLACES


def _key(account: str, words: str, categories: tuple[int, ...] = ()) -> Key:
    return account, " ".join(words.casefold().split()), categories


def _text(account: str, found: Found, now: float) -> Text:
    """A file with a magnet link, as it can be dropped to be added."""
    content = f"{found.link}\n".encode()
    name = names.safe(f"{names.safe(found.name, found.hash)}.magnet")
    identity = blake2b(content, digest_size=16).hexdigest()
    file = File(name, found.link, len(content), mime="text/plain; charset=utf-8")
    return Text(name, account, file, identity, len(content), now, content=content)


def _in_order(name: str, entries: Iterable[Entry], now: float) -> Folder:
    """A folder of `entries` in their order, under distinct names."""
    placed: dict[str, Entry] = {}
    taken: set[str] = set()
    for entry in entries:
        tag = entry.identity if isinstance(entry, Leaf) else owner(entry)[1]
        free = names.distinct(entry.name, tag, taken)
        taken.add(names.key(free))
        placed[free] = _renamed(entry, free)
    return Folder(name, MappingProxyType(placed), now)


def _renamed(entry: Entry, name: str) -> Entry:
    if name == entry.name:
        return entry
    if isinstance(entry, Folder):
        return Folder(name, entry.entries, entry.modified)
    return replace(entry, name=name)
