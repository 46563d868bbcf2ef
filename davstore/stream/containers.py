"""Where a video file keeps its index, as its first bytes tell. Pure functions.

Players jump there before they play. Only what lies beyond a file's beginning is of interest.
"""

import struct

_EBML, _SEGMENT, _SEEK_HEAD = 0x1A45DFA3, 0x18538067, 0x114D9B74
_SEEK, _SEEK_ID, _SEEK_POSITION, _CUES = 0x4DBB, 0x53AB, 0x53AC, 0x1C53BB6B
CUES_GUESS = 2 * 1024 * 1024
"""Cues do not tell their length before they are read."""


def index(beginning: bytes, size: int) -> tuple[int, int] | None:
    """Start and exclusive end of the index of a file of `size` bytes, None where none is found."""
    if beginning[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
        return _moov(beginning, size)
    if beginning[:4] == _EBML.to_bytes(4):
        return _cues(beginning, size)
    return None


def _moov(data: bytes, size: int) -> tuple[int, int] | None:
    """MP4 and QuickTime (ISO/IEC 14496-12 section 4.2): boxes of a length and a name."""
    at = 0
    while at + 16 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        if name == b"moov":
            return at, min(size, at + length)
        if length < 8:
            return None
        at += length
    # The film's data reach beyond what we see: what follows them is the index.
    return (at, size) if len(data) < at < size else None


def _cues(data: bytes, size: int) -> tuple[int, int] | None:
    """Matroska (RFC 9559 sections 5.1.1 and 5.1.5): SeekHead names where Cues stand."""
    _, header, length = _element(data, 0)
    kind, start, _ = _element(data, header + length)
    if kind != _SEGMENT:
        return None
    at = start
    while at < len(data):
        kind, content, length = _element(data, at)
        if kind == _SEEK_HEAD:
            position = _sought(data[content : content + length], _CUES)
            if position is None:
                return None
            return start + position, min(size, start + position + CUES_GUESS)
        if kind == 0:
            return None
        at = content + length
    return None


def _sought(head: bytes, wanted: int) -> int | None:
    at = 0
    while at < len(head):
        kind, content, length = _element(head, at)
        if kind == _SEEK:
            found = dict(_numbers(head[content : content + length]))
            if found.get(_SEEK_ID) == wanted:
                return found.get(_SEEK_POSITION)
        if kind == 0:
            return None
        at = content + length
    return None


def _numbers(data: bytes) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < len(data):
        kind, content, length = _element(data, at)
        if kind == 0:
            break
        found.append((kind, int.from_bytes(data[content : content + length])))
        at = content + length
    return found


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Id, offset and length of the content of the EBML element at `at`; id 0 where none is."""
    kind, at = _vint(data, at, keep_marker=True)
    length, at = _vint(data, at, keep_marker=False)
    return kind, at, length


def _vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """A number of variable length (RFC 8794 section 4), and what comes after it."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if first == 0 or at + width > len(data):
        return 0, len(data)
    value = int.from_bytes(data[at : at + width])
    return value if keep_marker else value ^ 1 << 7 * width, at + width
