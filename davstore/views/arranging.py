"""Where a view wants the files of a magnet: folders, and names in the order of preference.

What is taken already is known to `placing`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from davstore import names
from davstore.config.views import ViewSettings
from davstore.views.facts import Facts, Piece, Role, hidden, single
from davstore.views.releases import Release, numbers, release
from davstore.views.rules import failing

_PART = re.compile(
    r"(?:^|[ ._(\[/-])(?:cd|dvd|part|pt|dis[ck])[ ._-]*(\d{1,2})(?=[ ._)\]/-]|$)", re.I
)
_FORBIDDEN = re.compile(r'[?*"<>|]')
_FLAGS = {"forced", "sdh", "cc", "hi", "default", "foreign"}
_LANGUAGES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr",
    "spanish": "es", "español": "es", "italian": "it", "portuguese": "pt", "dutch": "nl",
    "russian": "ru", "japanese": "ja", "chinese": "zh", "korean": "ko", "polish": "pl",
    "swedish": "sv", "danish": "da", "norwegian": "no", "finnish": "fi", "turkish": "tr",
    "arabic": "ar", "czech": "cs", "greek": "el", "hebrew": "he", "hungarian": "hu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Want:
    """Where a file should be: in `folder`, under the first of `names` that is free.

    A folder that is `own` is shared with no other magnet. A file that is to stand `beside`
    another one (by key) takes that one's stem, and its name is what comes behind it. One that is a
    version needs a stem that no other file has. One of a `show` (its title) may also stand in the
    show's folder with a year, or without the `year` that is known here.
    """

    key: str
    folder: tuple[str, ...]
    names: tuple[str, ...]
    own: bool = False
    beside: str = ""
    version: bool = False
    show: str = ""
    year: int | None = None


def absent(view: ViewSettings, piece: Piece, whole: Facts, now: float) -> str:
    """Why a file of `whole`, a magnet that may be in the view, is not shown; "" where it is."""
    if view.of == "files" and (reason := failing(view, single(whole, piece), now)):
        return reason
    for pattern in view.hide_names:
        if fnmatchcase(piece.path[-1].casefold(), pattern.casefold()):
            return f"hide_names has {pattern}"
    if (piece.size or 0) < view.hide_smaller:
        return f"hide_smaller: it has {piece.size or 0} bytes"
    if sort := hidden(piece, whole, view.hidden):
        return f"hide has {sort}"
    if view.biggest and whole.biggest is not None and whole.biggest.key != piece.key:
        return f"biggest: that is {whole.biggest.path[-1]}"
    filmed = view.layout == "arranged" and whole.kind in {"movie", "show", "anime"}
    if filmed and piece.role not in {Role.VIDEO, Role.SUBTITLE}:
        return "arranged are videos and subtitles only"
    return ""


def refused(view: ViewSettings, whole: Facts, now: float) -> str:
    """Why no file of a magnet is in the view; "" where some may be."""
    if view.accounts and not set(view.accounts) & set(whole.accounts):
        return f"accounts: it is in {' and '.join(whole.accounts)}"
    return failing(view, whole, now) if view.of == "magnets" else ""


def wants(view: ViewSettings, whole: Facts, pieces: Sequence[Piece], folder: str) -> list[Want]:
    """Where the view wants these `pieces` of `whole`; `folder` is the magnet's own name."""
    if view.layout == "flat":
        return [Want(piece.key, (), (piece.path[-1],)) for piece in pieces]
    if view.layout == "arranged" and whole.kind == "movie":
        return list(_movie(whole, pieces))
    if view.layout == "arranged" and whole.kind in {"show", "anime"}:
        return list(_show(whole, pieces))
    return list(_given(whole, pieces, folder))


def clean(title: str) -> str:
    """A title as one path component that every system takes."""
    return names.safe(_FORBIDDEN.sub("", re.sub(r"\s*:\s*", " - ", title)), "Untitled")


def _given(whole: Facts, pieces: Sequence[Piece], folder: str) -> Iterator[Want]:
    """As the magnet gives it, under its own name, without a top folder that repeats that."""
    tops = {names.key(piece.path[0]) for piece in whole.pieces}
    nested = all(len(piece.path) > 1 for piece in whole.pieces)
    same = {names.key(folder), names.key(names.safe(whole.name))}
    cut = 1 if len(tops) == 1 and nested and tops & same else 0
    for piece in pieces:
        inner = piece.path[cut:-1]
        yield Want(piece.key, (folder, *inner), (piece.path[-1],), own=True)


def _movie(whole: Facts, pieces: Sequence[Piece]) -> Iterator[Want]:
    videos = [piece for piece in pieces if piece.role is Role.VIDEO]
    parts = {piece.key: found[1] for piece in videos
             if (found := _PART.search("/".join(piece.path))) and len(videos) > 1}  # fmt: skip
    main = whole.biggest
    for piece in videos:
        part = parts.get(piece.key, "")
        said = whole.release
        if len(videos) > 1 and not part:
            said = _film_of_many(whole, piece, main)
        if not said.title:
            yield Want(piece.key, (_titled(whole.release, whole.name), "extras"), (piece.path[-1],))
            continue
        top = _titled(said, whole.name)
        yield Want(piece.key, (top,), _versions(top, said, part, piece), version=True)
    yield from _subtitles(pieces, videos, (_titled(whole.release, whole.name),))


