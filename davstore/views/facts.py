"""What is known of a magnet for arranging it: from what its store said of it when it was listed, or
else from its name and its files' names, never asked.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from davstore import names
from davstore.config.views import Kind
from davstore.model import File, Status, Work
from davstore.views.releases import Release, numbers, release, year_of_show


class Role(StrEnum):
    """What a file is, by its extension."""

    VIDEO = "video"
    SUBTITLE = "subtitle"
    AUDIO = "audio"
    BOOK = "book"
    SOFTWARE = "software"
    OTHER = "other"


_EXTENSIONS = {
    Role.VIDEO: "mkv mp4 avi m4v mov wmv ts m2ts webm mpg mpeg ogv ogm flv vob divx 3gp",
    Role.SUBTITLE: "srt ass ssa sub idx vtt sup smi",
    Role.AUDIO: "mp3 flac m4a ogg opus wav aac ape wma alac dsf aiff wv m4b",
    Role.BOOK: "epub mobi pdf azw azw3 djvu cbz cbr fb2 lit chm",
    Role.SOFTWARE: "iso img exe msi dmg pkg deb rpm appimage apk xz qcow2 vmdk jar vhd ova bin",
}
_ROLES = {word: role for role, words in _EXTENSIONS.items() for word in words.split()}


def is_video(name: str) -> bool:
    """Whether a file of this name is one."""
    return role(name) is Role.VIDEO


_AUDIOBOOK = re.compile(r"\b(?:audio ?book|librivox|hörbuch|livre audio)s?\b|\.m4b$", re.I)
_MUSIC = re.compile(r"\b(?:flac|mp3|320 ?kbps|alac|ogg|discography|vinyl|v0)\b|-WEB-\d{4}-", re.I)
_BOOK = re.compile(r"\b(?:epub|mobi|pdf|azw3|ebook|e-book)\b", re.I)
_SOFTWARE = re.compile(
    r"(?:amd64|x86_64|arm64|aarch64|linux|ubuntu|debian|64[- ]?bit|win(?:dows)?64|netinst)", re.I
)
_HIDES = {
    "samples": re.compile(r"(?<![a-z])samples?(?![a-z])", re.I),
    "trailers": re.compile(r"(?<![a-z])(?:trailers?|teasers?)(?![a-z])", re.I),
    "extras": re.compile(
        r"(?<![a-z])(?:extras?|featurettes?|bonus|behind[ ._-]the[ ._-]scenes|making[ ._-]of"
        r"|deleted[ ._-]scenes?|interviews?|nc(?:op|ed)\d*)(?![a-z])", re.I),
}  # fmt: skip
_SMALL = {"samples": 0.2, "trailers": 0.3, "extras": 0.6}
"""What share of the biggest video such a file has at most: a film may be called "Trailer"."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file: `path` safe, `key` the same in whichever account and order it is found.

    `number` are season and episode, where the store says them.
    """

    key: str
    path: tuple[str, ...]
    size: int | None
    role: Role
    number: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A magnet, or one file of it, as rules and layouts see it."""

    name: str
    kind: Kind
    release: Release
    pieces: tuple[Piece, ...]
    accounts: tuple[str, ...] = ()
    added: float = 0.0
    status: Status = Status.READY

    @property
    def size(self) -> int:
        """Bytes, of the files whose size is known."""
        return sum(piece.size or 0 for piece in self.pieces)

    @property
    def biggest(self) -> Piece | None:
        """Its biggest file, a video where it has one."""
        videos = [piece for piece in self.pieces if piece.role is Role.VIDEO]
        among = videos or self.pieces
        return max(among, key=lambda piece: (piece.size or 0, piece.key), default=None)


def facts(
    name: str,
    lists: Iterable[Sequence[File]],
    accounts: tuple[str, ...] = (),
    added: float = 0.0,
    work: Work | None = None,
) -> Facts:
    """The facts of a magnet of this name; `lists` are its files as each account has them, `work` is
    what a store says of it.
    """
    found: dict[str, Piece] = {}
    for files in lists:
        for key, file in keyed(files):
            if key not in found:
                path = names.parts(file.path) or (names.safe(name),)
                found[key] = Piece(key, path, file.size, role(path[-1]), _number(file))
    pieces = tuple(sorted(found.values(), key=lambda piece: (piece.path, piece.key)))
    said = release(name)
    if work is not None:
        said = _told(said, work)
        sort = kind(name, said, pieces)
        sort = sort if (sort, work.kind) == ("anime", "show") else work.kind
        return Facts(name, sort, said, pieces, accounts, added)
    if said.year is None and (videos := [p for p in pieces if p.role is Role.VIDEO]):
        inner = release(names.split(max(videos, key=lambda p: p.size or 0).path[-1])[0])
        said = _completed(said, inner)
        if said.year is None:
            dated = year_of_show(said.title, (piece.path[-1] for piece in videos))
            said = replace(said, year=dated)
    return Facts(name, kind(name, said, pieces), said, pieces, accounts, added)


