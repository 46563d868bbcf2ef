"""Torznab: asking for magnets, and reading the answer; https://torznab.github.io/spec-1.3-draft.

The answer is RSS, made of what strangers have written: it is parsed without DTDs and entities, and
what makes no sense costs no other result.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from davstore.errors import (
    AccountProblem,
    NotAuthorized,
    RateLimited,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Found, Query
from davstore.stores.base import best_first

CATEGORIES: Final[Mapping[str, int]] = {
    "movies": 2000, "audio": 3000, "software": 4000, "tv": 5000, "anime": 5070, "books": 7000,
    "other": 8000,
}  # fmt: skip
"""The words that people would use, and their numbers (section "Predefined Categories")."""
MOST: Final = 200
"""Results; more than a person looks through."""
LONGEST_NAME, LONGEST_LINK = 1024, 4096

_ATTRIBUTE = "{http://torznab.com/schemas/2015/feed}attr"
_HASH = re.compile("[0-9a-fA-F]{40}")


def parameters(query: Query) -> dict[str, str]:
    """The call's query; a season or an episode makes it one for television."""
    is_tv = query.season is not None or query.episode is not None
    asked = {"t": "tvsearch" if is_tv else "search", "q": query.words, "o": "xml"}
    if query.categories:
        asked["cat"] = ",".join(map(str, query.categories))
    if query.season is not None:
        asked["season"] = str(query.season)
    if query.episode is not None:
        asked["ep"] = str(query.episode)
    return asked


def decoded(content: bytes) -> Element | None:
    """The document; None if there is none. Raises `ValueError` for what is no XML."""
    if not content.strip():
        return None
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise ValueError(f"{len(content)} bytes that are no XML") from None
    return root


def results(root: Element | None, account: str) -> tuple[Found, ...]:
    """What was found, each hash once, those with most seeders first; raises `StoreError`."""
    if root is not None and root.tag == "error":
        raise _error(account, root.get("code", ""))
    channel = None if root is None or root.tag != "rss" else root.find("channel")
    if channel is None:
        raise UnexpectedReply(account, "unexpected reply: it is no Torznab feed")
    return best_first(_readable(channel))[:MOST]


def _error(account: str, code: str) -> StoreError:
    """As Newznab numbers them; the service's own words are not shown."""
    number = _number(code, least=0) or 900
    told = f"(Torznab error {number})"
    if number in {500, 501}:
        return RateLimited(account, f"too many searches {told}")
    if number in {101, 910}:
        return AccountProblem(account, f"the search is closed to this account {told}")
    if number < 200:
        return NotAuthorized(account, f"the search refuses the login {told}")
    if number < 300:
        return UnexpectedReply(account, f"the search does not understand this {told}")
    return StoreUnavailable(account, f"the search fails {told}")


def _readable(channel: Element) -> Iterator[Found]:
    for item in channel.findall("item"):
        said = {a.get("name", ""): a.get("value", "") for a in item.findall(_ATTRIBUTE)}
        link = _link(item, said)
        topic = _topic(link)
        hash_ = (said.get("infohash") or topic).lower()
        if not _HASH.fullmatch(hash_) or (topic and topic.lower() != hash_):
            continue
        name = _plain(item.findtext("title") or "")[:LONGEST_NAME] or hash_
        size = _number(said.get("size") or item.findtext("size") or _enclosed(item, "length"))
        link = link if topic else f"magnet:?xt=urn:btih:{hash_}"
        yield Found(hash_, name, link, size, _number(said.get("seeders"), least=0))


def _plain(text: str) -> str:
    """One line, without what would steer a terminal."""
    return "".join(filter(str.isprintable, " ".join(text.split())))


def _link(item: Element, said: Mapping[str, str]) -> str:
    """The magnet link, wherever an indexer puts it."""
    places = (said.get("magneturl"), _enclosed(item, "url"), item.findtext("link"),
              item.findtext("guid"))  # fmt: skip
    links = ((place or "").strip() for place in places)
    return next((link for link in links if link.lower().startswith("magnet:?")
                 and len(link) <= LONGEST_LINK and link.isprintable()), "")  # fmt: skip


def _topic(link: str) -> str:
    found = re.search(r"[?&]xt=urn:btih:([0-9a-fA-F]{40})(?:&|$)", link, re.IGNORECASE)
    return found[1] if found else ""


def _enclosed(item: Element, name: str) -> str:
    enclosure = item.find("enclosure")
    return "" if enclosure is None else enclosure.get(name, "")


def _number(text: str | None, least: int = 1) -> int | None:
    text = (text or "").strip()
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        return None
    return int(text) if int(text) >= least else None
