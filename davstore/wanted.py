"""What somebody has dropped -> the magnets, links and containers of links that they want. Pure;
alone knows torrent files.

Torrent files are as BEP 3 has them, magnet links as BEP 9.
"""

import base64
import hashlib
import plistlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import bencode2

from davstore import names
from davstore.errors import NotAccepted, WrongKind
from davstore.model import HOSTED, Wanted

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a torrent file; those of the largest torrents are about so long."""
LARGEST_TEXT: Final = 1024 * 1024
LONGEST_LINK: Final = 16 * 1024
MOST_LINKS: Final = 1000
MOST_TRACKERS: Final = 20

TORRENT: Final = ".torrent"
MAGNET: Final = ".magnet"
TEXTS: Final = frozenset({MAGNET, ".txt", ".text", ""})
SHORTCUTS: Final = frozenset({".url", ".webloc"})
CONTAINERS: Final = frozenset({".dlc", ".ccf", ".ccf3", ".rsdf"})

_TEMPORARY = re.compile(
    r"\..*|.*~|.*\.(?:part|partial|filepart|tmp|temp|crdownload|download|upload|swp)", re.I
)
_HEX, _BASE32 = re.compile("[0-9a-fA-F]{40}"), re.compile("[A-Za-z2-7]{32}")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Takes:
    """What an account takes beside magnets: links of file hosts, and containers of such links."""

    links: bool = False
    containers: bool = False

    @property
    def kinds(self) -> str:
        """The files that may be dropped, in words."""
        if self.containers:
            return "a .torrent, .magnet, .url, .webloc, .txt, .dlc, .ccf or .rsdf file"
        return "a .torrent, .magnet, .url, .webloc or .txt file"


MAGNETS: Final = Takes()
"""Nothing else."""


def wanted(file_name: str, content: bytes, takes: Takes = MAGNETS) -> tuple[Wanted, ...]:
    """What a file of this name and content asks for, each once: magnets, and what else an account
    `takes`. A .magnet file holds magnet links only.

    Raises `WrongKind` for a name that says it is something else, `NotAccepted` for content that is
    not what the name says; both have one sentence for a person, without what stood in the file.
    """
    kind = names.split(file_name)[1].lower()
    if kind == TORRENT:
        return (of_torrent(content),)
    check_name(file_name, takes)
    if kind in CONTAINERS:
        return (_of_container(file_name, content),)
    if len(content) > LARGEST_TEXT:
        raise NotAccepted("The file is too large to be a list of magnet links.")
    lines = [_target(kind, content)] if kind in SHORTCUTS else list(_lines(content))
    if not lines:
        raise NotAccepted("There is no magnet link in the file.")
    return _of_lines(lines, "The file", None if kind == MAGNET else takes)


def of_text(text: str, takes: Takes = MAGNETS) -> tuple[Wanted, ...]:
    """What lines typed by somebody ask for, as those of a file; raises `NotAccepted`. None for no
    text.
    """
    return _of_lines(list(_lines(text.encode())), "The text", takes)


def _of_lines(lines: Sequence[str], whole: str, takes: Takes | None) -> tuple[Wanted, ...]:
    """Each line's; `takes` None: of magnet links only, and no word about others."""
    if len(lines) > MOST_LINKS:
        raise NotAccepted(f"{whole} has more than {MOST_LINKS} links.")
    found: dict[str, Wanted] = {}
    for number, line in enumerate(lines, start=1):
        where = f"Line {number}" if len(lines) > 1 else whole
        is_hosted = takes is not None and _is_web(line)
        if takes is not None and is_hosted and not takes.links:
            raise NotAccepted(
                f"{where} holds no magnet link; this account takes no links of file hosts."
            )
        each = of_hoster(line, where) if is_hosted else of_link(line, where)
        found.setdefault(each.hash, each)
    return tuple(found.values())


def is_temporary(file_name: str) -> bool:
    """Whether programs call a file so while they write it; they rename it when it is complete."""
    return _TEMPORARY.fullmatch(file_name) is not None


def check_name(file_name: str, takes: Takes = MAGNETS) -> None:
    """Raises `WrongKind` where a file of this name cannot hold anything that an account `takes`,
    whatever is in it.
    """
    kinds = {TORRENT, *TEXTS, *SHORTCUTS, *(CONTAINERS if takes.containers else ())}
    if names.split(file_name)[1].lower() not in kinds:
        raise WrongKind(f"This is not {takes.kinds}: only these can be added.")


def limit(file_name: str) -> int:
    """How many bytes a file of this name may have at most."""
    is_text = names.split(file_name)[1].lower() in TEXTS | SHORTCUTS
    return LARGEST_TEXT if is_text and not is_temporary(file_name) else LARGEST


def of_hash(hash_: str, name: str) -> Wanted:
    """A magnet of which no more than this is known."""
    return Wanted(hash_, name, _link(hash_, name, ()))