def single(whole: Facts, piece: Piece) -> Facts:
    """The facts of one file of `whole`."""
    said = _completed(release(piece.path[-1]), whole.release)
    alone = (piece,)
    return replace(whole, name=piece.path[-1], release=said, pieces=alone,
                   kind=kind(piece.path[-1], said, alone))  # fmt: skip


def keyed(files: Iterable[File]) -> list[tuple[str, File]]:
    """Each file with a key that does not depend on the folders in which a service puts it."""
    seen: Counter[str] = Counter()
    pairs = []
    for file in sorted(files, key=lambda f: (f.path.strip("/"), f.size or 0, f.ref)):
        base = looks(file)
        place = seen[base]
        seen[base] += 1
        pairs.append((base + (f"|{place}" if place else ""), file))
    return pairs


def looks(file: File) -> str:
    """Name and size: what two different files of a magnet may share, such as discs' parts."""
    return f"{names.key((names.parts(file.path) or ('',))[-1])}|{file.size}"


def role(name: str) -> Role:
    """What a file of this name is."""
    return _ROLES.get(names.split(name)[1][1:].lower(), Role.OTHER)


def kind(name: str, said: Release, pieces: Sequence[Piece]) -> Kind:
    """What sort of thing it is: what most of its bytes are, or else what its name says."""
    weights: Counter[Role] = Counter()
    for piece in pieces:
        weights[piece.role] += (piece.size or 0) + 1
    most = weights.most_common(1)[0][0] if weights else _named(name, said)
    if most is Role.VIDEO:
        shows = said.of_show or any(numbers(p.path)[1] for p in pieces if p.role is Role.VIDEO)
        anime = said.anime and not said.year
        return "anime" if anime else "show" if shows else "movie"
    if most is Role.AUDIO:
        return "book" if _AUDIOBOOK.search(name) else "music"
    if most is Role.BOOK:
        return "book"
    return "software" if most is Role.SOFTWARE or _SOFTWARE.search(name) else "other"


def hidden(piece: Piece, whole: Facts, what: Iterable[str]) -> str:
    """Which of `what` the file is, by its name and size; "" where it is none."""
    biggest = whole.biggest
    if biggest is None or piece.key == biggest.key or piece.role is not Role.VIDEO:
        return ""
    path = "/".join(piece.path)
    for each in what:
        small = (piece.size or 0) <= (biggest.size or 0) * _SMALL[each]
        if small and _HIDES[each].search(path):
            return each
    return ""


def _told(said: Release, work: Work) -> Release:
    """`said`, but for what the store knows better."""
    told = replace(said, title=work.title, year=work.year)
    return told if work.kind == "show" else replace(told, seasons=(), episodes=(), anime=False)


def _number(file: File) -> tuple[int, int] | None:
    if file.season is None or file.episode is None:
        return None
    return file.season, file.episode


def _named(name: str, said: Release) -> Role:
    """What a name alone suggests."""
    by_extension = role(name)
    if by_extension is not Role.OTHER:
        return by_extension
    if said.resolution or said.codec or (said.of_show and not _BOOK.search(name)):
        return Role.VIDEO
    if _AUDIOBOOK.search(name) or _MUSIC.search(name):
        return Role.AUDIO
    if _BOOK.search(name):
        return Role.BOOK
    if _SOFTWARE.search(name):
        return Role.SOFTWARE
    return Role.VIDEO if said.year or said.quality else Role.OTHER


def _completed(said: Release, other: Release) -> Release:
    """`said`, and where it says nothing, what `other` says; a year with its title."""
    if said.year is None and other.year is not None and not said.of_show:
        said = replace(said, title=other.title or said.title, year=other.year)
    return replace(
        said, title=said.title or other.title, resolution=said.resolution or other.resolution,
        codec=said.codec or other.codec, quality=said.quality or other.quality,
        languages=said.languages or other.languages,
    )  # fmt: skip