def _film_of_many(whole: Facts, piece: Piece, main: Piece | None) -> Release:
    """What a video among several is: a film of its own, the film itself, or (empty) an extra."""
    own = release(names.split(piece.path[-1])[0])
    if own.title and own.year:
        return own
    if main is None or piece.key == main.key:
        return whole.release
    big = (piece.size or 0) * 2 >= (main.size or 0)
    return own if big and own.title else Release()


def _show(whole: Facts, pieces: Sequence[Piece]) -> Iterator[Want]:
    videos = [piece for piece in pieces if piece.role is Role.VIDEO]
    placed = []
    for piece in videos:
        season, episodes, said = _episode(whole, piece, alone=len(videos) == 1)
        top = _titled(said, whole.name)
        show = clean(said.title) if said.title else ""
        if not episodes:
            yield Want(piece.key, (top,), (piece.path[-1],), show=show, year=said.year)
            continue
        number = f"S{season:02}" + "-".join(f"E{n:02}" for n in (episodes[0], *episodes[1:][-1:]))
        stem = f"{top} - {number}"
        folder = (top, f"Season {season:02}")
        versions = _versions(stem, said, "", piece)
        yield Want(piece.key, folder, versions, version=True, show=show, year=said.year)
        placed.append(piece)
    said = whole.release
    for want in _subtitles(pieces, placed, (_titled(said, whole.name),)):
        yield replace(want, show=clean(said.title) if said.title else "", year=said.year)


def _episode(whole: Facts, piece: Piece, *, alone: bool) -> tuple[int, tuple[int, ...], Release]:
    """Season, episodes and release of one video of a show."""
    magnet = whole.release
    if piece.number is not None:
        return piece.number[0], (piece.number[1],), magnet
    season, episodes = numbers(piece.path)
    said = magnet
    if not episodes or not magnet.title:
        said = release(names.split(piece.path[-1])[0])
        episodes = episodes or said.episodes
        season = season if season is not None else next(iter(said.seasons), None)
        # Where the magnet has a title, all its files are of that show.
        said = magnet if magnet.title else said
    if not episodes and alone:
        episodes = magnet.episodes
    if season is None:
        season = magnet.seasons[0] if len(magnet.seasons) == 1 else 1
    return season, episodes, said


def _titled(said: Release, name: str) -> str:
    title = clean(said.title or name)
    return clean(f"{title} ({said.year})") if said.year and said.title else title


def _versions(stem: str, said: Release, part: str, piece: Piece) -> tuple[str, ...]:
    """Names that tell two releases of the same apart, as Plex and Jellyfin know versions."""
    extension = names.split(piece.path[-1])[1]
    words = [word for word in (said.resolution, said.quality, said.group) if word]
    labels = [" ".join(words[:count]) for count in range(1 if words else 0, len(words) + 1)]
    labels.append(" ".join([*words, extension[1:].upper()]))  # says little, but more than a tag
    ending = (f" - part{int(part)}" if part else "") + extension
    return tuple(
        names.safe((f"{stem} - {clean(label)}" if label else stem) + ending) for label in labels
    )


def _subtitles(
    pieces: Sequence[Piece], videos: Sequence[Piece], top: tuple[str, ...]
) -> Iterator[Want]:
    """Each beside the video that it belongs to, or else in the folder of the title."""
    by_stem = {names.key(names.split(video.path[-1])[0]): video for video in videos}
    by_number = {numbers(video.path): video for video in videos if numbers(video.path)[1]}
    for piece in pieces:
        if piece.role is not Role.SUBTITLE:
            continue
        stem, extension = names.split(piece.path[-1])
        video = _video_of(piece, stem, videos, by_stem, by_number)
        if video is None:
            yield Want(piece.key, top, (piece.path[-1],))
            continue
        ending = _language(stem, names.split(video.path[-1])[0]) + extension
        yield Want(piece.key, (), (ending,), beside=video.key)


def _video_of(
    piece: Piece,
    stem: str,
    videos: Sequence[Piece],
    by_stem: Mapping[str, Piece],
    by_number: Mapping[tuple[int | None, tuple[int, ...]], Piece],
) -> Piece | None:
    if len(videos) == 1:
        return videos[0]
    if (number := numbers(piece.path)) in by_number:
        return by_number[number]
    words = names.key(stem)
    for candidate in (
        words,
        words.rpartition(".")[0],
        names.key(piece.path[max(len(piece.path) - 2, 0)]),
    ):
        if candidate in by_stem:
            return by_stem[candidate]
    return None


def _language(stem: str, video: str) -> str:
    """`.en` or `.en.forced` from the end of a subtitle's name, "" where it says none."""
    same = names.key(stem).startswith(names.key(video))
    rest = stem[len(video) :] if same else stem
    found: list[str] = []
    for word in reversed([word.lower() for word in re.split(r"[ ._()\[\]-]+", rest) if word]):
        code = _LANGUAGES.get(word, word if len(word) in {2, 3} and word.isalpha() else "")
        if word in _FLAGS:
            found.insert(0, word)
        elif code and (same or word in _LANGUAGES or len(word) == 2 or word == rest.lower()):
            return "." + ".".join([code, *found])
        elif not found:
            break
    return "".join(f".{word}" for word in found)
