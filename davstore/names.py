"""Any upstream name -> one that is safe on every client, unique in its folder, and stable.

Pure functions; what is safe stays exactly as it was, so that names do not change by themselves.
"""

import unicodedata
from collections.abc import Container

LONGEST = 255
"""Bytes of UTF-8 that file systems allow a name."""
LONGEST_SUFFIX = 16
DEEPEST = 32
"""Folders and file of one path: a torrent may say any, and who walks a tree goes as deep."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"}
)
# Joiners that emoji and several scripts need; all other format characters only mislead.
_KEPT_FORMATS = frozenset("\u200c\u200d")
_SEPARATORS = frozenset("/\\")


def safe(raw: str, fallback: str = "unnamed") -> str:
    """One path component: NFC, no separators or control characters, no trailing dots or spaces,
    not reserved on Windows, at most 255 bytes, its extension kept.

    `fallback` stands in for what leaves nothing.
    """
    text = unicodedata.normalize("NFC", "".join(map(_shown, raw)))
    text = _fitting(_trimmed(text), "")
    if not text:
        return safe(fallback) if fallback != raw else "unnamed"
    return _unreserved(text)


def parts(path: str) -> tuple[str, ...]:
    """The safe components of an upstream path; nothing in it can climb. Of one that is deeper than
    `DEEPEST` the innermost folders are left out.
    """
    kept = [part for part in path.split("/") if part.strip() not in {"", ".", ".."}]
    return tuple(map(safe, kept[: DEEPEST - 1] + kept[DEEPEST - 1 :][-1:]))


def key(name: str) -> str:
    """Two names collide on some client exactly if their keys are equal."""
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", folded)


def split(name: str) -> tuple[str, str]:
    """A name as stem and extension (with its dot); what is no plausible extension stays."""
    stem, dot, extension = name.rpartition(".")
    plausible = extension.isalnum() and len(extension.encode()) < LONGEST_SUFFIX
    if not stem or not dot or not plausible:
        return name, ""
    return stem, dot + extension


def distinct(name: str, tag: str, taken: Container[str]) -> str:
    """`name` if its key is not `taken`, else with a short suffix from `tag` before its
    extension; a longer one, at last a number, where that is taken too.
    """
    if key(name) not in taken:
        return name
    for length in (6, 12, len(tag)):
        candidate = _suffixed(name, tag[:length])
        if key(candidate) not in taken:
            return candidate
    number = 2
    while key(candidate := _suffixed(name, f"{tag} {number}")) in taken:
        number += 1
    return candidate


def marked(name: str, word: str) -> str:
    """`name` with ` (word)` before its extension, cut so that all fits."""
    return _suffixed(name, word)


def _shown(character: str) -> str:
    if character in _SEPARATORS:
        return "_"
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zl", "Zp"}:
        return "_"
    return "" if category == "Cf" and character not in _KEPT_FORMATS else character


def _trimmed(text: str) -> str:
    return text.strip().rstrip(". ").strip()


def _unreserved(text: str) -> str:
    """Windows reserves device names whatever their extension."""
    stem, dot, rest = text.partition(".")
    if stem.rstrip().lower() not in _RESERVED:
        return text
    return _fitting(f"{stem.rstrip()}_{dot}{rest}", "")


def _suffixed(name: str, word: str) -> str:
    return _fitting(name, f" ({word})")


def _fitting(name: str, suffix: str) -> str:
    """`name` with `suffix` before its extension, its stem cut so that all fits."""
    stem, extension = split(name)
    room = LONGEST - len((suffix + extension).encode())
    return (_cut(stem, room) + suffix + extension) if name else ""


def _cut(text: str, room: int) -> str:
    """At most `room` bytes of `text`, whole characters with their combining marks."""
    if len(text.encode()) <= room:
        return text
    cut = text.encode()[:room].decode(errors="ignore")
    following = text[len(cut)]
    while cut and (unicodedata.combining(following) or _joins(cut[-1]) or _joins(following)):
        following, cut = cut[-1], cut[:-1]
    return cut.rstrip(". ") or text.encode()[:room].decode(errors="ignore")


def _joins(character: str) -> bool:
    return character == "\u200d" or unicodedata.category(character) == "Mn"
