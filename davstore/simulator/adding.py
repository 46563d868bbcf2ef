"""What the simulated services make of a magnet link or a torrent file, and how it comes in.

How far a magnet is depends on the clock alone: it waits for a tenth of the time that it takes,
downloads for eight, and is processed for the last.
"""

import base64
import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import bencode2

from davstore.simulator.content import Content
from davstore.simulator.magnets import SimFile, SimMagnet


@dataclass(frozen=True)
class Asked:
    """What somebody wants to be added."""

    hash: str
    name: str
    files: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def magnet(self) -> SimMagnet:
        """As it turns out to be where nothing else is known of it: bytes made up."""
        sizes = self.files or {f"{self.name}.mkv": 1_000_000}
        files = [SimFile(path, Content.random(f"{self.hash} {path}", size))
                 for path, size in sizes.items()]  # fmt: skip
        return SimMagnet(self.name, files, hash=self.hash)


@dataclass(frozen=True)
class Growth:
    """When a magnet began to come in, and how many seconds that takes."""

    began: float
    lasts: float

    def done(self, now: float) -> bool:
        """Whether all of it is there."""
        return now >= self.began + self.lasts

    def applied(self, magnet: SimMagnet, now: float) -> SimMagnet:
        """`magnet` as it is now."""
        if self.done(now):
            return dataclasses.replace(magnet, status="ready", progress=None, vendor_status=None)
        share = (now - self.began) / self.lasts
        progress = round(min(max(0.0, (share - 0.1) / 0.8), 1.0) * 100, 2)
        status = "queued" if share < 0.1 else "downloading" if share < 0.9 else "processing"
        return dataclasses.replace(magnet, status=status, progress=progress, vendor_status=None)  # type: ignore[arg-type]


def of_link(link: str) -> Asked | None:
    """What a magnet link, or a bare hash, asks for; None where it cannot be read."""
    if re.fullmatch("[0-9a-fA-F]{40}", link):
        return Asked(link.lower(), link.lower())
    said = parse_qs(urlsplit(link).query) if link.startswith("magnet:?") else {}
    topic = said.get("xt", [""])[0].removeprefix("urn:btih:")
    if re.fullmatch("[A-Za-z2-7]{32}", topic):
        topic = base64.b32decode(topic.upper()).hex()
    if not re.fullmatch("[0-9a-fA-F]{40}", topic):
        return None
    return Asked(topic.lower(), said.get("dn", [topic.lower()])[0])


def of_torrent(data: bytes) -> Asked | None:
    """What a torrent file asks for; None where it cannot be read."""
    try:
        info = bencode2.bdecode(data)[b"info"]
        name = info[b"name"].decode()
        sizes = {"/".join(part.decode() for part in file[b"path"]): file[b"length"]
                 for file in info.get(b"files", ())}  # fmt: skip
        digest = hashlib.sha1(bencode2.bencode(info), usedforsecurity=False).hexdigest()
        return Asked(digest, name, sizes or {name: info[b"length"]})
    except (bencode2.BencodeDecodeError, KeyError, TypeError, AttributeError, UnicodeError):
        return None
