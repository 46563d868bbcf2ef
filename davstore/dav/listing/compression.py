"""gzip (RFC 1952) in parts: pieces that are deflated apart and joined into one body later.

So a body of which one piece changed is compressed in the time of that piece.
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

LEVEL = 1
"""6 to 7 times smaller already, in a third of the default level's time."""

_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"
_LAST = zlib.compress(b"", wbits=-zlib.MAX_WBITS)
_POLYNOMIAL = 0xEDB88320


@lru_cache(256)
def accepted(header: str) -> bool:
    """Whether a client that sent this Accept-Encoding wants gzip."""
    return parse_accept_header(header, Accept).quality("gzip") > 0


@dataclass(frozen=True, slots=True)
class Deflated:
    """A piece: its bytes in raw deflate, ended at a byte; the length and CRC-32 of its text."""

    data: bytes
    length: int
    checksum: int


def deflated(text: bytes) -> Deflated:
    """A piece of a later body."""
    squeeze = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    data = squeeze.compress(text) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return Deflated(data, len(text), zlib.crc32(text))


def joined(pieces: Iterable[Deflated]) -> bytes:
    """The pieces' texts, one after the other, as a gzip file."""
    parts, length, checksum = [_HEADER], 0, 0
    for piece in pieces:
        parts.append(piece.data)
        length += piece.length
        checksum = _times(_power(piece.length), checksum) ^ piece.checksum
    parts += [_LAST, checksum.to_bytes(4, "little"), (length % 2**32).to_bytes(4, "little")]
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Coding:
    """A Content-Encoding ("": none): how a piece is made, and a body of pieces."""

    name: str
    piece: Callable[[bytes], Any]
    whole: Callable[[Iterable[Any]], tuple[bytes, ...]]


PLAIN = Coding("", lambda text: text, tuple)
GZIP = Coding("gzip", deflated, lambda pieces: (joined(pieces),))


# The CRC-32 of A + B is that of A times x^(8 len(B)), plus that of B: polynomials over GF(2)
# modulo the CRC's own, bits reflected. zlib has this as crc32_combine, Python does not show it.


def _times(a: int, b: int) -> int:
    product, bit = 0, 1 << 31
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(4096)
def _power(length: int) -> int:
    """x^(8 length)."""
    power, square = 1 << 31, 1 << 23
    while length:
        if length & 1:
            power = _times(power, square)
        square = _times(square, square)
        length >>= 1
    return power