def of_link(link: str, where: str = "This") -> Wanted:
    """The magnet that a link leads to; raises `NotAccepted`."""
    if not link.lower().startswith("magnet:?") or len(link) > LONGEST_LINK:
        raise NotAccepted(f"{where} holds no magnet link; it begins with magnet:? and is one line.")
    said = parse_qsl(link[len("magnet:?") :], errors="replace")
    topics = [value for key, value in said if re.fullmatch(r"xt(\.\d+)?", key)]
    hashes = [found for topic in topics if (found := _hash(topic))]
    if not hashes:
        raise NotAccepted(f"{where} holds a magnet link without a BitTorrent hash (urn:btih:).")
    name = next((value for key, value in said if key == "dn" and value.strip()), hashes[0])
    return Wanted(hashes[0], name.strip(), quote(link, safe=_PRINTABLE))


def of_hoster(link: str, where: str = "This") -> Wanted:
    """What stands behind a link of a file host, which is never followed here; raises `NotAccepted`.

    It is called as the link's end is, where that is a file's name, or else by its host alone.
    """
    try:
        parts = urlsplit(link)
        host, path = parts.hostname or "", unquote(parts.path)
    except ValueError:
        host, path = "", ""
    if not host or len(link) > LONGEST_LINK:
        raise NotAccepted(f"{where} holds a link that makes no sense.")
    last = path.rstrip("/").rpartition("/")[2]
    name = last if names.split(last)[1] else f"a link of {host}"
    digest = hashlib.blake2b(link.encode(errors="replace"), digest_size=16).hexdigest()
    return Wanted(f"{HOSTED}{digest}", name, quote(link, safe=_PRINTABLE))


def _of_container(file_name: str, content: bytes) -> Wanted:
    """A container: what stands in it is known to services alone."""
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return Wanted(f"{HOSTED}{digest}", file_name, "", content)


def of_torrent(content: bytes) -> Wanted:
    """The magnet of a torrent file; raises `NotAccepted`."""
    try:
        whole = bencode2.bdecode(content)
    except (bencode2.BencodeDecodeError, ValueError, RecursionError):
        raise NotAccepted("This is no torrent file, or one that has been cut off.") from None
    info = whole.get(b"info") if isinstance(whole, dict) else None
    if not isinstance(info, dict):
        raise NotAccepted("This is no torrent file: it has no info.")
    if b"pieces" not in info and b"meta version" in info:
        raise NotAccepted("This torrent is of version 2 only, which no service takes.")
    name = _text(info.get(b"name.utf-8")) or _text(info.get(b"name"))
    if not name:
        raise NotAccepted("This torrent file is damaged: it has no name.")
    _check_pieces(info)
    digest = hashlib.sha1(bencode2.bencode(info), usedforsecurity=False).hexdigest()
    return Wanted(digest, name, _link(digest, name, _trackers(whole)), content)


def _check_pieces(info: Mapping[bytes, Any]) -> None:
    """There is a checksum for each piece of what the files say they are."""
    pieces, length = info.get(b"pieces"), info.get(b"piece length")
    sizes = [info.get(b"length")]
    if isinstance(files := info.get(b"files"), list):
        sizes = [file.get(b"length") if isinstance(file, dict) else None for file in files]
    known = [size for size in sizes if type(size) is int and size >= 0]
    good = isinstance(pieces, bytes) and type(length) is int and length > 0
    if not good or len(known) != len(sizes) or sum(known) == 0:
        raise NotAccepted("This torrent file is damaged: its files have no sizes or checksums.")
    assert isinstance(pieces, bytes)
    assert isinstance(length, int)
    if len(pieces) != 20 * -(-sum(known) // length):
        raise NotAccepted("This torrent file is damaged: its checksums do not fit its files.")


def _trackers(whole: Mapping[bytes, Any]) -> list[str]:
    tiers = whole.get(b"announce-list")
    lists = [tier for tier in tiers if isinstance(tier, list)] if isinstance(tiers, list) else []
    every = [whole.get(b"announce"), *(tracker for tier in lists for tracker in tier)]
    found = dict.fromkeys(filter(None, map(_text, every)))
    return list(found)[:MOST_TRACKERS]


def _link(hash_: str, name: str, trackers: Sequence[str]) -> str:
    more = urlencode([("dn", name), *(("tr", tracker) for tracker in trackers)], quote_via=quote)
    return f"magnet:?xt=urn:btih:{hash_}&{more}"


def _hash(topic: str) -> str | None:
    urn, _, value = topic.rpartition(":")
    if urn.lower() != "urn:btih":
        return None
    if _HEX.fullmatch(value):
        return value.lower()
    return base64.b32decode(value.upper()).hex() if _BASE32.fullmatch(value) else None


def _is_web(link: str) -> bool:
    return link.lower().startswith(("http://", "https://"))


def _target(kind: str, content: bytes) -> str:
    """Where a shortcut of Windows (.url) or macOS (.webloc) leads to."""
    if kind == ".webloc":
        try:
            found = plistlib.loads(content)["URL"]
        except Exception:  # noqa: BLE001 - plistlib raises whatever it stumbles over
            raise NotAccepted("This is no .webloc file with a URL in it.") from None
        return str(found).strip()
    for line in _decoded(content).splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == "url":
            return value.strip()
    raise NotAccepted("This is no .url file with a line URL=… in it.")


def _lines(content: bytes) -> Iterator[str]:
    """Lines that hold something; those that begin with # are notes."""
    for line in _decoded(content).splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            yield text


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else ""
